package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/transport"
)

// shell returns what does the machine's decisions, and keeps draws by itself. led is called when this coordinator begins to lead.
func (c *CoordinatorConfig) shell(r *coordinator.Replica, t transport.Transport, log *slog.Logger, led func()) (*shell.Shell, error) {
	keeps := sink.Config{Path: c.run, Inputs: t.Objects(transport.Inputs), Figures: true, Log: log}
	cfg := shell.Config{
		Name: transport.PartyID(r.ID()), Machine: r, Transport: t, Adapter: runner.Adapter{}, Verify: c.verify(), Check: job.Check,
		OnLead: led, Log: log,
	}
	if len(c.Peers) > 1 {
		keeps.Group = &sink.Group{Name: cfg.Name, Transport: t, Members: shell.Parties(r)}
		cfg.Membership = r
	}
	var err error
	if cfg.Sink, err = sink.New(keeps); err != nil {
		return nil, err
	}
	return shell.New(cfg)
}

// follow takes part in the group until ctx ends. A coordinator that has no place in it ends with the reason.
func (c *CoordinatorConfig) follow(ctx context.Context, sh *shell.Shell, r *coordinator.Replica, t transport.Transport, log *slog.Logger) error {
	following, end := context.WithCancel(ctx)
	var joining sync.WaitGroup
	var refused error
	if len(c.Peers) > 1 {
		joining.Go(func() {
			if refused = c.join(following, r, t, log); refused != nil {
				end()
			}
		})
	}
	err := sh.Follow(following, r)
	end()
	joining.Wait()
	return errors.Join(refused, err)
}

// joinTime is how long a request to join may take: the group agrees three times on who is in it.
const joinTime = 10 * time.Second

// join asks the coordinator that leads for this one's place in the group, again and again until somebody who leads has given it. One that
// has it already asks too: another may have got it while this one was away. An error says why it was refused.
func (c *CoordinatorConfig) join(ctx context.Context, r *coordinator.Replica, t transport.Transport, log *slog.Logger) error {
	request := &transport.Join{Command: transport.Command{Party: transport.PartyID(r.ID())}, Address: c.self().raft()}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		once, cancel := context.WithTimeout(ctx, joinTime)
		_, err := transport.Ask[*transport.Done](once, t, request)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			log.Info("joined the group", "as", r.ID())
			return nil
		case transport.KindOf(err) != transport.Unavailable:
			return err
		case !slices.Contains(r.Members(), r.ID()):
			log.Warn("not in the group yet", "reason", err.Error())
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}
