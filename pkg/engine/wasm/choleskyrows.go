package wasm

import "github.com/drey-sampler/drey/pkg/tensor"

// productPairs is product over doubles, two rows of G at a time: what they share of x and y is loaded once, and an
// element of G serves both its parts.
func (c *choleskyAdjoint) productPairs() {
	e, a := c.e, c.e.a
	row, at := e.cursor(c.atOut), e.cursor(a.base)
	a.addI32(row, c.row+8)
	e.whileAtLeast(e.cursor(c.m), 2, func() {
		c.rows(2, row, at)
		a.addI32(row, 2*c.row)
		a.addI32(at, 16)
	})
	a.get(c.m)
	a.i32c(1)
	a.op(opI32And)
	a.ifThen()
	c.rows(1, row, at)
	a.end()
}

// symmetricRows is the state of a pass over neighbouring rows i, i+1 of G.
type symmetricRows struct {
	*choleskyAdjoint
	acc   [][2]local // by row: the lanes of its dot with x
	scale []local    // by row r: x[i+r] in both halves
	p, q  local      // in the rows, in the buffers
}

// rows writes the pass over r rows from row, the one whose index is at/8, an even number. Elements before the diagonal
// come in quads and at most one pair.
func (c *choleskyAdjoint) rows(r int, row, at local) {
	e, a := c.e, c.e.a
	s := &symmetricRows{choleskyAdjoint: c, p: e.cursor(row), q: e.cursor(a.base)}
	for i := range r {
		s.acc = append(s.acc, [2]local{a.newLocal(tV128), a.newLocal(tV128)})
		for _, v := range s.acc[i] {
			e.v128c(0)
			a.set(v)
		}
		s.scale = append(s.scale, a.newLocal(tV128))
		a.get(at)
		a.simdMem(vLoad64Splt, c.x+8*i)
		a.set(s.scale[i])
	}
	quads := a.newLocal(tI32)
	a.get(at)
	a.i32c(-32)
	a.op(opI32And)
	a.tee(quads)
	a.ifThen()
	a.loop()
	e.prove(s.p)
	e.prove(s.q)
	s.pair(0, 0)
	s.pair(1, 16)
	a.addI32(s.p, 32)
	a.addI32(s.q, 32)
	a.get(s.q)
	a.get(quads)
	a.op(opI32LtU)
	a.brIf(0)
	a.end()
	a.end()
	a.get(at)
	a.i32c(16)
	a.op(opI32And)
	a.ifThen()
	s.pair(0, 0)
	a.addI32(s.p, 16)
	for _, v := range s.acc { // the next product goes to the other lanes, which v[0] holds from here on
		a.get(v[0])
		a.get(v[1])
		a.set(v[0])
		a.set(v[1])
	}
	a.end()
	s.diagonal(at)
}

// pair writes two elements of every row, offset bytes on: lanes 2h and 2h+1 of the dots, and the sums in y.
func (s *symmetricRows) pair(h, offset int) {
	a := s.e.a
	x, g := a.newLocal(tV128), make([]local, len(s.acc))
	a.get(s.q)
	a.simdMem(vLoad, s.x+offset)
	a.set(x)
	a.get(s.q)
	a.get(s.q)
	a.simdMem(vLoad, s.y+offset)
	for r := range s.acc {
		g[r] = a.newLocal(tV128)
		a.get(s.p)
		a.simdMem(vLoad, s.out.addr+r*s.row+offset)
		a.tee(g[r])
		a.get(s.scale[r])
		a.simd(vF64Mul)
		a.simd(vF64Add)
	}
	a.simdMem(vStore, s.y+offset)
	for r, v := range s.acc {
		a.get(v[h])
		a.get(g[r])
		a.get(x)
		a.simd(vF64Mul)
		a.simd(vF64Add)
		a.set(v[h])
	}
}

// diagonal writes the elements of the block on the diagonal, whose sums in y begin here. The pairs of elements before it
// have left v[0] as the lanes of its columns.
func (s *symmetricRows) diagonal(at local) {
	e, a := s.e, s.e.a
	element := func(r, c int) { // G[i+r][i+c]
		a.get(s.p)
		a.mem(opF64Load, s.out.addr+r*s.row+8*c)
	}
	scale := func(r int) { // x[i+r]
		a.get(s.scale[r])
		a.simd(vF64Extract)
		a.op(0)
	}
	for r, v := range s.acc {
		a.get(at)
		if r == 0 {
			a.get(v[0]) // a lane is never -0, so that +0 leaves the other one as it is
			e.v128c(0)
			element(0, 0)
			scale(0)
			a.op(opF64Mul)
			a.simd(vF64Replace)
			a.op(0)
		} else {
			a.get(v[0])
			a.get(s.p)
			a.simdMem(vLoad, s.out.addr+s.row)
			a.get(at)
			a.simdMem(vLoad, s.x)
			a.simd(vF64Mul)
		}
		a.simd(vF64Add)
		a.get(v[1])
		a.simd(vF64Add)
		a.set(v[0])
		e.constant(tensor.F64, 0)
		element(r, r)
		scale(r)
		a.op(opF64Mul, opF64Add)
		a.get(v[0])
		a.simd(vF64Extract)
		a.op(0)
		a.get(v[0])
		a.simd(vF64Extract)
		a.op(1)
		a.op(opF64Add, opF64Add)
		for below := r + 1; below < len(s.acc); below++ {
			element(below, r)
			scale(below)
			a.op(opF64Mul, opF64Add)
		}
		a.mem(opF64Store, s.y+8*r)
	}
}
