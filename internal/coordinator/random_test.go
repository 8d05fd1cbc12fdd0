package coordinator

import (
	"slices"
	"strings"
	"testing"
)

// histories returns the number of random histories of a test.
func histories() int64 {
	if testing.Short() {
		return 60
	}
	return 700
}

// counted returns the digests of all blocks that count, by pack, and the draws of a chain.
func counted(s *simulation) ([][]Digest, uint64) {
	state, _ := s.m.Run(simRun)
	var out [][]Digest
	for i := range state.Packs {
		out = append(out, s.m.Ledger(simRun, uint32(i))[:s.m.Blocks(simRun)])
	}
	return out, state.Draws
}

// TestFaultsChangeNothing: whatever is lost, comes twice or in another order, and whoever dies, the invariants hold and the run
// ends with the blocks of an undisturbed one.
func TestFaultsChangeNothing(t *testing.T) {
	reached := map[string]int{}
	for seed := range histories() {
		faulted, quiet := newSimulation(seed, true, false), newSimulation(seed, false, false)
		if err := faulted.run(300); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := quiet.run(0); err != nil {
			t.Fatalf("seed %d without faults: %v", seed, err)
		}
		a, drawsA := counted(faulted)
		b, drawsB := counted(quiet)
		if drawsA != drawsB || !slices.EqualFunc(a, b, slices.Equal[[]Digest]) {
			t.Fatalf("seed %d: the faulted run has %d draws, or other ones, the undisturbed %d", seed, drawsA, drawsB)
		}
		for what, n := range faulted.model.reached {
			reached[what] += n
		}
	}
	// Histories in which little happens would prove little.
	for _, what := range []string{
		"second lease", "expired", "released", "overtaken", "run ended", "replaced", "decided in warmup", "decided in sampling", "replanned", "stopped by the rule",
		"block ok", "block duplicate", "block stale epoch", "block gap", "block forked", "block early", "block ended",
		"decide duplicate", "decide early", "decide forked", "restart",
	} {
		if reached[what] == 0 {
			t.Errorf("%s: not once in all histories", what)
		}
	}
}

// TestUsers: the invariants hold when users stop, resume and extend a run at any time, with the same faults.
func TestUsers(t *testing.T) {
	ends := map[Status]int{}
	for seed := range histories() {
		s := newSimulation(seed, true, true)
		if err := s.run(400); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		state, _ := s.m.Run(simRun)
		ends[state.Status]++
	}
	if ends[Done] == 0 || ends[Stopped] == 0 {
		t.Errorf("runs ended as %v: a kind of end is missing", ends)
	}
}

// TestInvariantsCatchBugs plants bugs in the machine: each is noticed.
func TestInvariantsCatchBugs(t *testing.T) {
	type bug struct {
		name  string
		want  string // in the violation
		apply func(*Machine, Command) Result
	}
	lasting := func(m *Machine) *run { return m.findRun(simRun) }
	bugs := []bug{
		{"any epoch commits", "which is not held", func(m *Machine, cmd Command) Result {
			if c, ok := cmd.(*Commit); ok {
				for i := range c.Blocks {
					if p := &lasting(m).packs[c.Blocks[i].Pack]; len(p.leases) > 0 {
						c.Blocks[i].Epoch = p.leases[0].epoch
					}
				}
			}
			return m.Apply(cmd)
		}},
		{"an epoch is given again", "is leased under epoch", func(m *Machine, cmd Command) Result {
			out := m.Apply(cmd)
			for _, a := range out.Actions {
				if e, ok := a.(LeaseEnded); ok {
					lasting(m).packs[e.Pack].epoch--
				}
			}
			return out
		}},
		{"any block before it will do", "is not durable after the block before it", func(m *Machine, cmd Command) Result {
			if c, ok := cmd.(*Commit); ok {
				for i := range c.Blocks {
					b := &c.Blocks[i]
					if p := &lasting(m).packs[b.Pack]; b.K <= p.head() {
						b.Prev = lasting(m).prev(b.Pack, b.K)
					}
				}
			}
			return m.Apply(cmd)
		}},
		{"a block is forgotten", "block 2 is committed when 3 are", func(m *Machine, cmd Command) Result {
			out := m.Apply(cmd)
			if p := &lasting(m).packs[0]; len(out.Blocks) > 0 && len(p.digests) == 3 {
				p.digests = p.digests[:2]
			}
			return out
		}},
		{"the slowest pack is left out", "leaves pack", func(m *Machine, cmd Command) Result {
			if d, ok := cmd.(*Decide); ok {
				r := lasting(m)
				if i := len(r.packs) - 1; i > 0 && r.packs[i].head() == d.K && r.packs[0].head() > d.K {
					r.packs[i].digests = append(r.packs[i].digests, Digest{})
					d.Inputs = r.inputs(d.K)
					defer func() { r.packs[i].digests = r.packs[i].digests[:d.K] }()
				}
			}
			return m.Apply(cmd)
		}},
		{"packs do not wait at barriers", "before the decision after block", func(m *Machine, cmd Command) Result {
			if _, ok := cmd.(*Commit); ok {
				r := lasting(m)
				old := r.judged
				r.judged = uint32(len(r.steps))
				defer func() { r.judged = old }()
			}
			return m.Apply(cmd)
		}},
		{"the run ends with too few draws", "the run ends with 4 draws", func(m *Machine, cmd Command) Result {
			out := m.Apply(cmd)
			if r := lasting(m); r.target > 4 && r.packs[0].head() > uint32(len(r.steps)) {
				r.target = 4
			}
			return out
		}},
		{"the clock of the machine counts", "make another machine", func() func(m *Machine, cmd Command) Result {
			n := uint64(0)
			return func(m *Machine, cmd Command) Result {
				n++
				if n%64 == 0 {
					m.now++
				}
				return m.Apply(cmd)
			}
		}()},
		{"an expired lease is kept", "that is not held by", func(m *Machine, cmd Command) Result {
			out := m.Apply(cmd)
			for _, a := range out.Actions {
				if e, ok := a.(LeaseEnded); ok && e.Why == Expired {
					w := m.findWorker(e.Worker)
					p := &lasting(m).packs[e.Pack]
					p.leases = append(p.leases, lease{w.id, e.Epoch, m.now + 5000})
					w.held = append(w.held, e.Tenure)
				}
			}
			return out
		}},
	}
	for _, b := range bugs {
		if err := firstViolation(func(s *simulation) { s.apply = b.apply }, b.want); err == nil {
			t.Errorf("%s, and nothing noticed", b.name)
		}
	}
	if err := firstViolation(func(s *simulation) { s.hasty = true }, "is not durable"); err == nil {
		t.Error("blocks are committed before they are durable, and nothing noticed")
	}
}

// firstViolation runs histories with a bug until the violation that it should lead to is noticed.
func firstViolation(plant func(*simulation), want string) error {
	for seed := range int64(200) {
		s := newSimulation(seed, true, false)
		plant(s)
		if err := s.run(300); err != nil && strings.Contains(err.Error(), want) {
			return err
		}
	}
	return nil
}
