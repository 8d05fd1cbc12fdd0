// Package worker leases packs of chains, runs them and reports: what a cluster's machines do, and a local run's threads.
//
// A worker holds leases, each of a pack of chains, for as long as it renews them. Of each pack it makes blocks, one after another
// from the end state of the last, and publishes them; at most four of a pack are not in the ledger yet. It never decides
// anything: which block counts is the ledger's to say, how warmup goes on a decision's, and what a lease is worth the
// coordinator's. So it may be killed anywhere, or go on long after its leases were given to others, and nothing changes but
// that work is done twice: a block is a function of its run, its pack and its number.
//
// What ends a lease: the coordinator takes it (a notice, or the reply to a renewal); three quarters of its time pass without a
// renewal; the ledger has another block than the worker made; the worker drains; or the pack fails, which ends the run.
package worker
