package lower

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

func mustTrace(t *testing.T, in []tensor.Param, fn func(v []tensor.Value) []tensor.Value) *tensor.Func {
	t.Helper()
	f, err := tensor.Trace("f", tensor.F64, in, fn)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustLower(t *testing.T, platform string, f *tensor.Func) *tensor.Func {
	t.Helper()
	g, changed, err := For(platform, f)
	if err != nil {
		t.Fatal(err)
	}
	if !changed {
		t.Fatalf("%s: nothing was rewritten", platform)
	}
	return g
}

func mustRun(t *testing.T, f *tensor.Func, in ...*tensor.Array) [][]float64 {
	t.Helper()
	arrays, err := eval.Run(f, in)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float64, len(arrays))
	for i, a := range arrays {
		out[i] = a.Float64s()
	}
	return out
}

// random returns numbers of an order of one, or integers of 0 … below-1 where below is given.
func random(r *rand.Rand, d tensor.DType, below int, shape ...int) *tensor.Array {
	x := make([]float64, tensor.NumElements(shape))
	for i := range x {
		if x[i] = r.NormFloat64(); below > 0 {
			x[i] = float64(r.IntN(below))
		}
	}
	return tensor.ArrayOf(d, shape, x)
}

// TestChoose is the rule as the docs state it.
func TestChoose(t *testing.T) {
	for _, w := range []struct {
		platform      string
		rows, targets int
		known         bool
		want          Form
	}{
		{CPU, 919, 85, true, Scatter}, {CPU, 500_000, 10_000, true, Scatter},
		{"wasm", 500_000, 85, true, Scatter},
		{CUDA, 919, 85, true, OneHot}, {CUDA, 17, 256, true, OneHot}, {CUDA, 500_000, 256, true, OneHot},
		{CUDA, 16, 4, true, Scatter}, {CUDA, 919, 85, false, Scatter},
		{CUDA, 919, 257, true, Segments}, {CUDA, 500_000, 10_000, true, Segments}, {CUDA, 1 << 20, 200, true, Segments},
		{TPU, 919, 85, true, OneHot}, {TPU, 10_000, 10_000, true, OneHot},
		{TPU, 500_000, 10_000, true, Scatter}, {TPU, 919, 85, false, Scatter},
	} {
		if got := Choose(w.platform, w.rows, w.targets, w.known); got != w.want {
			t.Errorf("%s, %d rows into %d targets, known %v: %s, want %s", w.platform, w.rows, w.targets, w.known, got, w.want)
		}
	}
}

// close compares sums of up to n terms of an order of one in two orders: an ulp of the largest partial sum for each addition,
// whose errors are independent.
func close(got, want []float64, n int) bool {
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= 0x1p-50*float64(n+1)) {
			return false
		}
	}
	return len(got) == len(want)
}

// TestForms: both forms have the sums of a scatter-add for any index, also one out of range, sorted, or the same for all rows,
// at every number of rows at which Segments has another number of rounds, along every axis.
func TestForms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	for _, n := range []int{1, 2, 31, 32, 33, 100, 1024, 1025, 3000} {
		for _, targets := range []int{1, 2, 7, 300} {
			index := map[string]*tensor.Array{
				"random": random(r, tensor.I32, targets, n), "out of range": random(r, tensor.I32, 2*targets, n), "one": random(r, tensor.I32, 1, n),
			}
			for i, b := range index["out of range"].Bits {
				index["out of range"].Bits[i] = uint64(uint32(int32(b) - int32(targets)/2))
			}
			for name, idx := range index {
				params := []tensor.Param{{Name: "rows", DType: tensor.F64, Shape: []int{n, 2}}, {Name: "idx", DType: tensor.I32, Shape: []int{n}}}
				f := mustTrace(t, params, func(v []tensor.Value) []tensor.Value {
					return []tensor.Value{
						tensor.Zeros(tensor.F64, targets, 2).ScatterAdd(0, v[1], v[0]), oneHotSums(v[0], v[1], targets), segmentSums(v[0], v[1], targets),
					}
				})
				got := mustRun(t, f, random(r, tensor.F64, 0, n, 2), idx)
				for k, form := range []Form{OneHot, Segments} {
					if !close(got[1+k], got[0], n) {
						t.Errorf("%s, %d rows into %d targets, index %s: %v, want %v", form, n, targets, name, got[1+k], got[0])
					}
				}
			}
		}
	}
}

