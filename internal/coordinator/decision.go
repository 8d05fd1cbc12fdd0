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
	if k, ok := r.due(); !ok || k != x.K {
		return refuse(Early, "no decision of run %s is due after block %d", x.Run, x.K)
	}
	if out := r.quorate(x); out.Code != OK {
		return out
	}
	if x.Inputs != r.inputs(x.K) {
		return refuse(Forked, "the decision of run %s after block %d was computed from other inputs", x.Run, x.K)
	}
	if x.K >= uint32(len(r.steps)) {
		return m.judge(r, x)
	}
	return m.adapt(r, x)
}

// quorate refuses a decision that leaves out who is there, or counts who is not: at an open barrier half of the packs may decide for
// all, and whoever comes first enough is heard.
func (r *run) quorate(x *Decide) Result {
	if len(x.Excluded) > 0 && (x.K >= uint32(len(r.steps)) || !r.steps[x.K].Open) {
		return refuse(Invalid, "the decision of run %s after block %d waits for all packs", r.id, x.K)
	}
	missing := r.missing(x.K)
	switch {
	case len(x.Excluded) == 0 && len(missing) > 0:
		return refuse(Early, "no decision of run %s is due after block %d", r.id, x.K)
	case len(r.packs)-len(missing) < r.quorum():
		return refuse(Early, "fewer than half of the packs of run %s have come to block %d", r.id, x.K)
	case !slices.Equal(missing, x.Excluded):
		return refuse(Forked, "the decision of run %s after block %d excludes %d packs, and others are late, %d", r.id, x.K, len(x.Excluded), len(missing))
	}
	return Result{}
}

// quorum returns how many packs may decide for all.
func (r *run) quorum() int { return (len(r.packs) + 1) / 2 }

// missing returns the packs that have not committed block k, in order; nil where all have.
func (r *run) missing(k uint32) []uint32 {
	var out []uint32
	for i := range r.packs {
		if r.packs[i].head() <= k {
			out = append(out, uint32(i))
		}
	}
	return out
}

// adapt takes a decision of warmup.
func (m *Machine) adapt(r *run, x *Decide) Result {
	done := x.K + 1
	switch {
	case x.Stop || x.Replan && len(x.Excluded) > 0:
		return refuse(Invalid, "the decision of run %s after block %d stops it in warmup, or has another plan without all packs", r.id, x.K)
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
		if p := &r.packs[i]; p.head() >= done {
			p.report, p.progress = nil, m.now // nobody was late who waited
		}
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

// inputs returns the digest of what the decision after block k is computed from: the block of each pack that has it, with its
// report, and which have not.
func (r *run) inputs(k uint32) Digest {
	c := coder{}
	c.fixed(r.digest[:])
	c.u32(&k)
	for i := range r.packs {
		if p := &r.packs[i]; p.head() > k {
			c.fixed(p.digests[k][:])
			c.bytes(&p.report, MaxReport)
		}
	}
	for _, i := range r.missing(k) {
		c.u32(&i)
	}
	return sha256.Sum256(c.out)
}

func (r *run) decisionDue(k uint32) Action {
	return DecisionDue{Run: r.id, K: k, Inputs: r.inputs(k), Warmup: k < uint32(len(r.steps))}
}

// Gathering is an open barrier at which at least half of the packs of a run wait for the others: a decision may be taken.
type Gathering struct {
	Run    RunID
	K      uint32
	Waited uint64 // ms since half of the packs were there
}

// Gathering returns the open barriers where packs wait. Whether they have waited for long enough is for others to say: Apply knows
// no clock.
func (m *Machine) Gathering() []Gathering {
	var out []Gathering
	for _, r := range m.runs {
		k, ok := r.due()
		if !ok || r.status != Running || k >= uint32(len(r.steps)) || !r.steps[k].Open {
			continue
		}
		var came []uint64
		for i := range r.packs {
			if p := &r.packs[i]; p.head() > k {
				came = append(came, p.progress)
			}
		}
		if len(came) < r.quorum() || len(came) == len(r.packs) {
			continue
		}
		slices.Sort(came)
		out = append(out, Gathering{r.id, k, m.now - came[r.quorum()-1]})
	}
	return out
}

// Without returns the decision after block k that would do without the packs that are late now; false if none is due there.
func (m *Machine) Without(id RunID, k uint32) (DecisionDue, bool) {
	r := m.findRun(id)
	if r == nil || r.status != Running {
		return DecisionDue{}, false
	}
	if due, ok := r.due(); !ok || due != k {
		return DecisionDue{}, false
	}
	out := r.decisionDue(k).(DecisionDue)
	out.Excluded = r.missing(k)
	return out, true
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
