package coordinator

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand"
)

// simulation is a cluster around a machine: workers, a sink and a decider, whose messages get lost, come twice and in another
// order, and whose processes die. Everything follows from the seed.
type simulation struct {
	rng      *rand.Rand
	m        *Machine
	apply    func(*Machine, Command) Result // Machine.Apply, or one with a bug
	log      []Command                      // all applied
	snapshot []byte                         // of the machine after the first snapAt commands of log
	snapAt   int
	model    *model
	net      []Command // on the way
	workers  []*simWorker
	born     int
	total    uint64
	term     uint64
	spec     Spec
	chaos    bool // faults happen
	users    bool // stop, resume and extend the run
	deadline bool // decisions do without late packs where they may
	hasty    bool // a bug: the sink reports blocks before they are durable
}

// simWorker makes blocks of the packs that it believes to hold.
type simWorker struct {
	id     WorkerID
	life   uint64 // incarnation
	number uint64
	packs  []*simPack
	deaf   bool // renews no lease, and goes on
}

type simPack struct {
	Tenure
	k    uint32
	prev Digest
	sent []Block // not known to be committed
}

const simRun RunID = "r"

func newSimulation(seed int64, chaos, users bool) *simulation {
	s := &simulation{rng: rand.New(rand.NewSource(seed)), m: new(Machine), apply: (*Machine).Apply, chaos: chaos, users: users, term: 1}
	// The spec depends on the seed alone, so that an undisturbed run of it can be had.
	spec := rand.New(rand.NewSource(seed))
	s.spec = Spec{
		Packs: 1 + uint32(spec.Intn(4)), BlockDraws: 1 + uint32(spec.Intn(5)), Draws: uint64(spec.Intn(40)),
		CheckEvery: uint32(spec.Intn(4)), LeaseMillis: 2000, LateMillis: uint32(spec.Intn(2)) * 1500,
	}
	for range spec.Intn(5) {
		s.spec.Warmup = append(s.spec.Warmup, Step{Draws: 1 + uint32(spec.Intn(9)), Barrier: spec.Intn(3) > 0})
	}
	return s.submit()
}

// newLateSimulation returns one with a run whose decisions may be taken without packs that are late.
func newLateSimulation(seed int64, deadline bool) *simulation {
	s := newSimulation(seed, true, false)
	for i := range s.spec.Warmup {
		s.spec.Warmup[i].Open = s.spec.Warmup[i].Barrier && i%3 < 2
	}
	s.m, s.log, s.deadline = new(Machine), nil, deadline
	return s.submit()
}

func (s *simulation) submit() *simulation {
	s.model = newModel(simRun, s.spec)
	s.model.users = s.users
	s.deliver(&Submit{simRun, s.spec})
	return s
}

// run goes on for so many steps, then without faults until the run ends. It returns what was violated.
func (s *simulation) run(steps int) error {
	for range steps {
		s.step()
	}
	s.chaos = false
	s.users = false
	for range 20_000 {
		if s.model.failed != nil {
			return s.model.failed
		}
		if state, _ := s.m.Run(simRun); state.Status != Running {
			return s.model.ended(s.m)
		}
		s.step()
	}
	return fmt.Errorf("the run does not end")
}

func (s *simulation) step() {
	switch n := s.rng.Intn(100); {
	case n < 45 && len(s.net) > 0:
		s.deliverOne()
	case n < 75 && len(s.workers) > 0:
		s.work(s.workers[s.rng.Intn(len(s.workers))])
	case n < 80:
		s.total += uint64(s.rng.Intn(800))
		s.send(&Tick{s.term, s.total})
	case n < 84:
		s.join()
	case n < 88:
		for _, a := range s.m.Due() {
			s.decide(a)
		}
		for _, g := range s.m.Gathering() {
			if due, ok := s.m.Without(g.Run, g.K); s.deadline && ok && s.rng.Intn(4) == 0 {
				s.decide(due)
			}
		}
	case !s.chaos:
	case n < 90 && len(s.workers) > 0:
		i := s.rng.Intn(len(s.workers))
		if w := s.workers[i]; s.rng.Intn(3) == 0 { // it starts anew under its name
			s.workers[i] = &simWorker{id: w.id, life: w.life + 1}
			s.send(&Register{w.id, w.life + 1, "wasm", 0})
			return
		}
		s.workers = append(s.workers[:i], s.workers[i+1:]...)
	case n < 92 && len(s.workers) > 0:
		w := s.workers[s.rng.Intn(len(s.workers))]
		w.deaf = !w.deaf
	case n < 94:
		s.restart()
	case n < 95 && s.users:
		s.user()
	case n < 96:
		s.forge()
	}
}

