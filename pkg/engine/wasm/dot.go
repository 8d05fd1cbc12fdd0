package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// dotPlan is a dot-general in terms of loops: batch, rows of a, columns of b, and contracted axes, with byte strides.
type dotPlan struct {
	n                        *tensor.Node
	v                        *floats // nil for other elements
	a, b, out                access
	batch, rows, cols, inner axes
}

// axes is a group of loop dimensions with their strides in a, b and the result.
type axes struct{ dims, a, b, out []int }

func (x *axes) add(dim, a, b, out int) {
	if dim != 1 {
		x.dims, x.a, x.b, x.out = append(x.dims, dim), append(x.a, a), append(x.b, b), append(x.out, out)
	}
}

func (e *emitter) planDot(n *tensor.Node) *dotPlan {
	d := n.Attr.Dot
	p := &dotPlan{n: n, v: floatsOf(n.DType), a: e.accessOf(n.In[0]), b: e.accessOf(n.In[1]), out: e.resultAccess(n)}
	k := 0
	for i, ax := range d.BatchA {
		p.batch.add(n.Shape[k], p.a.strides[ax], p.b.strides[d.BatchB[i]], p.out.strides[k])
		k++
	}
	for ax, dim := range n.In[0].Shape() {
		if !slices.Contains(d.BatchA, ax) && !slices.Contains(d.ContractA, ax) {
			p.rows.add(dim, p.a.strides[ax], 0, p.out.strides[k])
			k++
		}
	}
	for ax, dim := range n.In[1].Shape() {
		if !slices.Contains(d.BatchB, ax) && !slices.Contains(d.ContractB, ax) {
			p.cols.add(dim, 0, p.b.strides[ax], p.out.strides[k])
			k++
		}
	}
	for i, ax := range d.ContractA {
		p.inner.add(n.In[0].Shape()[ax], p.a.strides[ax], p.b.strides[d.ContractB[i]], 0)
	}
	return p
}

// dot writes a dot-general: rows of lane sums or of running sums in register tiles where the layout allows, else plain
// loops. All forms add in the order the program prescribes.
func (e *emitter) dot(n *tensor.Node) {
	if tensor.NumElements(n.Shape) == 0 {
		return
	}
	p := e.planDot(n)
	if p.v != nil && n.Attr.Dot.Order == tensor.SumIndex {
		p.preferColumns()
	}
	switch {
	case p.v != nil && n.Attr.Dot.Order == tensor.SumLanes && p.unitInner():
		e.dotLanesTiled(p)
	case p.v != nil && n.Attr.Dot.Order == tensor.SumIndex && p.unitColumns():
		e.dotIndexTiled(p)
	default:
		e.dotPlain(p)
	}
}

// unitInner reports whether both operands are contiguous along the only contracted axis.
func (p *dotPlan) unitInner() bool {
	return len(p.inner.dims) == 1 && p.inner.a[0] == p.v.size && p.inner.b[0] == p.v.size
}

// unitColumns reports whether b and the result are contiguous along the last column axis.
func (p *dotPlan) unitColumns() bool {
	k := len(p.cols.dims)
	return k > 0 && len(p.inner.dims) == 1 && p.cols.b[k-1] == p.v.size && p.cols.out[k-1] == p.v.size
}

// preferColumns exchanges the operands where that gives contiguous columns: products commute exactly.
func (p *dotPlan) preferColumns() {
	k := len(p.rows.dims)
	if p.unitColumns() || len(p.cols.dims) > 0 || k == 0 || p.rows.a[k-1] != p.v.size {
		return
	}
	p.swap()
}

// swap exchanges the operands.
func (p *dotPlan) swap() {
	p.a, p.b = p.b, p.a
	swap := func(x axes) axes { return axes{x.dims, x.b, x.a, x.out} }
	p.batch, p.inner = swap(p.batch), swap(p.inner)
	p.rows, p.cols = swap(p.cols), swap(p.rows)
}

// dotPlain writes scalar loops.
func (e *emitter) dotPlain(p *dotPlan) {
	a, d := e.a, p.n.DType
	lanes := p.n.Attr.Dot.Order == tensor.SumLanes
	outer := axes{
		slices.Concat(p.batch.dims, p.rows.dims, p.cols.dims), slices.Concat(p.batch.a, p.rows.a, p.cols.a),
		slices.Concat(p.batch.b, p.rows.b, p.cols.b), slices.Concat(p.batch.out, p.rows.out, p.cols.out),
	}
	acc := a.newLocal(typeOf(d))
	e.nested(outer.dims, func(is []local) {
		pa, pb := e.affine(p.a.dyn, is, outer.a), e.affine(p.b.dyn, is, outer.b)
		po := e.affine(p.out.dyn, is, outer.out)
		if lanes && len(p.inner.dims) == 1 {
			n := a.newLocal(tI32)
			a.setI32(n, p.inner.dims[0])
			e.laneDot(d, pa, p.a.addr, p.inner.a[0], pb, p.b.addr, p.inner.b[0], n)
			a.set(acc)
		} else {
			e.constant(d, 0)
			a.set(acc)
			e.nested(p.inner.dims, func(ks []local) {
				a.get(acc)
				a.get(e.affine(pa, ks, p.inner.a))
				a.load(d, p.a.addr)
				a.get(e.affine(pb, ks, p.inner.b))
				a.load(d, p.b.addr)
				e.mul(d)
				e.add(d)
				a.set(acc)
			})
			if lanes { // a single product: lane 0 joined with empty lanes
				a.get(acc)
				e.constant(d, 0)
				e.add(d)
				a.set(acc)
			}
		}
		a.get(po)
		a.get(acc)
		a.store(d, p.out.addr)
	})
}

