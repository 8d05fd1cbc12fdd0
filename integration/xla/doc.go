// Package xla tests that what XLA computes is what the other engines compute, for whole transitions and posteriors: a tick of
// NUTS from recorded states, the first draws of chains, and means within Monte Carlo error. The tests are skipped where
// there is no plugin for CPUs: make test-xla fetches it.
package xla
