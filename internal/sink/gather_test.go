package sink_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/transport"
)

// TestGatheredCopies: a coordinator puts the files of a run together once it has ended, and one that lost all of it gets every block
// with the bytes that the ledger has from there; so it does of a run that goes on afterwards and ends again.
func TestGatheredCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTrio(t, 5, 60)
		a := g.open("a")
		defer g.keep(a)()
		defer g.gather(a)()
		defer g.run(func(ctx context.Context) error { return a.Serve(ctx, g.bus.Connect(), g) })()
		b := g.open("b")
		end := g.keep(b)
		half := len(g.blocks) / 2
		for _, part := range [][]*transport.Block{g.blocks[:half], g.blocks[half:]} {
			for _, block := range part {
				g.publish([]*transport.Block{block})
				time.Sleep(2 * time.Second)
			}
			if n := segments(t, g.path("a")); n < len(part)/2 {
				t.Fatalf("%d segments of %d blocks while the run goes on: the test needs more", n, len(part))
			}
			g.end()
			time.Sleep(2 * time.Minute)
			if n := segments(t, g.path("a")); n > 0 {
				t.Fatalf("the run has ended, and has %d segments\n%s", n, g.log.String())
			}
			g.resume()
		}
		end()
		g.end()
		time.Sleep(2 * time.Minute)
		if err := os.RemoveAll(g.path("b")); err != nil {
			t.Fatal(err)
		}
		defer g.keep(g.open("b"))()
		time.Sleep(2 * time.Minute)
		g.check("a", "b")
	})
}

// gather has a coordinator put files together; the function returned ends it.
func (g *trio) gather(s *sink.Sink) func() {
	return g.run(func(ctx context.Context) error {
		s.Gather(ctx, g)
		return nil
	})
}

// resume has the run go on.
func (g *trio) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ending.State = ""
}

func segments(t *testing.T, dir string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "segment-*.arrow"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
