// Package runner makes a whole run on this machine: chains over all cores, draws to a run directory or to memory, progress,
// interruption, resumption, extension, predictive draws, and the check of a model.
//
// Chains take turns in slices of some 50 ms on a worker a core, so that all of them move on together; which worker runs
// which slice, and when a run is interrupted and resumed, changes no bit of the draws.
package runner
