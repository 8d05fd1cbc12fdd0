package observe

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Transport returns a transport whose messages are counted, and read where they say how a worker or a run is.
func (m *Metrics) Transport(t transport.Transport) transport.Transport { return &watched{t, m} }

type watched struct {
	transport.Transport
	m *Metrics
}

// Directions and outcomes of messages.
const (
	sent     = "sent"
	received = "received"
	ok       = "ok"
)

// outcome is a label for an error: its kind.
func outcome(err error) string {
	if err == nil {
		return ok
	}
	return transport.KindOf(err).String()
}

func (m *Metrics) count(e transport.Envelope, direction string, err error) {
	channel := e.Subject.Channel.String()
	m.messages.WithLabelValues(channel, direction, outcome(err)).Inc()
	m.bytes.WithLabelValues(channel, direction).Add(float64(len(e.Payload)))
}

func (w *watched) Publish(ctx context.Context, e transport.Envelope) error {
	if c := e.Subject.Channel; c == transport.Heartbeats || c == transport.Progress {
		if message, err := transport.Open(e); err == nil {
			w.m.read(message)
		}
	}
	err := w.Transport.Publish(ctx, e)
	w.m.count(e, sent, err)
	return err
}

func (w *watched) Request(ctx context.Context, e transport.Envelope) ([]byte, error) {
	began := time.Now()
	reply, err := w.Transport.Request(ctx, e)
	w.m.count(e, sent, err)
	w.m.requests.WithLabelValues(e.Subject.Verb).Observe(time.Since(began).Seconds())
	return reply, err
}

func (w *watched) Subscribe(ctx context.Context, f transport.Filter) (transport.Subscription, error) {
	s, err := w.Transport.Subscribe(ctx, f)
	if err != nil {
		return nil, err
	}
	return &watchedSubscription{s, w.m}, nil
}

func (w *watched) Objects(b transport.Bucket) transport.Objects {
	return &watchedObjects{w.Transport.Objects(b), b.String(), w.m.objects}
}

type watchedSubscription struct {
	transport.Subscription
	m *Metrics
}

func (s *watchedSubscription) Next(ctx context.Context) (transport.Received, error) {
	r, err := s.Subscription.Next(ctx)
	if err == nil {
		s.m.count(r.Envelope(), received, nil)
	}
	return r, err
}

type watchedObjects struct {
	transport.Objects
	bucket string
	count  *prometheus.CounterVec
}

func (o *watchedObjects) Put(ctx context.Context, data []byte) (transport.Digest, error) {
	d, err := o.Objects.Put(ctx, data)
	o.count.WithLabelValues(o.bucket, sent, outcome(err)).Inc()
	return d, err
}

func (o *watchedObjects) Get(ctx context.Context, name transport.Digest, limit int64) ([]byte, error) {
	data, err := o.Objects.Get(ctx, name, limit)
	o.count.WithLabelValues(o.bucket, received, outcome(err)).Inc()
	return data, err
}

// read sets gauges by what a message says.
func (m *Metrics) read(message transport.Sealed) {
	switch x := message.(type) {
	case *transport.Heartbeat:
		var uncommitted uint64
		for _, p := range x.Packs {
			uncommitted += uint64(p.Uncommitted)
		}
		m.leapfrogs.Set(x.LeapfrogRate)
		m.busy.Set(x.Busy)
		m.packs.Set(float64(len(x.Packs)))
		m.uncommitted.Set(float64(uncommitted))
	case *transport.RunStatus:
		m.readRun(x)
	}
}

// readRun sets the gauges of a run; those of one that has ended are removed, or they would say for ever what they said last.
func (m *Metrics) readRun(s *transport.RunStatus) {
	rhat, ess := math.NaN(), math.NaN()
	for _, p := range s.Parameters {
		rhat, ess = orMax(rhat, p.RHat), -orMax(-ess, -p.ESS)
	}
	run := string(s.Run)
	for _, g := range []struct {
		gauge *prometheus.GaugeVec
		value float64
	}{
		{m.committed, float64(s.Committed)}, {m.target, float64(s.Target)}, {m.divergences, float64(s.Divergences)},
		{m.nestedRHat, s.NestedRHat}, {m.worstRHat, rhat}, {m.leastESS, ess}, {m.essRate, s.ESSRate},
	} {
		if s.State >= transport.Stopped {
			g.gauge.DeleteLabelValues(run)
		} else {
			g.gauge.WithLabelValues(run).Set(g.value)
		}
	}
}

// orMax returns the larger of two numbers, or the one that is not NaN.
func orMax(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}
