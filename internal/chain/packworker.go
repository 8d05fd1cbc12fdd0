package chain

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/drey-sampler/drey/pkg/kernels"
)

// longestPackCall bounds a call of the run program over a pack: long beside what it costs to ask how far the lanes are,
// short to whoever waits for the run to stop. The engines that packs are for do not hold up Go's garbage collector.
const longestPackCall = 20 * time.Millisecond

// PackWorker is what one thread needs to run packs of chains, a lane of the batch each. One goroutine at a time may use it.
//
// All lanes of a call are in one window of warmup, or in sampling. A lane that has reached the end of it, or whose buffer is
// full, idles while others go on; so does one without a chain, or whose chain is ahead of the others after a restart.
type PackWorker struct {
	sessions
	p        *Program
	chains   []*Chain // the resident ones, a lane each
	members  []*Chain // those that the call advances; nil: one that is ahead
	lead     *Chain   // the first member
	lanes    interleaver
	ticks    pace
	filling  filling
	control  control
	counters laneCounters
	rows     packRows
	sink     Sink
}

// NewPackWorker makes the sessions of a thread and puts the data into them. The program's Config.Batch is positive.
func (p *Program) NewPackWorker() (*PackWorker, error) {
	w := &PackWorker{p: p, lanes: interleaver{width: p.lanes()}, ticks: pace{1, mostTicks, longestPackCall}}
	if err := w.open(p); err != nil {
		return nil, err
	}
	w.counters.init(p)
	w.rows.init(p, w.run)
	return w, nil
}

// Advance does for a pack of at most Config.Batch chains what Worker.Advance does for one. Goal.Window ends it when the pack
// has reached the end of a window. The draws of each chain come in order, those of different chains in any; the sink may be called
// from another goroutine, which has ended when Advance returns.
func (w *PackWorker) Advance(chains []*Chain, g Goal, sink Sink) (err error) {
	begin := time.Now()
	w.sink = sink
	defer func() { err = errors.Join(err, w.handOver()) }()
	if err := w.load(chains); err != nil {
		return err
	}
	now := begin
	for !w.done(g) {
		warm := w.lead.Warm()
		if err := w.call(g); err != nil {
			return err
		}
		last := now
		now = time.Now()
		w.timed(warm, now.Sub(last))
		ended, err := w.settle(g)
		if err != nil {
			return err
		}
		if ended && g.Window && !warm || now.Sub(begin) >= g.Slice || g.Stop != nil && g.Stop() {
			break
		}
	}
	if err := w.drain(); err != nil {
		return err
	}
	return w.save()
}

// timed adds time to a phase of the members.
func (w *PackWorker) timed(warm bool, d time.Duration) {
	for _, c := range w.members {
		if c != nil {
			c.status.add(warm, d)
		}
	}
}

// done reports whether all chains have all their draws.
func (w *PackWorker) done(g Goal) bool {
	until := w.p.until(w.lead, g)
	return g.reached(w.lead, until) && w.at(until)
}

// ended reports whether all members are where they stop.
func (w *PackWorker) ended(g Goal) bool { return w.at(w.p.until(w.lead, g)) }

// at reports whether all members are through with the transitions before a number.
func (w *PackWorker) at(until uint32) bool {
	for lane, c := range w.members {
		if c != nil && (w.counters.isRunning(lane) || w.counters.draw(lane) < until) {
			return false
		}
	}
	return true
}

// call runs the program for about longestPackCall, or until a lane is near the end of its buffer.
func (w *PackWorker) call(g Goal) error {
	phase, every := w.p.phase(w.lead)
	until := w.p.until(w.lead, g)
	before := w.counters.mostRows()
	ticks := min(w.ticks.ticks, w.filling.most(w.p.capacity-before, every))
	if err := w.control.put(w.run, ticks, until, every, phase); err != nil {
		return err
	}
	start := time.Now()
	if err := w.run.Run(); err != nil {
		return err
	}
	took := time.Since(start)
	if err := w.counters.get(w.run, w.p.layout); err != nil {
		return err
	}
	rows := w.counters.mostRows()
	if !w.ended(g) {
		w.ticks.measure(took, ticks < w.ticks.ticks)
		w.filling.measure(ticks, rows-before, rows == w.p.capacity)
	}
	for lane, c := range w.members {
		if c != nil {
			w.counters.tell(lane, c)
		}
	}
	return nil
}

