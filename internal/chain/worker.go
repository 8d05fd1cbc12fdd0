package chain

import (
	"errors"
	"runtime"
	"time"

	"github.com/drey-sampler/drey/pkg/kernels"
)

// longestCall bounds a call of the run program: the engine's code cannot be preempted, so that a longer one would hold up
// every goroutine that waits for the garbage collector.
const longestCall = time.Millisecond

// Worker is what one thread needs to run chains. One goroutine at a time may use it.
type Worker struct {
	sessions
	p        *Program
	resident *Chain    // whose state the session holds
	one      [1]*Chain // the resident one
	ticks    pace
	control  control
	counters counters
	rows     rows
	sink     Sink
}

// Sink takes draws. The Batch is the worker's: Append keeps nothing of it. It is called from the goroutine of Advance, or one
// that Advance waits for, in turn.
type Sink interface {
	Append(b *Batch) error
}

// NewWorker makes the sessions of a thread and puts the data into them.
func (p *Program) NewWorker() (*Worker, error) {
	w := &Worker{p: p, ticks: pace{1, mostTicks, longestCall}}
	if err := w.open(p); err != nil {
		return nil, err
	}
	w.rows.init(p)
	return w, nil
}

// Goal says when Advance returns.
type Goal struct {
	Warmup int           // transitions of warmup after which to return; 0: all of them
	Draws  int           // kept draws that the chain shall have in all
	Slice  time.Duration // time after which to return; checked after each call
	Stop   func() bool   // asked after each call; nil: never
	Window bool          // return when a warmup window ends
}

// Advance starts the chain if it has not begun, runs it until it is done, its slice is over, or it is told to stop, and
// hands its draws to the sink. In pooled warmup it returns too where the chain is Waiting. On return the chain can be marshalled, or go on with any worker. After an error it is of no use.
func (w *Worker) Advance(c *Chain, g Goal, sink Sink) error {
	begin := time.Now()
	w.sink = sink
	if err := w.load(c); err != nil {
		return err
	}
	now := begin
	for !w.done(c, g) {
		warm := c.Warm()
		if err := w.call(c, g); err != nil {
			return err
		}
		ended, err := w.settle(c)
		if err != nil {
			return err
		}
		last := now
		now = time.Now()
		c.status.add(warm, now.Sub(last))
		if ended && g.Window && !warm || now.Sub(begin) >= g.Slice || g.Stop != nil && g.Stop() {
			break
		}
		runtime.Gosched()
	}
	if err := w.drain(c); err != nil {
		return err
	}
	return w.save(c)
}

// add adds time to a phase.
func (s *status) add(warm bool, d time.Duration) {
	if warm {
		s.sampleTime.Add(int64(d))
	} else {
		s.warmupTime.Add(int64(d))
	}
}

// done reports whether the chain has all its draws. Draws in the buffers are not handed over yet but count.
func (w *Worker) done(c *Chain, g Goal) bool {
	return g.reached(c, w.counters.draw) && !w.counters.running && w.counters.draw >= w.p.until(c, g)
}

// reached reports whether a chain that goes on to p.until(c, g) has nothing to do there for the goal.
func (g Goal) reached(c *Chain, draw uint32) bool {
	return c.Warm() || c.waits(draw) || g.Warmup > 0 && draw >= uint32(g.Warmup)
}

// until returns the number of the transition before which the chain stops: at the end of its window, of sampling, or earlier for
// the goal.
func (p *Program) until(c *Chain, g Goal) uint32 {
	if c.Warm() {
		return c.warmupEnd() + uint32(g.Draws*p.cfg.Thin)
	}
	if end := c.windowEnd(); g.Warmup <= 0 || uint32(g.Warmup) > end {
		return end
	}
	return uint32(g.Warmup)
}

// phase returns the phase that a chain is in, and how many transitions a kept draw takes; 0: none is kept.
func (p *Program) phase(c *Chain) (phase, every int32) {
	switch {
	case c.Warm():
		return 0, int32(p.cfg.Thin)
	case p.cfg.SaveWarmup:
		return int32(c.windows()[c.window].Kind), 1
	}
	return int32(c.windows()[c.window].Kind), 0
}

// call runs the program for about longestCall.
func (w *Worker) call(c *Chain, g Goal) error {
	phase, every := w.p.phase(c)
	until := w.p.until(c, g)
	if err := w.control.put(w.run, w.ticks.ticks, until, every, phase); err != nil {
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
	n := &w.counters
	early := n.row >= w.p.capacity || n.draw >= until && !n.running
	w.ticks.measure(took, early)
	c.status.transitions.Store(int64(n.draw))
	c.status.leapfrogs.Store(n.leapfrogs - c.warmupLeapfrogs)
	c.status.divergences.Store(n.divergences - c.warmupDivergences)
	c.status.setStepSize(n.stepSize)
	return nil
}

// settle empties full buffers and, at the end of a window, adapts the chain; it reports whether a window has ended.
func (w *Worker) settle(c *Chain) (bool, error) {
	n := &w.counters
	ended := !c.Warm() && !n.running && n.draw >= c.windowEnd()
	if n.row < w.p.capacity && !ended {
		return false, nil
	}
	if err := w.drain(c); err != nil || !ended {
		return false, err
	}
	if err := w.save(c); err != nil || c.Waiting() {
		return true, err
	}
	if err := w.p.endWindow(w.one[:]); err != nil {
		return false, err
	}
	return true, w.restore(c)
}

// load makes c the chain that the session holds.
func (w *Worker) load(c *Chain) error {
	if err := w.p.Start(c); err != nil {
		return err
	}
	if w.resident == c && c.home == w {
		return nil
	}
	w.resident, w.one[0], c.home = c, c, w
	err := w.control.putChain(w.run, w.p.cfg.Seed, uint32(c.index))
	return errors.Join(err, w.restore(c))
}

// restore puts the state of c into the session.
func (w *Worker) restore(c *Chain) error {
	for k, i := range w.p.layout.state {
		if err := w.run.Put(kernels.ControlInputs+i, c.parts[k]); err != nil {
			return err
		}
	}
	w.counters.set(c)
	return nil
}

// save gets the state of c from the session, whose buffers are empty.
func (w *Worker) save(c *Chain) error {
	for k, i := range w.p.layout.state {
		if err := w.run.Get(i, c.parts[k]); err != nil {
			return err
		}
	}
	clear(c.part(w.p.layout.row))
	return nil
}
