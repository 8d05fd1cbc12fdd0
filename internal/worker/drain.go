package worker

import (
	"context"
	"errors"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// drain asks the worker to hand over what it holds and to end.
func (w *worker) drain(reason string) {
	select {
	case w.asked.drain <- reason:
	default:
	}
}

func (w *worker) draining() bool { return w.asked.draining.Load() }

// handOver lets packs finish their blocks, unless those that are unfinished are kept, and sees them into the ledger, as far as there is
// time for it, and gives all leases back.
func (w *worker) handOver(ctx context.Context, reason string) {
	begin := time.Now()
	w.asked.draining.Store(true)
	signal(w.asked.acquire)
	leases := w.held()
	for _, l := range leases {
		l.poke()
	}
	settled := func(l *lease) bool { return l.waiting && !l.owing() }
	if w.cfg.Cuts == nil {
		w.await(leases, begin.Add(drainBlocks), settled)
	}
	w.halted.Store(true)
	w.await(leases, begin.Add(drainTime), settled)
	w.release(ctx, w.held(), reason)
}

// await waits until something is true of all leases that have not ended.
func (w *worker) await(leases []*lease, until time.Time, is func(*lease) bool) {
	for _, l := range leases {
		_, _ = l.wait(max(0, time.Until(until)), func() bool { return is(l) }) // one that ended is done too
	}
}

// over says why a lease ended, and tells the coordinator where its pack failed, here or for good.
func (w *worker) over(l *lease) {
	cause := context.Cause(l.ctx)
	args := []any{"run", l.Run, "pack", l.Pack, "epoch", l.Epoch, "reason", cause}
	var f failed
	if !errors.As(cause, &f) {
		w.cfg.Log.Info("lease ended", args...)
		return
	}
	w.cfg.Log.Error("pack failed", args...)
	var u unfit
	elsewhere := errors.As(cause, &u)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), requestTime)
	defer cancel()
	_, err := fetch(ctx, func(ctx context.Context) (*transport.Done, error) {
		return ask[*transport.Done](ctx, w, &transport.Release{
			Command: w.command(), Leases: []transport.LeaseRef{l.LeaseRef}, Reason: shorten(cause.Error()), Failed: !elsewhere,
		})
	})
	w.note(l, err)
}

// longestReason is how much of an error travels, in bytes.
const longestReason = 4 << 10

// shorten returns the beginning of a text.
func shorten(text string) string {
	if len(text) <= longestReason {
		return text
	}
	return string([]rune(text)[:longestReason/4]) // no rune has more than four bytes
}

// note logs an error that changes nothing.
func (w *worker) note(l *lease, err error) {
	switch {
	case err == nil:
	case l == nil:
		w.cfg.Log.Warn("worker", "error", err)
	default:
		w.cfg.Log.Warn("worker", "run", l.Run, "pack", l.Pack, "epoch", l.Epoch, "error", err)
	}
}
