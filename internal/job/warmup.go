package job

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Warmup returns the blocks of a warmup, each of so many draws of each chain or fewer. Where warmup is pooled, a barrier stands at
// the end of each window that a decision follows; Step.Window is the number of that window.
func Warmup(c chain.Config, block int) []transport.Step {
	if !c.Pooled {
		return cut(nil, transport.Step{Draws: uint32(c.Warmup)}, block)
	}
	var out []transport.Step
	first := 0
	for k, w := range c.Pooling(1).PooledSchedule(c.Warmup) {
		if w.Kind.Barrier() {
			out = cut(out, transport.Step{Draws: uint32(w.Last + 1 - first), Barrier: true, Window: uint32(k)}, block)
			first = w.Last + 1
		}
	}
	return out
}

// cut appends a step to a list, in pieces of which the last keeps the barrier.
func cut(list []transport.Step, s transport.Step, block int) []transport.Step {
	for ; s.Draws > uint32(block); s.Draws -= uint32(block) {
		list = append(list, transport.Step{Draws: uint32(block), Window: s.Window})
	}
	if s.Draws == 0 {
		return list
	}
	return append(list, s)
}

// OpenWindows returns the number of windows of a warmup, from the first on, at whose barriers packs may be late: 0 where it is not pooled.
func OpenWindows(c chain.Config) int {
	if !c.Pooled {
		return 0
	}
	return adapt.OpenWindows(c.Pooling(1).PooledSchedule(c.Warmup))
}

// Decide takes the decision of a pooled warmup after a barrier, from the reports of all packs in their order, as adapt.AppendReports
// has them, nil for one that is late at an open barrier, and the decision before, as its Append has it, or nil. Next is the place in the manifest's warmup of the block that
// follows, its length for sampling. The same arguments give the same decision, bit for bit, on every machine.
func Decide(m *transport.Manifest, reports [][]byte, last []byte) (d *adapt.Decision, next int, err error) {
	if !m.Pooled {
		return nil, 0, fmt.Errorf("job: a decision of a run that does not pool")
	}
	var before *adapt.Decision
	if last != nil {
		if before, err = adapt.ParseDecision(last); err != nil {
			return nil, 0, fmt.Errorf("job: the last decision: %w", err)
		}
	}
	var all []adapt.Report
	for p, b := range reports {
		if b == nil && m.Deadline > 0 {
			continue
		}
		pack, err := adapt.ParseReports(b)
		if err != nil {
			return nil, 0, fmt.Errorf("job: the report of pack %d: %w", p, err)
		}
		all = append(all, pack...)
	}
	cfg := configOf(m)
	pooling := cfg.Pooling(int(m.Chains))
	if d, err = pooling.Decide(before, all); err != nil {
		return nil, 0, err
	}
	next, err = follow(m, pooling.PooledSchedule(cfg.Warmup), d)
	return d, next, err
}

// follow returns the place in a manifest's warmup of the block after a decision. A warmup that ends early leaves out windows of the
// plan: what is left is the plan's end.
func follow(m *transport.Manifest, plan []adapt.Window, d *adapt.Decision) (int, error) {
	left := d.Windows[d.Next():]
	if len(left) == 0 {
		return len(m.Warmup), nil
	}
	first := len(plan) - len(left)
	for k, w := range left {
		if first < 0 || plan[first+k].Kind != w.Kind || plan[first+k].Last-plan[first+k].First != w.Last-w.First {
			return 0, fmt.Errorf("job: a decision turns to a window of %d draws that the manifest's warmup does not have", w.Last+1-w.First)
		}
	}
	barrier := first + slices.IndexFunc(left, func(w adapt.Window) bool { return w.Kind.Barrier() })
	at := slices.IndexFunc(m.Warmup, func(s transport.Step) bool { return s.Window == uint32(barrier) })
	if at < 0 {
		return 0, fmt.Errorf("job: the manifest's warmup has no block of window %d", barrier)
	}
	return at, nil
}
