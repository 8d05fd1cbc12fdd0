package worker

import (
	"context"

	"github.com/drey-sampler/drey/pkg/transport"
)

// decided returns the decision of a version, nil if it is not known here.
func (r *run) decided(version uint64) *transport.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	if version < 1 || version > uint64(len(r.decisions)) {
		return nil
	}
	return r.decisions[version-1]
}

// learn keeps a decision that follows those that are known; others come again when they are asked for.
func (r *run) learn(d *transport.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.Version == uint64(len(r.decisions))+1 {
		r.decisions = append(r.decisions, d)
	}
}

// decision returns a decision once it is taken.
func (w *worker) decision(l *lease, r *run, version uint64) (*transport.Decision, error) {
	for {
		if d := r.decided(version); d != nil {
			return d, nil
		}
		if err := l.rest(func() bool { return l.decision < version }); err != nil {
			return nil, err
		}
		if err := w.catchUp(l, r, version); err != nil {
			return nil, err
		}
	}
}

// catchUp asks for the decisions up to a version that are not known.
func (w *worker) catchUp(l *lease, r *run, version uint64) error {
	for have := uint64(1); have <= version; have++ {
		if r.decided(have) != nil {
			continue
		}
		reply, err := fetch(l.ctx, func(ctx context.Context) (*transport.CatchupReply, error) {
			return ask[*transport.CatchupReply](ctx, w, &transport.Catchup{Command: w.command(), Run: l.Run, After: have - 1})
		})
		if err != nil {
			return err
		}
		if reply.Decision.Version != have {
			return transport.Errorf(transport.Corrupt, "catchup", "decision %d of run %s in the place of %d of %d", reply.Decision.Version, l.Run, have, reply.Latest)
		}
		r.learn(&reply.Decision)
	}
	return nil
}
