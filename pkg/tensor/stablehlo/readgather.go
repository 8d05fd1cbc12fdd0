package stablehlo

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// windows are the dimension numbers that gather and scatter share, by the names of gather. x is indexed; each index
// vector picks a window of x of the given sizes.
type windows struct {
	o         *operation
	x         tensor.Value
	offset    []int // axes of the result (the updates) that walk within a window
	collapsed []int // axes of x that have no such axis, of size one
	batchX    []int // axes of x that go with …
	batchIdx  []int // … axes of the indices
	starts    []int // the axis of x that each component of an index vector is for
	sizes     []int
	index     []tensor.Value // the components, I32 of the shape of the batch
	batch     []int
	axes      []int // of the result, in order: where the axes of the batch are
}

// components splits the indices into their components, and names the batch's axes in a result of the given rank.
func (w *windows) components(r *reader, idx tensor.Value, vector int) {
	rank := idx.Rank()
	if vector < 0 || vector > rank {
		w.o.fail("index_vector_dim = %d for %s", vector, idx)
	}
	if vector == rank {
		idx = idx.ExpandDims(rank)
	} else if vector != rank-1 {
		perm := append(slices.Delete(axesRange(0, rank), vector, vector+1), vector)
		idx = idx.Transpose(perm...)
	}
	last := idx.Rank() - 1
	w.batch = idx.Shape()[:last]
	if idx.Shape()[last] != len(w.starts) {
		w.o.fail("index vectors of length %d for %d axes", idx.Shape()[last], len(w.starts))
	}
	for k, axis := range w.starts {
		c := idx.Slice(last, k, k+1).Reshape(w.batch...)
		w.index = append(w.index, r.index(c, w.x.Shape()[axis]))
	}
	total := len(w.batch) + len(w.offset)
	for i := range total {
		if !slices.Contains(w.offset, i) {
			w.axes = append(w.axes, i)
		}
	}
	if len(w.axes) != len(w.batch) {
		w.o.fail("offset axes %v outside a result of rank %d", w.offset, total)
	}
	for i, a := range w.batchIdx {
		if a >= vector {
			w.batchIdx[i]--
		}
		if b := w.batchIdx[i]; a == vector || b >= len(w.batch) || w.batch[b] != w.x.Shape()[w.batchX[i]] {
			w.o.fail("batching axes that do not match")
		}
	}
	if w.x.Size() > math.MaxInt32 {
		w.o.fail("of %s, which has more elements than i32 positions reach", w.x)
	}
}

// check fails unless each axis of x is collapsed, batching or walked by an offset axis.
func (w *windows) check() {
	rank := w.x.Rank()
	if len(w.batchX) != len(w.batchIdx) || len(w.sizes) != rank || len(w.offset)+len(w.collapsed)+len(w.batchX) != rank || !slices.IsSorted(w.offset) {
		w.o.fail("dimension numbers that do not fit %s", w.x)
	}
	for i, s := range w.sizes {
		if s < 0 || s > w.x.Shape()[i] || slices.Contains(w.collapsed, i) && (s != 1 || slices.Contains(w.batchX, i)) || slices.Contains(w.batchX, i) && (s != 1 || slices.Contains(w.starts, i)) {
			w.o.fail("a window of size %d in axis %d of %s", s, i, w.x)
		}
	}
}

// rows reports whether the windows are whole in the axes that are not indexed, and of size one in those that are.
func (w *windows) rows() bool {
	for i, s := range w.sizes {
		if indexed := slices.Contains(w.starts, i); indexed && s != 1 || !indexed && s != w.x.Shape()[i] {
			return false
		}
	}
	return len(w.batchX) == 0
}

// rest returns the axes of x that are not indexed.
func (w *windows) rest() []int {
	var out []int
	for i := range w.sizes {
		if !slices.Contains(w.starts, i) {
			out = append(out, i)
		}
	}
	return out
}

// result is the shape of a gather's result or of a scatter's updates.
func (w *windows) result() []int {
	out := make([]int, len(w.batch)+len(w.offset))
	for i, a := range w.axes {
		out[a] = w.batch[i]
	}
	k := 0
	for i, s := range w.sizes {
		if !slices.Contains(w.collapsed, i) && !slices.Contains(w.batchX, i) {
			out[w.offset[k]] = s
			k++
		}
	}
	return out
}

