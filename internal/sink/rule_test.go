package sink_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// ruled is a run with a stop rule on disk, in blocks of ten draws of two packs of two chains, and what was drawn: [parameter][chain][draw].
type ruled struct {
	*decided
	t     *testing.T
	path  string
	drawn [shelltest.Parameters][][]float64
}

func newRuled(t *testing.T) *ruled {
	m := shelltest.NewManifest(4, 2)
	m.Warmup, m.Block, m.Draws, m.Stop = nil, 10, 1000, transport.StopRule{Every: 1, RHat: 1.1, ESS: 80}
	m = shelltest.About(m)
	r := &ruled{t: t, path: filepath.Join(t.TempDir(), "run"), decided: &decided{manifest: m, lineages: make([][]transport.Digest, m.Packs())}}
	s := r.sink()
	if err := s.Note(t.Context(), r, run); err != nil { // it makes the directory
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for p := range r.drawn {
		r.drawn[p] = make([][]float64, m.Chains)
	}
	return r
}

func (r *ruled) sink() *sink.Sink {
	r.t.Helper()
	s, err := sink.New(sink.Config{Path: func(transport.RunID) string { return r.path }, Files: store.Options{FS: shelltest.Unsynced{}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// block adds a block of all packs, whose draws come from a function.
func (r *ruled) block(draw func(parameter, chain, draw int) float64) {
	r.t.Helper()
	out, err := store.OpenBlocks(r.path, len(r.lineages), store.Options{FS: shelltest.Unsynced{}})
	if err != nil {
		r.t.Fatal(err)
	}
	about := out.Run()
	columns := about.Schema.Columns()
	for p, lineage := range r.lineages {
		first, chains := r.manifest.Pack(transport.PackID(p))
		b := store.Block{
			Pack: uint32(p), Index: uint64(len(lineage)), Digest: sha256.Sum256(fmt.Append(nil, p, len(lineage))), Chain: int(first), Chains: int(chains),
			Phase: store.Sampling, First: 10 * int64(len(lineage)), Draws: 10,
		}
		if len(lineage) > 0 {
			b.Previous = lineage[len(lineage)-1]
		}
		for _, c := range columns {
			b.Columns = append(b.Columns, make([]byte, b.Chains*b.Draws*c.Elements*c.DType.Size()))
		}
		theta := b.Columns[len(columns)-1]
		for c := b.Chain; c < b.Chain+b.Chains; c++ {
			for d := range b.Draws {
				for k := range shelltest.Parameters {
					x := draw(k, c, int(b.First)+d)
					binary.LittleEndian.PutUint64(theta, math.Float64bits(x))
					theta, r.drawn[k][c] = theta[8:], append(r.drawn[k][c], x)
				}
			}
		}
		if err := out.Write([]store.Block{b}); err != nil {
			r.t.Fatal(err)
		}
		r.lineages[p] = append(lineage, b.Digest)
	}
	if err := out.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// want returns whether the rule holds, from all figures of all parameters.
func (r *ruled) want() bool {
	for _, chains := range r.drawn {
		if !(diag.RHat(chains) <= r.manifest.Stop.RHat && min(diag.ESSBulk(chains), diag.ESSTail(chains)) >= r.manifest.Stop.ESS) {
			return false
		}
	}
	return true
}

// ask asks a sink, which lets the directory go afterwards.
func (r *ruled) ask(s *sink.Sink) (bool, string) {
	r.t.Helper()
	draws := len(r.drawn[0][0])
	holds, figures, err := s.Holds(r.t.Context(), r, run, uint64(draws))
	if err = errors.Join(err, s.Close()); err != nil || !strings.Contains(figures, fmt.Sprint(draws)) {
		r.t.Fatalf("after %d draws: %q, %v", draws, figures, err)
	}
	return holds, figures
}

// TestRuleIsOfTheLedger: after each block a sink that has judged all along, and one that has just started, say what follows from all
// figures, though they look at no more of them than they need: whichever parameter is the one that lacks.
func TestRuleIsOfTheLedger(t *testing.T) {
	r := newRuled(t)
	random := rand.New(rand.NewPCG(5, 7))
	old := r.sink()
	answers, named := map[bool]int{}, map[string]bool{}
	for k := range 26 {
		r.block(func(p, c, d int) float64 {
			x := random.NormFloat64()
			if p == 1 && d < 10 || p == 2 && 200 <= d && d < 260 { // its chains are apart for a while
				x += float64(c)
			}
			return x
		})
		holds, figures := r.ask(old)
		if fresh, _ := r.ask(r.sink()); holds != r.want() || fresh != holds {
			t.Errorf("after %d blocks the rule holds: %v by who has judged all along, %v by who starts, want %v", k+1, holds, fresh, r.want())
		}
		answers[holds]++
		for p := range shelltest.Parameters {
			if name := fmt.Sprintf("theta[%d]", p); strings.Contains(figures, name) {
				named[name] = true
			}
		}
	}
	if answers[false] < 10 || answers[true] < 5 || !named["theta[0]"] || !named["theta[1]"] || !named["theta[2]"] {
		t.Errorf("the answers are %v, of %v", answers, named)
	}
}

// TestRuleWithoutFigures: a parameter whose figures can't be had keeps a rule from holding, whichever it is, and one that is constant does not.
func TestRuleWithoutFigures(t *testing.T) {
	for _, odd := range []int{0, 3, shelltest.Parameters - 1} {
		for _, value := range []float64{math.NaN(), 3} {
			r := newRuled(t)
			random := rand.New(rand.NewPCG(5, 7))
			for range 20 {
				r.block(func(p, _, _ int) float64 {
					if x := random.NormFloat64(); p != odd {
						return x
					}
					return value
				})
			}
			if holds, figures := r.ask(r.sink()); holds != (value == 3) {
				t.Errorf("with %v as parameter %d the rule holds: %v (%s)", value, odd, holds, figures)
			}
		}
	}
}

// TestJudgementEnds: one that nobody waits for any more is given up.
func TestJudgementEnds(t *testing.T) {
	r := newRuled(t)
	r.block(func(_, _, d int) float64 { return float64(d) })
	ctx, cancel := context.WithCancel(t.Context())
	s := r.sink()
	if _, _, err := s.Holds(ctx, r, run, 20); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("20 draws of 10: %v", err)
	}
	cancel()
	if _, _, err := s.Holds(ctx, r, run, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("a judgement whose coordinator ends: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
