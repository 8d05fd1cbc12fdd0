package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// choleskyAdjoint writes the adjoint of the factorisation in place of its cotangent, column by column from the last, in
// the order that tensor/eval defines. The static buffer x holds the column of L below the diagonal, y the product of the
// block right of the column with x, then the column of the result.
type choleskyAdjoint struct {
	e          *emitter
	d          tensor.DType
	n          int
	es, row    int // bytes of an element and of a row
	l, out     access
	x, y       int
	pl, po     local // the matrix: of L, of the result
	atL, atOut local // its diagonal element in the column
	m          local // rows below it
	pivot      local
}

func (e *emitter) choleskyVJP(n *tensor.Node) {
	if tensor.NumElements(n.Shape) == 0 {
		return
	}
	r, es := len(n.Shape), n.DType.Size()
	size := n.Shape[r-1]
	ct := e.accessOf(n.In[1])
	c := &choleskyAdjoint{e: e, d: n.DType, n: size, es: es, row: size * es, l: e.accessOf(n.In[0]), out: e.resultAccess(n),
		x: e.alloc(size * es), y: e.alloc(size * es)}
	e.clearResult(n)
	e.nested(n.Shape[:r-2], func(is []local) {
		c.pl, c.po = e.affine(c.l.dyn, is, c.l.strides), e.affine(c.out.dyn, is, c.out.strides)
		c.copyTriangle(e.affine(ct.dyn, is, ct.strides), ct.addr)
		e.counted(size, c.column)
	})
}

// clearResult fills the result of a template with zero bytes.
func (e *emitter) clearResult(n *tensor.Node) {
	out := e.resultAccess(n)
	e.a.i32c(out.addr)
	e.a.i32c(0)
	e.a.i32c(tensor.NumElements(n.Shape) * n.DType.Size())
	e.a.memoryFill()
}

// copyTriangle copies the lower triangle of the cotangent at p.
func (c *choleskyAdjoint) copyTriangle(p local, addr int) {
	a := c.e.a
	from, to, bytes := c.e.cursor(p), c.e.cursor(c.po), a.newLocal(tI32)
	a.setI32(bytes, c.es)
	c.e.counted(c.n, func(local) {
		for _, x := range []struct {
			p    local
			addr int
		}{{to, c.out.addr}, {from, addr}} {
			a.get(x.p)
			a.i32c(x.addr)
			a.op(opI32Add)
		}
		a.get(bytes)
		a.memoryCopy()
		a.addI32(from, c.row)
		a.addI32(to, c.row)
		a.addI32(bytes, c.es)
	})
}

// column writes the step of the column that has m rows below the diagonal.
func (c *choleskyAdjoint) column(m local) {
	e, a, d := c.e, c.e.a, c.d
	k := a.newLocal(tI32)
	a.i32c(c.n - 1)
	a.get(m)
	a.op(opI32Sub)
	a.set(k)
	c.m, c.pivot = m, a.newLocal(typeOf(d))
	c.atL, c.atOut = e.affine(c.pl, []local{k}, []int{c.row + c.es}), e.affine(c.po, []local{k}, []int{c.row + c.es})
	a.get(c.atL)
	a.load(d, c.l.addr)
	a.set(c.pivot)
	c.gather()
	if d == tensor.F64 {
		c.productPairs()
	} else {
		c.product()
	}
	c.scale()
	a.get(c.atOut)
	a.get(c.atOut)
	a.load(d, c.out.addr)
	e.laneDot(d, a.base, c.x, c.es, a.base, c.y, c.es, m)
	e.sub(d)
	a.get(c.pivot)
	a.get(c.pivot)
	e.add(d)
	e.div(d)
	a.store(d, c.out.addr)
}

// below writes a loop over the rows below the diagonal, turn at a time and the rest one at a time; p is at the column of
// the matrix whose diagonal element is at first, q at the element of the buffers.
func (c *choleskyAdjoint) below(first local, turn int, body func(p, q local, rows int)) {
	e, a := c.e, c.e.a
	p, q, left := e.cursor(first), e.cursor(a.base), e.cursor(c.m)
	a.addI32(p, c.row)
	for _, rows := range slices.Compact([]int{turn, 1}) {
		e.whileAtLeast(left, rows, func() {
			e.a.prove(p)
			e.a.prove(q)
			body(p, q, rows)
			a.addI32(p, rows*c.row)
			a.addI32(q, rows*c.es)
		})
	}
}

