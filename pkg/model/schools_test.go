package model_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

type schools struct {
	Y     tensor.Value `drey:"y,optional"`
	Sigma tensor.Value `drey:"sigma"`
}

func eightSchools(c *model.Context, d schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Sigma.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

func locScale(centered float64) model.Handler {
	return model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{Centered: centered}})
}

func schoolsData() model.Data {
	return model.Data{
		"y":     []float64{28, 8, -3, 7, -1, 1, 18, 12},
		"sigma": []int{15, 10, 16, 11, 9, 11, 10, 18},
	}
}

// point is a reference log density, its position in the order theta, mu, log tau.
type point struct {
	Kind          string
	Unconstrained []float64
	LogDensity    float64 `json:"log_density"`
	Gradient      []float64
}

func schoolsPoints(t *testing.T) (centred, nonCentred []point) {
	t.Helper()
	text, err := os.ReadFile("testdata/eight_schools.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Centred, Noncentred []point }
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f.Centred, f.Noncentred
}

// muFirst moves mu and log tau to the front, where eightSchools has them.
func muFirst(x []float64) []float64 { return append(slices.Clone(x[8:]), x[:8]...) }

func TestSchoolsAgainstReference(t *testing.T) {
	centred, nonCentred := schoolsPoints(t)
	for _, c := range []struct {
		name   string
		fn     func(*model.Context, schools)
		points []point
	}{
		{"centred", eightSchools, centred},
		{"non-centred", model.With(eightSchools, locScale(0)), nonCentred},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, b := compile(t, c.fn, schoolsData())
			for _, p := range c.points {
				out := run(t, m, b.LogDensity, []*tensor.Array{f64s(muFirst(p.Unconstrained)...)})
				want := p.LogDensity + math.Log(2) // the half-Cauchy's factor, which the reference leaves out
				if got := out[0].Float64s()[0]; !near(got, want, 1e-9) {
					t.Errorf("%s: log density %v, want %v", p.Kind, got, want)
				}
				scale := 1.0
				for _, g := range p.Gradient {
					scale = math.Max(scale, math.Abs(g))
				}
				for i, g := range muFirst(p.Gradient) {
					if got := out[1].Float64s()[i]; math.Abs(got-g) > 1e-9*scale {
						t.Errorf("%s: gradient[%d] = %v, want %v", p.Kind, i, got, g)
					}
				}
			}
		})
	}
}

// TestReparamIsAChangeOfVariables: the non-centred density at theta_base is the centred one at theta = mu + tau·theta_base
// times the Jacobian tau^8; for a partly centred one, theta_base = c·mu + (theta - mu)·tau^(c-1).
func TestReparamIsAChangeOfVariables(t *testing.T) {
	_, points := schoolsPoints(t)
	mc, bc := compile(t, eightSchools, schoolsData())
	for _, centered := range []float64{0, 0.3, 1} {
		m, b := compile(t, model.With(eightSchools, locScale(centered)), schoolsData())
		for _, p := range points {
			q := muFirst(p.Unconstrained)
			mu, tau := q[0], math.Exp(q[1])
			theta, base := slices.Clone(q), slices.Clone(q)
			for i := 2; i < 10; i++ {
				theta[i] = mu + tau*q[i]
				base[i] = centered*mu + (theta[i]-mu)*math.Pow(tau, centered-1)
			}
			got := run(t, m, b.LogDensity, []*tensor.Array{f64s(base...)})[0].Float64s()[0]
			want := run(t, mc, bc.LogDensity, []*tensor.Array{f64s(theta...)})[0].Float64s()[0] + 8*(1-centered)*q[1]
			if !near(got, want, 1e-10) {
				t.Errorf("centered %v, %s: %v, want %v", centered, p.Kind, got, want)
			}
			values := run(t, m, b.Constrain, []*tensor.Array{f64s(base...)})
			for i, x := range values[3].Float64s() {
				if !near(x, theta[i+2], 1e-12) {
					t.Errorf("centered %v, %s: theta[%d] = %v, want %v", centered, p.Kind, i, x, theta[i+2])
				}
			}
		}
	}
}

