package shell

import (
	"context"
	"slices"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// register makes a worker known.
func (r *reign) register(ctx context.Context, m *transport.Register) (transport.Message, error) {
	out, err := r.propose(ctx, &coordinator.Register{
		Worker: coordinator.WorkerID(m.Command.Party), Incarnation: m.Command.Incarnation, Class: m.Class, Width: m.Width,
	})
	if err == nil {
		if err = refusal(out, transport.NoRun); transport.KindOf(err) == transport.Invalid && err != nil {
			err = transport.Errorf(transport.Refused, "register", "%s", out.Reason)
		}
	}
	if err != nil {
		return nil, err
	}
	r.introduced(m.Command.Party, func(i *introduction) { *i = introduction{host: m.Host, slots: m.Slots} })
	if out.Code == coordinator.OK {
		r.event(transport.NoRun, "worker registered", "worker", string(m.Command.Party), "class", m.Class, "host", m.Host)
	}
	return &transport.Done{}, nil
}

// introduced changes what is known of a worker.
func (s *Shell) introduced(worker transport.PartyID, change func(*introduction)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers[worker] == nil {
		s.workers[worker] = new(introduction)
	}
	change(s.workers[worker])
	s.workers[worker].heard = time.Now()
}

// Times that a worker waits until it asks for packs again where there are none: so that a thousand idle workers make few requests.
const (
	leastRetry = 100 * time.Millisecond
	mostRetry  = 2 * time.Second
	retryEach  = 4 * time.Millisecond // for each worker
)

// lease gives a worker packs and says where each goes on.
func (r *reign) lease(ctx context.Context, m *transport.Lease) (transport.Message, error) {
	worker := coordinator.WorkerID(m.Command.Party)
	grants, err := r.acquire(ctx, &coordinator.Acquire{Worker: worker, Incarnation: m.Command.Incarnation, Number: m.Command.Sequence, Want: m.Slots})
	if err != nil {
		return nil, err
	}
	reply := &transport.LeaseReply{RetryMillis: uint32(r.retry().Milliseconds())}
	millis := uint32(coordinator.MaxLeaseMillis)
	room := replyBytes
	for _, g := range grants {
		if slices.ContainsFunc(m.Held, func(l transport.LeaseRef) bool { return tenure(l) == g.Tenure }) {
			continue
		}
		grant, err := r.grant(ctx, g)
		if err != nil && (ctx.Err() != nil || transport.KindOf(err) == transport.Unavailable) {
			return nil, err
		}
		if err != nil { // nobody can go on from there until the store is whole again
			r.cfg.Log.Error("a pack can't be leased", "run", string(g.Run), "pack", g.Pack, "reason", err.Error())
			if _, err := r.propose(ctx, &coordinator.Release{Worker: worker, Leases: []coordinator.Tenure{g.Tenure}}); err != nil {
				return nil, err
			}
			continue
		}
		if room -= grantBytes + len(grant.Manifest.Inline) + len(grant.State.Inline); room < 0 && len(reply.Grants) > 0 {
			reply.RetryMillis = 0 // for the rest
			break
		}
		reply.Grants = append(reply.Grants, grant)
		millis = min(millis, g.Millis)
	}
	reply.DurationMillis = millis
	return reply, nil
}

// What the grants of a reply may take in bytes, with what is inline, and what each takes besides.
const (
	replyBytes = transport.MaxMessage - 64<<10
	grantBytes = 1 << 10
)

// acquire returns the leases that a worker holds, with new ones where there are packs for it.
func (r *reign) acquire(ctx context.Context, cmd *coordinator.Acquire) (grants []coordinator.Grant, err error) {
	idle := false
	r.cfg.Machine.View(func(m *coordinator.Machine) { grants, idle = m.Idle(cmd) })
	if idle {
		return grants, nil
	}
	out, err := r.propose(ctx, cmd)
	if err == nil {
		err = refusal(out, transport.NoRun)
	}
	return out.Grants, err
}

func (r *reign) retry() time.Duration {
	r.Shell.mu.Lock()
	defer r.Shell.mu.Unlock()
	return min(max(leastRetry, time.Duration(len(r.workers))*retryEach), mostRetry)
}

// grant returns a lease as its worker needs it.
func (r *reign) grant(ctx context.Context, g coordinator.Grant) (transport.Grant, error) {
	run, pack := transport.RunID(g.Run), transport.PackID(g.Pack)
	s, err := r.submission(ctx, run)
	if err != nil {
		return transport.Grant{}, err
	}
	var draws uint64
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		if standing, ok := m.Standing(g.Tenure); ok {
			draws = standing.Draws
		}
	})
	first, chains := s.manifest.Pack(pack)
	out := transport.Grant{
		Lease: transport.LeaseRef{Run: run, Pack: pack, Epoch: transport.Epoch(g.Epoch)}, Manifest: s.submit.Manifest,
		Key: s.submit.Key, Signature: s.submit.Signature, Chain: first, Chains: chains, Next: uint64(g.K), Decision: uint64(g.Decisions), Target: draws,
	}
	if g.K == 0 {
		return out, nil
	}
	out.Head = transport.Digest(g.Prev)
	state, err := r.cfg.Sink.State(ctx, r, run, pack, out.Head)
	if err != nil {
		return out, err
	}
	outcome := r.cfg.Transport.Objects(transport.Outcome)
	if len(out.Manifest.Inline)+len(state) <= transport.MaxInline {
		out.State, err = transport.Pack(ctx, outcome, state)
		return out, err
	}
	out.State = transport.Payload{Size: uint64(len(state)), Digest: transport.DigestOf(state)}
	_, err = outcome.Put(ctx, state)
	return out, err
}

