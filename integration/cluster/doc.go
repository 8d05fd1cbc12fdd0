// Package cluster tests clusters of real processes on this computer: coordinators, workers and commands, killed, paused and
// started again. Whatever happens, the draws are those of drey run.
package cluster
