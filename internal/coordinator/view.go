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
	Worker  WorkerID
	Class   string
	Drained bool
	Silent  uint64 // ms since its last sign of life
	Held    []Tenure
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
		state := PackState{Blocks: p.head(), Epoch: p.epoch}
		for _, l := range p.leases {
			state.Leases = append(state.Leases, LeaseState{l.worker, l.epoch, l.expires - m.now})
		}
		s.Packs = append(s.Packs, state)
	}
	return s, true
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

// Ledger returns the digests of a pack's committed blocks, in order. The slice is the machine's: read it only.
func (m *Machine) Ledger(id RunID, pack uint32) []Digest {
	_, p, _ := m.findPack(Tenure{Run: id, Pack: pack})
	if p == nil {
		return nil
	}
	return p.digests
}

// Reports returns the reports that the next decision of warmup is computed from, in pack order; nil for packs that have not
// sent one.
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
		out[i] = WorkerState{w.id, w.class, w.drained, m.now - w.seen, slices.Clone(w.held)}
	}
	return out
}

// Term returns the term of the leader whose time counts: one that begins without an election takes the next.
func (m *Machine) Term() uint64 { return m.term }
