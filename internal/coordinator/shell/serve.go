package shell

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// serve answers requests until the subscription ends.
func (r *reign) serve(ctx context.Context, control transport.Subscription) error {
	var busy sync.WaitGroup
	defer busy.Wait()
	free := make(chan struct{}, requests)
	for {
		q, err := control.Next(ctx)
		if err != nil {
			return err
		}
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		busy.Go(func() {
			defer func() { <-free }()
			r.reply(ctx, q)
		})
	}
}

// reply answers a request. One that is refused is logged with the reason.
func (r *reign) reply(ctx context.Context, q transport.Received) {
	m, err := transport.Open(q.Envelope())
	var reply transport.Message
	if err == nil {
		reply, err = r.answer(ctx, m)
	}
	if err != nil && ctx.Err() == nil && transport.KindOf(err) != transport.Unavailable {
		r.cfg.Log.Info("request refused", "subject", q.Envelope().Subject.String(), "reason", err.Error())
	}
	if err := transport.Answer(ctx, q, reply, err); err != nil && ctx.Err() == nil {
		r.cfg.Log.Warn("a reply was not sent", "subject", q.Envelope().Subject.String(), "reason", err.Error())
	}
}

// answer carries a request out.
func (r *reign) answer(ctx context.Context, m transport.Sealed) (transport.Message, error) {
	switch m := m.(type) {
	case *transport.Register:
		return r.register(ctx, m)
	case *transport.Lease:
		return r.lease(ctx, m)
	case *transport.Renew:
		return r.prolong(ctx, m)
	case *transport.Release:
		return r.release(ctx, m)
	case *transport.Commit:
		verdicts, err := r.Commit(ctx, m.Entries)
		return &transport.CommitReply{Verdicts: verdicts}, err
	case *transport.Catchup:
		return r.catchUp(ctx, m)
	case *transport.Submit:
		return r.submit(ctx, m)
	case *transport.Stop:
		return r.control(ctx, m.Run, m.Reason, m.Command, &coordinator.Stop{ID: commandID(m.Command), Run: coordinator.RunID(m.Run)})
	case *transport.Resume:
		return r.control(ctx, m.Run, "", m.Command, &coordinator.Resume{ID: commandID(m.Command), Run: coordinator.RunID(m.Run)})
	case *transport.Extend:
		return r.control(ctx, m.Run, "", m.Command, &coordinator.Extend{ID: commandID(m.Command), Run: coordinator.RunID(m.Run), Target: m.Target})
	case *transport.DrainWorker:
		out, err := r.propose(ctx, &coordinator.Drain{Worker: coordinator.WorkerID(m.Worker)})
		return done(out, err, transport.NoRun)
	case *transport.Status:
		return r.status(ctx, m.Run)
	case *transport.Runs:
		return r.list(ctx)
	case *transport.Workers:
		return r.fleet(), nil
	case *transport.Join:
		return r.join(ctx, m)
	case *transport.Pull:
		return r.pull(ctx, m.Run)
	}
	return nil, transport.Errorf(transport.Invalid, "coordinator", "%s is no request to a coordinator", transport.NameOf(m))
}

// commandID returns the identity of a user's command in the machine.
func commandID(c transport.Command) coordinator.CommandID {
	b := append([]byte("drey command\x00"), c.Party...)
	b = binary.LittleEndian.AppendUint64(append(b, 0), c.Incarnation)
	b = binary.LittleEndian.AppendUint64(b, c.Sequence)
	sum := sha256.Sum256(b)
	return coordinator.CommandID(sum[:16])
}

// kinds are the kinds of errors that codes are to whoever sent a command.
var kinds = map[coordinator.Code]transport.Kind{
	coordinator.Invalid: transport.Invalid, coordinator.NotFound: transport.NotFound, coordinator.StaleEpoch: transport.StaleEpoch,
	coordinator.Gap: transport.Unavailable, coordinator.Forked: transport.Invalid, coordinator.Early: transport.Unavailable, coordinator.Ended: transport.Invalid,
}

// refusal returns the error of a command that was not applied, nil if it was, now or before.
func refusal(out coordinator.Result, run transport.RunID) error {
	if out.Code == coordinator.OK || out.Code == coordinator.Duplicate {
		return nil
	}
	err := transport.Errorf(kinds[out.Code], "coordinator", "%s", out.Reason)
	if run != transport.NoRun {
		err.Run = run
	}
	return err
}

// done replies that a command was applied, unless it was not.
func done(out coordinator.Result, err error, run transport.RunID) (transport.Message, error) {
	if err == nil {
		err = refusal(out, run)
	}
	return &transport.Done{}, err
}
