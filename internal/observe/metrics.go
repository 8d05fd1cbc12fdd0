package observe

import (
	"context"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are those of a process.
type Metrics struct {
	registry *prometheus.Registry

	lines    *prometheus.CounterVec // of the log, by level and event
	messages *prometheus.CounterVec // by channel, direction and outcome
	bytes    *prometheus.CounterVec // by channel and direction
	requests *prometheus.HistogramVec
	objects  *prometheus.CounterVec // by bucket, direction and outcome

	leapfrogs, busy, packs, uncommitted prometheus.Gauge // of this worker

	committed, target, divergences, nestedRHat, worstRHat, leastESS, essRate *prometheus.GaugeVec // by run
}

// requestBuckets are seconds: from a reply of a process on the same machine to one that waited for an election.
var requestBuckets = []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10}

// NewMetrics returns the metrics of a daemon ("coordinator", "worker") of a version of drey.
func NewMetrics(daemon, version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.lines = counters("drey_log_lines_total", "Lines logged, by level and event.", "level", "event")
	m.messages = counters("drey_messages_total", "Messages of the cluster, by channel, direction and outcome.", "channel", "direction", "outcome")
	m.bytes = counters("drey_message_bytes_total", "Bytes of messages of the cluster.", "channel", "direction")
	m.objects = counters("drey_objects_total", "Large payloads, by bucket, direction and outcome.", "bucket", "direction", "outcome")
	m.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "drey_request_seconds", Help: "Time until a request was replied to, by verb.", Buckets: requestBuckets,
	}, []string{"verb"})
	m.leapfrogs = gauge("drey_worker_leapfrogs_per_second", "Leapfrog steps that this worker makes.")
	m.busy = gauge("drey_worker_busy_ratio", "Fraction of the time that this worker spends in programs.")
	m.packs = gauge("drey_worker_packs", "Packs that this worker has.")
	m.uncommitted = gauge("drey_worker_uncommitted_blocks", "Blocks that this worker has sent and not seen committed.")
	m.committed = gauges("drey_run_committed_draws", "Draws of all chains of a run in the ledger.")
	m.target = gauges("drey_run_target_draws", "Draws of all chains that a run is to have.")
	m.divergences = gauges("drey_run_divergences", "Transitions of a run that diverged.")
	m.nestedRHat = gauges("drey_run_nested_rhat", "Largest nested R-hat of a run.")
	m.worstRHat = gauges("drey_run_rhat", "Largest split R-hat of a run.")
	m.leastESS = gauges("drey_run_ess", "Smallest effective sample size of a run.")
	m.essRate = gauges("drey_run_ess_per_second", "Smallest effective sample size of a run, per second.")
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "drey_info", Help: "1, with what runs here.", ConstLabels: prometheus.Labels{"daemon": daemon, "version": version},
	})
	info.Set(1)
	m.registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.lines, m.messages, m.bytes, m.requests, m.objects)
	if daemon == "worker" {
		m.registry.MustRegister(m.leapfrogs, m.busy, m.packs, m.uncommitted)
	} else {
		m.registry.MustRegister(m.committed, m.target, m.divergences, m.nestedRHat, m.worstRHat, m.leastESS, m.essRate)
	}
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func gauges(name, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"run"})
}

// Handler returns a handler that counts what it hands on: events are the constant texts of log lines.
func (m *Metrics) Handler(next slog.Handler) slog.Handler { return &counting{next, m.lines} }

type counting struct {
	slog.Handler
	lines *prometheus.CounterVec
}

func (c *counting) Handle(ctx context.Context, r slog.Record) error {
	c.lines.WithLabelValues(strings.ToLower(r.Level.String()), r.Message).Inc()
	return c.Handler.Handle(ctx, r)
}

func (c *counting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &counting{c.Handler.WithAttrs(attrs), c.lines}
}

func (c *counting) WithGroup(name string) slog.Handler {
	return &counting{c.Handler.WithGroup(name), c.lines}
}
