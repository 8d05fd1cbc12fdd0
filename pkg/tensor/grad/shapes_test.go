package grad

import (
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// modesAgree compares reverse with forward mode, whose rules for linear operations are the operations themselves.
func modesAgree(t *testing.T, r *rand.Rand, shapes [][]int, fn func(x values) values) {
	t.Helper()
	var in []tensor.Param
	var args []*tensor.Array
	var wrt []int
	for i, s := range shapes {
		v := make([]float64, tensor.NumElements(s))
		for k := range v {
			v[k] = r.NormFloat64()
		}
		in = append(in, tensor.Param{Name: string(rune('a' + i)), DType: tensor.F64, Shape: s})
		args = append(args, tensor.ArrayOf(tensor.F64, s, v))
		wrt = append(wrt, i)
	}
	f := mustTrace(t, in, func(x values) values { return scalar(fn(x)) })
	rev, err := ValueAndGrad(f, wrt...)
	must(t, rev, err)
	fwd, err := ForwardGradient(f, wrt...)
	must(t, fwd, err)
	agree(t, "reverse and forward", mustRun(t, rev, args), mustRun(t, fwd, args), 1e-12)
}

// TestDotLayouts: every mixture of batch, contracted and free axes, in any order.
func TestDotLayouts(t *testing.T) {
	for seed := uint64(0); seed < 60; seed++ {
		r := rand.New(rand.NewPCG(seed, 11))
		var a, b, ba, bb, ca, cb []int
		pa, pb := r.Perm(6), r.Perm(6)
		kind := []string{"batch", "contract", "free", "none"}
		size, use := make([]int, 6), make([]string, 6)
		for i := range size {
			size[i], use[i] = 1+r.IntN(3), kind[r.IntN(4)]
		}
		at := make([]int, 6)
		for _, c := range pa {
			if use[c] != "none" && (use[c] != "free" || c%2 == 0) {
				at[c] = len(a)
				a = append(a, size[c])
			}
		}
		for _, c := range pb {
			switch use[c] {
			case "batch":
				ba, bb = append(ba, at[c]), append(bb, len(b))
			case "contract":
				ca, cb = append(ca, at[c]), append(cb, len(b))
			}
			if use[c] != "none" && (use[c] != "free" || c%2 == 1) {
				b = append(b, size[c])
			}
		}
		modesAgree(t, r, [][]int{a, b}, func(x values) values {
			return values{sq(tensor.DotGeneral(x[0], x[1], ba, ca, bb, cb)), tensor.DotGeneral(x[0], x[1], ba, ca, bb, cb)}
		})
		if t.Failed() {
			t.Fatalf("seed %d: %v %v batch %v %v contract %v %v", seed, a, b, ba, bb, ca, cb)
		}
	}
}

// TestShapeOperationsOnRandomShapes: chains of linear operations, so that cotangents stay unmaterialised for long.
func TestShapeOperationsOnRandomShapes(t *testing.T) {
	for seed := uint64(0); seed < 120; seed++ {
		r := rand.New(rand.NewPCG(seed, 12))
		shape := make([]int, r.IntN(4))
		for i := range shape {
			shape[i] = 1 + r.IntN(4)
		}
		modesAgree(t, r, [][]int{shape, {}}, func(x values) values {
			v := x[0]
			var out values
			for range 6 {
				v = randomShapeOp(r, v, x[1])
				if r.IntN(3) == 0 {
					out = append(out, v)
				}
				if r.IntN(4) == 0 {
					v = v.Mul(x[0].Sum())
				}
			}
			return append(out, v)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomShapeOp(r *rand.Rand, v, other tensor.Value) tensor.Value {
	rank := v.Rank()
	if rank == 0 || rank < 4 && r.IntN(5) == 0 {
		shape := append([]int{1 + r.IntN(3)}, v.Shape()...)
		return v.BroadcastTo(shape...)
	}
	axis := r.IntN(rank)
	low, high, step := make([]int, rank), make([]int, rank), make([]int, rank)
	for i, n := range v.Shape() {
		low[i], high[i], step[i] = r.IntN(n), n, 1+r.IntN(2)
	}
	switch r.IntN(9) {
	case 0:
		return v.Sum(axis)
	case 1:
		return v.Transpose(r.Perm(rank)...)
	case 2:
		return v.SliceStep(low, high, step)
	case 3:
		return v.Pad(other, low, step)
	case 4:
		return v.Reverse(axis)
	case 5:
		return v.Reshape(-1).Reshape(v.Size(), 1)
	case 6:
		return tensor.Concat(axis, v, v.Neg(), v)
	case 7:
		return v.ExpandDims(axis).Sum(axis + 1)
	}
	return v.Slice(axis, low[axis], high[axis])
}

// TestSinglePrecision: derivatives of programs in F32 are programs in F32.
func TestSinglePrecision(t *testing.T) {
	for _, group := range []map[string]problem{elementwiseProblems(), structuralProblems(), linalgProblems(), controlProblems()} {
		for name, p := range group {
			var in []tensor.Param
			for i, s := range p.shapes {
				in = append(in, tensor.Param{Name: string(rune('a' + i)), DType: tensor.F32, Shape: s})
			}
			f, err := tensor.Trace(name, tensor.F32, in, func(x []tensor.Value) []tensor.Value {
				var sum tensor.Value
				for _, v := range p.fn(x) {
					if s := v.Sum(); sum.IsValid() {
						sum = sum.Add(s)
					} else {
						sum = s
					}
				}
				return values{sum}
			})
			must(t, f, err)
			programs := map[string]func() (*tensor.Func, error){
				"forward": func() (*tensor.Func, error) { return ForwardGradient(f, 0) },
				"reverse": func() (*tensor.Func, error) { return ValueAndGrad(f, 0) },
				"Hessian": func() (*tensor.Func, error) { return Hessian(f, 0) },
			}
			for mode, make := range programs {
				if p.forwardOnly && mode != "forward" {
					continue
				}
				g, err := make()
				if err != nil {
					t.Errorf("%s, %s: %v", name, mode, err)
					continue
				}
				for _, o := range g.Out {
					if o.DType != tensor.F32 {
						t.Errorf("%s, %s: result %q is %s", name, mode, o.Name, o.DType)
					}
				}
			}
		}
	}
}
