package coordinator

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// SnapshotVersion is the version of snapshots. Encode writes it, Decode reads no other.
const SnapshotVersion uint32 = 2

const snapshotMagic = "drey-crd"

// Encode returns a snapshot: magic, version, the state, and the SHA-256 of all before it. Equal machines have equal snapshots. A
// committed block takes 32 bytes.
func (m *Machine) Encode() []byte {
	version := SnapshotVersion
	c := coder{out: append(make([]byte, 0, m.encoded()), snapshotMagic...)}
	c.u32(&version)
	m.code(&c)
	sum := sha256.Sum256(c.out)
	return append(c.out, sum[:]...)
}

// encoded returns about how many bytes a snapshot has, so that a large one is written in one piece of memory.
func (m *Machine) encoded() int {
	const each, around = 128, 4096 // of a pack or a worker without blocks; of a run without packs
	n := around + each*len(m.workers)
	for _, r := range m.runs {
		n += around + len(r.spec.Manifest)
		for i := range r.packs {
			n += each + len(r.packs[i].report) + len(Digest{})*len(r.packs[i].digests)
		}
	}
	return n
}

// Decode returns the machine of a snapshot.
func Decode(b []byte) (*Machine, error) {
	if len(b) < len(snapshotMagic)+4+sha256.Size || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return nil, errors.New("coordinator: this is no snapshot of a coordinator")
	}
	body, digest := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if sum := sha256.Sum256(body); string(sum[:]) != string(digest) {
		return nil, errors.New("coordinator: the snapshot is damaged (its digest does not match): restore it from another coordinator")
	}
	c := coder{in: body[len(snapshotMagic):], reading: true}
	var version uint32
	c.u32(&version)
	if version != SnapshotVersion {
		return nil, fmt.Errorf("coordinator: the snapshot has version %d, this program reads %d: run the version that wrote it", version, SnapshotVersion)
	}
	m := new(Machine)
	m.code(&c)
	if c.err == nil {
		c.err = m.check()
	}
	if err := c.finish("a snapshot"); err != nil {
		return nil, err
	}
	return m, nil
}

const maxListed = 1 << 30 // of lists that only memory bounds

func (m *Machine) code(c *coder) {
	c.u64(&m.order)
	c.u64(&m.now)
	c.u64(&m.term)
	c.u64(&m.total)
	list(c, &m.workers, maxListed, func(v **worker) { each(c, v, (*worker).code) })
	list(c, &m.runs, maxListed, func(v **run) { each(c, v, (*run).code) })
	m.codeCompiled(c)
}

// codeCompiled codes what came to snapshots later, at their end and only where it says something, so that those without it are read too.
func (m *Machine) codeCompiled(c *coder) {
	says := func() bool { return slices.ContainsFunc(m.runs, func(r *run) bool { return r.times.compile > 0 }) }
	if c.err != nil || c.reading && len(c.in) == 0 || !c.reading && !says() {
		return
	}
	for _, r := range m.runs {
		c.u32(&r.times.compile)
	}
	if c.err == nil && !says() {
		c.fail(errors.New("its end says nothing"))
	}
}

// each codes what a pointer points to.
func each[T any](c *coder, v **T, code func(*T, *coder)) {
	if c.reading {
		*v = new(T)
	}
	code(*v, c)
}

func (w *worker) code(c *coder) {
	c.worker(&w.id)
	c.u64(&w.incarnation)
	c.text(&w.class, MaxClass)
	c.u32(&w.width)
	c.u64(&w.number)
	c.bool(&w.drained)
	c.u64(&w.seen)
	list(c, &w.held, maxHeld, func(t *Tenure) { t.code(c) })
}

