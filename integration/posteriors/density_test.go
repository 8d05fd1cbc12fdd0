package posteriors

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/integration/internal/table"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/reference"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// densityTolerance is relative: the reference figures are of float64 arithmetic too.
const densityTolerance = 1e-9

// aliases are sites whose names differ from the original program's.
var aliases = map[string]string{"theta_trans": "theta_base"}

// point is a reference point: names of the elements of the position in the original program's order, their values, the log
// density there and its gradient.
type point struct {
	names              []string
	position, gradient []float64
	logDensity         float64
}

func referencePoints(t *testing.T) map[string][]point {
	t.Helper()
	_, rows, err := table.Rows(files, "testdata/logjoint.csv")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]point{}
	for _, r := range rows {
		p := point{names: strings.Fields(r[3])}
		if p.logDensity, err = strconv.ParseFloat(r[2], 64); err != nil {
			t.Fatal(err)
		}
		if p.position, err = table.Floats(r[4]); err != nil {
			t.Fatal(err)
		}
		if p.gradient, err = table.Floats(r[5]); err != nil {
			t.Fatal(err)
		}
		out[r[0]] = append(out[r[0]], p)
	}
	return out
}

// slots returns the index in the model's position of each of the names.
func slots(m *model.Manifest, names []string) ([]int, error) {
	out := make([]int, len(names))
	for i, name := range names {
		site, element, err := ParseQuantity(name)
		if err != nil {
			return nil, err
		}
		if a, ok := aliases[site]; ok {
			site = a
		}
		s := m.Site(site)
		if s == nil || element >= s.UnconstrainedSize {
			return nil, fmt.Errorf("the model has no %s", name)
		}
		out[i] = s.Offset + element
	}
	return out, nil
}

// TestDensities compares differences of log densities, whose constants may differ, and gradients with the reference.
func TestDensities(t *testing.T) {
	all := append(All(), of("eight_schools-eight_schools_centered", "eight_schools", centredSchools))
	points := referencePoints(t)
	if len(points) != len(all) {
		t.Errorf("%d posteriors, %d in the reference", len(all), len(points))
	}
	for _, p := range all {
		for _, eng := range []engine.Engine{reference.New(), wasm.Engine{}} {
			t.Run(p.Name+"/"+eng.Name(), func(t *testing.T) { compareDensities(t, eng, p, points[p.Name]) })
		}
	}
}

func compareDensities(t *testing.T, eng engine.Engine, p Posterior, points []point) {
	if len(points) == 0 {
		t.Fatal("no reference points")
	}
	m, err := p.Model()
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	index, err := slots(&b.Manifest, points[0].names)
	if err != nil {
		t.Fatal(err)
	}
	if b.Manifest.Dimension != len(index) {
		t.Fatalf("dimension %d, the reference has %d", b.Manifest.Dimension, len(index))
	}
	e := newEvaluator(t, eng, b, m.Columns)
	var first float64
	for i, q := range points {
		logDensity, gradient := e.at(t, index, q)
		if i == 0 {
			first = logDensity
		}
		checkPoint(t, i, logDensity-first, q.logDensity-points[0].logDensity, gradient, q)
	}
}

// evaluator runs a model's log density.
type evaluator struct{ session engine.Session }

func newEvaluator(t *testing.T, eng engine.Engine, b *model.Bundle, columns []model.Column) *evaluator {
	t.Helper()
	exe, err := eng.Compile(simplify.Run(b.LogDensity), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exe.Close() })
	s, err := exe.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i, c := range columns {
		if err := s.Put(i+1, c.Bytes); err != nil {
			t.Fatal(err)
		}
	}
	return &evaluator{session: s}
}

// at returns the log density and the gradient, in the reference's order.
func (e *evaluator) at(t *testing.T, index []int, q point) (float64, []float64) {
	t.Helper()
	position := tensor.NewArray(tensor.F64, []int{len(index)})
	for k, i := range index {
		position.Bits[i] = math.Float64bits(q.position[k])
	}
	if err := e.session.Put(0, engine.Bytes(position)); err != nil {
		t.Fatal(err)
	}
	if err := e.session.Run(); err != nil {
		t.Fatal(err)
	}
	all, gradient := e.get(t, 1, len(index)), make([]float64, len(index))
	for k, i := range index {
		gradient[k] = all[i]
	}
	return e.get(t, 0, 1)[0], gradient
}

func (e *evaluator) get(t *testing.T, result, n int) []float64 {
	t.Helper()
	raw := make([]byte, 8*n)
	if err := e.session.Get(result, raw); err != nil {
		t.Fatal(err)
	}
	return engine.ArrayOf(tensor.F64, []int{n}, raw).Float64s()
}

func checkPoint(t *testing.T, i int, difference, want float64, gradient []float64, q point) {
	t.Helper()
	if bound := densityTolerance * math.Max(1, math.Max(math.Abs(difference), math.Abs(want))); !(math.Abs(difference-want) <= bound) {
		t.Errorf("point %d: log density minus that of point 0 is %v, want %v (off by %.2g, allowed %.2g)", i, difference, want, difference-want, bound)
	}
	largest := 1.0
	for _, g := range q.gradient {
		largest = math.Max(largest, math.Abs(g))
	}
	for k, g := range gradient {
		if !(math.Abs(g-q.gradient[k]) <= densityTolerance*largest) {
			t.Errorf("point %d: gradient of %s is %v, want %v (off by %.2g, allowed %.2g)", i, q.names[k], g, q.gradient[k], g-q.gradient[k], densityTolerance*largest)
		}
	}
}
