package coordinator

import (
	"fmt"
	"slices"
	"strings"
)

// Machine is the state that coordinators agree on. The zero Machine is the state before the first command. It is not safe for
// use from several goroutines.
type Machine struct {
	runs    []*run    // in the order of their names
	workers []*worker // likewise
	order   uint64    // of the last submitted run
	now     uint64    // ms, the sum of what leaders counted
	term    uint64    // of the leader whose time counts
	total   uint64    // ms that it counted
}

// Apply carries a command out. The same commands in the same order make the same machines and the same results.
func (m *Machine) Apply(cmd Command) Result {
	switch x := cmd.(type) {
	case *Submit:
		return m.submit(x)
	case *Stop:
		return m.control(x.Run, x.ID, (*run).stop)
	case *Resume:
		return m.control(x.Run, x.ID, (*run).resume)
	case *Extend:
		return m.control(x.Run, x.ID, func(r *run) Result { return r.extend(x.Target) })
	case *Register:
		return m.register(x)
	case *Acquire:
		return m.acquire(x)
	case *Renew:
		return m.renew(x)
	case *Release:
		return m.release(x)
	case *Drain:
		return m.drain(x)
	case *Commit:
		return m.commit(x)
	case *Decide:
		return m.decide(x)
	case *Fail:
		return m.fail(x)
	case *Compiled:
		return m.compiled(x)
	case *Tick:
		return m.tick(x)
	case *Timed:
		m.advance(x.Term, x.Total)
		return m.Apply(x.Command)
	}
	panic(fmt.Sprintf("coordinator: command of type %T", cmd))
}

// refuse returns the result of a command that changed nothing.
func refuse(code Code, format string, args ...any) Result {
	return Result{Code: code, Reason: fmt.Sprintf("coordinator: "+format, args...)}
}

func (m *Machine) findRun(id RunID) *run {
	i, ok := m.runIndex(id)
	if !ok {
		return nil
	}
	return m.runs[i]
}

func (m *Machine) runIndex(id RunID) (int, bool) {
	return slices.BinarySearchFunc(m.runs, id, func(r *run, id RunID) int { return strings.Compare(string(r.id), string(id)) })
}

func (m *Machine) submit(x *Submit) Result {
	if !validName(string(x.Run)) {
		return refuse(Invalid, "%q is no name of a run: want 1 to %d letters, digits, '-' and '_'", x.Run, MaxName)
	}
	if err := x.Spec.Validate(); err != nil {
		return Result{Code: Invalid, Reason: err.Error()}
	}
	i, ok := m.runIndex(x.Run)
	if ok {
		if old := m.runs[i]; old.digest == x.Spec.digest(x.Run) {
			return refuse(Duplicate, "run %s was submitted before", x.Run)
		}
		return refuse(Invalid, "there is another run %s: choose another name", x.Run)
	}
	m.order++
	r := newRun(x.Run, x.Spec, m.order)
	r.times.since = m.now
	m.runs = slices.Insert(m.runs, i, r)
	return Result{Actions: append([]Action{r.changed()}, r.settle(m)...)}
}

// control applies a command of a user to a run, once for each id.
func (m *Machine) control(id RunID, cmd CommandID, apply func(*run) Result) Result {
	r := m.findRun(id)
	if r == nil {
		return refuse(NotFound, "no run %s", id)
	}
	if slices.Contains(r.control, cmd) {
		return refuse(Duplicate, "this command was applied to run %s before", id)
	}
	if len(r.control) == MaxControl {
		return refuse(Invalid, "run %s has been stopped, resumed and extended %d times: submit another", id, MaxControl)
	}
	r.pass(m.now)
	out := apply(r)
	if out.Code != OK {
		return out
	}
	r.control = append(r.control, cmd)
	out.Actions = append(out.Actions, r.changed())
	if r.status != Running {
		out.Actions = append(out.Actions, m.endLeases(r, RunEnded)...)
	}
	out.Actions = append(out.Actions, r.settle(m)...)
	return out
}

func (m *Machine) fail(x *Fail) Result {
	r, p, out := m.findPack(x.Tenure)
	if p == nil {
		return out
	}
	if r.status != Running {
		return refuse(Ended, "run %s is %s", r.id, r.status)
	}
	if p.lease(x.Epoch) == nil {
		return refuse(StaleEpoch, "epoch %d of pack %d of run %s is not held", x.Epoch, x.Pack, x.Run)
	}
	r.pass(m.now)
	if len(x.Reason) > MaxReason {
		x.Reason = x.Reason[:MaxReason]
	}
	r.status, r.reason = Failed, x.Reason
	return Result{Actions: append(m.endLeases(r, RunEnded), r.changed())}
}

// findPack returns a run and a pack of it, or a nil pack and the refusal.
func (m *Machine) findPack(t Tenure) (*run, *pack, Result) {
	r := m.findRun(t.Run)
	if r == nil {
		return nil, nil, refuse(NotFound, "no run %s", t.Run)
	}
	if t.Pack >= uint32(len(r.packs)) {
		return nil, nil, refuse(NotFound, "run %s has no pack %d", t.Run, t.Pack)
	}
	return r, &r.packs[t.Pack], Result{}
}