func TestSchoolsManifest(t *testing.T) {
	_, b := compile(t, model.With(eightSchools, locScale(0)), schoolsData())
	want := []model.SiteInfo{
		{Name: "mu", Kind: model.Latent, UnconstrainedSize: 1},
		{Name: "tau", Kind: model.Latent, Offset: 1, UnconstrainedSize: 1},
		{Name: "theta_base", Kind: model.Auxiliary, Shape: []int{8}, Dims: []string{"school"}, Offset: 2, UnconstrainedSize: 8},
		{Name: "theta", Kind: model.Deterministic, Shape: []int{8}, Dims: []string{"school"}},
		{Name: "obs", Kind: model.Observed, Shape: []int{8}, Dims: []string{"school"}},
	}
	if len(b.Manifest.Sites) != len(want) {
		t.Fatalf("%d sites, want %d", len(b.Manifest.Sites), len(want))
	}
	for i, w := range want {
		s := b.Manifest.Sites[i]
		if s.Name != w.Name || s.Kind != w.Kind || s.Offset != w.Offset || s.UnconstrainedSize != w.UnconstrainedSize ||
			!slices.Equal(s.Shape, w.Shape) || !slices.Equal(s.Dims, w.Dims) || s.DType != "f64" {
			t.Errorf("site %d is %+v, want %+v", i, s, w)
		}
	}
	if b.Manifest.Dimension != 10 || b.Manifest.Columns[1].Name != "sigma" {
		t.Errorf("manifest %+v", b.Manifest)
	}
	if _, err := json.Marshal(b.Manifest); err != nil {
		t.Error(err)
	}
	_, again := compile(t, model.With(eightSchools, locScale(0)), schoolsData())
	if again.Digest != b.Digest || len(b.Digest) != 64 {
		t.Errorf("digests %s and %s of one model", b.Digest, again.Digest)
	}
}

// TestTargetInlines checks that a program can evaluate a model's density with data that it takes as its own inputs.
func TestTargetInlines(t *testing.T) {
	m, b := compile(t, eightSchools, schoolsData())
	target := model.Target{LogDensity: b.LogDensity}
	f, err := tensor.Trace("inline", tensor.F64, b.LogDensity.In, func(args []tensor.Value) []tensor.Value {
		lp, g := target.At(b.Manifest.DataEnv(args[1:]), args[0])
		return []tensor.Value{lp, g}
	})
	if err != nil {
		t.Fatal(err)
	}
	q := []*tensor.Array{f64s(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}
	want, got := run(t, m, b.LogDensity, q), run(t, m, f, q)
	if want[0].Bits[0] != got[0].Bits[0] || !slices.Equal(want[1].Bits, got[1].Bits) {
		t.Errorf("%v inlined, %v alone", got, want)
	}
	_, err = tensor.Trace("lacking", tensor.F64, b.LogDensity.In, func(args []tensor.Value) []tensor.Value {
		lp, _ := target.At(model.Env{}, args[0])
		return []tensor.Value{lp}
	})
	wantError(t, err, "the environment has no data:y")
}

func TestTargetTakesIndicesFromTheEnvironment(t *testing.T) {
	m, b := compile(t, subsampled, model.Data{"x": []float64{1, 2, 3}, "y": []float64{2, 4, 7}})
	target := model.Target{LogDensity: b.LogDensity}
	f, err := tensor.Trace("inline", tensor.F64, b.LogDensity.In, func(args []tensor.Value) []tensor.Value {
		e := b.Manifest.DataEnv(args[1:3])
		e.Index = map[string]tensor.Value{"rows": args[3]}
		lp, _ := target.At(e, args[0])
		return []tensor.Value{lp}
	})
	if err != nil {
		t.Fatal(err)
	}
	index := tensor.ArrayOf(tensor.I32, []int{2}, []float64{2, 0})
	q := []*tensor.Array{f64s(0.5)}
	if want, got := run(t, m, b.LogDensity, q, index), run(t, m, f, q, index); want[0].Bits[0] != got[0].Bits[0] {
		t.Errorf("%v inlined, %v alone", got, want)
	}
}

// TestSinglePrecision: a model traced in f32 gives the f64 density to f32's precision.
func TestSinglePrecision(t *testing.T) {
	m, err := model.New("schools", tensor.F32, model.With(eightSchools, locScale(0)), schoolsData())
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{Init: model.InitMedian})
	if err != nil {
		t.Fatal(err)
	}
	_, points := schoolsPoints(t)
	for _, p := range points {
		q := tensor.ArrayOf(tensor.F32, []int{10}, muFirst(p.Unconstrained))
		got := run(t, m, b.LogDensity, []*tensor.Array{q})[0].Float64s()[0]
		if want := p.LogDensity + math.Log(2); !near(got, want, 1e-5) { // some 30 operations of 6e-8 each
			t.Errorf("%s: log density %v, want %v", p.Kind, got, want)
		}
	}
	if u := run(t, m, b.Init, key(1, 2, 3))[0]; u.DType != tensor.F32 || len(u.Bits) != 10 {
		t.Errorf("start %v", u)
	}
}

