//go:build cgo && (linux || darwin)

package xla

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// smallLoops makes XLA's compiler for CPUs take every loop without scatters, sorts and calls of libraries for a small one:
// one kernel, where it else starts one for each instruction of each turn, which takes longer than to compute a few lanes. The
// number is that of the bytes from which on a loop is not small.
const smallLoops = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000000"

// Rows of lanes are written a row at a time along axes up to shortAxis where there are manyLanes of them, many lanes side by
// side, and else a lane at a time.
const (
	shortAxis = 16
	manyLanes = 16
)

// withLoops returns f with loops in the place of scatters that write one row a lane, of those that add and of long sums, for
// XLA's compiler for CPUs: a single scatter would take the loop over ticks, with all that is in it, apart into kernels.
func withLoops(f *tensor.Func) (*tensor.Func, error) {
	// A copy, whose instructions change places.
	g, err := tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value { return f.ApplyWith(nil, args...) })
	if err != nil {
		return nil, err
	}
	loops, env := joiner{}, tensor.Env{}
	loops.region(g.Body)
	rule := func(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
		switch {
		case loops[n] != nil:
			return loops.results(n, env), true
		case isApart(n):
			return []tensor.Value{tensor.Emit(n.Op, n.Attr, append([]tensor.Value{in[0], withScatter(in[1])}, in[2:]...)...)}, true
		case n.Op == tensor.OpScatterAdd && in[0].Size() > 0 && in[2].Size() > 0:
			return []tensor.Value{addRows(in[0], in[1], in[2], n.Attr.Axis)}, true
		}
		return nil, false
	}
	return tensor.TraceLike(g, func(args []tensor.Value) []tensor.Value { return tensor.CopyRegion(g.Body, env, args, rule) })
}

// wholeProduct is the number of multiplications from which on a product of matrices takes XLA's library less time than all
// kernels of a tick take to start.
const wholeProduct = 1 << 16

// isApart reports whether an instruction is a product of matrices, more than a vector each, that is to run in XLA's library.
func isApart(n *tensor.Node) bool {
	if n.Op != tensor.OpDot {
		return false
	}
	d, x, y, size := n.Attr.Dot, n.In[0], n.In[1], tensor.NumElements(n.Shape)
	shared := 1
	for _, a := range d.BatchA {
		shared *= x.Dim(a)
	}
	contracted := 1
	for _, a := range d.ContractA {
		contracted *= x.Dim(a)
	}
	if size*contracted < wholeProduct {
		return false
	}
	return x.Size() > shared*contracted && y.Size() > shared*contracted
}

// withScatter returns x by way of a scatter that writes nothing: so the loop around it is not one kernel. XLA does without a
// scatter of one element.
func withScatter(x tensor.Value) tensor.Value {
	flat := x.Reshape(x.Size())
	nowhere := tensor.In(x, tensor.Full(-1, 2))
	return flat.Scatter(0, nowhere, tensor.In(x, tensor.Zeros(x.DType(), 2))).Reshape(x.Shape()...)
}

// writesRow reports whether an instruction writes one row a lane; lanes are along the last axis.
func writesRow(n *tensor.Node) bool {
	if n.Op != tensor.OpScatter || n.Attr.Axis == len(n.Shape)-1 || tensor.NumElements(n.Shape) == 0 {
		return false
	}
	idx := n.In[1].Shape()
	return len(idx) == 2 && idx[0] == 1
}

// writing is the carry of a loop over places, lanes or rows.
type writing struct{ At, X tensor.Value }

// addRows adds rows along an axis at the places idx i32[n], one after another.
func addRows(x, idx, rows tensor.Value, axis int) tensor.Value {
	count := x.Dim(axis)
	size := slices.Clone(x.Shape())
	size[axis] = 1
	return tensor.While(writing{tensor.In(x, 0), x},
		func(l writing) tensor.Value { return l.At.Lt(idx.Dim(0)) },
		func(l writing) writing {
			to := idx.DynamicSlice([]any{l.At}, 1).Reshape()
			here := rowStart(x.Rank(), axis, to.Clamp(0, count-1))
			old := l.X.DynamicSlice(here, size...)
			row := rows.DynamicSlice(rowStart(x.Rank(), axis, l.At), size...)
			return writing{l.At.Add(1), l.X.DynamicUpdate(tensor.Select(to.Ge(0).And(to.Lt(count)), old.Add(row), old), here...)}
		}).X
}

// rowStart returns where a row along an axis starts.
func rowStart(rank, axis int, at any) []any {
	out := make([]any, rank)
	for a := range out {
		out[a] = 0
	}
	out[axis] = at
	return out
}

// rowWriter writes rows, which are 1 long along the axis, into arrays that are count long, at the place idx i32[lanes] of each
// lane, to none at places outside of the axis.
type rowWriter struct {
	axis, count int
	idx         tensor.Value
}

// writeRows writes rows into each of x, as n does whose index is idx, in one loop.
func writeRows(n *tensor.Node, idx tensor.Value, x, rows []tensor.Value) []tensor.Value {
	w := rowWriter{n.Attr.Axis, n.Shape[n.Attr.Axis], idx.Reshape(idx.Dim(1))}
	one, limit := w.oneRow, w.idx.Dim(0)
	end := tensor.In(idx, limit)
	if w.count <= shortAxis && limit >= manyLanes {
		one, end = w.rowOfLanes, tensor.Select(w.idx.Lt(w.count), w.idx, -1).MaxOver(-1).Add(1)
	}
	return tensor.WhileN(append([]tensor.Value{tensor.In(idx, 0)}, x...),
		func(c []tensor.Value) tensor.Value { return c[0].Lt(end) },
		func(c []tensor.Value) []tensor.Value {
			next := []tensor.Value{c[0].Add(1)}
			for i, x := range c[1:] {
				next = append(next, one(c[0], x, rows[i]))
			}
			return next
		})[1:]
}

// rowOfLanes is a turn of a loop over the places up to the largest one that a lane writes to. All of its turns read and write
// one row, in place.
func (w rowWriter) rowOfLanes(at, x, rows tensor.Value) tensor.Value {
	here, size := rowStart(x.Rank(), w.axis, at), rowOf(x, w.axis)
	mine := w.idx.Eq(at).BroadcastInDim(size, []int{x.Rank() - 1})
	return x.DynamicUpdate(tensor.Select(mine, rows, x.DynamicSlice(here, size...)), here...)
}

// oneRow is a turn of a loop over lanes: it writes a row of the lane, or what stands in its first or last place.
func (w rowWriter) oneRow(lane, x, rows tensor.Value) tensor.Value {
	last := x.Rank() - 1
	size := rowOf(rows, last)
	to := w.idx.DynamicSlice([]any{lane}, 1).Reshape()
	here, from := rowStart(x.Rank(), w.axis, to.Clamp(0, w.count-1)), rowStart(x.Rank(), w.axis, 0)
	here[last], from[last] = lane, lane
	row := tensor.Select(to.Ge(0).And(to.Lt(w.count)), rows.DynamicSlice(from, size...), x.DynamicSlice(here, size...))
	return x.DynamicUpdate(row, here...)
}
