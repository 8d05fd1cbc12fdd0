package worker

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// runs are those that a worker has compiled: those in use, and the last few others.
type runs struct {
	prepare  func(ctx context.Context, r *run, g *transport.Grant) error
	prepared func() // is called once a program is there

	mu   sync.Mutex // guards the field below
	list []*run     // the latest last
}

// idleRuns is how many programs are kept that nobody uses, in case that a pack of theirs comes back.
const idleRuns = 2

// open returns the run of a grant, compiled once for all its packs. The caller closes it.
func (rs *runs) open(ctx context.Context, g *transport.Grant) (*run, error) {
	for {
		r, found := rs.enter(g)
		if !found {
			if r.err = rs.prepare(ctx, r, g); r.err != nil {
				rs.forget(r)
			}
			close(r.ready)
			rs.prepared()
			return r, r.err
		}
		select {
		case <-r.ready:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), rs.close(r))
		}
		if r.err == nil || !r.abandoned {
			return r, r.err
		}
	}
}

// enter returns the run of a grant and notes a user of it; found says that another prepares it, or has.
func (rs *runs) enter(g *transport.Grant) (r *run, found bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.list {
		if r.digest == g.Manifest.Digest && r.id == g.Lease.Run {
			r.users++
			return r, true
		}
	}
	r = &run{digest: g.Manifest.Digest, id: g.Lease.Run, users: 1, ready: make(chan struct{})}
	rs.list = append(rs.list, r)
	return r, false
}

// compiled says how long the programs of the runs in use took to compile.
func (rs *runs) compiled() (out []transport.Compilation) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.list {
		select {
		case <-r.ready:
			if r.err == nil && r.users > 0 {
				out = append(out, transport.Compilation{Run: r.id, Millis: uint32(r.took.Milliseconds())})
			}
		default:
		}
	}
	return out
}

// forget removes a run that can't be had.
func (rs *runs) forget(r *run) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.list = slices.DeleteFunc(rs.list, func(x *run) bool { return x == r })
}

// share notes another user of an open run.
func (rs *runs) share(r *run) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.users++
}

// learn keeps a decision of a run that is open.
func (rs *runs) learn(d *transport.Decision) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.list {
		if r.id == d.Run {
			r.learn(d)
		}
	}
}

// close ends a use of a run, and frees programs that have not been used for long.
func (rs *runs) close(r *run) error {
	rs.mu.Lock()
	r.users--
	var drop []*run
	for i, idle := len(rs.list)-1, 0; i >= 0; i-- {
		if x := rs.list[i]; x.users == 0 {
			if idle++; idle > idleRuns {
				drop, rs.list = append(drop, x), slices.Delete(rs.list, i, i+1)
			}
		}
	}
	rs.mu.Unlock()
	return free(drop)
}

// free frees the programs of runs that nobody uses.
func free(list []*run) error {
	var errs []error
	for _, r := range list {
		errs = append(errs, r.program.Close())
	}
	return errors.Join(errs...)
}

// ids returns the runs whose programs are compiled.
func (rs *runs) ids() []transport.RunID {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var out []transport.RunID
	for _, r := range rs.list {
		out = append(out, r.id)
	}
	return out
}

// end frees all programs; nobody uses them any more.
func (rs *runs) end() error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	list := rs.list
	rs.list = nil
	return free(list)
}
