package sink_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// decided is what a group has decided: a ledger that takes every block that follows the one before, whoever asks.
type decided struct {
	mu       sync.Mutex // guards the fields below
	manifest *transport.Manifest
	lineages [][]transport.Digest
	ending   sink.Ending
}

const run transport.RunID = "run"

func (d *decided) Runs() []transport.RunID { return []transport.RunID{run} }

func (d *decided) Manifest(context.Context, transport.RunID) (*transport.Manifest, error) {
	return d.manifest, nil
}

func (d *decided) Ledger(transport.RunID) (store.Ledger, sink.Ending, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := store.Ledger{Draws: d.manifest.Draws, Heads: make([]store.Head, len(d.lineages))}
	for p, l := range d.lineages {
		if n := len(l); n > 0 {
			out.Heads[p] = store.Head{Blocks: uint64(n), Digest: l[n-1]}
		}
	}
	return out, d.ending, nil
}

func (d *decided) Lineage(_ transport.RunID, pack transport.PackID, from uint64) []transport.Digest {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lineages[pack]
	return slices.Clone(l[min(from, uint64(len(l))):])
}

func (d *decided) Commit(_ context.Context, entries []transport.LedgerEntry) ([]transport.Verdict, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []transport.Verdict
	for i := range entries {
		e := &entries[i]
		switch l := d.lineages[e.Lease.Pack]; {
		case e.Index < uint64(len(l)) && l[e.Index] == e.Digest:
			out = append(out, transport.Entered)
		case e.Index < uint64(len(l)):
			out = append(out, transport.Forked)
		case e.Index > uint64(len(l)):
			out = append(out, transport.Wait)
		default:
			d.lineages[e.Lease.Pack] = append(l, e.Digest)
			out = append(out, transport.Entered)
		}
	}
	return out, nil
}

func (d *decided) committed() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lineages {
		n += len(l)
	}
	return n
}

func (d *decided) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ending.State = store.Done
}

// trio is three coordinators in virtual time.
type trio struct {
	t *testing.T
	*decided
	dir    string
	bus    *memory.Bus
	log    bytes.Buffer
	logger *slog.Logger // to log, of all three: one handler keeps their lines apart
	blocks []*transport.Block
}

// newTrio returns a run of so many draws, in blocks of so many.
func newTrio(t *testing.T, block uint32, draws uint64) *trio {
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	m := shelltest.NewManifest(4, 2)
	m.Warmup = []transport.Step{{Draws: 3}}
	m.Block, m.Draws = block, draws
	m = shelltest.About(m)
	g := &trio{t: t, bus: bus, dir: t.TempDir(), decided: &decided{manifest: m, lineages: make([][]transport.Digest, m.Packs())}}
	g.logger = slog.New(slog.NewTextHandler(&g.log, nil))
	link := bus.Connect()
	for p := range m.Packs() {
		g.blocks = append(g.blocks, lineage(t, m, transport.PackID(p), link.Objects(transport.Results))...)
	}
	return g
}

// lineage returns the blocks of a pack.
func lineage(t *testing.T, m *transport.Manifest, pack transport.PackID, objects transport.Objects) []*transport.Block {
	t.Helper()
	var out []*transport.Block
	var previous transport.Digest
	for k := uint64(0); k == 0 || (k-1)*uint64(m.Block) < m.Draws; k++ {
		c := shelltest.Forged(m, pack, k)
		text, err := transport.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		b := &transport.Block{Lease: transport.LeaseRef{Run: run, Pack: pack, Epoch: 1}, Worker: "w", Index: k, Previous: previous, Leapfrogs: 7, Divergences: 1}
		if b.Content, err = transport.Pack(t.Context(), objects, text); err != nil {
			t.Fatal(err)
		}
		b.Digest = transport.BlockDigest(run, pack, k, previous, b.Content.Digest)
		previous = b.Digest
		out = append(out, b)
	}
	return out
}

