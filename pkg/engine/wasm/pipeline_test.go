package wasm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// regression is the shape of a big-data model: rows of a matrix times a vector, a link function with group effects, sums,
// and back through the matrix and the groups.
func regression(x, y, group, beta, effects tensor.Value) []tensor.Value {
	eta := x.MatMul(beta).Add(effects.At(group))
	residual := y.Sub(eta.Sigmoid())
	lp := y.Mul(eta).Sub(eta.Softplus()).Sum()
	return []tensor.Value{lp, residual.MatMul(x), tensor.ZerosLike(effects).ScatterAdd(0, group.Max(0).Min(effects.Dim(0)-1), residual)}
}

// sampler puts a regression where a sampler has it: in a loop, partly in a branch, with scalars and vectors carried.
func sampler(x, y, group, beta, effects tensor.Value) []tensor.Value {
	type state struct{ I, Sum, Beta, Effects, Kept tensor.Value }
	start := state{tensor.In(beta, 0), tensor.ZerosLike(beta.At(0)), beta, effects, beta}
	end := tensor.While(start, func(s state) tensor.Value { return s.I.Lt(4) }, func(s state) state {
		half := s.Sum.Mul(0.5).Add(1)
		r := regression(x, y, group, s.Beta, s.Effects)
		s.Beta, s.Effects = s.Beta.Add(r[1].Mul(1e-3)), s.Effects.Add(r[2].Mul(1e-3))
		old := s
		s.Kept = tensor.Cond(r[0].Gt(half),
			func() tensor.Value { return old.Kept },
			func() tensor.Value { return regression(x, y, group, old.Beta.Mul(half), old.Effects)[1] })
		s.I, s.Sum = s.I.Add(1), s.Sum.Add(r[0]).Add(half)
		return s
	})
	return tensor.Flatten(end)
}

func TestPipelinesKeepBits(t *testing.T) {
	defer wasm.LowerLimits()()
	r := rand.New(rand.NewPCG(3, 4))
	for _, rows := range []int{8, 9, 12, 15, 16, 17, 64, 75} {
		for _, cols := range []int{2, 5, 8, 9} {
			for name, fn := range map[string]func(x, y, g, b, e tensor.Value) []tensor.Value{"regression": regression, "sampler": sampler} {
				group := indices(r, rows, 7)
				switch cols { // data sorted by group take another way
				case 5:
					slices.Sort(group.Bits)
				case 8:
					slices.Sort(group.Bits)
					group.Bits[rows-1] = group.Bits[0] // a run that comes back
				case 9:
					slices.Sort(group.Bits)
					group.Bits[rows-1] = 8 // clamps to the index of the run before
				}
				args := []*tensor.Array{random(r, rows, cols), random(r, rows), group, random(r, cols), random(r, 7)}
				var in []tensor.Param
				for _, a := range args {
					in = append(in, tensor.Param{Name: "p", DType: a.DType, Shape: a.Shape})
				}
				f, err := tensor.Trace(name, tensor.F64, in, func(v []tensor.Value) []tensor.Value { return fn(v[0], v[1], v[2], v[3], v[4]) })
				if err != nil {
					t.Fatal(err)
				}
				sameBits(t, fmt.Sprintf("%s %d×%d", name, rows, cols), f, args)
			}
		}
	}
}

// sameBits runs f twice on wasm and compares with the evaluator.
func sameBits(t *testing.T, what string, f *tensor.Func, args []*tensor.Array) {
	t.Helper()
	want, err := eval.Run(f, args)
	if err != nil {
		t.Fatal(err)
	}
	x, err := wasm.Engine{}.Compile(f, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	s, err := x.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for run := range 2 {
		for i, a := range args {
			if err := s.Put(i, engine.Bytes(a)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Run(); err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			b := make([]byte, len(engine.Bytes(w)))
			if err := s.Get(i, b); err != nil {
				t.Fatal(err)
			}
			got := engine.ArrayOf(w.DType, w.Shape, b)
			x, y := got.Float64s(), w.Float64s()
			for e, bits := range got.Bits {
				if bits != w.Bits[e] && (x[e] == x[e] || y[e] == y[e]) { // NaNs have many bits
					t.Errorf("%s, run %d: result %d[%d] is %v, want %v", what, run, i, e, x[e], y[e])
					break
				}
			}
		}
	}
}

func random(r *rand.Rand, shape ...int) *tensor.Array {
	a := tensor.NewArray(tensor.F64, shape)
	for i := range a.Bits {
		a.Bits[i] = math.Float64bits(r.NormFloat64())
	}
	return a
}

func indices(r *rand.Rand, n, limit int) *tensor.Array {
	a := tensor.NewArray(tensor.I32, []int{n})
	for i := range a.Bits {
		a.Bits[i] = uint64(r.IntN(limit))
	}
	return a
}
