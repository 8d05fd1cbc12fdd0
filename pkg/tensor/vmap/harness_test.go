package vmap_test

import (
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/vmap"
)

type values = []tensor.Value

func trace(t testing.TB, in []tensor.Param, fn func(v values) values) *tensor.Func {
	t.Helper()
	f, err := tensor.Trace("test", tensor.F64, in, fn)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func batch(t testing.TB, f *tensor.Func, width int, batched ...bool) *tensor.Func {
	t.Helper()
	g, err := vmap.Of(f, width, batched)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func run(t testing.TB, f *tensor.Func, args ...*tensor.Array) []*tensor.Array {
	t.Helper()
	out, err := eval.Run(f, args)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func f64(name string, shape ...int) tensor.Param {
	return tensor.Param{Name: name, DType: tensor.F64, Shape: shape}
}

func i32(name string, shape ...int) tensor.Param {
	return tensor.Param{Name: name, DType: tensor.I32, Shape: shape}
}

// lane returns a lane of an array whose last axis is that of the lanes.
func lane(a *tensor.Array, b int) *tensor.Array {
	k := len(a.Shape) - 1
	out := tensor.NewArray(a.DType, a.Shape[:k])
	for i := range out.Bits {
		out.Bits[i] = a.Bits[i*a.Shape[k]+b]
	}
	return out
}

// agree compares the batched form of f with f lane by lane, bit for bit (NaN made canonical by the evaluator).
func agree(t testing.TB, f *tensor.Func, width int, batched []bool, args ...*tensor.Array) *tensor.Func {
	t.Helper()
	g := batch(t, f, width, batched...)
	got := run(t, g, args...)
	for b := range width {
		single := slices.Clone(args)
		for i := range args {
			if batched[i] {
				single[i] = lane(args[i], b)
			}
		}
		for i, want := range run(t, f, single...) {
			if x := lane(got[i], b); !slices.Equal(x.Bits, want.Bits) || !slices.Equal(x.Shape, want.Shape) {
				t.Fatalf("result %d, lane %d: %v, want %v\n%s\nof %s", i, b, x.Float64s(), want.Float64s(), g, f)
			}
		}
	}
	return g
}

// array returns an array of a parameter's dtype over lanes; element i of lane b is of(i, b).
func array(p tensor.Param, width int, of func(i, b int) float64) *tensor.Array {
	a := tensor.NewArray(p.DType, append(slices.Clone(p.Shape), width))
	for k := range a.Bits {
		a.Bits[k] = tensor.EncodeFloat(p.DType, of(k/width, k%width))
	}
	return a
}

// count returns how many instructions of f satisfy the condition.
func count(f *tensor.Func, is func(n *tensor.Node) bool) int {
	k := 0
	var visit func(r *tensor.Region)
	visit = func(r *tensor.Region) {
		for _, n := range r.Nodes {
			if is(n) {
				k++
			}
			for _, g := range n.Regions {
				visit(g)
			}
		}
	}
	visit(f.Body)
	return k
}

func countOp(f *tensor.Func, op tensor.Op) int {
	return count(f, func(n *tensor.Node) bool { return n.Op == op })
}
