package shell_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// BenchmarkCommit measures how many draws of 10 parameters a second a coordinator with a journal and its sink commits, of 1,000 workers
// with 10,000 chains, on real disks and in real time, over a bus in memory: bench/cmd/cluster has the same with Raft and NATS. The
// workers make their draws on the same cores. It reports the process's memory halfway and at the end.
func BenchmarkCommit(b *testing.B) {
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	const chains, width, block = 10_000, 10, 25
	dir := b.TempDir()
	j, err := coordinator.OpenJournal(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	log := slog.New(slog.DiscardHandler)
	s, err := sink.New(sink.Config{Figures: true, Path: func(run transport.RunID) string { return filepath.Join(dir, string(run)) }, Files: store.Options{}, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	link := bus.Connect()
	defer link.Close()
	led := make(chan struct{})
	sh, err := shell.New(shell.Config{Name: "coordinator", Machine: j, Transport: link, Sink: s, OnLead: func() { close(led) }, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()
	parts.Go(func() {
		if err := sh.Alone(ctx); err != nil {
			b.Error(err)
		}
	})
	<-led
	m := shelltest.NewManifest(chains, width)
	m.Block, m.Draws = block, uint64(block*max(1, b.N))
	client := bus.Connect()
	defer client.Close()
	run := submitTo(b, client, m)
	for i := range chains / width {
		party := transport.PartyID(fmt.Sprintf("w%d", i))
		t := bus.Connect()
		defer t.Close()
		w := shelltest.NewWorker(t, shelltest.WorkerConfig{Name: party, Incarnation: 1, Slots: 1})
		parts.Go(func() { w.Run(ctx) })
	}
	b.ResetTimer()
	begin, half := time.Now(), uint64(0)
	for n := uint64(0); ; n++ {
		status, err := transport.Ask[*transport.RunStatus](ctx, client, &transport.Status{Command: transport.Command{Party: "client", Sequence: n}, Run: run})
		if err != nil {
			b.Fatal(err)
		}
		if half == 0 && status.Committed >= status.Target/2 {
			half = heap()
		}
		if status.State == transport.Complete {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(uint64(chains)*m.Draws)/time.Since(begin).Seconds(), "draws/s")
	b.ReportMetric(float64(half)/(1<<20), "half-MiB")
	b.ReportMetric(float64(heap())/(1<<20), "end-MiB")
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func submitTo(b *testing.B, t transport.Transport, m *transport.Manifest) transport.RunID {
	b.Helper()
	text, err := transport.Encode(shelltest.About(m))
	if err != nil {
		b.Fatal(err)
	}
	p, err := transport.Pack(b.Context(), t.Objects(transport.Inputs), text)
	if err != nil {
		b.Fatal(err)
	}
	reply, err := transport.Ask[*transport.Submitted](b.Context(), t, &transport.Submit{Command: transport.Command{Party: "client"}, Manifest: p})
	if err != nil {
		b.Fatal(err)
	}
	return reply.Run
}
