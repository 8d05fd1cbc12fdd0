package coordinator

import "slices"

// RunState is what a run is and how far it got, for those who watch.
type RunState struct {
	Run      RunID
	Spec     Spec
	Class    string // replay class that the first lease made the run's; "" where the spec names classes
	Status   Status
	Reason   string
	Warmup   []Step // blocks of warmup done and planned
	Draws    uint64 // of each chain, that count
	Stopping bool   // by a user, at Draws
	Packs    []PackState
}

// Times are how long a run has taken while it was to go on, in ms.
type Times struct {
	Idle     uint64 // while nobody held a lease of it
	Warmup   uint64
	Sampling uint64 // since all packs had ended warmup
	Compile  uint64 // of the worker that took longest to compile the program, within Warmup and Sampling
}

// PackState is how far a pack is.
type PackState struct {
	Blocks uint32 // committed
	Epoch  Epoch  // of its last lease
	Leases []LeaseState
}

// LeaseState is a lease that is held.
type LeaseState struct {
	Worker WorkerID
	Epoch  Epoch
	Millis uint64 // until it expires
}

// WorkerState is a worker that is known.
type WorkerState struct {
	Worker      WorkerID
	Incarnation uint64
	Class       string
	Width       uint32 // chains of the largest pack that it takes; 0: any
	Drained     bool
	Silent      uint64 // ms since its last sign of life
	Held        []Tenure
}

// Progress is how far a run is, in sums over its packs.
type Progress struct {
	Status  Status
	Reason  string // of Failed
	Packs   uint32
	Leases  int    // that are held
	Least   uint32 // blocks of the pack that has fewest
	Most    uint32 // of the one that has most
	Warmup  uint32 // blocks of warmup, done and planned
	Sampled uint64 // draws of a chain in sampling that count, added over packs: those committed up to Draws
	Draws   uint64 // of each chain, that the run is on the way to

	Transitions uint64 // of each chain in warmup, done and planned
	Warm        bool   // all packs have ended it
	Times       Times
}

// Runs returns the names of all runs, in the order of submission.
func (m *Machine) Runs() []RunID {
	byOrder := slices.Clone(m.runs)
	slices.SortFunc(byOrder, func(a, b *run) int {
		if a.order < b.order {
			return -1
		}
		return 1
	})
	out := make([]RunID, len(byOrder))
	for i, r := range byOrder {
		out[i] = r.id
	}
	return out
}

// Run returns the state of a run; false if there is none of that name. Spec's slices are the machine's: read them only.
func (m *Machine) Run(id RunID) (RunState, bool) {
	r := m.findRun(id)
	if r == nil {
		return RunState{}, false
	}
	s := RunState{
		Run: r.id, Spec: r.spec, Class: r.class, Status: r.status, Reason: r.reason,
		Warmup: slices.Clone(r.steps), Draws: r.target, Stopping: r.stopping,
	}
	for i := range r.packs {
		p := &r.packs[i]
		s.Packs = append(s.Packs, PackState{p.head(), p.epoch, p.held(m)})
	}
	return s, true
}

// times returns how long a run has taken until now.
func (m *Machine) times(r *run) Times {
	now := run{status: r.status, held: r.held, times: r.times}
	now.pass(m.now)
	return Times{now.times.idle, now.times.warmup, now.times.sampling, uint64(r.times.compile)}
}

// Suits returns the workers that may get leases of a run, by name: not those that are drained, have another engine, or are of
// another replay class.
func (m *Machine) Suits(id RunID) []WorkerID {
	r := m.findRun(id)
	if r == nil {
		return nil
	}
	var out []WorkerID
	for _, w := range m.workers {
		if !w.drained && r.admits(w) {
			out = append(out, w.id)
		}
	}
	return out
}

// Blocks returns how many blocks of each pack count: warmup's and those that hold the run's draws. Of what a pack has committed
// beyond them nothing counts. It is 0 where there is no such run.
func (m *Machine) Blocks(id RunID) uint32 {
	r := m.findRun(id)
	if r == nil {
		return 0
	}
	return r.blocks()
}

// Progress returns how far a run is; false if there is none of that name.
func (m *Machine) Progress(id RunID) (Progress, bool) {
	r := m.findRun(id)
	if r == nil {
		return Progress{}, false
	}
	w := uint32(len(r.steps))
	p := Progress{Status: r.status, Reason: r.reason, Packs: uint32(len(r.packs)), Least: r.packs[0].head(), Warmup: w, Draws: r.target, Warm: r.times.warm, Times: m.times(r)}
	for _, s := range r.steps {
		p.Transitions += uint64(s.Draws)
	}
	for i := range r.packs {
		head := r.packs[i].head()
		p.Leases += len(r.packs[i].leases)
		p.Least, p.Most = min(p.Least, head), max(p.Most, head)
		if head > w {
			p.Sampled += min(uint64(head-w)*uint64(r.spec.BlockDraws), r.target)
		}
	}
	return p, true
}

