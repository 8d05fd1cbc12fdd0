package nats

import (
	"context"
	"errors"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drey-sampler/drey/pkg/transport"
)

// attempt is how long one attempt to store a message waits for the confirmation: it is lost if the server restarts.
const attempt = 2 * time.Second

// The pause before a message is offered again doubles from the first to the last.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

func (c *connection) Publish(ctx context.Context, e transport.Envelope) error {
	if err := e.Check(false); err != nil {
		return err
	}
	subject := e.Subject.String()
	ctx, release := c.refusable(ctx, subject)
	defer release()
	if err := context.Cause(ctx); err != nil {
		return fault("publish", err)
	}
	msg := &client.Msg{Subject: subject, Data: e.Payload}
	if d := e.Subject.Channel.Delivery(); d != transport.Queue && d != transport.History {
		if err := c.conn.PublishMsg(msg); err != nil {
			return fault("publish", err)
		}
		return nil
	}
	msg.Header = client.Header{}
	if e.ID != "" {
		msg.Header.Set(jetstream.MsgIDHeader, e.ID)
	}
	return c.store(ctx, msg)
}

// store offers a message to its stream until it is stored: while the queue is full, or the server away.
func (c *connection) store(ctx context.Context, msg *client.Msg) error {
	pause := firstPause
	for {
		once, cancel := context.WithTimeout(ctx, attempt)
		_, err := c.js.PublishMsg(once, msg)
		cancel()
		if err == nil {
			return nil
		}
		if !temporary(err) {
			return fault("publish", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if cause := context.Cause(ctx); cause != ctx.Err() {
				return cause
			}
			return transport.Errorf(transport.Unavailable, "publish", "%w; the last attempt: %w", ctx.Err(), err)
		}
		pause = min(2*pause, lastPause)
	}
}

// storeFull is NATS's number for a stream that is full and discards new messages.
const storeFull jetstream.ErrorCode = 10077

// temporary reports whether the same message may be stored if it is offered again.
func temporary(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode == storeFull || api.Code == 503
	}
	return isAny(err, context.DeadlineExceeded, context.Canceled, client.ErrTimeout, client.ErrNoResponders, client.ErrDisconnected,
		client.ErrReconnectBufExceeded, jetstream.ErrNoStreamResponse)
}

func (c *connection) Request(ctx context.Context, e transport.Envelope) ([]byte, error) {
	if err := e.Check(true); err != nil {
		return nil, err
	}
	subject := e.Subject.String()
	ctx, release := c.refusable(ctx, subject)
	defer release()
	if err := context.Cause(ctx); err != nil {
		return nil, fault("request", err)
	}
	reply, err := c.conn.RequestMsgWithContext(ctx, &client.Msg{Subject: subject, Data: e.Payload})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fault("request on "+subject, err)
	}
	return reply.Data, nil
}
