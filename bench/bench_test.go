package bench_test

import (
	"math"
	"testing"
	"time"

	"github.com/drey-sampler/drey/bench"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
)

// compiled returns a model in f64 and its bundle.
func compiled(tb testing.TB, name string) (*model.Model, *model.Bundle) {
	tb.Helper()
	m, err := bench.Model(model.F64, name)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return m, b
}

// program returns the programs of a model's chains.
func program(tb testing.TB, m *model.Model, b *model.Bundle) *chain.Program {
	tb.Helper()
	p, err := chain.Compile(wasm.Engine{}, b, m.Columns, chain.DefaultConfig(), []chain.Start{{Init: b.Init}})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkGradient times one log density with its gradient.
func BenchmarkGradient(b *testing.B) {
	for _, name := range bench.Names() {
		b.Run(name, func(b *testing.B) {
			m, bundle := compiled(b, name)
			g, err := bench.NewGradient(wasm.Engine{}, m, bundle)
			if err != nil {
				b.Fatal(err)
			}
			defer closing(b, g.Close)
			turns, err := g.Turns(time.Millisecond)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := g.Run(turns); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(turns), "ns/gradient")
			b.ReportMetric(0, "ns/op") // of a batch whose size is chance
		})
	}
}

// BenchmarkLeapfrog times a leapfrog of NUTS in sampling, with all that belongs to a draw: trees, buffers, constrained
// sites. A step of the benchmark is a slice of a chain that has warmed up.
func BenchmarkLeapfrog(b *testing.B) {
	for _, name := range bench.Names() {
		b.Run(name, func(b *testing.B) {
			m, bundle := compiled(b, name)
			p := program(b, m, bundle)
			defer closing(b, p.Close)
			w, err := p.NewWorker()
			if err != nil {
				b.Fatal(err)
			}
			defer closing(b, w.Close)
			c := p.NewChain(0, chain.Start{Init: bundle.Init})
			for !c.Warm() {
				if err := w.Advance(c, chain.Goal{Slice: time.Second}, discard{}); err != nil {
					b.Fatal(err)
				}
			}
			goal := chain.Goal{Draws: math.MaxInt32, Slice: 50 * time.Millisecond}
			before := c.Totals()
			for b.Loop() {
				if err := w.Advance(c, goal, discard{}); err != nil {
					b.Fatal(err)
				}
			}
			after := c.Totals()
			elapsed := float64(b.Elapsed().Nanoseconds())
			b.ReportMetric(elapsed/float64(after.Leapfrogs-before.Leapfrogs), "ns/leapfrog")
			b.ReportMetric(elapsed/float64(after.Kept-before.Kept), "ns/draw")
			b.ReportMetric(0, "ns/op") // the length of a slice
		})
	}
}

// BenchmarkCompile times the making of a run's programs: traced, then simplified and compiled.
func BenchmarkCompile(b *testing.B) {
	for _, name := range bench.Names() {
		b.Run(name, func(b *testing.B) {
			m, err := bench.Model(model.F64, name)
			if err != nil {
				b.Fatal(err)
			}
			tracing := time.Duration(0)
			for b.Loop() {
				begin := time.Now()
				bundle, err := model.Compile(m, model.Options{})
				if err != nil {
					b.Fatal(err)
				}
				tracing += time.Since(begin)
				closing(b, program(b, m, bundle).Close)
			}
			b.ReportMetric(tracing.Seconds()*1e3/float64(b.N), "trace-ms/op")
		})
	}
}

// discard is a sink of draws that nobody wants.
type discard struct{}

func (discard) Append(*chain.Batch) error { return nil }

func closing(tb testing.TB, free func() error) {
	tb.Helper()
	if err := free(); err != nil {
		tb.Fatal(err)
	}
}
