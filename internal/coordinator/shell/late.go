package shell

import (
	"context"
	"fmt"
	"strings"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// lateReason is why a decision does without a pack.
const lateReason = "late"

// overdue takes decisions without the packs that are late, where half of a run's packs have waited for its deadline. That is all
// that the clock has a say in: the machine is told who is left out, and when is not its matter.
func (r *reign) overdue(ctx context.Context) {
	var waiting []coordinator.Gathering
	r.cfg.Machine.View(func(m *coordinator.Machine) { waiting = m.Gathering() })
	for _, g := range waiting {
		s, err := r.submission(ctx, transport.RunID(g.Run))
		if err != nil || g.Waited < uint64(s.manifest.Deadline) {
			continue
		}
		var due coordinator.DecisionDue
		ok := false
		r.cfg.Machine.View(func(m *coordinator.Machine) { due, ok = m.Without(g.Run, g.K) })
		if ok {
			r.decide(ctx, due)
		}
	}
}

// attend writes down whom a decision is made from, where somebody is left out.
func (r *reign) attend(d *transport.Decision, cmd *coordinator.Decide) {
	if d.TimingDependent = len(cmd.Excluded) > 0; !d.TimingDependent {
		return
	}
	for _, p := range cmd.Excluded {
		d.Excluded = append(d.Excluded, transport.Excluded{Pack: transport.PackID(p), Reason: lateReason})
	}
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		p, _ := m.Progress(cmd.Run)
		for i := range p.Packs {
			if all := m.Ledger(cmd.Run, i); cmd.K < uint32(len(all)) {
				d.Included = append(d.Included, transport.Included{Pack: transport.PackID(i), Digest: transport.Digest(all[cmd.K])})
			}
		}
	})
}

// included says of how many packs a decision is, where some are left out.
func included(d *transport.Decision) string {
	if len(d.Excluded) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d packs", len(d.Included), len(d.Included)+len(d.Excluded))
}

// namedLate is how many late packs a line of a log names.
const namedLate = 64

// excluded names the packs that a decision does without; "" where there are none.
func excluded(d *transport.Decision) string {
	var names []string
	for _, x := range d.Excluded[:min(len(d.Excluded), namedLate)] {
		names = append(names, number(uint32(x.Pack)))
	}
	if more := len(d.Excluded) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, " ")
}

// lateOf returns the decisions that were taken without late packs, for who watches: of the packs the first that a status has room for.
func lateOf(decisions []*transport.Decision) []transport.LateStatus {
	var out []transport.LateStatus
	for _, d := range decisions {
		if len(d.Excluded) == 0 {
			continue
		}
		l := transport.LateStatus{Window: d.Window, Included: uint32(len(d.Included))}
		for _, x := range d.Excluded[:min(len(d.Excluded), namedLate)] {
			l.Excluded = append(l.Excluded, x.Pack)
		}
		out = append(out, l)
	}
	return out
}
