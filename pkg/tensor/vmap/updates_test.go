package vmap_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// rows is the length of the axis along which programs here write; no other array has as many elements along an axis.
const rows, columns = 101, 2

// writer makes random programs that write rows of two buffers inside control flow, with places and values that they read
// from the buffers before.
type writer struct {
	r      *rand.Rand
	shared tensor.Value // i32[], the same in all lanes
}

// place returns an index that may lie outside.
func (w writer) place(s writing) tensor.Value {
	switch w.r.IntN(4) {
	case 0:
		return tensor.In(w.shared, w.r.IntN(rows))
	case 1:
		return w.shared.Add(w.r.IntN(5))
	}
	return s.At.Add(w.r.IntN(rows + 4)).Rem(rows + 2).Sub(1)
}

// writing is what a program carries: the buffers [rows, columns] and [rows], and an index that differs between lanes.
type writing struct{ A, B, At tensor.Value }

func (w writer) write(s writing) writing {
	at, n := w.place(s), w.r.IntN(100)
	row := s.A.Row(w.place(s)).Add(float64(n))
	switch w.r.IntN(8) {
	case 0, 1:
		s.A = s.A.SetRow(at, row)
	case 2:
		s.B = s.B.SetRow(at, row.Sum())
	case 3:
		s.A = s.A.DynamicUpdate(row.Slice(0, 0, 1).Reshape(1, 1).BroadcastTo(3, 1), at, w.place(s))
	case 4:
		s.A = s.A.DynamicUpdate(s.A.DynamicSlice([]any{w.place(s), 0}, 4, columns).Mul(0.5), at, 0)
	case 5:
		s.B = s.B.Scatter(0, tensor.Stack(0, at, w.place(s), 2), s.B.Take(tensor.Stack(0, w.place(s), at, at), 0).Add(float64(n)))
	case 6:
		s.A = s.A.ScatterAdd(0, tensor.Stack(0, at, at, w.place(s)), tensor.Stack(0, row, row, row.Neg()))
	case 7:
		s.B = s.B.ScatterAdd(0, []int{3, n % rows, 3}, row.Sum().Mul([]float64{1, 2, 3}))
	}
	s.At = s.At.Add(s.B.Row(at).Abs().Min(50.0).Convert(tensor.I32)).Rem(97)
	return s
}

func (w writer) steps(s writing, n, depth int) writing {
	for range n {
		s = w.step(s, depth)
	}
	return s
}

func (w writer) step(s writing, depth int) writing {
	kind := w.r.IntN(8)
	if depth == 0 {
		kind = 7
	}
	inside := func(s writing) writing { return w.steps(s, w.r.IntN(3), depth-1) }
	threshold, turns := w.r.IntN(60), w.r.IntN(4)
	switch kind {
	case 0, 1:
		return tensor.Cond(s.At.Gt(threshold), func() writing { return inside(s) }, func() writing { return inside(s) })
	case 2:
		return tensor.Cond(w.shared.Gt(threshold), func() writing { return inside(s) }, func() writing { return inside(s) })
	case 3, 4: // s.At is a number of the lane's own
		type carry struct {
			S writing
			K tensor.Value
		}
		left := s.At.And(3)
		if kind == 4 {
			left = tensor.In(w.shared, turns)
		}
		return tensor.While(carry{s, left},
			func(c carry) tensor.Value { return c.K.Gt(0) },
			func(c carry) carry { return carry{inside(c.S), c.K.Sub(1)} }).S
	case 5:
		out, _ := tensor.ScanN(tensor.Flatten(s), nil, turns, false, func(c, _ values) (values, values) {
			return tensor.Flatten(inside(tensor.Unflatten(s, c))), nil
		})
		return tensor.Unflatten(s, out)
	}
	return w.write(s)
}