// open returns the sink of a coordinator, from its disk where it has one.
func (g *trio) open(name transport.PartyID) *sink.Sink {
	g.t.Helper()
	s, err := sink.New(sink.Config{
		Figures: true,
		Path:    func(transport.RunID) string { return g.path(name) }, Log: g.logger,
		Inputs: g.bus.Connect().Objects(transport.Inputs),
		Group:  &sink.Group{Name: name, Transport: g.bus.Connect(), Members: func() []transport.PartyID { return []transport.PartyID{"a", "b", "c"} }},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

func (g *trio) path(name transport.PartyID) string { return filepath.Join(g.dir, string(name)) }

// run runs a part of a sink; the function returned ends it.
func (g *trio) run(part func(ctx context.Context) error) func() {
	ctx, cancel := context.WithCancel(g.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			g.t.Error(err)
		}
	}
}

// keep has a coordinator keep what the group has; the function returned ends it.
func (g *trio) keep(s *sink.Sink) func() {
	end := g.run(func(ctx context.Context) error { return s.Keep(ctx, g) })
	return func() {
		end()
		if err := s.Close(); err != nil {
			g.t.Error(err)
		}
	}
}

// publish publishes some blocks as their worker does.
func (g *trio) publish(blocks []*transport.Block) {
	g.t.Helper()
	link := g.bus.Connect()
	defer link.Close()
	for _, b := range blocks {
		if err := transport.Send(g.t.Context(), link, b); err != nil {
			g.t.Fatal(err)
		}
	}
}

// check compares what coordinators have on their disks with what was published.
func (g *trio) check(names ...transport.PartyID) {
	g.t.Helper()
	for _, name := range names {
		r, err := store.Open(g.path(name))
		if err != nil {
			g.t.Errorf("%s: %v\n%s", name, err, g.log.String())
			continue
		}
		if state := r.Run().State; state != store.Done {
			g.t.Errorf("%s: the run is %s", name, state)
		}
		for _, b := range g.blocks {
			got, err := r.Block(int(b.Lease.Pack), int(b.Index))
			want := shelltest.Forged(g.manifest, b.Lease.Pack, b.Index)
			if err != nil || got.Digest != b.Digest || got.Leapfrogs != b.Leapfrogs || got.Divergences != b.Divergences || len(got.Columns) != len(want.Columns) {
				g.t.Fatalf("%s: block %d of pack %d: %+v, %v", name, b.Index, b.Lease.Pack, got, err)
			}
			for i := range want.Columns {
				if !bytes.Equal(got.Columns[i], want.Columns[i].Data) {
					g.t.Errorf("%s: block %d of pack %d has other draws in column %d", name, b.Index, b.Lease.Pack, i)
				}
			}
		}
		if err := r.Close(); err != nil {
			g.t.Error(err)
		}
	}
}

// TestCopies: a block counts once two of three coordinators have it. One that comes later, with half of the run or with nothing, gets
// the rest, and each has all of it by itself in the end; so have those that start again. Contents of the second round are objects.
func TestCopies(t *testing.T) {
	for _, block := range []uint32{5, 8000} { // those of the second are longer than a message
		t.Run(fmt.Sprintf("block=%d", block), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newTrio(t, block, map[uint32]uint64{5: 40, 8000: 24000}[block])
				a, b, c := g.open("a"), g.open("b"), g.open("c")
				defer g.keep(a)()
				defer g.run(func(ctx context.Context) error { return a.Serve(ctx, g.bus.Connect(), g) })()
				half := len(g.blocks) / 2
				g.publish(g.blocks[:half])
				time.Sleep(time.Minute)
				if n := g.committed(); n > 0 {
					t.Fatalf("%d blocks count that one coordinator of three has", n)
				}
				end := g.keep(b)
				time.Sleep(10 * time.Second)
				if n := g.committed(); n != half {
					t.Fatalf("%d blocks count, of %d that two of three coordinators have\n%s", n, half, g.log.String())
				}
				end()
				g.publish(g.blocks[half:])
				time.Sleep(10 * time.Second)
				if n := g.committed(); n != half {
					t.Fatalf("%d blocks count, %d of them at one coordinator alone", n, n-half)
				}
				defer g.keep(c)()
				time.Sleep(10 * time.Second)
				if n := g.committed(); n != len(g.blocks) {
					t.Fatalf("%d blocks count, of %d that two of three coordinators have\n%s", n, len(g.blocks), g.log.String())
				}
				g.end()
				defer g.keep(g.open("b"))()
				time.Sleep(2 * time.Minute)
				g.check("a", "b", "c")
			})
		})
	}
}

// TestForgedCopy: what a coordinator gives that is not the ledger's is not taken, and another is asked.
func TestForgedCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTrio(t, 5, 40)
		forger := g.bus.Connect()
		requests, err := forger.Subscribe(t.Context(), transport.Filter{Channel: transport.Copies, Party: "b"})
		if err != nil {
			t.Fatal(err)
		}
		var asked atomic.Int64
		defer g.run(func(ctx context.Context) error {
			for {
				r, err := requests.Next(ctx)
				if err != nil {
					return nil
				}
				m, err := transport.Open(r.Envelope())
				if err != nil {
					return err
				}
				fetch, ok := m.(*transport.Fetch)
				if !ok {
					continue
				}
				asked.Add(1)
				b := *g.blocks[0]
				b.Lease.Pack, b.Index, b.Previous = fetch.Wants[0].Pack, fetch.Wants[0].From, transport.Digest{1}
				b.Digest = transport.BlockDigest(run, b.Lease.Pack, b.Index, b.Previous, b.Content.Digest)
				if err := transport.Answer(ctx, r, &transport.Fetched{Blocks: []transport.Block{b}}, nil); err != nil {
					return err
				}
			}
		})()
		a, c := g.open("a"), g.open("c")
		end := g.keep(c)
		serve := g.run(func(ctx context.Context) error { return c.Serve(ctx, g.bus.Connect(), g) })
		endA := g.keep(a)
		g.publish(g.blocks)
		time.Sleep(10 * time.Second)
		endA()
		serve()
		if err := os.RemoveAll(g.path("a")); err != nil {
			t.Fatal(err)
		}
		g.end()
		defer end()
		defer g.keep(g.open("a"))()
		time.Sleep(time.Minute)
		if asked.Load() == 0 || g.committed() != len(g.blocks) {
			t.Fatalf("the forger was asked %d times; %d blocks count", asked.Load(), g.committed())
		}
		g.check("a", "c")
	})
}
