package faulty

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
	"github.com/drey-sampler/drey/pkg/transport/transporttest"
)

// opener makes buses in memory, whose connections follow a plan.
func opener(plan Plan) transporttest.Open {
	return func(t *testing.T, limits transport.Limits) transporttest.Connect {
		t.Log(plan)
		bus, err := memory.New(limits)
		if err != nil {
			t.Fatal(err)
		}
		return func(t *testing.T) transport.Transport { return connect(t, bus, plan) }
	}
}

func connect(t *testing.T, bus *memory.Bus, plan Plan) *Transport {
	c := Wrap(bus.Connect(), plan)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestContractWithoutFaults(t *testing.T) { transporttest.Run(t, opener(Plan{})) }

func TestContractWithFaults(t *testing.T) {
	for seed := range uint64(3) {
		transporttest.RunWithFaults(t, opener(Plan{Seed: seed, Drop: 0.2, Lost: 0.2, Duplicate: 0.2, Delay: 0.2}))
	}
}

func heartbeat(n int) transport.Envelope {
	return transport.Envelope{Subject: transport.Subject{Channel: transport.Heartbeats, Party: "w"}, Payload: []byte{byte(n)}}
}

// history publishes broadcasts under a plan and returns what arrived and which faults there were.
func history(t *testing.T, plan Plan) ([]byte, map[string]int) {
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	s, err := bus.Connect().Subscribe(t.Context(), transport.Filter{Channel: transport.Heartbeats})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, bus, plan)
	for n := range 200 {
		if err := c.Publish(t.Context(), heartbeat(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Wrap(bus.Connect(), Plan{}).Publish(t.Context(), heartbeat(255)); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for {
		r, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b := r.Envelope().Payload[0]; b != 255 {
			out = append(out, b)
			continue
		}
		return out, c.Faults()
	}
}

// TestSeed: the same seed gives the same faults, another others; all kinds occur.
func TestSeed(t *testing.T) {
	plan := Plan{Seed: 1, Drop: 0.1, Duplicate: 0.1, Delay: 0.1}
	a, faults := history(t, plan)
	b, again := history(t, plan)
	if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(faults, again) {
		t.Errorf("the same plan gave\n%v %v\n%v %v", a, faults, b, again)
	}
	plan.Seed = 2
	if c, _ := history(t, plan); reflect.DeepEqual(a, c) {
		t.Error("two seeds gave the same")
	}
	for _, kind := range []string{"drop", "duplicate", "delay"} { // 200 draws at 0.1: five standard deviations of √18
		if n := faults[kind]; n < 1 || n > 41 {
			t.Errorf("%d times %s in 200, want about 20", n, kind)
		}
	}
}

// TestPartition: nothing passes in a direction that is cut, and everything stored does once it is healed.
func TestPartition(t *testing.T) {
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	c, other := connect(t, bus, Plan{}), bus.Connect()
	e := transport.Envelope{Subject: transport.Subject{Channel: transport.Draws, Run: "r", Party: "w"}}
	s, err := c.Subscribe(t.Context(), transport.Filter{Channel: transport.Draws})
	if err != nil {
		t.Fatal(err)
	}
	c.Cut(Outbound | Inbound)
	if err := c.Publish(t.Context(), e); transport.KindOf(err) != transport.Unavailable {
		t.Errorf("%v, want an error that is unavailable", err)
	}
	if err := other.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that the context has ended", err)
	}
	c.Cut(Outbound)
	r, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Ack(t.Context()); transport.KindOf(err) != transport.Unavailable {
		t.Errorf("%v, want an error that is unavailable", err)
	}
	c.Heal()
	if err := r.Ack(t.Context()); err != nil {
		t.Error(err)
	}
	if c.Faults()["cut"] != 2 {
		t.Errorf("faults %v, want two of the cut", c.Faults())
	}
}