func (s *simulation) join() {
	if len(s.workers) > 3 {
		return
	}
	s.born++
	w := &simWorker{id: WorkerID(fmt.Sprintf("w%d", s.born)), life: 1}
	s.workers = append(s.workers, w)
	s.send(&Register{w.id, w.life, "wasm", 0})
}

func (s *simulation) send(cmd Command) { s.net = append(s.net, cmd) }

// deliverOne hands any message over: with faults it may be lost, or stay on the way to come again.
func (s *simulation) deliverOne() {
	i := s.rng.Intn(len(s.net))
	cmd := s.net[i]
	fate := s.rng.Intn(10)
	if !s.chaos || fate > 1 {
		s.net = append(s.net[:i], s.net[i+1:]...)
	}
	if s.chaos && fate == 2 {
		return
	}
	s.reply(cmd, s.deliver(cmd))
}

// deliver applies a command as it comes from the wire, and has the model look at what came of it.
func (s *simulation) deliver(cmd Command) Result {
	wire := EncodeCommand(cmd)
	read := func() Command {
		decoded, err := DecodeCommand(wire)
		if err != nil {
			s.model.violated("%T does not survive the wire: %v", cmd, err)
			return cmd
		}
		return decoded
	}
	if len(s.log)%97 == s.snapAt%97 && s.rng.Intn(2) == 0 {
		s.snapshot, s.snapAt = s.m.Encode(), len(s.log)
	}
	s.log = append(s.log, read())
	out := s.apply(s.m, read())
	s.model.observe(cmd, out)
	if s.rng.Intn(16) == 0 {
		s.again(read())
	}
	return out
}

// again applies a command that was just applied: nothing may change.
func (s *simulation) again(cmd Command) {
	before := s.m.Encode()
	out := s.apply(s.m, cmd)
	if len(out.Actions) > 0 || !bytes.Equal(before, s.m.Encode()) {
		s.model.violated("applying %T twice changes something", cmd)
	}
}

// restart has a new coordinator take over: a snapshot and the rest of the log make its state.
func (s *simulation) restart() {
	m := new(Machine)
	if s.snapshot != nil {
		var err error
		if m, err = Decode(s.snapshot); err != nil {
			s.model.violated("a snapshot can't be read: %v", err)
			return
		}
	}
	for _, cmd := range s.log[s.snapAt:] {
		read, _ := DecodeCommand(EncodeCommand(cmd))
		s.apply(m, read)
	}
	if !bytes.Equal(m.Encode(), s.m.Encode()) {
		s.model.violated("a snapshot after %d commands and %d more make another machine", s.snapAt, len(s.log)-s.snapAt)
	}
	s.m = m
	s.model.reached["restart"]++
	s.term, s.total = s.m.Term()+1, 0
	s.send(&Tick{s.term, 0})
}

func (s *simulation) user() {
	var id CommandID
	s.rng.Read(id[:])
	state, _ := s.m.Run(simRun)
	switch s.rng.Intn(3) {
	case 0:
		s.send(&Stop{id, simRun})
	case 1:
		s.send(&Resume{id, simRun})
	default:
		s.send(&Extend{id, simRun, state.Draws + uint64(s.rng.Intn(10))})
	}
}

// forge sends what nobody should: decisions from other inputs, blocks of other epochs and lineages.
func (s *simulation) forge() {
	pack := uint32(s.rng.Intn(int(s.spec.Packs)))
	at := s.m.Ledger(simRun, pack)
	b := Block{Tenure: Tenure{simRun, pack, Epoch(s.rng.Intn(4))}, K: uint32(len(at)), Digest: Digest{1}}
	if s.rng.Intn(2) == 0 {
		b.K = uint32(s.rng.Intn(len(at) + 2))
	}
	s.send(&Commit{[]Block{b}})
	d := &Decide{Run: simRun, K: uint32(s.rng.Intn(8)), Payload: []byte("forged")}
	if s.deadline && s.rng.Intn(2) == 0 { // it has the right inputs, and says that others are late
		due, _ := s.m.Without(simRun, d.K)
		d.Inputs, d.Excluded = due.Inputs, append(due.Excluded, s.spec.Packs-1)
	}
	s.send(d)
}

