package transporttest

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
)

// RunWithFaults checks what a transport keeps whatever goes wrong, for whoever repeats what was Unavailable.
func RunWithFaults(t *testing.T, open Open) {
	t.Run("queue/each at least once", func(t *testing.T) { atLeastOnce(t, open) })
	t.Run("service/until there is a reply", func(t *testing.T) { untilReply(t, open) })
	t.Run("objects/until they are stored", func(t *testing.T) { untilStored(t, open) })
	t.Run("invalid/messages", func(t *testing.T) { invalidMessages(t, open) })
}

// insist repeats what is Unavailable.
func insist(t *testing.T, what func() error) {
	t.Helper()
	for {
		err := what()
		if err == nil {
			return
		}
		want(t, transport.Unavailable, err)
	}
}

func atLeastOnce(t *testing.T, open Open) {
	const messages = 200
	connect := open(t, Limits())
	publisher, s := connect(t), draws(t, connect(t))
	go func() {
		for n := range messages {
			for publisher.Publish(t.Context(), message(n)) != nil && t.Context().Err() == nil {
				continue
			}
		}
	}()
	var order []int
	seen := map[int]bool{}
	for len(seen) < messages {
		r := next(t, s)
		n := number(t, r)
		seen[n] = true
		order = append(order, n)
		insist(t, func() error { return r.Ack(within(t)) })
	}
	if slices.IsSorted(order) && len(order) == messages {
		t.Error("each message came once and in order: there were no faults")
	}
}

func untilReply(t *testing.T, open Open) {
	connect := open(t, Limits())
	served := make(chan struct{}, 10000)
	echo(t, connect(t), func() { served <- struct{}{} })
	c := connect(t)
	const requests = 100
	for range requests {
		insist(t, func() error {
			reply, err := c.Request(within(t), request("lease", "x"))
			if err == nil && string(reply) != "xx" {
				t.Fatalf("the reply is %q", reply)
			}
			return err
		})
	}
	if len(served) <= requests {
		t.Errorf("%d requests were served %d times: there were no faults", requests, len(served))
	}
}

func untilStored(t *testing.T, open Open) {
	connect := open(t, Limits())
	o, ctx := connect(t).Objects(transport.Results), context.WithoutCancel(t.Context())
	for n := range 50 {
		data := bytes.Repeat([]byte{byte(n)}, 1000+n)
		var name transport.Digest
		insist(t, func() (err error) {
			name, err = o.Put(ctx, data)
			return err
		})
		insist(t, func() error {
			got, err := o.Get(ctx, name, transport.MaxObject)
			if err == nil && !bytes.Equal(got, data) {
				t.Fatal("other bytes came back")
			}
			return err
		})
		insist(t, func() error { return o.Delete(ctx, name) })
	}
}
