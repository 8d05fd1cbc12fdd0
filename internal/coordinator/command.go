package coordinator

// Command is an event that the machine applies. The types below are all there are.
type Command interface {
	kind() kind
	code(c *coder)
}

// kind is a command's type on disk and on the wire: append only.
type kind uint8

const (
	kindSubmit kind = 1 + iota
	kindStop
	kindResume
	kindExtend
	kindRegister
	kindAcquire
	kindRenew
	kindRelease
	kindDrain
	kindCommit
	kindDecide
	kindFail
	kindTick
	kindTimed
	kindCompiled
)

// Submit begins a run.
type Submit struct {
	Run  RunID
	Spec Spec
}

// Stop ends sampling with the block that the foremost pack has committed: the other packs follow up to it, so that no chain has
// fewer draws for being slow. A run in warmup ends at once, without draws.
type Stop struct {
	ID  CommandID
	Run RunID
}

// Resume has a run that was stopped or failed go on to the draws that it was given.
type Resume struct {
	ID  CommandID
	Run RunID
}

// Extend gives every chain of a run Target draws, which are more than it has or is on the way to. A run that was done or stopped
// goes on.
type Extend struct {
	ID     CommandID
	Run    RunID
	Target uint64
}

// Register makes a worker known, of a replay class: engine, precision and whatever else decides bits. A process that starts anew
// under the name of another has a larger Incarnation: the leases of the one before end.
type Register struct {
	Worker      WorkerID
	Incarnation uint64
	Class       string
	Width       uint32 // chains of the largest pack that it takes; 0: any
}

// Acquire asks for packs: the worker gets leases until it holds Want. Number is larger in each request of an incarnation; one that is
// not larger than the last is answered with what the worker holds.
type Acquire struct {
	Worker      WorkerID
	Incarnation uint64
	Number      uint64
	Want        uint32
}

// Renew prolongs all leases of workers from which a sign of life came.
type Renew struct{ Workers []WorkerID }

// Release gives leases back, before they expire: a worker that is drained, or was told that its pack is late.
type Release struct {
	Worker WorkerID
	Leases []Tenure
}

// Tenure names a lease.
type Tenure struct {
	Run   RunID
	Pack  uint32
	Epoch Epoch
}

// Drain has a worker get no more leases, and asks it to give back those it holds.
type Drain struct{ Worker WorkerID }

// Commit enters blocks whose bytes are durable into the ledger, each for itself.
type Commit struct{ Blocks []Block }

// Block is a block of a pack. Its identity is (Run, Pack, K); Epoch and Prev are fences.
type Block struct {
	Tenure
	K      uint32 // 0, 1, … through warmup and sampling
	Prev   Digest // of block K−1, Genesis for the first
	Digest Digest // of the block's bytes, not zero
	// Decisions is the number of decisions of warmup that it was made under: another fence.
	Decisions uint32
	// Report is for the decision after this block, opaque; where Step.Barrier is set, and nowhere else.
	Report []byte
}

// Decide answers the reports of all packs at block K, or those that are there. Inputs is the digest of what it was computed from, as DecisionDue has it;
// the first decision after a block is final.
type Decide struct {
	Run     RunID
	K       uint32
	Inputs  Digest
	Payload []byte // for workers, opaque: a step size, a metric
	// Replan has the rest of warmup become Rest: it ends early, or a part is done again. In warmup only.
	Replan bool
	Rest   []Step
	// Stop ends sampling with block K. In sampling only.
	Stop bool
	// Excluded are the packs that have not committed block K, in order, where the decision does without them. After an open
	// barrier only, and at least half of the packs are there.
	Excluded []uint32
}

// Fail ends a run whose pack can't go on, with the evidence.
type Fail struct {
	Tenure
	Reason string
}

// Compiled says how long a worker took to compile the program of a run. Of several the longest counts.
type Compiled struct {
	Run    RunID
	Millis uint32
}

// Tick moves time forward to what the leader of a term has counted, in milliseconds since it began to lead. The first of a term
// gives every lease a full term of grace, for the leader can't know who was alive before.
type Tick struct {
	Term  uint64
	Total uint64
}

// Timed is a command and the time at which it was proposed, as Tick has it: so runs know how long they take more finely than ticks
// come. It is never a command of a Timed.
type Timed struct {
	Term    uint64
	Total   uint64
	Command Command
}

func (*Submit) kind() kind   { return kindSubmit }
func (*Stop) kind() kind     { return kindStop }
func (*Resume) kind() kind   { return kindResume }
func (*Extend) kind() kind   { return kindExtend }
func (*Register) kind() kind { return kindRegister }
func (*Acquire) kind() kind  { return kindAcquire }
func (*Renew) kind() kind    { return kindRenew }
func (*Compiled) kind() kind { return kindCompiled }
func (*Release) kind() kind  { return kindRelease }
func (*Drain) kind() kind    { return kindDrain }
func (*Commit) kind() kind   { return kindCommit }
func (*Decide) kind() kind   { return kindDecide }
func (*Fail) kind() kind     { return kindFail }
func (*Tick) kind() kind     { return kindTick }
func (*Timed) kind() kind    { return kindTimed }
