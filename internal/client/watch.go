package client

import (
	"context"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// askEvery is how long nothing may be heard of a run before it is asked for: what is broadcast may be lost.
const askEvery = 2 * time.Second

// Watch calls f with each status of a run, from one goroutine, until the run has ended; it returns the last one.
func (c *Client) Watch(ctx context.Context, run transport.RunID, f func(*transport.RunStatus)) (*transport.RunStatus, error) {
	live, err := c.transport.Subscribe(ctx, transport.Filter{Channel: transport.Progress, Run: run})
	if err != nil {
		return nil, err
	}
	defer live.Close()
	s, err := c.Status(ctx, run)
	for {
		if err != nil {
			return s, err
		}
		f(s)
		if s.State >= transport.Stopped {
			return s, nil
		}
		if s, err = next(ctx, live); err == nil && s == nil {
			s, err = c.Status(ctx, run)
		}
	}
}

// next returns the next status that is broadcast, nil if none comes for a while.
func next(ctx context.Context, live transport.Subscription) (*transport.RunStatus, error) {
	once, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	for {
		r, err := live.Next(once)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && once.Err() != nil:
			return nil, nil
		case err != nil:
			return nil, err
		}
		m, err := transport.Open(r.Envelope())
		if s, ok := m.(*transport.RunStatus); ok && err == nil {
			return s, nil
		}
	}
}

// quiet is how long the log may say nothing before it is taken to have been read to its end.
const quiet = 500 * time.Millisecond

// Logs calls f with the lines of a run's log, the oldest first; with follow, until ctx ends.
func (c *Client) Logs(ctx context.Context, run transport.RunID, follow bool, f func(*transport.LogRecord)) error {
	lines, err := c.transport.Subscribe(ctx, transport.Filter{Channel: transport.Events, Run: run})
	if err != nil {
		return err
	}
	defer lines.Close()
	for {
		once, cancel := ctx, context.CancelFunc(func() {})
		if !follow {
			once, cancel = context.WithTimeout(ctx, quiet)
		}
		r, err := lines.Next(once)
		ended := once.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && ended:
			return nil
		case err != nil:
			return err
		}
		m, err := transport.Open(r.Envelope())
		if record, ok := m.(*transport.LogRecord); ok && err == nil { // a forged line is nobody's
			f(record)
		}
	}
}
