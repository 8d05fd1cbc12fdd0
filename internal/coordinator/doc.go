// Package coordinator decides what a cluster does: machine.go is a pure state machine (commands in; replies and actions out),
// which hashicorp/raft replicates (replica.go) or, on one machine, a log file keeps (journal.go).
//
// Replicated are decisions: which runs there are, who holds which pack, which block of a pack is which (the ledger), and what
// adaptation answered. Everything else can be computed again from these and from the store. So nothing here reads a clock, draws
// a random number or touches floating point: time comes in as Tick and with commands (Timed), results of adaptation come in as bytes.
//
// Commands arrive more than once, out of order, or not at all. Applying one again changes nothing, because
//
//	Submit               names its run
//	Stop, Resume, Extend carry an id that the run remembers
//	Register             names a worker's process by a number that grows with each that takes the name
//	Drain                names a worker, and holds until another process takes the name
//	Acquire              has a number that the worker increases; an old one is answered and grants nothing
//	Renew, Tick, Timed   only ever move time forward
//	Compiled             only ever makes a time longer
//	Release, Fail        name a lease by its epoch, which no other lease of the pack ever has
//	Commit               names blocks by (run, pack, k); the first digest is final
//	Decide               names the block that it follows; the first decision is final
package coordinator