// renewal is a worker's sign of life on its way to the machine.
type renewal struct {
	worker coordinator.WorkerID
	done   chan error // of one
}

// renew proposes the signs of life that have come, together. After each proposal it rests for as long as that took, so that few
// come singly and many in one.
func (r *reign) renew(ctx context.Context) error {
	for {
		var batch []*renewal
		select {
		case x := <-r.renewals:
			batch = append(batch, x)
		case <-ctx.Done():
			return nil
		}
		for more := true; more && len(batch) < coordinator.MaxBatch; {
			select {
			case x := <-r.renewals:
				batch = append(batch, x)
			default:
				more = false
			}
		}
		cmd := &coordinator.Renew{}
		for _, x := range batch {
			cmd.Workers = append(cmd.Workers, x.worker)
		}
		begin := time.Now()
		_, err := r.propose(ctx, cmd)
		for _, x := range batch {
			x.done <- err
		}
		if !pause(ctx, min(time.Since(begin), mostRest)) {
			return nil
		}
	}
}

// prolong renews a worker's leases and says how they are.
func (r *reign) prolong(ctx context.Context, m *transport.Renew) (transport.Message, error) {
	worker := coordinator.WorkerID(m.Command.Party)
	if err := r.current(m.Command); err != nil {
		return nil, err
	}
	x := &renewal{worker, make(chan error, 1)}
	select {
	case r.renewals <- x:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case err := <-x.done:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	reply := &transport.RenewReply{DurationMillis: coordinator.MaxLeaseMillis}
	var runs []transport.RunID
	r.cfg.Machine.View(func(machine *coordinator.Machine) {
		state, _ := machine.Worker(worker)
		reply.Drain = state.Drained
		for _, l := range m.Leases {
			reply.Leases = append(reply.Leases, leaseState(machine, worker, l))
			runs = append(runs, l.Run)
		}
	})
	slices.Sort(runs)
	for _, run := range slices.Compact(runs) {
		if s, err := r.submission(ctx, run); err == nil {
			reply.DurationMillis = min(reply.DurationMillis, s.manifest.Lease)
		}
	}
	return reply, nil
}

// current returns an error unless a command is of the process that has its worker's name.
func (r *reign) current(c transport.Command) error {
	var state coordinator.WorkerState
	var known bool
	r.cfg.Machine.View(func(m *coordinator.Machine) { state, known = m.Worker(coordinator.WorkerID(c.Party)) })
	switch {
	case !known || c.Incarnation > state.Incarnation:
		return transport.Errorf(transport.NotFound, "coordinator", "worker %s is not known: register first", c.Party)
	case c.Incarnation < state.Incarnation:
		return transport.Errorf(transport.StaleEpoch, "coordinator", "a later process has taken the name of worker %s", c.Party)
	}
	return nil
}

func leaseState(m *coordinator.Machine, worker coordinator.WorkerID, l transport.LeaseRef) transport.LeaseState {
	out := transport.LeaseState{Lease: l}
	s, ok := m.Standing(tenure(l))
	if !ok {
		return out
	}
	out.Held, out.Committed, out.Decision, out.Target = s.Holder == worker, uint64(s.Blocks), uint64(s.Decisions), s.Draws
	if s.Blocks > 0 {
		out.Head = transport.Digest(s.Prev)
	}
	return out
}

func tenure(l transport.LeaseRef) coordinator.Tenure {
	return coordinator.Tenure{Run: coordinator.RunID(l.Run), Pack: uint32(l.Pack), Epoch: coordinator.Epoch(l.Epoch)}
}

// release takes leases back, or ends the run of packs that can't go on.
func (r *reign) release(ctx context.Context, m *transport.Release) (transport.Message, error) {
	if err := r.current(m.Command); err != nil {
		return nil, err
	}
	var leases []coordinator.Tenure
	for _, l := range m.Leases {
		leases = append(leases, tenure(l))
	}
	if !m.Failed {
		_, err := r.propose(ctx, &coordinator.Release{Worker: coordinator.WorkerID(m.Command.Party), Leases: leases})
		return &transport.Done{}, err
	}
	for _, t := range leases {
		var holder coordinator.WorkerID
		r.cfg.Machine.View(func(machine *coordinator.Machine) {
			if s, ok := machine.Standing(t); ok {
				holder = s.Holder
			}
		})
		if holder != coordinator.WorkerID(m.Command.Party) {
			continue // it was taken back meanwhile: another's failure will say the same
		}
		if _, err := r.propose(ctx, &coordinator.Fail{Tenure: t, Reason: m.Reason}); err != nil {
			return nil, err
		}
	}
	return &transport.Done{}, nil
}

// listen keeps what workers say about themselves.
func (r *reign) listen(ctx context.Context) error {
	sub, err := r.cfg.Transport.Subscribe(ctx, transport.Filter{Channel: transport.Heartbeats})
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		q, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		m, err := transport.Open(q.Envelope())
		if err != nil {
			r.cfg.Log.Info("message refused", "subject", q.Envelope().Subject.String(), "reason", err.Error())
			continue
		}
		if beat, ok := m.(*transport.Heartbeat); ok {
			r.introduced(beat.Worker, func(i *introduction) { i.rate, i.beat = beat.LeapfrogRate, beat.Sequence })
			r.compiled(ctx, beat)
		}
	}
}

// compiled notes how long a worker took to compile the programs of the runs that it has packs of, where nobody took longer.
func (r *reign) compiled(ctx context.Context, beat *transport.Heartbeat) {
	for _, x := range beat.Compiled {
		cmd := &coordinator.Compiled{Run: coordinator.RunID(x.Run), Millis: x.Millis}
		news := false
		r.cfg.Machine.View(func(m *coordinator.Machine) {
			p, _ := m.Progress(cmd.Run)
			w, _ := m.Worker(coordinator.WorkerID(beat.Worker))
			news = p.Times.Compile < uint64(x.Millis) && slices.ContainsFunc(w.Held, func(t coordinator.Tenure) bool { return t.Run == cmd.Run })
		})
		if !news {
			continue
		}
		if _, err := r.propose(ctx, cmd); err != nil { // the next heartbeat says it again
			return
		}
	}
}
