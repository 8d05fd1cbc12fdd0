package coordinator

import "fmt"

// Status is what a run is doing.
type Status uint8

// The statuses: append only.
const (
	Running Status = iota
	Done           // all its draws are committed, or those up to where its stop rule held
	Stopped        // by a user
	Failed         // a pack can't go on
)

func (s Status) String() string {
	names := [...]string{"running", "done", "stopped", "failed"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// run is a run. Blocks are numbered through warmup and sampling: 0 … len(steps)−1 are warmup's.
type run struct {
	id     RunID
	order  uint64 // of submission
	spec   Spec   // as submitted
	digest Digest // of name and spec
	class  string // replay class of the first lease, where the spec names none
	status Status
	reason string // of Failed

	steps     []Step // warmup's blocks: those done and those planned now
	planned   uint64 // sampling draws of each chain that users asked for
	target    uint64 // those that count: fewer once a user or the stop rule ended sampling
	stopping  bool   // a user set target
	judged    uint32 // decisions after blocks before this one are taken, or not needed
	decisions []decision
	control   []CommandID
	packs     []pack
	held      int // leases of all packs
	times     times
}

// decision is one of warmup; those of sampling are the run's target.
type decision struct {
	k       uint32
	inputs  Digest
	payload []byte
}

// pack is a pack of chains. 0 ≤ len(leases) ≤ 2, each of another worker and epoch, none after the epoch.
type pack struct {
	epoch    Epoch // of the last lease given
	digests  []Digest
	report   []byte // of the last block, while a decision of warmup waits for other packs
	progress uint64 // when it was leased, or had a block committed
	leases   []lease
}

// head returns the number of blocks committed: the next one's k.
func (p *pack) head() uint32 { return uint32(len(p.digests)) }

func newRun(id RunID, s Spec, order uint64) *run {
	return &run{
		id: id, order: order, spec: s, digest: s.digest(id), steps: append([]Step(nil), s.Warmup...),
		planned: s.Draws, target: s.Draws, packs: make([]pack, s.Packs),
	}
}

// prev returns the digest that stands before a pack's block k ≤ head.
func (r *run) prev(i, k uint32) Digest {
	if k == 0 {
		return genesis(r.digest, i)
	}
	return r.packs[i].digests[k-1]
}

// blocks returns the number of blocks of each pack that count.
func (r *run) blocks() uint32 {
	return uint32(len(r.steps)) + uint32(blocksOf(r.target, r.spec.BlockDraws))
}

// due returns the block that the next decision follows. None is due after the last block of sampling, where it could change
// nothing, or of a run that its user has stopped, which waits for no rule; of warmup the last is due, since it says how to sample.
func (r *run) due() (k uint32, ok bool) {
	w, n := uint32(len(r.steps)), r.blocks()
	for k := r.judged; k < w; k++ {
		if r.steps[k].Barrier {
			return k, true
		}
	}
	if every := r.spec.CheckEvery; every > 0 && !r.stopping {
		k := w + (max(r.judged, w)-w+every)/every*every - 1
		return k, k+1 < n
	}
	return 0, false
}

// aheadBlocks is how many blocks of sampling packs may make beyond the next evaluation of the stop rule: enough that a worker with more packs
// than slots seldom turns from one to the next, few enough that little is made in vain.
const aheadBlocks = 8

// horizon returns how many draws of each chain packs make now. Where a rule may end sampling none goes far beyond the block that is judged
// next, which all have to reach: a worker that holds a pack to its end would have the rule wait for the others, which nobody makes.
func (r *run) horizon() uint64 {
	every, w := r.spec.CheckEvery, uint32(len(r.steps))
	if every == 0 {
		return r.target
	}
	judged := (max(r.judged, w)-w)/every + 1
	return min(r.target, (uint64(judged)*uint64(every)+aheadBlocks)*uint64(r.spec.BlockDraws))
}

// limit returns the number of blocks that packs may commit now: the next undecided barrier of warmup and those before it, or those up to
// the horizon.
func (r *run) limit() uint32 {
	w := uint32(len(r.steps))
	if k, ok := r.due(); ok && k < w {
		return k + 1
	}
	return w + uint32(blocksOf(r.horizon(), r.spec.BlockDraws))
}

// all reports whether every pack has committed n blocks.
func (r *run) all(n uint32) bool {
	for i := range r.packs {
		if r.packs[i].head() < n {
			return false
		}
	}
	return true
}

// settle returns the actions for a run after a change: a decision that is due now, or the run's end.
func (r *run) settle(m *Machine) []Action {
	if r.status != Running {
		return nil
	}
	r.pass(m.now)
	r.times.warm = r.times.warm || r.all(uint32(len(r.steps))) && r.warmed()
	if k, ok := r.due(); ok {
		if !r.all(k + 1) {
			return nil
		}
		return []Action{r.decisionDue(k)}
	}
	if !r.all(r.blocks()) {
		return nil
	}
	r.status = Done
	if r.stopping {
		r.status = Stopped
	}
	return append(m.endLeases(r, RunEnded), r.changed())
}

// warmed reports whether no decision of warmup is due any more.
func (r *run) warmed() bool {
	k, ok := r.due()
	return !ok || k >= uint32(len(r.steps))
}

func (r *run) changed() Action { return RunChanged{r.id, r.status, r.target, r.reason} }

func (r *run) stop() Result {
	if r.status != Running {
		return refuse(Ended, "run %s is %s: there is nothing to stop", r.id, r.status)
	}
	var foremost uint64 // sampling draws of the pack that has most
	for i := range r.packs {
		if head, w := r.packs[i].head(), uint32(len(r.steps)); head > w {
			foremost = max(foremost, uint64(head-w)*uint64(r.spec.BlockDraws))
		}
	}
	if foremost >= r.target {
		return Result{} // the last block is on its way: the run ends as done
	}
	r.target, r.stopping = foremost, true
	if foremost == 0 {
		r.status = Stopped
	}
	return Result{}
}

func (r *run) resume() Result {
	if r.status != Stopped && r.status != Failed && !r.stopping {
		return refuse(Ended, "run %s is %s: there is nothing to resume; extend it for more draws", r.id, r.status)
	}
	r.status, r.reason = Running, ""
	if r.stopping {
		r.target, r.stopping = r.planned, false
	}
	return Result{}
}

func (r *run) extend(target uint64) Result {
	if r.status == Failed {
		return refuse(Ended, "run %s failed: resume it first", r.id)
	}
	if target <= r.target {
		return refuse(Duplicate, "run %s has %d draws of each chain, or is on the way to them", r.id, r.target)
	}
	if target > MaxDraws || blocksOf(target, r.spec.BlockDraws) > MaxBlocks {
		return refuse(Invalid, "run %s can't have %d draws of each chain", r.id, target)
	}
	// A decision about the draws there are would end the run again before it made another.
	if w := uint32(len(r.steps)); r.target > 0 && r.status != Running {
		r.judged = max(r.judged, w+uint32(blocksOf(r.target, r.spec.BlockDraws)))
	}
	r.target = target
	r.planned, r.stopping, r.status = r.target, false, Running
	return Result{}
}

// times are how long a run has taken while it was to go on, in ms.
type times struct {
	since    uint64 // when they were last added to
	idle     uint64 // while nobody held a lease of it
	warmup   uint64
	sampling uint64 // since all packs have ended warmup
	warm     bool   // they have
	compile  uint32 // of the worker that took longest to compile the program
}

func (m *Machine) compiled(x *Compiled) Result {
	r := m.findRun(x.Run)
	if r == nil {
		return refuse(NotFound, "no run %s", x.Run)
	}
	if x.Millis <= r.times.compile {
		return refuse(Duplicate, "the program of run %s took somebody %d ms to compile", x.Run, r.times.compile)
	}
	r.times.compile = x.Millis
	return Result{}
}

// pass adds the time until now to what the run was doing. It comes before what changes that.
func (r *run) pass(now uint64) {
	t := &r.times
	switch d := now - t.since; {
	case r.status != Running:
	case r.held == 0:
		t.idle += d
	case t.warm:
		t.sampling += d
	default:
		t.warmup += d
	}
	t.since = now
}
