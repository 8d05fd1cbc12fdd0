//go:build linux || darwin

package xla_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// processorTime returns that of the process, which other processes disturb less than they do the clock.
func processorTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPacks runs packs of chains of eight schools; the metric is the processor time of a leapfrog step of one chain.
func BenchmarkPacks(b *testing.B) {
	data, err := eightschools.Data()
	if err != nil {
		b.Fatal(err)
	}
	e := open(b)
	for _, float := range []tensor.DType{tensor.F32, tensor.F64} {
		m, err := model.New("eight-schools", float, eightschools.EightSchools, data)
		if err != nil {
			b.Fatal(err)
		}
		bundle, err := model.Compile(m, model.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, width := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("%s/%d", float, width), func(b *testing.B) {
				cfg := chain.DefaultConfig()
				cfg.Seed, cfg.Warmup, cfg.Batch = 7, 100, width
				start := chain.Start{Init: bundle.Init}
				began := time.Now()
				p, err := chain.Compile(e, bundle, m.Columns, cfg, []chain.Start{start})
				if err != nil {
					b.Fatal(err)
				}
				compiling := time.Since(began)
				w, err := p.NewPackWorker()
				if err != nil {
					b.Fatal(err)
				}
				chains := make([]*chain.Chain, width)
				for i := range chains {
					chains[i] = p.NewChain(i, start)
				}
				draws := 0
				advance := func(n int) (leapfrogs int64, took time.Duration) {
					draws += n
					began := processorTime(b)
					if err := w.Advance(chains, chain.Goal{Draws: draws, Slice: time.Hour}, discard{}); err != nil {
						b.Fatal(err)
					}
					took = processorTime(b) - began
					for _, c := range chains {
						leapfrogs += c.Totals().Leapfrogs
					}
					return leapfrogs, took
				}
				before, warmup := advance(1)
				leapfrogs, took := before, time.Duration(0)
				for b.Loop() {
					n, d := advance(1 + 20_000/width)
					leapfrogs, took = n, took+d
				}
				b.ReportMetric(float64(took.Nanoseconds())/1e3/float64(leapfrogs-before), "µs/leapfrog")
				b.ReportMetric(compiling.Seconds(), "s/compile")
				b.ReportMetric(warmup.Seconds(), "s/warmup")
				for _, err := range []error{w.Close(), p.Close()} {
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
	}
}
