package kernels_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// density is a target whose traced and plain Go forms are written beside each other.
type density struct {
	dim    int
	traced func(q tensor.Value) (logDensity, gradient tensor.Value)
	plain  func(q []float64) (float64, []float64)
}

func (d density) At(_ model.Env, q tensor.Value) (tensor.Value, tensor.Value) { return d.traced(q) }
func (d density) Dim() int                                                    { return d.dim }

// normal is a product of centred normals with the given standard deviations.
func normal(sd ...float64) density {
	precision := make([]float64, len(sd))
	for i, s := range sd {
		precision[i] = 1 / (s * s)
	}
	return density{
		dim: len(sd),
		traced: func(q tensor.Value) (tensor.Value, tensor.Value) {
			g := q.Mul(precision).Neg()
			return q.Mul(g).Sum().Mul(0.5), g
		},
		plain: func(q []float64) (float64, []float64) {
			lp, g := 0.0, make([]float64, len(q))
			for i := range q {
				g[i] = -q[i] * precision[i]
				lp += 0.5 * q[i] * g[i]
			}
			return lp, g
		},
	}
}

// banana has log density -x²/2 - (y - x² + 1)²·2 with standard normal coordinates after the first two.
func banana(dim int) density {
	unit := func(i int) []float64 {
		e := make([]float64, dim)
		e[i] = 1
		return e
	}
	rest := make([]float64, dim)
	for i := 2; i < dim; i++ {
		rest[i] = 1
	}
	return density{
		dim: dim,
		traced: func(q tensor.Value) (tensor.Value, tensor.Value) {
			x, y := q.At(0), q.At(1)
			r := y.Sub(x.Square()).Add(1.0)
			lp := x.Square().Mul(-0.5).Sub(r.Square().Mul(2.0)).Sub(q.Square().Mul(rest).Sum().Mul(0.5))
			gx := x.Neg().Add(r.Mul(x).Mul(8.0))
			g := gx.Mul(unit(0)).Add(r.Mul(-4.0).Mul(unit(1))).Sub(q.Mul(rest))
			return lp, g
		},
		plain: func(q []float64) (float64, []float64) {
			x, y := q[0], q[1]
			r := y - x*x + 1
			lp, g := -0.5*x*x-2*r*r, make([]float64, dim)
			g[0], g[1] = -x+8*r*x, -4*r
			for i := 2; i < dim; i++ {
				lp -= 0.5 * q[i] * q[i]
				g[i] = -q[i]
			}
			return lp, g
		},
	}
}

// walled is a standard normal times 1 - x, whose logarithm is NaN beyond the wall at x = 1.
func walled(dim int) density {
	return density{
		dim: dim,
		traced: func(q tensor.Value) (tensor.Value, tensor.Value) {
			left := q.At(0).Neg().Add(1.0)
			first := make([]float64, dim)
			first[0] = 1
			return q.Square().Sum().Mul(-0.5).Add(left.Log()), q.Neg().Sub(left.Reciprocal().Mul(first))
		},
		plain: func(q []float64) (float64, []float64) {
			lp, g := math.Log(1-q[0]), make([]float64, dim)
			for i := range q {
				lp -= q[i] * q[i] / 2
				g[i] = -q[i]
			}
			g[0] -= 1 / (1 - q[0])
			return lp, g
		},
	}
}

func noEnv([]tensor.Value) model.Env { return model.Env{} }

// evaluate traces fn on f64 inputs, runs it on the reference evaluator and returns its results.
func evaluate(t testing.TB, in []*tensor.Array, fn func(v []tensor.Value) []tensor.Value) []*tensor.Array {
	t.Helper()
	return runFunc(t, traceFunc(t, in, fn), in)
}

