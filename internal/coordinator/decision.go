package coordinator

import (
	"crypto/sha256"
	"slices"
)

// decide takes the decision after a block, once for each block that has one, when all packs have committed it.
func (m *Machine) decide(x *Decide) Result {
	r := m.findRun(x.Run)
	if r == nil {
		return refuse(NotFound, "no run %s", x.Run)
	}
	if x.K < r.judged {
		return refuse(Duplicate, "the decision of run %s after block %d was taken", x.Run, x.K)
	}
	if r.status != Running {
		return refuse(Ended, "run %s is %s", r.id, r.status)
	}
	if k, ok := r.due(); !ok || k != x.K || !r.all(k+1) {
		return refuse(Early, "no decision of run %s is due after block %d", x.Run, x.K)
	}
	if x.Inputs != r.inputs(x.K) {
		return refuse(Forked, "the decision of run %s after block %d was computed from other inputs", x.Run, x.K)
	}
	if x.K >= uint32(len(r.steps)) {
		return m.judge(r, x)
	}
	return m.adapt(r, x)
}

// adapt takes a decision of warmup.
func (m *Machine) adapt(r *run, x *Decide) Result {
	done := x.K + 1
	switch {
	case x.Stop:
		return refuse(Invalid, "the decision of run %s after block %d stops it in warmup", r.id, x.K)
	case len(x.Payload) > MaxPayload || x.Replan && int(done)+len(x.Rest) > MaxWarmup || !x.Replan && len(x.Rest) > 0:
		return refuse(Invalid, "the decision of run %s after block %d is too large, or has a plan that it does not want", r.id, x.K)
	}
	if err := validateSteps(x.Rest); err != nil {
		return Result{Code: Invalid, Reason: err.Error()}
	}
	if x.Replan {
		r.steps = append(slices.Clip(r.steps[:done]), x.Rest...)
	}
	r.decisions = append(r.decisions, decision{x.K, x.Inputs, x.Payload})
	r.judged = done
	for i := range r.packs {
		r.packs[i].report = nil
		r.packs[i].progress = m.now // nobody was late while all waited
	}
	return Result{Actions: append([]Action{Decided{r.id, x.K, x.Payload}}, r.settle(m)...)}
}

// judge takes a decision of the stop rule. Packs may have gone further: where it holds, the draws after block K do not count.
func (m *Machine) judge(r *run, x *Decide) Result {
	if x.Replan || len(x.Rest) > 0 || len(x.Payload) > 0 {
		return refuse(Invalid, "the decision of run %s after block %d adapts in sampling", r.id, x.K)
	}
	r.judged = x.K + 1
	out := Result{Actions: []Action{Decided{Run: r.id, K: x.K}}}
	if x.Stop {
		r.target = min(r.target, uint64(r.judged-uint32(len(r.steps)))*uint64(r.spec.BlockDraws))
		r.planned, r.stopping = r.target, false
		out.Actions = append(out.Actions, r.changed())
	}
	out.Actions = append(out.Actions, r.settle(m)...)
	return out
}

// inputs returns the digest of what the decision after block k is computed from: the block of each pack, with its report.
func (r *run) inputs(k uint32) Digest {
	c := coder{}
	c.fixed(r.digest[:])
	c.u32(&k)
	for i := range r.packs {
		p := &r.packs[i]
		c.fixed(p.digests[k][:])
		c.bytes(&p.report, MaxReport)
	}
	return sha256.Sum256(c.out)
}

func (r *run) decisionDue(k uint32) Action {
	return DecisionDue{r.id, k, r.inputs(k), k < uint32(len(r.steps))}
}

// Due returns the actions that must not be lost and are due now, whatever was lost before: what a new leader, or a coordinator
// that starts again, begins with.
func (m *Machine) Due() []Action {
	var out []Action
	for _, r := range m.runs {
		if r.status != Running {
			continue
		}
		if k, ok := r.due(); ok && r.all(k+1) {
			out = append(out, r.decisionDue(k))
		}
	}
	for _, w := range m.workers {
		if w.drained && len(w.held) > 0 {
			out = append(out, DrainAsked{w.id})
		}
	}
	return out
}
