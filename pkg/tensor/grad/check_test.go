package grad

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// problem is a function of float parameters to be differentiated, and a point.
type problem struct {
	shapes [][]int
	draw   func(r *rand.Rand, param int) float64
	fn     func(x []tensor.Value) []tensor.Value
	// forwardOnly is for programs without a reverse mode.
	forwardOnly bool
}

func normalDraw(r *rand.Rand, _ int) float64 { return r.NormFloat64() }

func between(lo, hi float64) func(*rand.Rand, int) float64 {
	return func(r *rand.Rand, _ int) float64 { return lo + (hi-lo)*r.Float64() }
}

func mustTrace(t testing.TB, in []tensor.Param, fn func(x []tensor.Value) []tensor.Value) *tensor.Func {
	t.Helper()
	f, err := tensor.Trace("f", tensor.F64, in, fn)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustRun(t testing.TB, f *tensor.Func, args []*tensor.Array) [][]float64 {
	t.Helper()
	out, err := eval.Run(f, args)
	if err != nil {
		t.Fatal(err)
	}
	got := make([][]float64, len(out))
	for i, a := range out {
		got[i] = a.Float64s()
	}
	return got
}

func must(t testing.TB, f *tensor.Func, err error) *tensor.Func {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// scalar returns Σ w·out over all float results with fixed weights of order one, and Σ |w·out|, the size that rounding
// errors of differences are measured by.
func scalar(out []tensor.Value) []tensor.Value {
	var sum, size tensor.Value
	for k, o := range out {
		if !o.DType().IsFloat() {
			continue
		}
		n := o.Size()
		w := make([]float64, max(n, 1))
		for i := range w {
			w[i] = math.Cos(float64(3*i+k)) + 0.2
		}
		if n == 0 {
			continue
		}
		p := o.Convert(tensor.F64).Reshape(n).Mul(w)
		if !sum.IsValid() {
			sum, size = p.Sum(), p.Abs().Sum()
			continue
		}
		sum, size = sum.Add(p.Sum()), size.Add(p.Abs().Sum())
	}
	return []tensor.Value{sum, size.StopGradient()}
}

// check compares reverse mode, forward mode and Hessian with central differences, and the modes with each other.
func check(t *testing.T, p problem, seed uint64) *tensor.Func {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	var in []tensor.Param
	var args []*tensor.Array
	wrt := make([]int, len(p.shapes))
	for i, s := range p.shapes {
		wrt[i] = i
		in = append(in, tensor.Param{Name: string(rune('a' + i)), DType: tensor.F64, Shape: s})
		x := make([]float64, tensor.NumElements(s))
		for k := range x {
			x[k] = p.draw(r, i)
		}
		args = append(args, tensor.ArrayOf(tensor.F64, s, x))
	}
	f := mustTrace(t, in, func(x []tensor.Value) []tensor.Value { return scalar(p.fn(x)) })
	forward, err := ForwardGradient(f, wrt...)
	g := must(t, forward, err)
	if !p.forwardOnly {
		rev, err := ValueAndGrad(f, wrt...)
		g = must(t, rev, err)
		agree(t, "forward and reverse", mustRun(t, forward, args)[2:], mustRun(t, g, args)[2:], 1e-11)
		checkVJP(t, f, g, args, wrt)
	}
	checkJVP(t, f, g, args, r)
	grads := mustRun(t, g, args)
	differences(t, f, args, 0, grads[1][0], func(i, k int) []float64 { return []float64{grads[2+i][k]} })
	if p.forwardOnly {
		return f
	}
	for i := range wrt {
		if len(args[i].Bits) > 0 {
			checkHessian(t, f, g, args, i, grads)
		}
	}
	return f
}

// agree compares arrays by |a-b| ≤ tol·max(1, largest magnitude): both sides are roundings of one number.
func agree(t *testing.T, what string, a, b [][]float64, tol float64) {
	t.Helper()
	scale := 1.0
	for i := range a {
		for k := range a[i] {
			scale = math.Max(scale, math.Abs(b[i][k]))
		}
	}
	for i := range a {
		for k := range a[i] {
			if d := math.Abs(a[i][k] - b[i][k]); !(d <= tol*scale) {
				t.Errorf("%s: value %d element %d: %v and %v", what, i, k, a[i][k], b[i][k])
			}
		}
	}
}

// checkVJP: a cotangent of c for the scalar gives c times the gradient.
func checkVJP(t *testing.T, f, g *tensor.Func, args []*tensor.Array, wrt []int) {
	t.Helper()
	v, err := VJP(f, wrt...)
	ct := []*tensor.Array{tensor.ArrayOf(tensor.F64, nil, []float64{2}), tensor.ArrayOf(tensor.F64, nil, []float64{5})}
	got, want := mustRun(t, must(t, v, err), append(append([]*tensor.Array(nil), args...), ct...)), mustRun(t, g, args)
	for _, w := range want[2:] {
		for i := range w {
			w[i] *= 2
		}
	}
	agree(t, "VJP and gradient", got[2:], want[2:], 1e-12)
}

// checkJVP: the tangent of the scalar is the product of gradient and direction.
func checkJVP(t *testing.T, f, g *tensor.Func, args []*tensor.Array, r *rand.Rand) {
	t.Helper()
	var wrt []int
	all := append([]*tensor.Array(nil), args...)
	grads := mustRun(t, g, args)
	want, size := 0.0, 1.0
	for i, a := range args {
		wrt = append(wrt, i)
		d := make([]float64, len(a.Bits))
		for k := range d {
			d[k] = r.NormFloat64()
			want += d[k] * grads[2+i][k]
			size += math.Abs(d[k] * grads[2+i][k])
		}
		all = append(all, tensor.ArrayOf(tensor.F64, a.Shape, d))
	}
	j, err := JVP(f, wrt...)
	got := mustRun(t, must(t, j, err), all)[2][0]
	if !(math.Abs(got-want) <= 1e-11*size) {
		t.Errorf("JVP %v, gradient times direction %v", got, want)
	}
}

// checkHessian compares each row with differences of the gradient.
func checkHessian(t *testing.T, f, g *tensor.Func, args []*tensor.Array, i int, grads [][]float64) {
	t.Helper()
	h, err := Hessian(f, i)
	out := mustRun(t, must(t, h, err), args)
	agree(t, "gradient beside the Hessian", out[1:2], grads[2+i:3+i], 1e-12)
	d := len(args[i].Bits)
	size := grads[1][0]
	for _, x := range grads[2+i] {
		size = math.Max(size, math.Abs(x))
	}
	differences(t, g, args, 2+i, size, func(j, k int) []float64 {
		if j != i {
			return nil
		}
		return out[2][k*d : (k+1)*d]
	})
}

// differences compares want(i, k), the derivatives of all elements of a result by element k of argument i, with central
// differences. With D(h) and D(2h) the extrapolated value (4·D(h) - D(2h))/3 has the error of order h⁴; it is bounded
// by h²-fold of what the two differ by, times a constant, and the rounding error by the size of what is added over h.
func differences(t *testing.T, f *tensor.Func, args []*tensor.Array, result int, size float64, want func(i, k int) []float64) {
	t.Helper()
	for i, a := range args {
		for k := range a.Bits {
			w := want(i, k)
			if w == nil {
				continue
			}
			x := tensor.DecodeFloat(tensor.F64, a.Bits[k])
			h := math.Exp2(math.Round(math.Log2(4e-4 * math.Max(0.5, math.Abs(x)))))
			at := func(dx float64) []float64 {
				old := a.Bits[k]
				a.Bits[k] = math.Float64bits(x + dx)
				defer func() { a.Bits[k] = old }()
				return mustRun(t, f, args)[result]
			}
			p1, m1, p2, m2 := at(h), at(-h), at(2*h), at(-2*h)
			for e := range w {
				d1, d2 := (p1[e]-m1[e])/(2*h), (p2[e]-m2[e])/(4*h)
				tol := 1e-4*math.Abs(d1-d2) + 40*0x1p-52*(size+math.Abs(x*w[e]))/h
				if got := (4*d1 - d2) / 3; !(math.Abs(got-w[e]) <= tol) {
					t.Errorf("derivative of element %d by element %d of argument %d at %v: %v, differences give %v ± %.1e", e, k, i, x, w[e], got, tol)
				}
			}
		}
	}
}