// Standing is how a pack stands, for who has a lease of it or wants one.
type Standing struct {
	Holder    WorkerID // of the lease asked about; "" if nobody holds it
	Blocks    uint32   // committed
	Prev      Digest   // that stands before the next block
	Decisions uint32   // of warmup
	Draws     uint64   // of each chain, that are wanted now: those that the run is on the way to, or fewer while its stop rule is to be judged
}

// Standing returns how a pack stands, and who holds the lease of an epoch; false if there is no such pack.
func (m *Machine) Standing(t Tenure) (Standing, bool) {
	r, p, _ := m.findPack(t)
	if p == nil {
		return Standing{}, false
	}
	s := Standing{Blocks: p.head(), Prev: r.prev(t.Pack, p.head()), Decisions: uint32(len(r.decisions)), Draws: r.horizon()}
	if l := p.lease(t.Epoch); l != nil {
		s.Holder = l.worker
	}
	return s, true
}

// Idle reports whether an Acquire would give its worker no lease, and if so returns those that it holds: then there is no need to
// apply it, which costs a write of the log.
func (m *Machine) Idle(x *Acquire) ([]Grant, bool) {
	w := m.findWorker(x.Worker)
	if w == nil || x.Incarnation != w.incarnation {
		return nil, false
	}
	if !w.drained && len(w.held) < int(min(x.Want, maxHeld)) {
		if _, _, ok := m.choose(w); ok {
			return nil, false
		}
	}
	return m.grants(w), true
}

// Leases returns the leases that are held of a pack.
func (m *Machine) Leases(id RunID, pack uint32) []LeaseState {
	_, p, _ := m.findPack(Tenure{Run: id, Pack: pack})
	if p == nil {
		return nil
	}
	return p.held(m)
}

func (p *pack) held(m *Machine) []LeaseState {
	var out []LeaseState
	for _, l := range p.leases {
		out = append(out, LeaseState{l.worker, l.epoch, l.expires - m.now})
	}
	return out
}

// Manifest returns what a run was submitted with, nil if there is no such run. The slice is the machine's: read it only.
func (m *Machine) Manifest(id RunID) []byte {
	r := m.findRun(id)
	if r == nil {
		return nil
	}
	return r.spec.Manifest
}

// Genesis returns the digest that stands before a pack's first block.
func (m *Machine) Genesis(id RunID, pack uint32) Digest {
	r := m.findRun(id)
	if r == nil {
		return Digest{}
	}
	return genesis(r.digest, pack)
}

// Barrier reports whether a decision of warmup follows a block of a run, and is not taken yet: the block comes with a report.
func (m *Machine) Barrier(id RunID, k uint32) bool {
	r := m.findRun(id)
	return r != nil && k >= r.judged && k < uint32(len(r.steps)) && r.steps[k].Barrier
}

// Ledger returns the digests of a pack's committed blocks, in order. The slice is the machine's: read it only.
func (m *Machine) Ledger(id RunID, pack uint32) []Digest {
	_, p, _ := m.findPack(Tenure{Run: id, Pack: pack})
	if p == nil {
		return nil
	}
	return p.digests
}

// Reports returns the reports that the next decision of warmup is computed from, in pack order; nil for packs that have not
// come there.
func (m *Machine) Reports(id RunID) [][]byte {
	r := m.findRun(id)
	if r == nil {
		return nil
	}
	out := make([][]byte, len(r.packs))
	for i := range r.packs {
		out[i] = r.packs[i].report
	}
	return out
}

// Decision is one of warmup: what holds after block K.
type Decision struct {
	K       uint32
	Inputs  Digest
	Payload []byte
}

// Decisions returns all decisions of a run's warmup, in order.
func (m *Machine) Decisions(id RunID) []Decision {
	r := m.findRun(id)
	if r == nil {
		return nil
	}
	out := make([]Decision, len(r.decisions))
	for i, d := range r.decisions {
		out[i] = Decision{d.k, d.inputs, d.payload}
	}
	return out
}

// Workers returns all workers that are known, in the order of their names.
func (m *Machine) Workers() []WorkerState {
	out := make([]WorkerState, len(m.workers))
	for i, w := range m.workers {
		out[i] = w.state(m)
	}
	return out
}

// Worker returns the state of a worker; false if none of that name is known.
func (m *Machine) Worker(id WorkerID) (WorkerState, bool) {
	w := m.findWorker(id)
	if w == nil {
		return WorkerState{}, false
	}
	return w.state(m), true
}

func (w *worker) state(m *Machine) WorkerState {
	return WorkerState{w.id, w.incarnation, w.class, w.width, w.drained, m.now - w.seen, slices.Clone(w.held)}
}

// Term returns the term of the leader whose time counts: one that begins without an election takes the next.
func (m *Machine) Term() uint64 { return m.term }
