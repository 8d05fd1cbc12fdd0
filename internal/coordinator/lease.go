package coordinator

import (
	"slices"
	"strings"
)

// worker is a worker's process. Leases are its own too: held and the packs' leases say the same.
type worker struct {
	id          WorkerID
	incarnation uint64
	class       string
	width       uint32 // chains of the largest pack that it takes; 0: any
	number      uint64 // of its last Acquire
	drained     bool
	seen        uint64 // the time of its last sign of life
	held        []Tenure
}

// lease is the right to make blocks of a pack.
type lease struct {
	worker  WorkerID
	epoch   Epoch
	expires uint64
}

// maxHeld is the number of leases that one worker can hold.
const maxHeld = 1 << 10

// forgetMillis is how long a worker without leases is remembered after its last sign of life.
const forgetMillis = 600_000

// maxTickMillis is the most that one Tick adds: a leader that slept can't know who would have renewed meanwhile.
const maxTickMillis = 1000

func (m *Machine) findWorker(id WorkerID) *worker {
	if i, ok := m.workerIndex(id); ok {
		return m.workers[i]
	}
	return nil
}

func (m *Machine) workerIndex(id WorkerID) (int, bool) {
	return slices.BinarySearchFunc(m.workers, id, func(w *worker, id WorkerID) int { return strings.Compare(string(w.id), string(id)) })
}

func (p *pack) lease(e Epoch) *lease {
	for i := range p.leases {
		if p.leases[i].epoch == e {
			return &p.leases[i]
		}
	}
	return nil
}

func (m *Machine) register(x *Register) Result {
	if !validName(string(x.Worker)) {
		return refuse(Invalid, "%q is no name of a worker: want 1 to %d letters, digits, '-' and '_'", x.Worker, MaxName)
	}
	if len(x.Class) == 0 || len(x.Class) > MaxClass {
		return refuse(Invalid, "worker %s has a replay class of %d bytes, want 1 … %d", x.Worker, len(x.Class), MaxClass)
	}
	i, ok := m.workerIndex(x.Worker)
	if !ok {
		m.workers = slices.Insert(m.workers, i, &worker{id: x.Worker, incarnation: x.Incarnation, class: x.Class, width: x.Width, seen: m.now})
		return Result{}
	}
	w := m.workers[i]
	switch {
	case x.Incarnation < w.incarnation:
		return refuse(StaleEpoch, "a later process has taken the name of worker %s", x.Worker)
	case x.Incarnation > w.incarnation:
		var out Result
		for len(w.held) > 0 {
			t := w.held[0]
			out.Actions = append(out.Actions, m.end(m.findRun(t.Run), t.Pack, t.Epoch, Replaced))
		}
		*w = worker{id: x.Worker, incarnation: x.Incarnation, class: x.Class, width: x.Width, seen: m.now}
		return out
	case x.Class != w.class:
		return refuse(Invalid, "worker %s is of replay class %s, not %s: a process has one", x.Worker, w.class, x.Class)
	}
	return refuse(Duplicate, "worker %s is known", x.Worker)
}

func (m *Machine) drain(x *Drain) Result {
	w := m.findWorker(x.Worker)
	if w == nil {
		return refuse(NotFound, "no worker %s", x.Worker)
	}
	if w.drained {
		return refuse(Duplicate, "worker %s is being drained", x.Worker)
	}
	w.drained = true
	return Result{Actions: []Action{DrainAsked{w.id}}}
}

func (m *Machine) acquire(x *Acquire) Result {
	w := m.findWorker(x.Worker)
	if w == nil {
		return refuse(NotFound, "no worker %s: register first", x.Worker)
	}
	switch {
	case x.Incarnation < w.incarnation:
		return refuse(StaleEpoch, "a later process has taken the name of worker %s", x.Worker)
	case x.Incarnation > w.incarnation:
		return refuse(NotFound, "this process of worker %s is not known: register first", x.Worker)
	}
	var out Result
	if x.Number > w.number {
		w.number = x.Number
		m.revive(w)
		for !w.drained && len(w.held) < int(min(x.Want, maxHeld)) {
			r, pack, ok := m.choose(w)
			if !ok {
				break
			}
			out.Actions = append(out.Actions, m.grant(w, r, pack))
		}
	}
	out.Grants = m.grants(w)
	return out
}

func (m *Machine) grants(w *worker) []Grant {
	var out []Grant
	for _, t := range w.held {
		out = append(out, m.findRun(t.Run).grant(t))
	}
	return out
}

func (r *run) grant(t Tenure) Grant {
	head := r.packs[t.Pack].head()
	return Grant{Tenure: t, K: head, Prev: r.prev(t.Pack, head), Millis: r.spec.LeaseMillis, Decisions: uint32(len(r.decisions))}
}

// choose returns the pack that a worker should get: of the earliest run the pack that is furthest behind, which nobody holds;
// where there is none in any run, one that is late and that another holds.
func (m *Machine) choose(w *worker) (r *run, pack uint32, ok bool) {
	for _, want := range []int{0, 1} { // leases that the pack has
		for _, c := range m.runs {
			if c.status != Running || !c.admits(w) || r != nil && c.order > r.order {
				continue
			}
			if i := c.neediest(w.id, want, m.now); i >= 0 {
				r, pack = c, uint32(i)
			}
		}
		if r != nil {
			return r, pack, true
		}
	}
	return nil, 0, false
}

