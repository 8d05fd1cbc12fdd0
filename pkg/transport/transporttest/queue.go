package transporttest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
)

func eachToOne(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, a, b := connect(t), connect(t), connect(t)
	publish(t, publisher, 0, 1, 2) // before anyone listens
	subscriptions := []transport.Subscription{draws(t, a), draws(t, b)}
	publish(t, publisher, 3, 4, 5)
	var mu sync.Mutex
	var got []int
	all, cancel := context.WithCancel(within(t))
	var readers sync.WaitGroup
	for _, s := range subscriptions {
		readers.Go(func() {
			for {
				r, err := s.Next(all)
				if err != nil {
					return
				}
				if err := r.Ack(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				if got = append(got, number(t, r)); len(got) == 6 {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	cancel()
	slices.Sort(got)
	if !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
		t.Fatalf("received %v, want each of 0 to 5 once", got)
	}
	nothing(t, subscriptions[0])
}

func inOrder(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, s := connect(t), draws(t, connect(t))
	var numbers []int
	for n := range 50 {
		numbers = append(numbers, n)
	}
	publish(t, publisher, numbers...)
	acknowledge(t, expect(t, s, numbers...)...)
}

func redelivered(t *testing.T, open Open) {
	limits := Limits()
	limits.AckWait = 5 * moment
	connect := open(t, limits)
	publish(t, connect(t), 1)
	crashed, other := draws(t, connect(t)), connect(t)
	lost := expect(t, crashed, 1) // by a consumer that is never heard of again
	again := expect(t, draws(t, other), 1)
	acknowledge(t, again...)
	acknowledge(t, lost...) // late, and harmless
}

func final(t *testing.T, open Open) {
	limits := Limits()
	limits.AckWait = moment
	connect := open(t, limits)
	publisher, s := connect(t), draws(t, connect(t))
	publish(t, publisher, 1, 2)
	both := expect(t, s, 1, 2)
	acknowledge(t, both...)
	acknowledge(t, both...)
	must(t, both[0].Retry(within(t)))
	nothing(t, s)
	nothing(t, s)
	publish(t, publisher, 3)
	acknowledge(t, expect(t, s, 3)...)
}

func retried(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, s := connect(t), draws(t, connect(t))
	publish(t, publisher, 1)
	must(t, expect(t, s, 1)[0].Retry(within(t)))
	acknowledge(t, expect(t, s, 1)...)
	nothing(t, s)
}

func givenBack(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, c := connect(t), connect(t)
	first := draws(t, c)
	publish(t, publisher, 1, 2, 3)
	acknowledge(t, expect(t, first, 1)...)
	expect(t, first, 2)
	must(t, first.Close())
	must(t, first.Close())
	_, err := first.Next(within(t))
	want(t, transport.Unavailable, err)
	second := draws(t, c)
	got := []int{number(t, next(t, second)), number(t, next(t, second))}
	slices.Sort(got)
	if !slices.Equal(got, []int{2, 3}) {
		t.Fatalf("received %v, want 2 and 3", got)
	}
}

func connectionGivesBack(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, gone := connect(t), connect(t)
	publish(t, publisher, 1)
	expect(t, draws(t, gone), 1)
	must(t, gone.Close())
	acknowledge(t, expect(t, draws(t, connect(t)), 1)...)
}

func pendingBounded(t *testing.T, open Open) {
	limits := Limits()
	limits.Pending = 2
	connect := open(t, limits)
	publisher, a, b := connect(t), draws(t, connect(t)), draws(t, connect(t))
	publish(t, publisher, 1)
	first := takeFromEither(t, a, b)
	publish(t, publisher, 2)
	takeFromEither(t, a, b)
	publish(t, publisher, 3)
	nothing(t, a)
	nothing(t, b)
	acknowledge(t, first)
	takeFromEither(t, a, b)
}

// takeFromEither returns the next message of two subscriptions of a queue, of which it is not known which gets it.
func takeFromEither(t *testing.T, subscriptions ...transport.Subscription) transport.Received {
	t.Helper()
	for range patience / moment {
		for _, s := range subscriptions {
			ctx, cancel := context.WithTimeout(t.Context(), moment)
			r, err := s.Next(ctx)
			cancel()
			if err == nil {
				return r
			}
		}
	}
	t.Fatal("no message")
	return nil
}

func fullQueue(t *testing.T, open Open) {
	limits := Limits()
	limits.QueueMessages = 3
	connect := open(t, limits)
	publisher, s := connect(t), draws(t, connect(t))
	publish(t, publisher, 1, 2, 3)
	waits(t, publisher, s, message(4), func() { acknowledge(t, expect(t, s, 1)...) })
	acknowledge(t, expect(t, s, 2, 3, 4)...)
}

func fullByBytes(t *testing.T, open Open) {
	limits := Limits()
	limits.QueueBytes = 2 * transport.MaxMessage
	connect := open(t, limits)
	publisher, s := connect(t), draws(t, connect(t))
	big := func(n int) transport.Envelope { // with an ID: an attempt that was given up may still arrive
		e := message(n)
		e.Payload = make([]byte, transport.MaxMessage*3/4)
		return e
	}
	must(t, publisher.Publish(within(t), big(1)))
	must(t, publisher.Publish(within(t), big(2)))
	waits(t, publisher, s, big(3), func() { acknowledge(t, next(t, s)) })
	acknowledge(t, next(t, s), next(t, s))
}

// waits checks that e is stored only after room was made.
func waits(t *testing.T, publisher transport.Transport, s transport.Subscription, e transport.Envelope, makeRoom func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), moment)
	defer cancel()
	want(t, transport.Unavailable, publisher.Publish(ctx, e))
	stored := make(chan error, 1)
	go func() { stored <- publisher.Publish(within(t), e) }()
	makeRoom()
	must(t, <-stored)
}

func sameID(t *testing.T, open Open) {
	connect := open(t, Limits())
	publisher, s := connect(t), draws(t, connect(t))
	publish(t, publisher, 1, 1)
	acknowledge(t, expect(t, s, 1)...)
	again := message(1)
	again.ID = "" // what no filter may drop
	must(t, publisher.Publish(within(t), again))
	acknowledge(t, expect(t, s, 1)...)
}

func manyAtOnce(t *testing.T, open Open) {
	const publishers, each, readers = 4, 100, 3
	limits := Limits()
	limits.QueueMessages, limits.Pending = 64, 16
	connect := open(t, limits)
	var group sync.WaitGroup
	for p := range publishers {
		c := connect(t)
		group.Go(func() {
			for n := range each {
				if err := c.Publish(t.Context(), message(p*each+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var mu sync.Mutex
	times := map[int]int{}
	for range readers {
		s := draws(t, connect(t))
		group.Go(func() {
			for {
				r, err := s.Next(ctx)
				if err != nil {
					return
				}
				if err := r.Ack(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				if times[number(t, r)]++; len(times) == publishers*each {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(times) != publishers*each {
		t.Fatalf("%d different messages, want %d", len(times), publishers*each)
	}
	for n, k := range times {
		if k != 1 {
			t.Errorf("message %d came %d times", n, k)
		}
	}
}