func (r *run) code(c *coder) {
	c.run(&r.id)
	c.u64(&r.order)
	r.spec.code(c)
	c.text(&r.class, MaxClass)
	c.u8((*uint8)(&r.status))
	c.text(&r.reason, MaxReason)
	c.steps(&r.steps)
	c.u64(&r.planned)
	c.u64(&r.target)
	c.bool(&r.stopping)
	c.u32(&r.judged)
	list(c, &r.decisions, MaxWarmup, func(d *decision) {
		c.u32(&d.k)
		c.fixed(d.inputs[:])
		c.bytes(&d.payload, MaxPayload)
	})
	list(c, &r.control, MaxControl, func(id *CommandID) { c.fixed(id[:]) })
	list(c, &r.packs, MaxPacks, func(p *pack) { p.code(c) })
	r.times.code(c)
	if c.reading && c.err == nil {
		r.digest = r.spec.digest(r.id)
		for i := range r.packs {
			r.held += len(r.packs[i].leases)
		}
	}
}

func (t *times) code(c *coder) {
	c.u64(&t.since)
	c.u64(&t.idle)
	c.u64(&t.warmup)
	c.u64(&t.sampling)
	c.bool(&t.warm)
}

func (p *pack) code(c *coder) {
	c.epoch(&p.epoch)
	c.bytes(&p.report, MaxReport)
	c.u64(&p.progress)
	list(c, &p.leases, 2, func(l *lease) {
		c.worker(&l.worker)
		c.epoch(&l.epoch)
		c.u64(&l.expires)
	})
	c.digests(&p.digests, MaxWarmup+MaxBlocks)
}

// check returns an error if the state is none that commands lead to: Apply relies on what it checks.
func (m *Machine) check() error {
	for i, r := range m.runs {
		if i > 0 && r.id <= m.runs[i-1].id {
			return fmt.Errorf("run %q is not in order", r.id)
		}
	}
	for i, w := range m.workers {
		if i > 0 && w.id <= m.workers[i-1].id || !validName(string(w.id)) || w.seen > m.now {
			return fmt.Errorf("worker %q is not in order, or was seen in the future", w.id)
		}
	}
	leases := 0
	for _, r := range m.runs {
		if err := r.check(m); err != nil {
			return fmt.Errorf("run %q: %w", r.id, err)
		}
		for i := range r.packs {
			leases += len(r.packs[i].leases)
		}
	}
	for _, w := range m.workers {
		leases -= len(w.held)
	}
	if leases != 0 {
		return errors.New("workers and packs disagree about leases")
	}
	return nil
}

func (r *run) check(m *Machine) error {
	if err := errors.Join(r.spec.Validate(), validateSteps(r.steps)); err != nil {
		return err
	}
	w := uint32(len(r.steps))
	switch {
	case !validName(string(r.id)) || r.order > m.order || r.status > Failed || uint32(len(r.packs)) != r.spec.Packs:
		return errors.New("its name, order, status or number of packs is wrong")
	case r.times.since > m.now:
		return errors.New("it went on in the future")
	case r.target > r.planned || blocksOf(r.planned, r.spec.BlockDraws) > MaxBlocks || r.judged > w+MaxBlocks:
		return errors.New("its draws are out of range")
	}
	for i := range r.packs {
		if err := r.checkPack(m, uint32(i)); err != nil {
			return fmt.Errorf("pack %d: %w", i, err)
		}
	}
	return nil
}

// passed returns how many blocks all packs have by the decisions that were taken.
func (r *run) passed() uint32 {
	w := uint32(len(r.steps))
	if r.judged > w {
		return w
	}
	n := r.judged
	for n > 0 && (!r.steps[n-1].Barrier || r.steps[n-1].Open) { // some may be late
		n--
	}
	return n
}

func (r *run) checkPack(m *Machine, i uint32) error {
	p := &r.packs[i]
	if w := uint32(len(r.steps)); p.head() > w+MaxBlocks || p.head() < r.passed() || p.progress > m.now {
		return errors.New("its blocks contradict the run's decisions, or its time is to come")
	}
	last := Epoch(0)
	for _, l := range p.leases {
		w := m.findWorker(l.worker)
		if r.status != Running || l.epoch <= last || l.epoch > p.epoch || w == nil || !slices.Contains(w.held, Tenure{r.id, i, l.epoch}) {
			return fmt.Errorf("a lease of epoch %d can't be", l.epoch)
		}
		last = l.epoch
	}
	return nil
}