// TestUpdates: programs that write rows give the bits of single lanes, and cost rows: nothing but writes, reads and the first
// copy for the lanes has the buffers' axis.
func TestUpdates(t *testing.T) {
	in := []tensor.Param{f64("a", rows, columns), f64("b", rows), i32("at"), i32("shared")}
	n := 400
	if testing.Short() {
		n = 100
	}
	for seed := range uint64(n) {
		f := trace(t, in, func(v values) values {
			w := writer{rand.New(rand.NewPCG(seed, 1)), v[3]}
			return tensor.Flatten(w.steps(writing{v[0], v[1], v[2]}, 4, 3))
		})
		r := rand.New(rand.NewPCG(seed, 2))
		wave := func(int, int) float64 { return float64(r.IntN(40)) / 2 }
		width := []int{1, 3, 4, 7}[seed%4]
		batched := []bool{true, true, true, false}
		args := []*tensor.Array{array(in[0], width, wave), array(in[1], width, wave), array(in[2], width, wave), tensor.ArrayOf(tensor.I32, nil, []float64{float64(seed % 50)})}
		g := agree(t, f, width, batched, args...)
		for _, g := range []*tensor.Func{g, simplify.Exact(g)} {
			large := count(g, func(n *tensor.Node) bool {
				switch n.Op {
				case tensor.OpGet, tensor.OpReshape, tensor.OpScatter, tensor.OpScatterAdd, tensor.OpDynamicUpdate:
					return false
				}
				return slices.ContainsFunc(n.Shape, func(d int) bool { return d >= rows })
			})
			if large > 0 {
				t.Fatalf("seed %d: %d instructions over all rows:\n%s\nof %s", seed, large, g, f)
			}
		}
	}
}

// TestWholeArraysAreSelected: where a branch returns another array than the one it updated, the right one comes out.
func TestWholeArraysAreSelected(t *testing.T) {
	in := []tensor.Param{f64("a", rows), f64("b", rows), i32("at")}
	for name, branches := range map[string][2]func(v values) values{
		"swapped":      {func(v values) values { return values{v[1].SetRow(v[2], 5), v[0]} }, func(v values) values { return values{v[0].SetRow(v[2], 6), v[1]} }},
		"old and new":  {func(v values) values { return values{v[0].SetRow(v[2], 5), v[0]} }, func(v values) values { return values{v[0], v[0].SetRow(0, 6)} }},
		"two versions": {func(v values) values { return values{v[0].SetRow(v[2], 5), v[0].SetRow(v[2], 6)} }, func(v values) values { return values{v[0], v[0]} }},
		"one array":    {func(v values) values { return values{v[0].SetRow(v[2], 5), v[0].SetRow(1, 2)} }, func(v values) values { x := v[0].SetRow(v[2], 7); return values{x, x} }},
		"computed":     {func(v values) values { return values{v[0].Mul(2).SetRow(v[2], 5), v[1]} }, func(v values) values { return values{v[0], v[1].Neg().SetRow(1, 1)} }},
	} {
		twice := func(v values) values { // the same predicate again, on what came out
			out := tensor.CondN(v[2].Rem(2).Eq(0), func() values { return branches[0](v) }, func() values { return branches[1](v) })
			v = values{out[0], out[1], v[2]}
			return tensor.CondN(v[2].Rem(3).Eq(0), func() values { return branches[1](v) }, func() values { return branches[0](v) })
		}
		for _, batched := range [][]bool{{true, true, true}, {false, true, true}, {false, false, true}} {
			t.Run(name, func(t *testing.T) {
				f := trace(t, in, twice)
				args := make([]*tensor.Array, len(in))
				for i, p := range in {
					args[i] = array(p, 7, func(k, b int) float64 { return float64(10*i*(2-i) + k + b) })
					if !batched[i] {
						args[i] = lane(args[i], 3)
					}
				}
				agree(t, f, 7, batched, args...)
			})
		}
	}
}

// TestSharedArrays: an array that is the same in all lanes until they write into it is copied once.
func TestSharedArrays(t *testing.T) {
	in := []tensor.Param{f64("a", rows), i32("at")}
	write := func(v values, by int) func() values {
		return func() values { return values{v[0].SetRow(v[1].Add(by), float64(by))} }
	}
	for name, els := range map[string]func(v values) func() values{
		"one branch":    func(v values) func() values { return func() values { return v[:1] } },
		"both branches": func(v values) func() values { return write(v, 2) },
	} {
		f := trace(t, in, func(v values) values {
			then, other := write(v, 1), els(v)
			return append(tensor.CondN(v[1].Gt(3), then, other), tensor.CondN(v[1].Gt(5), other, then)...)
		})
		a := tensor.ArrayOf(tensor.F64, []int{rows}, make([]float64, rows))
		g := agree(t, f, 7, []bool{false, true}, a, array(in[1], 7, func(_, b int) float64 { return float64(b) }))
		if n := count(g, func(n *tensor.Node) bool { return n.Op == tensor.OpSelect && n.Shape[0] == rows }); n > 0 {
			t.Errorf("%s: %d selects over all rows:\n%s", name, n, g)
		}
		if n := count(g, func(n *tensor.Node) bool { return n.Op == tensor.OpBroadcast && n.Shape[0] == rows }); n != 1 {
			t.Errorf("%s: %d copies:\n%s", name, n, g)
		}
	}
}