// admits reports whether a worker takes packs as large as the run's, has its engine, and one of its replay classes.
func (r *run) admits(w *worker) bool {
	if !HasEngine(w.class, r.spec.Engine) || !r.fits(w) {
		return false
	}
	if len(r.spec.Classes) > 0 {
		return slices.Contains(r.spec.Classes, w.class)
	}
	return r.class == "" || r.class == w.class
}

// fits reports whether a worker takes packs as large as the run's.
func (r *run) fits(w *worker) bool { return w.width == 0 || r.spec.Width <= w.width }

// HasEngine reports whether workers of a replay class have an engine: "" is any, xla any of xla:cpu, xla:cuda, ….
func HasEngine(class, engine string) bool {
	name, _, _ := strings.Cut(class, " ")
	family, _, _ := strings.Cut(name, ":")
	return engine == "" || engine == name || engine == family
}

// neediest returns the pack with fewest blocks that can go on, has so many leases, none of them the worker's, and is late if it
// has one; −1 if there is none.
func (r *run) neediest(w WorkerID, leases int, now uint64) int {
	best, limit := -1, r.limit()
	for i := range r.packs {
		p := &r.packs[i]
		if p.head() >= limit || len(p.leases) != leases || best >= 0 && p.head() >= r.packs[best].head() {
			continue
		}
		if leases > 0 && (p.leases[0].worker == w || r.spec.LateMillis == 0 || now-p.progress < uint64(r.spec.LateMillis)) {
			continue
		}
		best = i
	}
	return best
}

// grant gives a worker a lease under a new epoch.
func (m *Machine) grant(w *worker, r *run, i uint32) Action {
	r.pass(m.now)
	p := &r.packs[i]
	if len(r.spec.Classes) == 0 {
		r.class = w.class
	}
	p.epoch++
	p.progress = m.now
	p.leases = append(p.leases, lease{w.id, p.epoch, m.now + uint64(r.spec.LeaseMillis)})
	t := Tenure{r.id, i, p.epoch}
	w.held = append(w.held, t)
	r.held++
	return LeaseGranted{t, w.id, len(p.leases) > 1}
}

// end takes a lease back.
func (m *Machine) end(r *run, i uint32, e Epoch, why LeaseEnd) Action {
	r.pass(m.now)
	r.held--
	p := &r.packs[i]
	t := Tenure{r.id, i, e}
	at := slices.IndexFunc(p.leases, func(l lease) bool { return l.epoch == e })
	w := m.findWorker(p.leases[at].worker)
	p.leases = slices.Delete(p.leases, at, at+1)
	w.held = slices.DeleteFunc(w.held, func(h Tenure) bool { return h == t })
	return LeaseEnded{t, w.id, why}
}

// endLeases takes all leases of a run back.
func (m *Machine) endLeases(r *run, why LeaseEnd) []Action {
	var out []Action
	for i := range r.packs {
		for len(r.packs[i].leases) > 0 {
			out = append(out, m.end(r, uint32(i), r.packs[i].leases[0].epoch, why))
		}
	}
	return out
}

// revive notes a sign of life: all leases of the worker last their full time again.
func (m *Machine) revive(w *worker) {
	w.seen = m.now
	for _, t := range w.held {
		r := m.findRun(t.Run)
		r.packs[t.Pack].lease(t.Epoch).expires = m.now + uint64(r.spec.LeaseMillis)
	}
}

func (m *Machine) renew(x *Renew) Result {
	for _, id := range x.Workers {
		if w := m.findWorker(id); w != nil {
			m.revive(w)
		}
	}
	return Result{}
}

func (m *Machine) release(x *Release) Result {
	out := Result{Code: Duplicate, Reason: "coordinator: none of these leases is held"}
	w := m.findWorker(x.Worker)
	if w == nil {
		return out
	}
	for _, t := range x.Leases {
		if slices.Contains(w.held, t) {
			out.Code, out.Reason = OK, ""
			out.Actions = append(out.Actions, m.end(m.findRun(t.Run), t.Pack, t.Epoch, Released))
		}
	}
	return out
}

// advance moves time forward to what the leader of a term has counted. Time of other terms does not count, nor time that has passed.
func (m *Machine) advance(term, total uint64) {
	if term != m.term || total <= m.total {
		return
	}
	m.now += min(total-m.total, maxTickMillis)
	m.total = total
}

func (m *Machine) tick(x *Tick) Result {
	switch {
	case x.Term > m.term:
		m.term, m.total = x.Term, x.Total
		for _, w := range m.workers {
			m.revive(w)
		}
		return Result{}
	case x.Term < m.term:
		return refuse(Duplicate, "another coordinator counts time now")
	}
	m.advance(x.Term, x.Total)
	out := Result{}
	for _, r := range m.runs {
		for i := range r.packs {
			for j := 0; j < len(r.packs[i].leases); {
				if l := r.packs[i].leases[j]; l.expires <= m.now {
					out.Actions = append(out.Actions, m.end(r, uint32(i), l.epoch, Expired))
				} else {
					j++
				}
			}
		}
	}
	m.workers = slices.DeleteFunc(m.workers, func(w *worker) bool { return len(w.held) == 0 && w.seen+forgetMillis <= m.now })
	return out
}