// settle empties buffers of which one is half full and, at the end of a window, adapts the members; it reports whether a window
// has ended.
func (w *PackWorker) settle(g Goal) (bool, error) {
	ended := !w.lead.Warm() && w.at(w.lead.windowEnd())
	if !ended && 2*w.counters.mostRows() < w.p.capacity {
		return false, nil
	}
	if err := w.drain(); err != nil || !ended {
		return false, err
	}
	if err := w.save(); err != nil || w.lead.Waiting() {
		return true, err
	}
	if err := w.p.endWindow(w.members); err != nil {
		return false, err
	}
	return true, w.restore()
}

// load makes chains those that the session holds.
func (w *PackWorker) load(chains []*Chain) error {
	if len(chains) < 1 || len(chains) > w.lanes.width {
		panic("chain: a pack is empty or wider than the batch")
	}
	if err := w.p.startAll(chains); err != nil {
		return err
	}
	elsewhere := func(c *Chain) bool { return c.home != w }
	if slices.Equal(w.chains, chains) && !slices.ContainsFunc(chains, elsewhere) {
		return nil
	}
	w.chains = append(w.chains[:0], chains...)
	for _, c := range chains {
		c.home = w
	}
	var seed [8]byte
	binary.LittleEndian.PutUint64(seed[:], w.p.cfg.Seed)
	return errors.Join(w.run.Put(controlSeed, seed[:]), w.lanes.putIndices(w.run, controlChain, chains), w.restore())
}

// restore puts the states of the chains into the session; those in the earliest window are the members.
func (w *PackWorker) restore() error {
	window := math.MaxInt
	for _, c := range w.chains {
		window = min(window, c.window)
	}
	w.members = append(w.members[:0], w.chains...)
	for lane, c := range w.chains {
		if c.window != window {
			w.members[lane] = nil
		}
	}
	w.lead, w.filling = first(w.members), filling{}
	l := w.p.layout
	for k, i := range l.state {
		if err := w.lanes.putPart(w.run, kernels.ControlInputs+i, l.dtype(k), w.members, k); err != nil {
			return err
		}
	}
	w.counters.set(w.members, w.lanes.width)
	return w.counters.idle(w.run, l, w.members)
}

// save gets the states of the members from the session, whose buffers are empty.
func (w *PackWorker) save() error {
	l := w.p.layout
	for k, i := range l.state {
		if err := w.lanes.getPart(w.run, i, l.dtype(k), w.members, k); err != nil {
			return err
		}
	}
	for _, c := range w.members {
		if c != nil {
			clear(c.part(l.row))
		}
	}
	return nil
}

// filling is how fast the lane fills its buffer that fills it fastest.
type filling struct{ ticksPerRow float64 }

// fillingMargin is the share of the ticks that are expected to fill a buffer that a call makes: a lane whose buffer is full
// waits for the others.
const fillingMargin = 0.8

// most returns how many ticks a call may make where so many rows of a buffer are free and every so many-th draw takes one.
// A draw takes a tick at least.
func (f filling) most(free int, every int32) int32 {
	if every == 0 {
		return mostTicks
	}
	return int32(max(1, min(mostTicks, float64(free)*max(float64(every), fillingMargin*f.ticksPerRow))))
}

// measure takes the rows that the fastest lane has made of ticks; where it was full it may have been faster.
func (f *filling) measure(ticks int32, rows int, full bool) {
	speed := float64(ticks) / float64(max(rows, 1))
	if full {
		speed = min(speed, f.ticksPerRow) / 2
	}
	f.ticksPerRow = speed
}