func traceFunc(t testing.TB, in []*tensor.Array, fn func(v []tensor.Value) []tensor.Value) *tensor.Func {
	t.Helper()
	params := make([]tensor.Param, len(in))
	for i, a := range in {
		params[i] = tensor.Param{DType: a.DType, Shape: a.Shape}
	}
	f, err := tensor.Trace("test", tensor.F64, params, fn)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func runFunc(t testing.TB, f *tensor.Func, in []*tensor.Array) []*tensor.Array {
	t.Helper()
	out, err := eval.Run(f, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func vector(x ...float64) *tensor.Array { return tensor.ArrayOf(tensor.F64, []int{len(x)}, x) }
func scalar(x float64) *tensor.Array    { return tensor.ArrayOf(tensor.F64, nil, []float64{x}) }
func u64(x uint64) *tensor.Array        { return &tensor.Array{DType: tensor.U64, Bits: []uint64{x}} }
func u32(x uint32) *tensor.Array        { return &tensor.Array{DType: tensor.U32, Bits: []uint64{uint64(x)}} }
func i32(x int32) *tensor.Array {
	return &tensor.Array{DType: tensor.I32, Bits: []uint64{uint64(uint32(x))}}
}

// step is what one whole step of a Hamiltonian kernel returned.
type step struct {
	position, gradient               []float64
	logDensity, energy, accept, size float64
	diverging                        bool
	depth, steps                     int
}

// stepper traces whole steps of a kernel from a position: (seed, chain, draw, position, step size, factor) → draw and Info.
func stepper[S kernels.Located](t testing.TB, k kernels.Kernel[kernels.Params, S, kernels.Info], d density, in []*tensor.Array) *eval.Program {
	f := traceFunc(t, in, func(v []tensor.Value) []tensor.Value {
		p := kernels.Params{StepSize: v[4], Metric: kernels.Metric{Factor: v[5]}}
		type carry struct {
			S    S
			Done tensor.Value
		}
		s := k.Begin(key(v), d, model.Env{}, p, k.Init(d, model.Env{}, v[3]))
		c := tensor.While(carry{s, tensor.In(v[0], false)},
			func(c carry) tensor.Value { return c.Done.Not() },
			func(c carry) carry {
				s, done := k.Tick(key(v), d, model.Env{}, p, c.S)
				return carry{s, done}
			})
		s, info := k.End(c.S)
		depth := info.TreeDepth
		if !depth.IsValid() {
			depth = info.Steps
		}
		at := s.Current()
		return []tensor.Value{at.Position, at.Gradient, at.LogDensity, info.Energy, info.AcceptanceRate, info.StepSize, info.Diverging, depth, info.Steps}
	})
	p, err := eval.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// key reads (seed, chain, draw).
func key(v []tensor.Value) rng.Key { return rng.Key{Seed: v[0], Chain: v[1], Draw: v[2]} }

func take(t testing.TB, p *eval.Program, in []*tensor.Array) step {
	t.Helper()
	out, err := p.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	f := func(i int) float64 { return out[i].Float64s()[0] }
	return step{out[0].Float64s(), out[1].Float64s(), f(2), f(3), f(4), f(5), f(6) == 1, int(f(7)), int(f(8))}
}

// near reports that a and b agree to a relative (or, below 1, absolute) tolerance.
func near(a, b, tol float64) bool {
	return a == b || math.Abs(a-b) <= tol*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}

// adapter joins adapt to kernels as internal/chain does.
type adapter struct {
	adapt.Adaptation
	dim   int
	float tensor.DType
}

func (a adapter) Inputs() []tensor.Param { return a.Adaptation.Inputs(a.float, a.dim, false) }

func (a adapter) Init(at kernels.Point, in []tensor.Value) adapt.State {
	return a.Adaptation.Init(at.Position, in)
}

func (a adapter) Params(s adapt.State) kernels.Params {
	return kernels.Params{StepSize: s.StepSize, Metric: kernels.Metric{Factor: s.Factor}}
}

func (a adapter) Update(s adapt.State, phase tensor.Value, t kernels.Transition) adapt.State {
	return a.Adaptation.Update(s, phase, t.AcceptanceRate, t.Position, t.Gradient)
}
