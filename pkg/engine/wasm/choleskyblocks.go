package wasm

import "github.com/drey-sampler/drey/pkg/tensor"

// choleskyBlocks writes the factorisation of doubles in blocks of two rows by two columns, whose dots share what they
// load. A block begins at an even column j, so that the columns before it are quads and at most one pair.
type choleskyBlocks struct {
	e      *emitter
	row    int // bytes of a row
	x, out access
	before local    // bytes of a row before column j
	pj     local    // row j of the result
	pivot  [2]local // L[j][j] and L[j+1][j+1], in both halves
	cross  local    // L[j+1][j], in both halves
}

func (e *emitter) choleskyBlocks(n *tensor.Node) {
	a, r := e.a, len(n.Shape)
	size := n.Shape[r-1]
	c := &choleskyBlocks{e: e, row: 8 * size, x: e.accessOf(n.In[0]), out: e.resultAccess(n),
		pivot: [2]local{a.newLocal(tV128), a.newLocal(tV128)}, cross: a.newLocal(tV128)}
	left := a.newLocal(tI32) // rows below the block on the diagonal
	e.nested(n.Shape[:r-2], func(is []local) {
		c.before = e.cursor(a.base)
		c.pj = e.affine(c.out.dyn, is, c.out.strides)
		px := e.affine(c.x.dyn, is, c.x.strides) // A[j][j]
		a.setI32(left, size-2)
		e.counted(size/2, func(local) {
			c.columns(px, left, size%2 == 1)
			a.addI32(px, 2*c.row+16)
			a.addI32(c.pj, 2*c.row)
			a.addI32(c.before, 16)
			a.addI32(left, -2)
		})
		if size%2 == 1 {
			b := c.dots(1, 1, c.pj, px)
			a.get(b.at)
			b.residual(0, 0, func() { b.sum(0, 0) })
			a.op(opF64Sqrt)
			a.mem(opF64Store, c.out.addr)
		}
	})
}

// columns writes a pair of columns from the diagonal, where px is in A; left rows are below the diagonal block.
func (c *choleskyBlocks) columns(px, left local, odd bool) {
	a := c.e.a
	pi, pa := c.e.cursor(c.pj), c.e.cursor(px)
	c.dots(2, 2, pi, pa).diagonal()
	c.e.whileAtLeast(c.e.cursor(left), 2, func() {
		a.addI32(pi, 2*c.row)
		a.addI32(pa, 2*c.row)
		c.dots(2, 2, pi, pa).twoRows()
	})
	if odd {
		a.addI32(pi, 2*c.row)
		a.addI32(pa, 2*c.row)
		c.dots(1, 2, pi, pa).oneRow()
	}
}

// choleskyBlock is the block of rows i, i+1 and columns j, j+1 while it is written.
type choleskyBlock struct {
	*choleskyBlocks
	acc [][][2]local // by row and column: the lanes of the dot
	at  local        // element (i, j) of the result
	pa  local        // element (i, j) of A
}

// dots writes the dots of the rows at pi with rows j, j+1 before column j. Of the second column, whose dots have one
// more product, acc[r][1][0] holds the lanes that it goes to.
func (c *choleskyBlocks) dots(rows, cols int, pi, pa local) *choleskyBlock {
	e, a := c.e, c.e.a
	b := &choleskyBlock{choleskyBlocks: c, acc: make([][][2]local, rows), at: e.cursor(pi), pa: pa}
	qj := e.cursor(c.pj)
	for r := range b.acc {
		b.acc[r] = make([][2]local, cols)
		for k := range b.acc[r] {
			for h := range 2 {
				b.acc[r][k][h] = a.newLocal(tV128)
				e.v128c(0)
				a.set(b.acc[r][k][h])
			}
		}
	}
	quads, end := a.newLocal(tI32), a.newLocal(tI32)
	a.get(c.before)
	a.i32c(-32)
	a.op(opI32And)
	a.tee(quads)
	a.ifThen()
	a.get(pi)
	a.get(quads)
	a.op(opI32Add)
	a.set(end)
	a.loop()
	e.a.prove(b.at)
	e.a.prove(qj)
	b.pair(qj, 0, 0)
	b.pair(qj, 1, 16)
	a.addI32(b.at, 32)
	a.addI32(qj, 32)
	a.get(b.at)
	a.get(end)
	a.op(opI32LtU)
	a.brIf(0)
	a.end()
	a.end()
	a.get(c.before)
	a.i32c(16)
	a.op(opI32And)
	a.ifThen()
	b.pair(qj, 0, 0)
	a.addI32(b.at, 16)
	for _, row := range b.acc {
		for _, v := range row[1:] {
			a.get(v[0])
			a.get(v[1])
			a.set(v[0])
			a.set(v[1])
		}
	}
	a.end()
	return b
}

// pair adds the products of two columns, offset bytes on, to lanes 2h and 2h+1.
func (b *choleskyBlock) pair(qj local, h, offset int) {
	a := b.e.a
	y := make([]local, len(b.acc[0]))
	for k := range y {
		y[k] = a.newLocal(tV128)
		a.get(qj)
		a.simdMem(vLoad, b.out.addr+k*b.row+offset)
		a.set(y[k])
	}
	x := a.newLocal(tV128)
	for r, row := range b.acc {
		a.get(b.at)
		a.simdMem(vLoad, b.out.addr+r*b.row+offset)
		a.set(x)
		for k, v := range row {
			a.get(v[h])
			a.get(x)
			a.get(y[k])
			a.simd(vF64Mul)
			a.simd(vF64Add)
			a.set(v[h])
		}
	}
}

