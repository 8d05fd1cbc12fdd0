// Package runner makes a whole run on this machine: a coordinator with its sink and a worker in one process, which decide and keep what
// those of a cluster do; draws to a run directory or to memory, progress, interruption, resumption, extension, predictive draws,
// and the check of a model.
//
// Chains take turns in blocks of some tenths of a second on a thread a core, so that all of them move on together; which thread
// makes which block, and when a run is interrupted and resumed, changes no bit of the draws.
package runner
