package coordinator

import "fmt"

// Code says what became of a command or of a block of one. Only OK changes something.
type Code uint8

// The codes: append only.
const (
	OK         Code = iota
	Duplicate       // it was applied before, and stands
	Invalid         // it never can be applied: a limit, or something that contradicts the run's spec
	NotFound        // the run, pack or worker is unknown
	StaleEpoch      // the lease is not held, or not any more: give the pack up
	Gap             // the pack's block before this one is not committed: send that first
	Forked          // the block, or what it was made from, is not what the ledger has: begin again at the ledger's head
	Early           // a decision comes first: wait for it
	Ended           // the run does not go on there
)

func (c Code) String() string {
	names := [...]string{"ok", "duplicate", "invalid", "not found", "stale epoch", "gap", "forked", "early", "ended"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// Result is what came of a command: the reply to whoever sent it, and the effects that are due. Effects may be lost or done
// twice; Machine.Due has those that must not be lost.
type Result struct {
	Code    Code
	Reason  string  // why it was not OK, for people
	Grants  []Grant // Acquire: all leases of the worker
	Blocks  []Code  // Commit: one for each block
	Actions []Action
}

// Grant is a lease as its holder needs it.
type Grant struct {
	Tenure
	K         uint32 // the next block
	Prev      Digest // of the block before; its end state is where to go on
	Millis    uint32 // the lease's time, counted from when the request was sent; a worker stops at ¾ of it
	Decisions uint32 // number of decisions of warmup so far; the last one holds
}

// Action is an effect that is due. The types below are all there are.
type Action interface{ action() }

// LeaseGranted says that a worker holds a new lease.
type LeaseGranted struct {
	Tenure
	Worker WorkerID
	Second bool // another worker holds one too: the pack is late
}

// LeaseEnded says that a lease is not held any more.
type LeaseEnded struct {
	Tenure
	Worker WorkerID
	Why    LeaseEnd
}

// LeaseEnd says why a lease ended.
type LeaseEnd uint8

// The reasons.
const (
	Expired   LeaseEnd = iota // no renewal in time
	Released                  // handed over by its worker
	Overtaken                 // the other lease of a late pack committed a block first
	RunEnded                  // the run is done, stopped or failed
	Replaced                  // another process has taken its worker's name
)

func (e LeaseEnd) String() string {
	return [...]string{"expired", "released", "overtaken", "run ended", "replaced"}[e]
}

// BlockCommitted says that a block is in the ledger: its message may be acknowledged.
type BlockCommitted struct {
	Run    RunID
	Pack   uint32
	K      uint32
	Digest Digest
}

// DecisionDue says that all packs have committed block K, after which a decision stands: compute it from the reports in pack
// order (in warmup) or the draws up to K (in sampling) and propose Decide. As an action nobody is excluded.
type DecisionDue struct {
	Run      RunID
	K        uint32
	Inputs   Digest
	Warmup   bool
	Excluded []uint32 // packs that are late, and that a decision now would do without
}

// Decided says that the decision after block K was taken: packs go on.
type Decided struct {
	Run     RunID
	K       uint32
	Payload []byte
}

// RunChanged says that a run has another status, or other draws to make.
type RunChanged struct {
	Run    RunID
	Status Status
	Draws  uint64 // of each chain that it is on the way to
	Reason string
}

// DrainAsked says that a worker should hand its leases over.
type DrainAsked struct{ Worker WorkerID }

func (LeaseGranted) action()   {}
func (LeaseEnded) action()     {}
func (BlockCommitted) action() {}
func (DecisionDue) action()    {}
func (Decided) action()        {}
func (RunChanged) action()     {}
func (DrainAsked) action()     {}
