package sink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// given are the inputs of a run, by the names of their copies.
var given = map[string]string{store.DataFile: "columns", store.InitFile: `{"theta": 1}`}

// give has the manifest of a group name copies of inputs, the first of which is not stored yet. store stores it.
func (g *trio) give() (put func()) {
	g.t.Helper()
	var about store.Run
	if err := json.Unmarshal(g.manifest.About, &about); err != nil {
		g.t.Fatal(err)
	}
	inputs := g.bus.Connect().Objects(transport.Inputs)
	file := func(name string) []transport.File {
		files, err := transport.PutFile(g.t.Context(), inputs, name, func(w io.Writer) error { _, err := io.WriteString(w, given[name]); return err })
		if err != nil {
			g.t.Fatal(err)
		}
		return files
	}
	for _, name := range []string{store.DataFile, store.InitFile} {
		about.Files = append(about.Files, store.Input{Role: "data", Name: name, Source: "mine", SHA256: "12"})
		g.manifest.Files = append(g.manifest.Files, file(name)...)
	}
	text, err := json.Marshal(about)
	if err != nil {
		g.t.Fatal(err)
	}
	g.manifest.About = text
	if err := inputs.Delete(g.t.Context(), g.manifest.Files[1].Object.Digest); err != nil {
		g.t.Fatal(err)
	}
	return func() { file(store.InitFile) }
}

// collect has a coordinator collect copies; the function returned ends it.
func (g *trio) collect(s *sink.Sink) func() {
	return g.run(func(ctx context.Context) error { s.Collect(ctx, g); return nil })
}

// has compares the copies that a directory has with those that it should have.
func (g *trio) has(dir string, names ...string) {
	g.t.Helper()
	run, err := store.ReadRun(dir)
	if err != nil || len(run.Files) != len(names) {
		g.t.Errorf("%s: copies %+v, %v, want %v\n%s", dir, run, err, names, g.log.String())
		return
	}
	for i, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(text) != given[name] || run.Files[i].Name != name || run.Files[i].Source != "mine" {
			g.t.Errorf("%s: %q, %v in %+v", dir, text, err, run.Files[i])
		}
	}
}

// TestInputs: each coordinator keeps copies of what a run was given, also one that comes when the run has ended; draws do not wait
// for them. Who fetches the run gets them too.
func TestInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTrio(t, 5, 40)
		put := g.give()
		a, b := g.open("a"), g.open("b")
		defer g.keep(a)()
		defer g.run(func(ctx context.Context) error { return a.Serve(ctx, g.bus.Connect(), g) })()
		defer g.collect(a)()
		defer g.keep(b)()
		end := g.collect(b)
		g.publish(g.blocks)
		time.Sleep(10 * time.Second)
		if n := g.committed(); n != len(g.blocks) {
			t.Errorf("%d blocks count, while a copy is not there, of %d", n, len(g.blocks))
		}
		g.has(g.path("a"), store.DataFile)
		g.has(g.path("b"), store.DataFile)
		end()
		put()
		time.Sleep(2 * time.Minute)
		g.has(g.path("a"), store.DataFile, store.InitFile)
		g.has(g.path("b"), store.DataFile)
		g.end()
		time.Sleep(2 * time.Minute)
		defer g.collect(b)()
		c := g.open("c")
		defer g.keep(c)()
		defer g.collect(c)()
		time.Sleep(2 * time.Minute)
		g.check("a", "b", "c")
		g.has(g.path("b"), store.DataFile, store.InitFile)
		g.has(g.path("c"), store.DataFile, store.InitFile)
		objects := g.bus.Connect().Objects(transport.Outcome)
		files, err := c.Files(t.Context(), g, run, objects)
		if err != nil {
			t.Fatal(err)
		}
		pulled := t.TempDir()
		for _, parts := range transport.Parts(files) {
			var text bytes.Buffer
			if err := transport.GetFile(t.Context(), objects, parts, &text); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(pulled, parts[0].Name), text.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		g.has(pulled, store.DataFile, store.InitFile)
		if r, err := store.ReadRun(pulled); err != nil || r.Cluster != string(run) {
			t.Errorf("the run's id at the cluster is %q, %v", r.Cluster, err)
		}
	})
}

// TestInputsThatAreNone: a manifest whose files are not those that its description names is refused.
func TestInputsThatAreNone(t *testing.T) {
	g := newTrio(t, 5, 40)
	g.give()
	if err := sink.Check(g.manifest); err != nil {
		t.Fatal(err)
	}
	files := g.manifest.Files
	for _, name := range []string{"run.json", "../data.arrow", store.ProgramFile, store.DataFile} {
		g.manifest.Files = append(files[:2:2], transport.File{Name: name})
		if err := sink.Check(g.manifest); transport.KindOf(err) != transport.Invalid || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a file %s: %v", name, err)
		}
	}
}

// TestExtendedRun: run.json has the draws that a run is to have by now, and how long it has taken, also where it was extended and has
// ended again before anybody looked.
func TestExtendedRun(t *testing.T) {
	g := newTrio(t, 5, 40)
	g.lineages = make([][]transport.Digest, len(g.lineages))
	s := g.open("a")
	defer s.Close()
	for _, step := range []struct {
		state store.State
		draws uint64
		total store.Float
	}{{"", 40, 0}, {store.Done, 40, 1}, {store.Done, 60, 3}, {"", 80, 3}, {store.Done, 80, 4}} {
		g.manifest.Draws, g.ending.State, g.ending.Seconds.Total = step.draws, step.state, step.total
		if err := s.Note(t.Context(), g, run); err != nil {
			t.Fatal(err)
		}
		want := step.state
		if want == "" {
			want = store.Running
		}
		r, err := store.ReadRun(g.path("a"))
		if err != nil || r.State != want || r.Settings.Draws != int(step.draws) || want == store.Done && r.Seconds.Total != step.total {
			t.Errorf("after %+v: %+v, %v", step, r, err)
		}
	}
}