// half pushes one half of a vector.
func (b *choleskyBlock) half(v local, h byte) {
	b.e.a.get(v)
	b.e.a.simd(vF64Extract)
	b.e.a.op(h)
}

// sum pushes the dot of row r with column k.
func (b *choleskyBlock) sum(r, k int) {
	a, v := b.e.a, b.acc[r][k]
	a.get(v[0])
	a.get(v[1])
	a.simd(vF64Add)
	a.set(v[0])
	b.half(v[0], 0)
	b.half(v[0], 1)
	a.op(opF64Add)
}

// sumWith pushes the dot of row r with the second column, whose last product is x·y.
func (b *choleskyBlock) sumWith(r int, x, y func()) {
	a, v := b.e.a, b.acc[r][1]
	b.half(v[0], 0)
	x()
	y()
	a.op(opF64Mul, opF64Add)
	b.half(v[1], 0)
	a.op(opF64Add)
	b.half(v[0], 1)
	b.half(v[1], 1)
	a.op(opF64Add, opF64Add)
}

// residual pushes element (i+r, j+k) of A less a dot.
func (b *choleskyBlock) residual(r, k int, dot func()) {
	a := b.e.a
	a.get(b.pa)
	a.mem(opF64Load, b.x.addr+r*b.row+8*k)
	dot()
	a.op(opF64Sub)
}

// keep stores the number on the stack at element (i+r, j+k) and in both halves of v.
func (b *choleskyBlock) keep(v local, r, k int) {
	a := b.e.a
	a.simd(vF64Splat)
	a.set(v)
	a.get(b.at)
	b.half(v, 0)
	a.mem(opF64Store, b.out.addr+r*b.row+8*k)
}

// diagonal writes the block on the diagonal.
func (b *choleskyBlock) diagonal() {
	a := b.e.a
	cross := func() { b.half(b.cross, 0) }
	b.residual(0, 0, func() { b.sum(0, 0) })
	a.op(opF64Sqrt)
	b.keep(b.pivot[0], 0, 0)
	b.residual(1, 0, func() { b.sum(1, 0) })
	b.half(b.pivot[0], 0)
	a.op(opF64Div)
	b.keep(b.cross, 1, 0)
	b.residual(1, 1, func() { b.sumWith(1, cross, cross) })
	a.op(opF64Sqrt)
	b.keep(b.pivot[1], 1, 1)
}

// oneRow writes a last row below the diagonal.
func (b *choleskyBlock) oneRow() {
	a := b.e.a
	v := a.newLocal(tV128)
	b.residual(0, 0, func() { b.sum(0, 0) })
	b.half(b.pivot[0], 0)
	a.op(opF64Div)
	b.keep(v, 0, 0)
	a.get(b.at)
	b.residual(0, 1, func() {
		b.sumWith(0, func() { b.half(v, 0) }, func() { b.half(b.cross, 0) })
	})
	b.half(b.pivot[1], 0)
	a.op(opF64Div)
	a.mem(opF64Store, b.out.addr+8)
}

// low pushes the first halves of u and w, high the second.
func (b *choleskyBlock) low(u, w local) {
	b.e.a.get(u)
	b.half(w, 0)
	b.e.a.simd(vF64Replace)
	b.e.a.op(1)
}

func (b *choleskyBlock) high(u, w local) {
	b.e.a.get(w)
	b.half(u, 1)
	b.e.a.simd(vF64Replace)
	b.e.a.op(0)
}

// twoRows writes two rows below the diagonal, column by column in vectors of two rows.
func (b *choleskyBlock) twoRows() {
	a := b.e.a
	var x, total, column [2]local
	for r := range 2 {
		x[r], total[r], column[r] = a.newLocal(tV128), a.newLocal(tV128), a.newLocal(tV128)
		a.get(b.pa)
		a.simdMem(vLoad, b.x.addr+r*b.row)
		a.set(x[r])
	}
	totals := func(k int) {
		for r := range 2 {
			a.get(b.acc[r][k][0])
			a.get(b.acc[r][k][1])
			a.simd(vF64Add)
			a.set(total[r])
		}
	}
	finish := func(k int) {
		a.simd(vF64Sub)
		a.get(b.pivot[k])
		a.simd(vF64Div)
		a.set(column[k])
	}
	totals(0)
	b.low(x[0], x[1])
	b.low(total[0], total[1])
	b.high(total[0], total[1])
	a.simd(vF64Add)
	finish(0)
	totals(1)
	b.high(x[0], x[1])
	b.low(b.acc[0][1][0], b.acc[1][1][0])
	a.get(column[0])
	a.get(b.cross)
	a.simd(vF64Mul)
	a.simd(vF64Add)
	b.low(b.acc[0][1][1], b.acc[1][1][1])
	a.simd(vF64Add)
	b.high(total[0], total[1])
	a.simd(vF64Add)
	finish(1)
	a.get(b.at)
	b.low(column[0], column[1])
	a.simdMem(vStore, b.out.addr)
	a.get(b.at)
	b.high(column[0], column[1])
	a.simdMem(vStore, b.out.addr+b.row)
}
