package transport

// Epoch counts the leases of a pack. A larger one fences off all smaller ones.
type Epoch uint64

// Bounds on lists of messages about leases.
const (
	maxLeases = 1024 // of one worker
	maxRuns   = 4096 // of a cluster, in one list
)

// Register announces a worker. Reply: Done, or Failure of kind Refused.
type Register struct {
	Command Command
	Class   string // replay class: engine, precision, code generator's version, and what else its bits depend on
	Engine  string // the engine's name
	Drey    string // version of drey
	Host    string // where the worker is, for people
	Slots   uint32 // packs that it runs at once
	Width   uint32 // chains of the largest pack that it takes; 0: any
}

func (m *Register) fields(c *codec) {
	m.Command.visit(c)
	c.text("Class", &m.Class, maxText)
	c.text("Engine", &m.Engine, MaxToken)
	c.text("Drey", &m.Drey, MaxToken)
	c.text("Host", &m.Host, 4*MaxToken)
	c.u32("Slots", &m.Slots)
	c.u32("Width", &m.Width)
}

// Subject implements Sealed.
func (m *Register) Subject() Subject { return control(m, m.Command.Party) }

// LeaseRef names a lease.
type LeaseRef struct {
	Run   RunID  // the pack's run
	Pack  PackID // the pack
	Epoch Epoch  // of the lease
}

func (m *LeaseRef) visit(c *codec) {
	c.run("Run", &m.Run)
	c.pack("Pack", &m.Pack)
	c.epoch("Epoch", &m.Epoch)
}

// Lease asks for packs. Reply: LeaseReply.
type Lease struct {
	Command Command
	Slots   uint32     // packs that the worker has room for in all: it is granted leases until it holds so many
	Runs    []RunID    // whose programs it has compiled already
	Held    []LeaseRef // that it knows of: the reply leaves them out
}

func (m *Lease) fields(c *codec) {
	m.Command.visit(c)
	c.u32("Slots", &m.Slots)
	list(c, "Runs", &m.Runs, maxRuns, func(c *codec, r *RunID) { c.run("ID", r) })
	list(c, "Held", &m.Held, maxLeases, func(c *codec, l *LeaseRef) { l.visit(c) })
}

// Subject implements Sealed.
func (m *Lease) Subject() Subject { return control(m, m.Command.Party) }

// Grant is a lease of a pack and where to go on.
type Grant struct {
	Lease     LeaseRef
	Manifest  Payload // Manifest of the run, encoded; an object of Inputs
	Key       []byte  // of who signed it, as Submit had it
	Signature []byte  // likewise: a worker with a trust root checks it, and need not trust the coordinator
	Chain     uint32  // the pack's first chain
	Chains    uint32  // how many it has
	Next      uint64  // the block to make first
	Head      Digest  // of the committed block before it; zero if Next is 0
	State     Payload // Content of that block, whose end state the pack goes on from, Columns left out; an object of Outcome; empty if Next is 0
	Decision  uint64  // version of the adaptation decision in force, 0 before the first
	Target    uint64  // draws of each chain that are wanted now
}

func (m *Grant) visit(c *codec) {
	m.Lease.visit(c)
	m.Manifest.visit(c, "Manifest")
	c.bytes("Key", &m.Key, maxKey)
	c.bytes("Signature", &m.Signature, maxSignature)
	c.u32("Chain", &m.Chain)
	c.u32("Chains", &m.Chains)
	c.u64("Next", &m.Next)
	c.digest("Head", &m.Head)
	m.State.visit(c, "State")
	c.u64("Decision", &m.Decision)
	c.u64("Target", &m.Target)
}

// LeaseReply has the leases that the worker holds and does not know of, those of earlier replies too, which may have been lost: as
// many as there is room for in a message. None means that there is nothing to do now.
type LeaseReply struct {
	Grants         []Grant
	DurationMillis uint32 // a lease ends that long after its last renewal; a worker stops itself at three quarters
	RetryMillis    uint32 // when to ask again, if there is room for more packs
}

func (m *LeaseReply) fields(c *codec) {
	list(c, "Grants", &m.Grants, maxLeases, func(c *codec, g *Grant) { g.visit(c) })
	c.u32("DurationMillis", &m.DurationMillis)
	c.u32("RetryMillis", &m.RetryMillis)
}

// Renew prolongs leases. Reply: RenewReply.
type Renew struct {
	Command Command
	Leases  []LeaseRef
}

func (m *Renew) fields(c *codec) {
	m.Command.visit(c)
	list(c, "Leases", &m.Leases, maxLeases, func(c *codec, l *LeaseRef) { l.visit(c) })
}

// Subject implements Sealed.
func (m *Renew) Subject() Subject { return control(m, m.Command.Party) }

// LeaseState says how a lease is. It repeats what notices and decisions have said, which may be lost.
type LeaseState struct {
	Lease     LeaseRef
	Held      bool   // false: drop the pack
	Committed uint64 // blocks of the pack in the ledger
	Head      Digest // of the last of them
	Decision  uint64 // version of the adaptation decision in force
	Target    uint64 // draws of each chain that are wanted now
}

func (m *LeaseState) visit(c *codec) {
	m.Lease.visit(c)
	c.flag("Held", &m.Held)
	c.u64("Committed", &m.Committed)
	c.digest("Head", &m.Head)
	c.u64("Decision", &m.Decision)
	c.u64("Target", &m.Target)
}

// RenewReply has the state of each lease asked for, in the same order.
type RenewReply struct {
	Leases         []LeaseState
	DurationMillis uint32 // from now
	Drain          bool   // the worker is to finish: release its leases and ask for no more
}

func (m *RenewReply) fields(c *codec) {
	list(c, "Leases", &m.Leases, maxLeases, func(c *codec, l *LeaseState) { l.visit(c) })
	c.u32("DurationMillis", &m.DurationMillis)
	c.flag("Drain", &m.Drain)
}

// Release gives leases back. Reply: Done.
type Release struct {
	Command Command
	Leases  []LeaseRef
	Reason  string // drained, preempted, failed: what
	Failed  bool   // the pack itself fails: the run is paused with the reason as evidence
}

func (m *Release) fields(c *codec) {
	m.Command.visit(c)
	list(c, "Leases", &m.Leases, maxLeases, func(c *codec, l *LeaseRef) { l.visit(c) })
	c.text("Reason", &m.Reason, maxText)
	c.flag("Failed", &m.Failed)
}

// Subject implements Sealed.
func (m *Release) Subject() Subject { return control(m, m.Command.Party) }

// LeaseExpired tells a worker that a lease is no longer its own.
type LeaseExpired struct {
	Worker PartyID // whose it was
	Lease  LeaseRef
	Reason string
}

func (m *LeaseExpired) fields(c *codec) {
	c.party("Worker", &m.Worker)
	m.Lease.visit(c)
	c.text("Reason", &m.Reason, maxText)
}

// Subject implements Sealed.
func (m *LeaseExpired) Subject() Subject { return Subject{Channel: Notices, Party: m.Worker} }

// Drain tells a worker to release its leases and ask for no more.
type Drain struct {
	Worker PartyID // who is to drain
	Reason string
}

func (m *Drain) fields(c *codec) {
	c.party("Worker", &m.Worker)
	c.text("Reason", &m.Reason, maxText)
}

// Subject implements Sealed.
func (m *Drain) Subject() Subject { return Subject{Channel: Notices, Party: m.Worker} }
