package nats

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drey-sampler/drey/pkg/transport"
)

// duplicates is how long a queue remembers IDs, in memory: a few attempts to publish. It only spares work; nothing relies on it.
const duplicates = 30 * time.Second

// consumer is the name of the one durable consumer of a queue, which all its subscribers share.
const consumer = "drey"

// Prepare makes the streams, consumers and object stores that are not there, and gives those that are the limits. Copies is
// how many servers of a cluster keep each: 1 for a single server. Coordinators call it; workers need not be allowed to.
func Prepare(ctx context.Context, cfg Config, limits transport.Limits, copies int) error {
	if err := limits.Validate(); err != nil {
		return err
	}
	c, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	for _, channel := range transport.Channels() {
		if d := channel.Delivery(); d != transport.Queue && d != transport.History {
			continue
		}
		err := insist(ctx, func(ctx context.Context) error {
			_, err := c.js.CreateOrUpdateStream(ctx, streamConfig(channel, limits, copies))
			return err
		})
		if err != nil {
			return fault("prepare stream "+stream(channel), err)
		}
		if channel.Delivery() != transport.Queue {
			continue
		}
		err = insist(ctx, func(ctx context.Context) error {
			_, err := c.js.CreateOrUpdateConsumer(ctx, stream(channel), jetstream.ConsumerConfig{
				Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: limits.AckWait, MaxAckPending: limits.Pending, MaxDeliver: -1,
			})
			return err
		})
		if err != nil {
			return fault("prepare consumer of "+stream(channel), err)
		}
	}
	for _, b := range transport.Buckets() {
		err := insist(ctx, func(ctx context.Context) error {
			_, err := c.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: b.String(), Replicas: copies})
			return err
		})
		if err != nil {
			return fault("prepare object store "+b.String(), err)
		}
	}
	return nil
}

// insist repeats f, each time for a while, as long as servers of a cluster have not agreed on who of them leads: until then they
// do not answer.
func insist(ctx context.Context, f func(context.Context) error) error {
	pause := firstPause
	for {
		once, cancel := context.WithTimeout(ctx, attempt)
		err := f(once)
		cancel()
		if err == nil || !temporary(err) || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

// stream returns the name of a channel's stream.
func stream(c transport.Channel) string { return "drey-" + c.String() }

func streamConfig(c transport.Channel, limits transport.Limits, copies int) jetstream.StreamConfig {
	cfg := jetstream.StreamConfig{
		Name: stream(c), Subjects: []string{transport.Filter{Channel: c}.String()}, Replicas: copies, Duplicates: duplicates,
		Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, MaxMsgs: limits.QueueMessages, MaxBytes: limits.QueueBytes,
	}
	if c.Delivery() == transport.History {
		cfg.Retention, cfg.Discard = jetstream.LimitsPolicy, jetstream.DiscardOld
		cfg.MaxMsgs, cfg.MaxBytes = -1, limits.HistoryBytes
	}
	return cfg
}