// TestAxes: a scatter-add along any axis, into an array that is not zero, is lowered to the same values.
func TestAxes(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	for axis := range 3 {
		for _, targets := range []int{5, fewTargets + 1} {
			shape, rows := []int{3, 4, 2}, []int{3, 4, 2}
			shape[axis], rows[axis] = targets, 40
			params := []tensor.Param{
				{Name: "x", DType: tensor.F64, Shape: shape}, {Name: "idx", DType: tensor.I32, Shape: []int{40}}, {Name: "rows", DType: tensor.F64, Shape: rows},
			}
			f := mustTrace(t, params, func(v []tensor.Value) []tensor.Value { return []tensor.Value{v[0].ScatterAdd(axis, v[1], v[2])} })
			in := []*tensor.Array{random(r, tensor.F64, 0, shape...), random(r, tensor.I32, targets, 40), random(r, tensor.F64, 0, rows...)}
			if got, want := mustRun(t, mustLower(t, CUDA, f), in...), mustRun(t, f, in...); !close(got[0], want[0], 40) {
				t.Errorf("axis %d, %d targets: %v, want %v", axis, targets, got, want)
			}
		}
	}
}

// TestGradientOfLookUp: the gradient of a hierarchical sum, lowered either way, agrees with central differences.
func TestGradientOfLookUp(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	for _, groups := range []int{9, fewTargets + 10} {
		const n = 700
		params := []tensor.Param{
			{Name: "theta", DType: tensor.F64, Shape: []int{groups}}, {Name: "group", DType: tensor.I32, Shape: []int{n}}, {Name: "y", DType: tensor.F64, Shape: []int{n}},
		}
		f := mustTrace(t, params, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{v[2].Mul(v[0].Take(v[1], 0)).Sin().Sum()}
		})
		g, err := grad.ValueAndGrad(f, 0)
		if err != nil {
			t.Fatal(err)
		}
		theta, group, y := random(r, tensor.F64, 0, groups), random(r, tensor.I32, groups, n), random(r, tensor.F64, 0, n)
		gradient := mustRun(t, mustLower(t, CUDA, simplify.Run(g)), theta, group, y)[1]
		const h = 1e-5
		for i := 0; i < groups; i += 1 + groups/20 {
			at := func(h float64) float64 {
				x := theta.Float64s()
				x[i] += h
				return mustRun(t, f, tensor.ArrayOf(tensor.F64, []int{groups}, x), group, y)[0][0]
			}
			if d := (at(h) - at(-h)) / (2 * h); math.Abs(d-gradient[i]) > 1e-7*(1+math.Abs(d)) {
				t.Errorf("%d groups: gradient[%d] = %v, differences give %v", groups, i, gradient[i], d)
			}
		}
	}
}

