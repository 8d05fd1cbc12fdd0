package wasm

import "github.com/drey-sampler/drey/pkg/tensor"

// symmetricRows is a pass over up to four neighbouring rows i, i+1, … of the block G, i a multiple of four: what they
// share of x and y is loaded once, and an element of G serves both its parts.
type symmetricRows struct {
	*choleskyAdjoint
	acc   [][2]local // by row: the lanes of its dot with x
	scale []local    // by row r: x[i+r] in both halves
	p, q  local      // in the rows, in the buffers
}

// productPairs is product over doubles.
func (c *choleskyAdjoint) productPairs() {
	e, a := c.e, c.e.a
	row, at, left := e.cursor(c.atOut), e.cursor(a.base), e.cursor(c.m)
	a.addI32(row, c.row+8)
	e.whileAtLeast(left, 4, func() {
		c.rows(4, row, at)
		a.addI32(row, 4*c.row)
		a.addI32(at, 32)
	})
	for r := 1; r < min(4, c.n); r++ {
		a.get(left)
		a.i32c(r)
		a.op(opI32Eq)
		a.ifThen()
		c.rows(r, row, at)
		a.end()
	}
}

// rows writes the pass over r rows from row, the one whose index is at/8.
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
		e.loadSplat(at, c.x+8*i)
		a.set(s.scale[i])
	}
	a.get(at)
	a.ifThen()
	a.loop()
	e.a.prove(s.p)
	e.a.prove(s.q)
	s.pair(0)
	s.pair(1)
	a.addI32(s.p, 32)
	a.addI32(s.q, 32)
	a.get(s.q)
	a.get(at)
	a.op(opI32LtU)
	a.brIf(0)
	a.end()
	a.end()
	s.diagonal()
}

// pair writes two elements of every row: lanes 2h and 2h+1 of the dots, and the sums in y.
func (s *symmetricRows) pair(h int) {
	a := s.e.a
	g := a.newLocal(tV128)
	a.get(s.q)
	a.get(s.q)
	a.simdMem(vLoad, s.y+16*h)
	for r, v := range s.acc {
		a.get(s.p)
		a.simdMem(vLoad, s.out.addr+r*s.row+16*h)
		a.tee(g)
		a.get(s.scale[r])
		a.simd(vF64Mul)
		a.simd(vF64Add)
		a.get(v[h])
		a.get(s.q) // the loaded pair dies in the product; kept for all rows it would take a register too many
		a.simdMem(vLoad, s.x+16*h)
		a.get(g)
		a.simd(vF64Mul)
		a.simd(vF64Add)
		a.set(v[h])
	}
	a.simdMem(vStore, s.y+16*h)
}

// diagonal writes the elements of the block on the diagonal, whose sums in y begin here.
func (s *symmetricRows) diagonal() {
	e, a := s.e, s.e.a
	for r, v := range s.acc {
		s.lanes(r)
		a.get(s.q)
		e.constant(tensor.F64, 0)
		s.scaled(r, r)
		a.op(opF64Add)
		a.get(v[0])
		a.get(v[1])
		a.simd(vF64Add)
		a.tee(v[0])
		a.simd(vF64Extract)
		a.op(0)
		a.get(v[0])
		a.simd(vF64Extract)
		a.op(1)
		a.op(opF64Add, opF64Add)
		for below := r + 1; below < len(s.acc); below++ {
			s.scaled(below, r)
			a.op(opF64Add)
		}
		a.mem(opF64Store, s.y+8*r)
	}
}

// scaled pushes G[i+r][i+c]·x[i+r].
func (s *symmetricRows) scaled(r, c int) {
	a := s.e.a
	a.get(s.p)
	a.mem(opF64Load, s.out.addr+r*s.row+8*c)
	a.get(s.scale[r])
	a.simd(vF64Extract)
	a.op(0)
	a.op(opF64Mul)
}

// lanes adds the products of elements i … i+r of row i+r to the lanes of its dot.
func (s *symmetricRows) lanes(r int) {
	a := s.e.a
	for c := 0; c <= r; c += 2 {
		v := s.acc[r][c/2]
		a.get(v)
		if c == r { // +0 leaves the other lane as it is: a lane is never -0
			s.e.v128c(0)
			s.scaled(r, r)
			a.simd(vF64Replace)
			a.op(0)
		} else {
			a.get(s.p)
			a.simdMem(vLoad, s.out.addr+r*s.row+8*c)
			a.get(s.q)
			a.simdMem(vLoad, s.x+8*c)
			a.simd(vF64Mul)
		}
		a.simd(vF64Add)
		a.set(v)
	}
}