// decide computes a decision from its inputs alone.
func (s *simulation) decide(a Action) {
	due, ok := a.(DecisionDue)
	if !ok {
		return
	}
	d := &Decide{Run: due.Run, K: due.K, Inputs: due.Inputs, Excluded: due.Excluded}
	if due.Warmup {
		d.Payload = due.Inputs[:4]
		if due.Inputs[5]%4 == 0 && due.K < 12 && len(due.Excluded) == 0 {
			d.Replan, d.Rest = true, []Step{{Draws: 1 + uint32(due.Inputs[6]%5), Barrier: due.Inputs[7]%2 == 0}}
		}
	} else {
		d.Stop = due.Inputs[5]%5 == 0
	}
	s.send(d)
}

// work has a worker do one thing.
func (s *simulation) work(w *simWorker) {
	switch n := s.rng.Intn(10); {
	case n < 2:
		if !w.deaf {
			s.send(&Renew{[]WorkerID{w.id}})
		}
	case n < 4 || len(w.packs) == 0:
		w.number++
		s.send(&Acquire{w.id, w.life, w.number, 1 + uint32(s.rng.Intn(3))})
	case n == 4 && s.chaos:
		p := w.packs[s.rng.Intn(len(w.packs))]
		s.send(&Release{w.id, []Tenure{p.Tenure}})
	case n == 5:
		for _, p := range w.packs { // no answer came
			if len(p.sent) > 0 {
				s.send(&Commit{append([]Block(nil), p.sent...)})
			}
		}
	default:
		s.compute(w.packs[s.rng.Intn(len(w.packs))])
	}
}

// compute makes a block, puts it into the store and reports it. Its bits follow from the block before and the decision that holds.
func (s *simulation) compute(p *simPack) {
	state, _ := s.m.Run(simRun)
	if len(p.sent) >= 4 || p.k >= s.m.Blocks(simRun) {
		return
	}
	var last Decision
	decisions := uint32(0)
	for _, d := range s.m.Decisions(simRun) {
		if d.K < p.k {
			last = d
			decisions++
		}
	}
	impatient := s.chaos && s.rng.Intn(8) == 0
	if !impatient && p.k > 0 && int(p.k) <= len(state.Warmup) && state.Warmup[p.k-1].Barrier && (last.Payload == nil || last.K != p.k-1) {
		return // the decision has not come
	}
	h := sha256.New()
	h.Write(p.prev[:])
	h.Write(last.Payload)
	b := Block{Tenure: p.Tenure, K: p.k, Prev: p.prev, Digest: Digest(h.Sum(nil)), Decisions: decisions}
	if int(p.k) < len(state.Warmup) && state.Warmup[p.k].Barrier {
		b.Report = binary.LittleEndian.AppendUint32([]byte("report"), p.Pack)
	}
	if !s.hasty {
		s.model.store(b)
	}
	p.k, p.prev, p.sent = p.k+1, b.Digest, append(p.sent, b)
	s.send(&Commit{append([]Block(nil), p.sent[s.rng.Intn(len(p.sent)):]...)})
}

// reply has a worker hear what came of its command, unless that is lost.
func (s *simulation) reply(cmd Command, out Result) {
	for _, a := range out.Actions {
		if !s.chaos || s.rng.Intn(3) > 0 {
			s.decide(a)
		}
	}
	if s.chaos && s.rng.Intn(8) == 0 {
		return
	}
	switch x := cmd.(type) {
	case *Acquire:
		for _, w := range s.workers {
			if w.id == x.Worker && w.life == x.Incarnation {
				w.take(out)
			}
		}
		if out.Code == NotFound {
			s.send(&Register{x.Worker, x.Incarnation, "wasm", 0})
		}
	case *Commit:
		for _, w := range s.workers {
			w.heard(x.Blocks, out.Blocks)
		}
	}
}

// take has a worker go on with what it holds, where it was or at the ledger's head.
func (w *simWorker) take(out Result) {
	old := w.packs
	w.packs = nil
	for _, g := range out.Grants {
		fresh := &simPack{Tenure: g.Tenure, k: g.K, prev: g.Prev}
		for _, p := range old {
			if p.Tenure == g.Tenure && len(p.sent) > 0 && p.k > g.K {
				fresh = p
			}
		}
		w.packs = append(w.packs, fresh)
	}
}

func (w *simWorker) heard(blocks []Block, codes []Code) {
	for i, b := range blocks {
		for j, p := range w.packs {
			if p.Tenure != b.Tenure {
				continue
			}
			switch codes[i] {
			case OK, Duplicate:
				for len(p.sent) > 0 && p.sent[0].K <= b.K {
					p.sent = p.sent[1:]
				}
			case StaleEpoch, Forked, Ended:
				w.packs = append(w.packs[:j:j], w.packs[j+1:]...)
			}
			break
		}
	}
}
