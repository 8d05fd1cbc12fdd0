package daemon

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// readiness is whether a coordinator can do its work, and whether its group can do without another one.
type readiness struct {
	grouped bool
	server  *nats.Server                        // nil for one that is not its own; set before replica
	replica atomic.Pointer[coordinator.Replica] // nil until it takes part
	leads   atomic.Bool
	whole   atomic.Bool // its server has had all that the others keep
}

// check returns what it is not ready for.
func (s *readiness) check() error {
	r := s.replica.Load()
	switch {
	case r == nil || !s.leads.Load() && (r.Leader() == "" || !s.grouped):
		return errors.New("no coordinator leads: NATS's servers and a majority of the coordinators are not together yet")
	case !slices.Contains(r.Members(), r.ID()):
		return errors.New("this coordinator's disk was empty: it is on its way into the group")
	case s.grouped && s.server != nil && !s.whole.Load():
		if err := s.server.Current(); err != nil {
			return err
		}
		s.whole.Store(true)
	}
	return nil
}

// readyEvery is how often it is looked whether a daemon has become ready.
const readyEvery = 5 * time.Millisecond

// announce calls Ready once the daemon is.
func (c *Common) announce(ctx context.Context, ready func() error, url string) {
	for ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(readyEvery):
		}
	}
	c.Log.Info("ready", "url", url)
	if c.Ready != nil {
		c.Ready(url)
	}
}