// TestKnownIndex: what depends on the index alone leaves the loop, and a form is not taken for an index that changes in it.
func TestKnownIndex(t *testing.T) {
	const n, targets = 400, 300
	params := []tensor.Param{
		{Name: "x", DType: tensor.F64, Shape: []int{targets}}, {Name: "idx", DType: tensor.I32, Shape: []int{n}}, {Name: "ticks", DType: tensor.I32},
	}
	loop := func(change func(idx, turn tensor.Value) tensor.Value) *tensor.Func {
		return mustTrace(t, params, func(v []tensor.Value) []tensor.Value {
			return tensor.WhileN([]tensor.Value{v[0], tensor.In(v[0], int32(0))},
				func(c []tensor.Value) tensor.Value { return c[1].Lt(v[2]) },
				func(c []tensor.Value) []tensor.Value {
					idx := change(v[1].Clamp(0, targets-1), c[1])
					return []tensor.Value{c[0].Mul(0.5).ScatterAdd(0, idx, c[0].Take(idx, 0).Sin()), c[1].Add(int32(1))}
				})[:1]
		})
	}
	f := loop(func(idx, _ tensor.Value) tensor.Value { return idx })
	g := simplify.Exact(mustLower(t, CUDA, f))
	inside := map[tensor.Op]int{}
	for _, node := range g.Body.Nodes {
		for _, region := range node.Regions {
			for _, m := range region.Nodes {
				inside[m.Op]++
			}
		}
	}
	if inside[tensor.OpArgsort]+inside[tensor.OpCumsum]+inside[tensor.OpScatterAdd] > 0 || inside[tensor.OpTake] > 6 {
		t.Errorf("in the loop are %v", inside)
	}
	r := rand.New(rand.NewPCG(4, 0))
	in := []*tensor.Array{random(r, tensor.F64, 0, targets), random(r, tensor.I32, targets, n), tensor.ArrayOf(tensor.I32, nil, []float64{5})}
	if got, want := mustRun(t, g, in...), mustRun(t, f, in...); !close(got[0], want[0], 5*n) {
		t.Errorf("%v, want %v", got, want)
	}
	moving := loop(func(idx, turn tensor.Value) tensor.Value { return idx.Add(turn).Rem(targets) })
	if _, changed, err := For(CUDA, moving); changed || err != nil {
		t.Errorf("a scatter whose index changes in the loop was rewritten (%v)", err)
	}
}

// TestCompensatedSum: a sum of f32 numbers in two of them is off by less than f64's own sum would be in f32, over any axes.
func TestCompensatedSum(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	for _, n := range []int{2, 3, 7, 64, 1000, 100_003} {
		f := mustTrace(t, []tensor.Param{{Name: "x", DType: tensor.F32, Shape: []int{n}}}, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{v[0].Convert(tensor.F64).Sum(), v[0].Sum().Convert(tensor.F64)}
		})
		x := random(r, tensor.F32, 0, n)
		for i := range x.Bits { // far from zero, so that rounding errors are large
			x.Bits[i] = tensor.EncodeFloat(tensor.F32, 1000+tensor.DecodeFloat(tensor.F32, x.Bits[i]))
		}
		g := simplify.Exact(mustLower(t, TPU, f))
		got := mustRun(t, g, x)
		want := 0.0
		for _, v := range x.Float64s() {
			want += v // exact: 24 bits and 17 of the number of terms
		}
		if d := math.Abs(got[0][0] - want); d > 0x1p-44*want {
			t.Errorf("%d terms: %v, want %v", n, got[0][0], want)
		}
		if d := math.Abs(got[1][0] - want); n > 10_000 && d < 100 {
			t.Errorf("%d terms in f32 are off by %v: too little to compensate for", n, d)
		}
		for _, node := range g.Body.Nodes {
			if node.Op == tensor.OpReduceSum && node.DType == tensor.F64 || node.DType == tensor.F64 && len(node.Shape) > 0 {
				t.Errorf("%s of f64 is left", node.Op)
			}
		}
	}
	shape := []int{3, 5, 4, 2}
	f := mustTrace(t, []tensor.Param{{Name: "x", DType: tensor.F32, Shape: shape}}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Convert(tensor.F64).Sum(1, 2)}
	})
	x := random(r, tensor.F32, 0, shape...)
	if got, want := mustRun(t, mustLower(t, TPU, f), x), mustRun(t, f, x); !close(got[0], want[0], 64) {
		t.Errorf("over two axes: %v, want %v", got, want)
	}
}
