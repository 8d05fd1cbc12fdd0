package sbc

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// fleet is a coordinator with its sink, and workers, over a bus in memory. It lives in a bubble of testing/synctest, where time passes
// with leapfrogs alone, at a pace of each worker.
type fleet struct {
	t        *testing.T
	client   transport.Transport
	dir      string
	manifest transport.Manifest // of all runs but for seed and data
	hasty    bool               // decisions leave late packs out: a planted bug
	sequence uint64             // of requests

	mu      sync.Mutex // guards the fields below
	machine coordinator.Machine
	done    []coordinator.Action // of the last run
}

// computer is where a worker runs.
type computer struct {
	slots    int
	leapfrog time.Duration // that one takes
}

// begin begins a coordinator, and a worker on each computer; the function returned ends them.
func (f *fleet) begin(computers []computer) (end func()) {
	f.t.Helper()
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		f.t.Fatal(err)
	}
	f.client = bus.Connect()
	life, finish := context.WithCancel(f.t.Context())
	ctx, stop := context.WithCancel(context.WithoutCancel(life))
	coordinated := begun(func() error { return f.coordinate(ctx, bus.Connect()) })
	programs := &compiled{held: map[string]engine.Executable{}}
	var worked []<-chan error
	for i, c := range computers {
		worked = append(worked, begun(func() error {
			return worker.Run(life, bus.Connect(), worker.Config{
				Name: transport.PartyID(fmt.Sprintf("w%d", i)), Host: "here", Version: "test", Slots: c.slots,
				Engine: paced{programs, c.leapfrog}, Log: slog.New(slog.DiscardHandler),
			})
		}))
	}
	return func() {
		finish()
		for _, w := range worked {
			if err := <-w; err != nil {
				f.t.Error(err)
			}
		}
		stop()
		if err := <-coordinated; err != nil {
			f.t.Error(err)
		}
	}
}

// begun runs f and returns what tells its end.
func begun(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// coordinate runs the coordinator until ctx ends.
func (f *fleet) coordinate(ctx context.Context, t transport.Transport) error {
	log := slog.New(slog.DiscardHandler)
	s, err := sink.New(sink.Config{Path: f.path, Files: store.Options{FS: shelltest.Unsynced{}}, Log: log})
	if err != nil {
		return err
	}
	sh, err := shell.New(shell.Config{Name: "coordinator", Machine: f, Transport: t, Sink: s, Adapter: f, Log: log})
	if err != nil {
		return err
	}
	return sh.Alone(ctx)
}

// Propose implements shell.Machine: the machine is in memory, and what comes of commands is kept.
func (f *fleet) Propose(_ context.Context, cmd coordinator.Command) (coordinator.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.machine.Apply(cmd)
	f.done = append(f.done, out.Actions...)
	return out, nil
}

// View implements shell.Machine.
func (f *fleet) View(look func(*coordinator.Machine)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	look(&f.machine)
}

// Adapt implements shell.Adapter.
func (f *fleet) Adapt(b *shell.Barrier) (*shell.Adaptation, error) {
	if !f.hasty {
		return runner.Adapter{}.Adapt(b)
	}
	early := *b
	early.Contents = nil
	m := *b.Manifest
	m.Chains = 0
	packs := f.history().reported
	for _, p := range packs[:len(packs)/2] {
		reports, err := adapt.ParseReports(b.Contents[p])
		if err != nil {
			return nil, err
		}
		for i := range reports {
			reports[i].Chain = int(m.Chains)
			m.Chains++
		}
		early.Contents = append(early.Contents, adapt.AppendReports(nil, reports))
	}
	early.Manifest = &m
	return runner.Adapter{}.Adapt(&early)
}

func (f *fleet) path(run transport.RunID) string { return filepath.Join(f.dir, string(run)) }

// describe says what runs are: their draws are one block, and a pack is late after some time without a block.
func (f *fleet) describe(cfg runner.Config, m *model.Model, late time.Duration) {
	f.t.Helper()
	j, manifest, err := runner.Manifest(cfg, runner.Model{Model: m}, runner.DefaultTerms())
	if err == nil {
		err = j.Put(f.t.Context(), f.client.Objects(transport.Inputs), manifest)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.manifest = *manifest
	f.manifest.Late, f.manifest.Block = uint32(late.Milliseconds()), uint32(manifest.Draws)
}

// command returns that of the next request.
func (f *fleet) command() transport.Command {
	f.sequence++
	return transport.Command{Party: "client", Incarnation: 1, Sequence: f.sequence}
}

// submit submits a run with a seed and data.
func (f *fleet) submit(seed uint64, columns [][]byte) transport.RunID {
	f.t.Helper()
	synctest.Wait() // the coordinator listens
	ctx, m, inputs := f.t.Context(), f.manifest, f.client.Objects(transport.Inputs)
	m.Seed, m.Columns = seed, nil
	for _, c := range columns {
		digest, err := inputs.Put(ctx, c)
		if err != nil {
			f.t.Fatal(err)
		}
		m.Columns = append(m.Columns, transport.Object{Digest: digest, Size: uint64(len(c))})
	}
	raw, err := transport.Encode(&m)
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := transport.Pack(ctx, inputs, raw)
	if err != nil {
		f.t.Fatal(err)
	}
	reply, err := transport.Ask[*transport.Submitted](ctx, f.client, &transport.Submit{Command: f.command(), Manifest: p})
	if err != nil {
		f.t.Fatal(err)
	}
	return reply.Run
}

// await waits until a run is done and returns the draws of an element of a site, chain by chain, and how the run went.
func (f *fleet) await(run transport.RunID, q sampling.Quantity) ([][]float64, history) {
	f.t.Helper()
	for {
		s, err := transport.Ask[*transport.RunStatus](f.t.Context(), f.client, &transport.Status{Command: f.command(), Run: run})
		if err != nil || s.State == transport.Failed {
			f.t.Fatal(s, err)
		}
		if on, err := store.ReadRun(f.path(run)); s.State == transport.Complete && err == nil && on.State == store.Done {
			break
		}
		time.Sleep(time.Second)
	}
	d, err := runner.Open(f.path(run))
	if err != nil {
		f.t.Fatal(err)
	}
	defer d.Close()
	a, err := d.Site(q.Site, store.Sampling)
	if err != nil {
		f.t.Fatal(err)
	}
	draws, err := a.Element(q.Element)
	if err != nil {
		f.t.Fatal(err)
	}
	h := f.history()
	if n := int(f.manifest.Packs()); len(h.finished) != n {
		f.t.Fatalf("of %d packs %v came to the end", n, h.finished)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = nil
	return draws, h
}

// history is how a run goes.
type history struct {
	reported []int // the packs at the latest barrier, in the order in which they came there
	finished []int // the packs that have made the block that is furthest, in that order
	second   int   // leases of packs that were late, to another worker
}

// history returns how the run goes that was submitted last.
func (f *fleet) history() history {
	f.mu.Lock()
	defer f.mu.Unlock()
	var h history
	var barrier uint32
	packs := map[uint32][]int{} // by block
	for _, a := range f.done {
		switch a := a.(type) {
		case coordinator.BlockCommitted:
			packs[a.K] = append(packs[a.K], int(a.Pack))
		case coordinator.DecisionDue:
			barrier = max(barrier, a.K)
		case coordinator.LeaseGranted:
			if a.Second {
				h.second++
			}
		}
	}
	h.reported, h.finished = packs[barrier], packs[uint32(max(1, len(packs))-1)]
	return h
}
