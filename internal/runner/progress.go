package runner

import (
	"time"

	"github.com/drey-sampler/drey/internal/chain"
)

// eventEvery is the time between two events.
const eventEvery = 100 * time.Millisecond

// Progress is how far a run has come. A callback may keep it.
type Progress struct {
	Elapsed time.Duration // since the chains began
	Chains  []ChainProgress
	Done    bool // the chains have stopped; the last event
}

// ChainProgress is how far a chain has come.
type ChainProgress struct {
	Phase                string // "waiting", "warmup", "sampling" or "done"
	Draws, Total         int    // kept draws of sampling, or transitions of warmup
	Divergences          int64  // of the phase
	StepSize             float64
	LeapfrogsPerDraw     float64 // a transition, of the phase
	DrawsPerSecond       float64 // transitions, since the last event or so
	Transitions, AllDone int64   // transitions done, and of the whole chain: what an estimate of the time left rests on
}

// Share returns the part of the chain's transitions that is done, 0 where there is nothing to do.
func (c *ChainProgress) Share() float64 {
	if c.AllDone == 0 {
		return 0
	}
	return float64(c.Transitions) / float64(c.AllDone)
}

// Phases of ChainProgress.
const (
	PhaseWaiting  = "waiting"
	PhaseWarmup   = "warmup"
	PhaseSampling = "sampling"
	PhaseDone     = "done"
)

// progress tells a callback how a run goes.
type progress struct {
	events   func(Progress)
	began    time.Time
	rates    []rate
	complete []bool // chains that had all their draws before the run went on
}

// rate is a chain's speed, smoothed.
type rate struct {
	at          time.Time
	transitions int64
	perSecond   float64
}

func newProgress(events func(Progress)) *progress { return &progress{events: events} }

// watch sends events until the function it returns is called, which sends the last one.
func (p *progress) watch(r *running) (end func()) {
	p.began = time.Now()
	p.rates = make([]rate, r.plan.cfg.Chains)
	p.complete = r.complete()
	if p.events == nil {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-stop:
			p.events(p.snapshot(r, true))
			return
		case <-r.watch.moving:
		}
		p.began = time.Now()
		t := time.NewTicker(eventEvery)
		defer t.Stop()
		for {
			select {
			case <-stop:
				p.events(p.snapshot(r, true))
				return
			case <-t.C:
				p.events(p.snapshot(r, false))
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

func (p *progress) snapshot(r *running, last bool) Progress {
	now := time.Now()
	out := Progress{Elapsed: now.Sub(p.began), Chains: make([]ChainProgress, r.plan.cfg.Chains), Done: last}
	for i := range out.Chains {
		s, ok := r.watch.status(i)
		if !ok && p.complete[i] {
			s.Warm, s.Transitions = true, s.Warmup+int64(r.plan.cfg.Draws)*int64(r.plan.cfg.Thin)
		}
		if ok && p.rates[i].at.IsZero() { // of a run that goes on the chain had done some before
			p.rates[i] = rate{at: p.began, transitions: r.watch.first(i)}
		}
		out.Chains[i] = p.chain(&p.rates[i], s, r.plan.cfg, now)
	}
	return out
}

// chain describes one chain.
func (p *progress) chain(q *rate, s chain.Status, cfg Config, now time.Time) ChainProgress {
	c := ChainProgress{
		Phase: PhaseWarmup, Draws: int(s.Transitions), Total: int(s.Warmup), Divergences: s.Divergences, StepSize: s.StepSize,
		Transitions: s.Transitions, AllDone: s.Warmup + int64(cfg.Draws)*int64(cfg.Thin),
	}
	transitions := s.Transitions
	switch {
	case s.Warm:
		transitions -= s.Warmup
		c.Phase, c.Draws, c.Total = PhaseSampling, int(transitions)/cfg.Thin, cfg.Draws
		if c.Draws >= c.Total { // a last block may go beyond
			c.Phase, c.Draws, c.Transitions = PhaseDone, c.Total, c.AllDone
		}
	case s.Transitions == 0:
		c.Phase = PhaseWaiting
	}
	if transitions > 0 {
		c.LeapfrogsPerDraw = float64(s.Leapfrogs) / float64(transitions)
	}
	if d := now.Sub(q.at).Seconds(); !q.at.IsZero() && d > 0 && s.Transitions > q.transitions {
		speed := float64(s.Transitions-q.transitions) / d
		if q.perSecond > 0 {
			speed = smoothing*speed + (1-smoothing)*q.perSecond
		}
		*q = rate{now, s.Transitions, speed}
	}
	c.DrawsPerSecond = q.perSecond
	return c
}

// smoothing is the weight of the newest interval in a chain's speed: a change shows within a second.
const smoothing = 0.3