func (e *emitter) mul(d tensor.DType) {
	switch d {
	case tensor.F64:
		e.a.op(opF64Mul)
	case tensor.F32:
		e.a.op(opF64Mul - f32Distance)
	case tensor.I64, tensor.U64:
		e.a.op(opI64Mul)
	default:
		e.a.op(opI32Mul)
	}
}

// laneDot pushes Σ x[k]·y[k] over k < n by the lane rule; n is a local and steps are bytes.
func (e *emitter) laneDot(d tensor.DType, px local, ax, sx int, py local, ay, sy int, n local) {
	if v := floatsOf(d); v != nil && sx == v.size && sy == v.size {
		e.laneDotVectors(v, px, ax, py, ay, n)
		return
	}
	a := e.a
	var lane [4]local
	for i := range lane {
		lane[i] = a.newLocal(typeOf(d))
		e.constant(d, 0)
		a.set(lane[i])
	}
	qx, qy, left := e.cursor(px), e.cursor(py), e.cursor(n)
	product := func(i int) {
		a.get(lane[i])
		e.loadFrom(d, qx, ax+i*sx)
		e.loadFrom(d, qy, ay+i*sy)
		e.mul(d)
		e.add(d)
		a.set(lane[i])
	}
	e.whileAtLeast(left, 4, func() {
		for i := range 4 {
			product(i)
		}
		a.addI32(qx, 4*sx)
		a.addI32(qy, 4*sy)
	})
	e.rest(left, product)
	for _, k := range [][2]int{{0, 2}, {1, 3}} {
		a.get(lane[k[0]])
		a.get(lane[k[1]])
		e.add(d)
	}
	e.add(d)
}

// loadFrom loads at a local plus an offset that may be negative.
func (e *emitter) loadFrom(d tensor.DType, p local, offset int) {
	e.addressOf(p, &offset)
	e.a.load(d, offset)
}

// cursor returns a new local with the value of x.
func (e *emitter) cursor(x local) local {
	y := e.a.newLocal(tI32)
	e.a.get(x)
	e.a.set(y)
	return y
}

// whileAtLeast repeats body while left ≥ k, taking k from it.
func (e *emitter) whileAtLeast(left local, k int, body func()) {
	a := e.a
	a.block()
	a.loop()
	a.get(left)
	a.i32c(k)
	a.op(opI32LtS)
	a.brIf(1)
	body()
	a.addI32(left, -k)
	a.br(0)
	a.end()
	a.end()
}

// rest writes products 0 … left-1 for a remainder below four.
func (e *emitter) rest(left local, product func(i int)) {
	a := e.a
	for i := range 3 {
		a.get(left)
		a.i32c(i)
		a.op(opI32GtS)
		a.ifThen()
		product(i)
	}
	for range 3 {
		a.end()
	}
}

// laneDotVectors is laneDot over contiguous floats: the vectors hold the four lanes.
func (e *emitter) laneDotVectors(v *floats, px local, ax int, py local, ay int, n local) {
	a := e.a
	acc := make([]local, 4/v.per)
	for i := range acc {
		acc[i] = a.newLocal(tV128)
		e.v128c(0)
		a.set(acc[i])
	}
	qx, qy, left := e.cursor(px), e.cursor(py), e.cursor(n)
	e.whileAtLeast(left, 4, func() {
		e.a.prove(qx)
		e.a.prove(qy)
		for i, x := range acc {
			a.get(x)
			a.get(qx)
			a.simdMem(vLoad, ax+16*i)
			a.get(qy)
			a.simdMem(vLoad, ay+16*i)
			a.simd(v.mul)
			a.simd(v.add)
			a.set(x)
		}
		a.addI32(qx, 4*v.size)
		a.addI32(qy, 4*v.size)
	})
	var lane [4]local
	for i := range lane {
		lane[i] = a.newLocal(typeOf(v.dtype))
		e.takeLane(v, acc[i/v.per], i%v.per)
		a.set(lane[i])
	}
	e.rest(left, func(i int) {
		a.get(lane[i])
		a.get(qx)
		a.load(v.dtype, ax+v.size*i)
		a.get(qy)
		a.load(v.dtype, ay+v.size*i)
		e.mul(v.dtype)
		e.add(v.dtype)
		a.set(lane[i])
	})
	for _, k := range [][2]int{{0, 2}, {1, 3}} {
		a.get(lane[k[0]])
		a.get(lane[k[1]])
		e.add(v.dtype)
	}
	e.add(v.dtype)
}