// positions returns for each element of a result of the given shape its place in x, row-major, from start indices that
// lie within.
func (w *windows) positions(shape []int, index []tensor.Value, r *reader) tensor.Value {
	strides := tensor.Strides(w.x.Shape())
	sum := r.in(tensor.Lift(tensor.NewArray(tensor.I32, nil))).BroadcastTo(shape...)
	k := 0
	for d := range w.sizes {
		if j := slices.Index(w.starts, d); j >= 0 {
			sum = sum.Add(index[j].Mul(strides[d]).BroadcastInDim(shape, w.axes))
		}
		if j := slices.Index(w.batchX, d); j >= 0 {
			sum = sum.Add(tensor.Iota(tensor.I32, w.axes[w.batchIdx[j]], shape...).Mul(strides[d]))
		} else if !slices.Contains(w.collapsed, d) {
			sum = sum.Add(tensor.Iota(tensor.I32, w.offset[k], shape...).Mul(strides[d]))
			k++
		}
	}
	return sum
}

// row joins the components of an index of rows into one, over the indexed axes in order.
func (w *windows) row(index []tensor.Value) tensor.Value {
	at := index[0]
	for k := 1; k < len(index); k++ {
		at = at.Mul(w.x.Shape()[w.starts[k]]).Add(index[k])
	}
	return at
}

// readGather gives a Take where rows are picked, else a Take of every element.
func readGather(r *reader, o *operation, in []tensor.Value) tensor.Value {
	x, d := in[0], o.numbers("dimension_numbers")
	rank := x.Rank()
	total := len(o.out[0].shape)
	w := &windows{o: o, x: x,
		offset: o.axes("offset_dims", d["offset_dims"], total), collapsed: o.axes("collapsed_slice_dims", d["collapsed_slice_dims"], rank),
		batchX: o.axes("operand_batching_dims", d["operand_batching_dims"], rank), batchIdx: o.axes("start_indices_batching_dims", d["start_indices_batching_dims"], in[1].Rank()),
		starts: o.axes("start_index_map", d["start_index_map"], rank), sizes: o.integers("slice_sizes")}
	w.check()
	vector := o.vectorDim(d, in[1])
	if axis, ok := w.takes(in[1], vector); ok {
		return tensor.Emit(tensor.OpTake, tensor.Attr{Axis: axis}, x, in[1])
	}
	w.components(r, in[1], vector)
	shape := w.result()
	if tensor.NumElements(w.sizes) == 0 || x.Size() == 0 {
		return r.in(tensor.Lift(tensor.NewArray(x.DType(), nil))).BroadcastTo(shape...)
	}
	rest := w.rest()
	if w.rows() && len(w.starts) == 1 { // a Take clamps of its own
		return w.arrange(x.Take(w.index[0], w.starts[0]), w.starts[0], rest, shape)
	}
	for k, axis := range w.starts {
		w.index[k] = w.index[k].Clamp(0, x.Shape()[axis]-w.sizes[axis])
	}
	if !w.rows() || len(w.starts) == 0 {
		return x.Reshape(x.Size()).Take(w.positions(shape, w.index, r), 0)
	}
	flat := x.Transpose(append(slices.Clone(w.starts), rest...)...)
	flat = flat.Reshape(append([]int{-1}, flat.Shape()[len(w.starts):]...)...)
	return w.arrange(flat.Take(w.row(w.index), 0), 0, rest, shape)
}

// vectorDim is the axis of the indices along which an index vector lies.
func (o *operation) vectorDim(d dict, idx tensor.Value) int {
	if d["index_vector_dim"] == nil { // zero is not printed
		return 0
	}
	return o.toInt("index_vector_dim", d["index_vector_dim"])
}

// takes reports whether the gather is a Take as Print writes it.
func (w *windows) takes(idx tensor.Value, vector int) (axis int, ok bool) {
	if len(w.starts) != 1 || vector != idx.Rank() || idx.DType() != tensor.I32 || !equalInts(w.starts, w.collapsed) || !w.rows() || w.x.Shape()[w.starts[0]] == 0 {
		return 0, false
	}
	axis = w.starts[0]
	want := append(axesRange(0, axis), axesRange(axis+idx.Rank(), w.x.Rank()-1+idx.Rank())...)
	return axis, equalInts(w.offset, want)
}

// arrange moves the axes of y, the batch's at the given place among the remaining ones of x, to where the result has them.
func (w *windows) arrange(y tensor.Value, at int, rest, shape []int) tensor.Value {
	perm := make([]int, 0, len(shape))
	b := 0
	for i := range shape {
		if slices.Contains(w.axes, i) {
			perm = append(perm, at+b)
			b++
			continue
		}
		axis := w.walked(slices.Index(w.offset, i))
		if slices.Contains(w.starts, axis) { // of size one, which y has not
			continue
		}
		from := slices.Index(rest, axis)
		if from >= at {
			from += len(w.batch)
		}
		perm = append(perm, from)
	}
	return y.Transpose(perm...).Reshape(shape...)
}

// walked is the axis of x that offset axis number k walks along.
func (w *windows) walked(k int) int {
	for i := range w.sizes {
		if slices.Contains(w.collapsed, i) || slices.Contains(w.batchX, i) {
			continue
		}
		if k--; k < 0 {
			return i
		}
	}
	return -1
}