// gather copies the column of L to x.
func (c *choleskyAdjoint) gather() {
	a := c.e.a
	c.below(c.atL, 4, func(p, q local, rows int) {
		for i := range rows {
			a.get(q)
			a.get(p)
			a.load(c.d, c.l.addr+i*c.row)
			a.store(c.d, c.x+i*c.es)
		}
	})
}

// scale writes (F - y) / pivot to the column and to y.
func (c *choleskyAdjoint) scale() {
	if c.d == tensor.F64 {
		c.scalePairs()
		return
	}
	c.below(c.atOut, 1, func(p, q local, _ int) { c.scaleOne(p, q) })
}

func (c *choleskyAdjoint) scaleOne(p, q local) {
	e, a := c.e, c.e.a
	v := a.newLocal(typeOf(c.d))
	a.get(p)
	a.get(p)
	a.load(c.d, c.out.addr)
	a.get(q)
	a.load(c.d, c.y)
	e.sub(c.d)
	a.get(c.pivot)
	e.div(c.d)
	a.tee(v)
	a.store(c.d, c.out.addr)
	a.get(q)
	a.get(v)
	a.store(c.d, c.y)
}

// scalePairs is scale over doubles, a division for two of them.
func (c *choleskyAdjoint) scalePairs() {
	a := c.e.a
	v, pivot := a.newLocal(tV128), a.newLocal(tV128)
	a.get(c.pivot)
	a.simd(vF64Splat)
	a.set(pivot)
	c.below(c.atOut, 2, func(p, q local, rows int) {
		if rows == 1 {
			c.scaleOne(p, q)
			return
		}
		a.get(q)
		c.e.loadSplat(p, c.out.addr)
		a.get(p)
		a.mem(opF64Load, c.out.addr+c.row)
		a.simd(vF64Replace)
		a.op(1)
		a.get(q)
		a.simdMem(vLoad, c.y)
		a.simd(vF64Sub)
		a.get(pivot)
		a.simd(vF64Div)
		a.tee(v)
		a.simdMem(vStore, c.y)
		for i := range 2 {
			a.get(p)
			a.get(v)
			a.simd(vF64Extract)
			a.op(byte(i))
			a.mem(opF64Store, c.out.addr+i*c.row)
		}
	})
}

// product writes y, the product of G+Gᵀ with x where G is the block right of the column, row by row of G.
func (c *choleskyAdjoint) product() {
	e, a, d := c.e, c.e.a, c.d
	a.i32c(c.y)
	a.i32c(0)
	a.i32c(c.row)
	a.memoryFill()
	row, at, length := e.cursor(c.atOut), e.cursor(a.base), e.cursor(a.base)
	a.addI32(row, c.row+c.es)
	s, scale := a.newLocal(typeOf(d)), a.newLocal(typeOf(d))
	e.whileAtLeast(e.cursor(c.m), 1, func() {
		a.addI32(length, 1)
		e.laneDot(d, row, c.out.addr, c.es, a.base, c.x, c.es, length)
		a.set(s)
		a.get(at)
		a.load(d, c.x)
		a.set(scale)
		p, q := e.cursor(row), e.cursor(a.base)
		e.whileAtLeast(e.cursor(length), 1, func() {
			a.get(q)
			a.get(q)
			a.load(d, c.y)
			a.get(p)
			a.load(d, c.out.addr)
			a.get(scale)
			e.mul(d)
			e.add(d)
			a.store(d, c.y)
			a.addI32(p, c.es)
			a.addI32(q, c.es)
		})
		a.get(at)
		a.get(at)
		a.load(d, c.y)
		a.get(s)
		e.add(d)
		a.store(d, c.y)
		a.addI32(row, c.row)
		a.addI32(at, c.es)
	})
}
