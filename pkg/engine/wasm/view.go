package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// view is a Value as strided access to another: element (i0, i1, …) of the Value is the element of root with the flat
// index off + Σ strides[k]·ik + Σ dyn. Broadcast, reshape, slice, transpose and reverse are views and cost nothing; so
// is a dynamic slice, whose start enters through dyn.
type view struct {
	root    tensor.Value
	off     int
	strides []int
	dyn     []dynTerm
}

// dynTerm adds stride·clamp(start, 0, limit) to a flat index.
type dynTerm struct {
	start  tensor.Value
	stride int
	limit  int
}

// views computes and remembers views. A Value in solid is never seen through: it is stored under its own name.
type views struct {
	memo  map[tensor.Value]view
	solid map[tensor.Value]bool
}

func (vs *views) of(v tensor.Value) view {
	if w, ok := vs.memo[v]; ok {
		return w
	}
	w := vs.compute(v)
	vs.memo[v] = w
	return w
}

func own(v tensor.Value) view { return view{root: v, strides: tensor.Strides(v.Shape())} }

func (vs *views) compute(v tensor.Value) view {
	n := v.Node()
	if vs.solid[v] {
		return own(v)
	}
	switch n.Op {
	case tensor.OpBroadcast:
		x := vs.of(n.In[0])
		w := view{root: x.root, off: x.off, dyn: x.dyn, strides: make([]int, len(n.Shape))}
		for i, a := range n.Attr.Axes {
			if n.In[0].Shape()[i] != 1 {
				w.strides[a] = x.strides[i]
			}
		}
		return w
	case tensor.OpReshape:
		x := vs.of(n.In[0])
		if st, ok := reshapeStrides(n.In[0].Shape(), x.strides, n.Shape); ok {
			return view{root: x.root, off: x.off, dyn: x.dyn, strides: st}
		}
	case tensor.OpTranspose:
		x := vs.of(n.In[0])
		w := view{root: x.root, off: x.off, dyn: x.dyn}
		for _, a := range n.Attr.Axes {
			w.strides = append(w.strides, x.strides[a])
		}
		return w
	case tensor.OpSlice:
		x := vs.of(n.In[0])
		w := view{root: x.root, off: x.off, dyn: x.dyn}
		for i, st := range x.strides {
			w.off += n.Attr.Start[i] * st
			w.strides = append(w.strides, st*n.Attr.Step[i])
		}
		return w
	case tensor.OpReverse:
		x := vs.of(n.In[0])
		w := view{root: x.root, off: x.off, dyn: x.dyn, strides: slices.Clone(x.strides)}
		for _, a := range n.Attr.Axes {
			w.off += (n.Shape[a] - 1) * w.strides[a]
			w.strides[a] = -w.strides[a]
		}
		return w
	case tensor.OpDynamicSlice:
		x := vs.of(n.In[0])
		w := view{root: x.root, off: x.off, strides: x.strides, dyn: slices.Clone(x.dyn)}
		for i, start := range n.In[1:] {
			if limit := n.In[0].Shape()[i] - n.Shape[i]; limit > 0 {
				w.dyn = append(w.dyn, dynTerm{start, x.strides[i], limit})
			}
		}
		return w
	}
	return own(v)
}

// reshapeStrides returns the strides of a strided array of the old shape seen in a new shape, and false where no
// strides express it. Dimensions of length one are free.
func reshapeStrides(oldShape, oldStrides, newShape []int) ([]int, bool) {
	var od, os []int
	for i, n := range oldShape {
		if n != 1 {
			od, os = append(od, n), append(os, oldStrides[i])
		}
	}
	out := make([]int, len(newShape))
	oi := 0
	for ni := 0; ni < len(newShape); {
		if newShape[ni] == 1 {
			ni++
			continue
		}
		if oi == len(od) {
			return nil, false
		}
		// Match a run of new dimensions with a run of old ones of equal product.
		nj, oj := ni+1, oi+1
		np, op := newShape[ni], od[oi]
		for np != op {
			if np < op {
				if nj == len(newShape) {
					return nil, false
				}
				np *= newShape[nj]
				nj++
			} else {
				if oj == len(od) {
					return nil, false
				}
				op *= od[oj]
				oj++
			}
			if np == 0 || op == 0 {
				return nil, false
			}
		}
		for k := oi; k+1 < oj; k++ {
			if os[k] != od[k+1]*os[k+1] {
				return nil, false
			}
		}
		st := os[oj-1]
		for k := nj - 1; k >= ni; k-- {
			out[k] = st
			st *= newShape[k]
		}
		ni, oi = nj, oj
	}
	return out, oi == len(od)
}

// dense reports whether w visits a block of size n elements of its root in row-major order without gaps.
func (w view) dense(shape []int) bool {
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && w.strides[i] != n {
			return false
		}
		n *= shape[i]
	}
	return true
}

// identity reports whether element i of the view is element i of its root, for all of the root.
func (w view) identity(shape []int) bool {
	return w.off == 0 && len(w.dyn) == 0 && w.dense(shape) && tensor.NumElements(shape) == w.root.Size()
}
