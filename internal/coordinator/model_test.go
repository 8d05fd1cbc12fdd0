package coordinator

import (
	"fmt"
	"slices"
)

// model watches a machine from outside, in other terms than the machine's own, and holds it to its promises about one run.
type model struct {
	run     RunID
	spec    Spec
	steps   []Step
	decided []bool // by block of warmup
	durable map[stored]bool
	packs   []modelPack
	users   bool           // decide how many draws there are
	reached map[string]int // what happened how often
	failed  error          // the first violation
}

type modelPack struct {
	ledger []Digest
	epoch  Epoch
	held   map[Epoch]WorkerID
}

func newModel(run RunID, spec Spec) *model {
	m := &model{run: run, spec: spec, steps: spec.Warmup, durable: map[stored]bool{}, reached: map[string]int{}}
	for range spec.Packs {
		m.packs = append(m.packs, modelPack{held: map[Epoch]WorkerID{}})
	}
	return m
}

func (m *model) violated(format string, args ...any) {
	if m.failed == nil {
		m.failed = fmt.Errorf(format, args...)
	}
}

// stored is a block in the store, and what it goes on from.
type stored struct {
	pack, k      uint32
	prev, digest Digest
}

// store notes that a block's bytes are durable.
func (m *model) store(b Block) { m.durable[stored{b.Pack, b.K, b.Prev, b.Digest}] = true }

// observe looks at a command and its result.
func (m *model) observe(cmd Command, out Result) {
	switch c := cmd.(type) {
	case *Commit:
		m.fences(c, out.Blocks)
		for _, code := range out.Blocks {
			m.reached["block "+code.String()]++
		}
	case *Decide:
		m.reached["decide "+out.Code.String()]++
	}
	for _, a := range out.Actions {
		switch a := a.(type) {
		case LeaseGranted:
			m.granted(a)
		case LeaseEnded:
			p := &m.packs[a.Pack]
			m.reached[a.Why.String()]++
			if p.held[a.Epoch] != a.Worker {
				m.violated("a lease of pack %d, epoch %d, that is not held by %s ends", a.Pack, a.Epoch, a.Worker)
			}
			delete(p.held, a.Epoch)
		case BlockCommitted:
			m.committed(a)
		case Decided:
			m.decision(a, cmd.(*Decide))
		}
	}
}

// fences: a block that is committed has an epoch that is held.
func (m *model) fences(c *Commit, codes []Code) {
	for i, b := range c.Blocks {
		if codes[i] == OK && m.packs[b.Pack].held[b.Epoch] == "" {
			m.violated("block %d of pack %d is committed under epoch %d, which is not held", b.K, b.Pack, b.Epoch)
		}
	}
}

// granted: epochs only grow, so that no two leases have one; a pack has two at most, of two workers.
func (m *model) granted(a LeaseGranted) {
	p := &m.packs[a.Pack]
	if a.Epoch <= p.epoch {
		m.violated("pack %d is leased under epoch %d after %d", a.Pack, a.Epoch, p.epoch)
	}
	for _, w := range p.held {
		if w == a.Worker {
			m.violated("%s holds pack %d twice", w, a.Pack)
		}
	}
	p.epoch = a.Epoch
	p.held[a.Epoch] = a.Worker
	if a.Second {
		m.reached["second lease"]++
	}
	if len(p.held) > 2 {
		m.violated("pack %d has %d leases", a.Pack, len(p.held))
	}
}

// committed: each block once, in order, durable, from the end of the one before, and none beyond a barrier.
func (m *model) committed(a BlockCommitted) {
	p := &m.packs[a.Pack]
	if int(a.K) != len(p.ledger) {
		m.violated("pack %d: block %d is committed when %d are", a.Pack, a.K, len(p.ledger))
		return
	}
	prev := Genesis(m.run, &m.spec, a.Pack)
	if a.K > 0 {
		prev = p.ledger[a.K-1]
	}
	if !m.durable[stored{a.Pack, a.K, prev, a.Digest}] {
		m.violated("pack %d: block %d is committed, and is not durable after the block before it", a.Pack, a.K)
	}
	for k := range min(int(a.K), len(m.steps)) {
		if m.steps[k].Barrier && (k >= len(m.decided) || !m.decided[k]) {
			m.violated("pack %d: block %d is committed before the decision after block %d", a.Pack, a.K, k)
		}
	}
	p.ledger = append(p.ledger, a.Digest)
}

// decision: no pack is left out, but at an open barrier fewer than half that have not come, by name.
func (m *model) decision(a Decided, cmd *Decide) {
	var late []uint32
	for i := range m.packs {
		if len(m.packs[i].ledger) <= int(a.K) {
			late = append(late, uint32(i))
			if int(a.K) >= len(m.steps) || !m.steps[a.K].Open {
				m.violated("the decision after block %d leaves pack %d out", a.K, i)
			}
		}
	}
	if !slices.Equal(late, cmd.Excluded) || 2*len(late) > len(m.packs) {
		m.violated("the decision after block %d excludes %v, late are %v", a.K, cmd.Excluded, late)
	}
	if len(late) > 0 {
		m.reached["decided without late packs"]++
	}
	if int(a.K) >= len(m.steps) {
		m.reached["decided in sampling"]++
		if cmd.Stop {
			m.reached["stopped by the rule"]++
		}
		return
	}
	m.reached["decided in warmup"]++
	for len(m.decided) <= int(a.K) {
		m.decided = append(m.decided, false)
	}
	if m.decided[a.K] {
		m.violated("the decision after block %d is taken twice", a.K)
	}
	m.decided[a.K] = true
	if cmd.Replan {
		m.reached["replanned"]++
		m.steps = append(slices.Clone(m.steps[:a.K+1]), cmd.Rest...)
	}
}

// ended: a run ends with all blocks of its draws in the ledger of every pack, and holds no lease.
func (m *model) ended(of *Machine) error {
	state, _ := of.Run(m.run)
	draws := state.Draws
	if state.Status == Done && draws > 0 && draws != m.spec.Draws && m.spec.CheckEvery == 0 && !m.users {
		m.violated("the run ends with %d draws of %d", draws, m.spec.Draws)
	}
	need := len(m.steps) + int((draws+uint64(m.spec.BlockDraws)-1)/uint64(m.spec.BlockDraws))
	for i := range m.packs {
		p := &m.packs[i]
		if !slices.Equal(p.ledger, of.Ledger(m.run, uint32(i))) {
			m.violated("pack %d: the ledger is not what was committed", i)
		}
		if len(p.ledger) < need && !(state.Status == Stopped && draws == 0) {
			m.violated("pack %d has %d blocks of %d at the end", i, len(p.ledger), need)
		}
		if len(p.held) > 0 {
			m.violated("pack %d is leased after the end", i)
		}
	}
	return m.failed
}
