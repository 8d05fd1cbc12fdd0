package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
)

// slot is a thread's worth of the engine: the sessions of one program. One goroutine at a time has it.
type slot struct {
	run     *run // whose sessions these are; nil: none
	advance func(chains []*chain.Chain, g chain.Goal, sink chain.Sink) error
	close   func() error
}

// slots are all slots of a worker.
type slots struct {
	runs *runs
	free chan *slot
	busy atomic.Int64 // ns that slots were taken, for the heartbeat
}

func newSlots(n int, rs *runs) *slots {
	s := &slots{runs: rs, free: make(chan *slot, n)}
	for range n {
		s.free <- &slot{}
	}
	return s
}

// with takes a slot, gives it the run's sessions, and calls f with it.
func (s *slots) with(ctx context.Context, r *run, f func(*slot) error) error {
	var x *slot
	select {
	case x = <-s.free:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	begin := time.Now()
	defer func() {
		s.busy.Add(int64(time.Since(begin)))
		s.free <- x
	}()
	err := chain.Guard(func() error {
		if err := s.give(x, r); err != nil {
			return err
		}
		return f(x)
	})
	if err != nil && err != errStopped { // what the sessions hold is of no use
		err = errors.Join(err, s.clear(x))
	}
	return err
}

// give has a slot hold the sessions of a run.
func (s *slots) give(x *slot, r *run) error {
	if x.run == r {
		return nil
	}
	if err := s.clear(x); err != nil {
		return err
	}
	if err := x.open(r); err != nil {
		return err
	}
	s.runs.share(r)
	x.run = r
	return nil
}

// open makes the sessions of a run.
func (x *slot) open(r *run) error {
	if r.lanes {
		w, err := r.program.NewPackWorker()
		if err != nil {
			return err
		}
		x.advance, x.close = w.Advance, w.Close
		return nil
	}
	w, err := r.program.NewWorker()
	if err != nil {
		return err
	}
	x.advance, x.close = singly(w), w.Close
	return nil
}

// singly advances chains one after another.
func singly(w *chain.Worker) func([]*chain.Chain, chain.Goal, chain.Sink) error {
	return func(chains []*chain.Chain, g chain.Goal, sink chain.Sink) error {
		for _, c := range chains {
			if err := w.Advance(c, g, sink); err != nil {
				return err
			}
			if g.Stop() {
				return nil
			}
		}
		return nil
	}
}

// clear frees the sessions of a slot.
func (s *slots) clear(x *slot) error {
	if x.run == nil {
		return nil
	}
	err := errors.Join(x.close(), s.runs.close(x.run))
	x.run = nil
	return err
}

// end frees all slots; nobody takes one any more.
func (s *slots) end() error {
	var errs []error
	for range cap(s.free) {
		errs = append(errs, s.clear(<-s.free))
	}
	return errors.Join(errs...)
}