// TestVectorWorkInTheLoop counts the operations on whole plates that the log density takes anew at each position: to
// standardise, square and sum for each of two normals, and loc + scale·z of the non-centred form. Normalising constants
// and what data alone decide are no such work.
func TestVectorWorkInTheLoop(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(*model.Context, schools)
		most int
	}{
		{"centred", eightSchools, 8},
		{"non-centred", model.With(eightSchools, locScale(0)), 10},
	} {
		_, b := compile(t, c.fn, schoolsData())
		if n := vectorWork(b.LogDensity); n > c.most {
			t.Errorf("%s: %d operations on plates depend on the position, want at most %d:\n%s", c.name, n, c.most, b.LogDensity)
		}
	}
}

// vectorWork counts the instructions with an operand of 8 elements from which the first result is computed and which
// depend on the first parameter.
func vectorWork(f *tensor.Func) int {
	needed := map[tensor.Value]bool{f.Body.Results[0]: true}
	for _, n := range slices.Backward(f.Body.Nodes) {
		for _, in := range n.In {
			needed[in] = needed[in] || needed[n.Results()[0]]
		}
	}
	moves, count := map[tensor.Value]bool{f.Body.Params[0]: true}, 0
	for _, n := range f.Body.Nodes {
		out := n.Results()[0]
		moves[out] = slices.ContainsFunc(n.In, func(in tensor.Value) bool { return moves[in] })
		work := n.Op.IsElementwise() || n.Op.IsReduction()
		if work && moves[out] && needed[out] && n.In[0].Size() == 8 {
			count++
		}
	}
	return count
}

func newModel[D any](t *testing.T, fn func(*model.Context, D), data model.Data) *model.Model {
	t.Helper()
	m, err := model.New("test", tensor.F64, fn, data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func compile[D any](t *testing.T, fn func(*model.Context, D), data model.Data) (*model.Model, *model.Bundle) {
	t.Helper()
	m := newModel(t, fn, data)
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

// run evaluates a program of a model: lead, then its data, then trail.
func run(t *testing.T, m *model.Model, f *tensor.Func, lead []*tensor.Array, trail ...*tensor.Array) []*tensor.Array {
	t.Helper()
	args := append([]*tensor.Array(nil), lead...)
	for _, c := range m.Columns {
		args = append(args, c.Array())
	}
	out, err := eval.Run(f, append(args, trail...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func f64s(x ...float64) *tensor.Array { return tensor.ArrayOf(tensor.F64, []int{len(x)}, x) }

func key(seed uint64, chain, draw uint32) []*tensor.Array {
	word := func(d tensor.DType, x uint64) *tensor.Array { return &tensor.Array{DType: d, Bits: []uint64{x}} }
	return []*tensor.Array{word(tensor.U64, seed), word(tensor.U32, uint64(chain)), word(tensor.U32, uint64(draw))}
}

// near reports whether a and b differ by at most tolerance times the larger of 1 and their magnitudes.
func near(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}
