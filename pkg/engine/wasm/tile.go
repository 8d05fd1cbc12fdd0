package wasm

import "slices"

// Register tiles for products over contiguous doubles. A tile keeps what several rows share in registers: the vector is
// loaded once for rowTile rows, a running sum is loaded and stored once for innerTile contracted indices.
const (
	rowTile   = 2
	innerTile = 4
	// unrollPairs is the number of pairs of a row up to which the tile has no loop over pairs.
	unrollPairs = 64
)

// dotLanesTiled writes out[i, j] = Σk a[i, k]·b[j, k] by the lane rule, both contiguous in k. Tiles run over the last
// row axis.
func (e *emitter) dotLanesTiled(p *dotPlan) {
	rows := p.rows
	if len(rows.dims) == 0 && len(p.cols.dims) > 0 { // a single row: tile over the columns instead
		p.swap()
		rows = p.rows
	}
	last, sa, so := 1, 0, 0
	if k := len(rows.dims); k > 0 {
		last, sa, so = rows.dims[k-1], rows.a[k-1], rows.out[k-1]
		rows = axes{rows.dims[:k-1], rows.a[:k-1], rows.b[:k-1], rows.out[:k-1]}
	}
	outer := axes{
		slices.Concat(p.batch.dims, p.cols.dims, rows.dims), slices.Concat(p.batch.a, p.cols.a, rows.a),
		slices.Concat(p.batch.b, p.cols.b, rows.b), slices.Concat(p.batch.out, p.cols.out, rows.out),
	}
	e.nested(outer.dims, func(is []local) {
		pa, pb, po := e.affine(p.a.dyn, is, outer.a), e.affine(p.b.dyn, is, outer.b), e.affine(p.out.dyn, is, outer.out)
		if last/rowTile > 0 {
			e.counted(last/rowTile, func(local) {
				e.lanesTile(p, pa, pb, po, rowTile, sa, so)
				e.a.addI32(pa, rowTile*sa)
				e.a.addI32(po, rowTile*so)
			})
		}
		for range last % rowTile {
			e.lanesTile(p, pa, pb, po, 1, sa, so)
			e.a.addI32(pa, sa)
			e.a.addI32(po, so)
		}
	})
}

// lanesTile writes the lane sums of r rows of a with one row of b.
func (e *emitter) lanesTile(p *dotPlan, pa, pb, po local, r, sa, so int) {
	a := e.a
	n := p.inner.dims[0]
	acc := make([][2]local, r)
	for i := range acc {
		for h := range 2 {
			acc[i][h] = a.newLocal(tV128)
			e.v128c(0)
			a.set(acc[i][h])
		}
	}
	b := a.newLocal(tV128)
	pairs := func(qa, qb local, from, to int) {
		for k := from; k < to; k++ {
			a.get(qb)
			a.simdMem(vLoad, p.b.addr+16*k)
			a.set(b)
			for i := range acc {
				x := acc[i][k%2]
				a.get(x)
				a.get(qa)
				a.simdMem(vLoad, p.a.addr+i*sa+16*k)
				a.get(b)
				a.simd(vF64Mul)
				a.simd(vF64Add)
				a.set(x)
			}
		}
	}
	qa, qb, from := pa, pb, 0
	if n/2 > unrollPairs {
		const turn = 8
		qa, qb = e.cursor(pa), e.cursor(pb)
		e.counted(n/2/turn, func(local) {
			e.a.prove(qa)
			e.a.prove(qb)
			pairs(qa, qb, 0, turn)
			a.addI32(qa, 16*turn)
			a.addI32(qb, 16*turn)
		})
		from = n / 2 / turn * turn
		pairs(qa, qb, 0, n/2-from)
	} else {
		e.a.prove(pa)
		e.a.prove(pb)
		pairs(qa, qb, 0, n/2)
	}
	e.lanesTotals(p, qa, qb, po, acc, n-1-from*2, sa, so)
}

// lanesTotals joins the lanes, the odd last product first, and stores the sums. last is the odd index from qa.
func (e *emitter) lanesTotals(p *dotPlan, qa, qb, po local, acc [][2]local, last, sa, so int) {
	a := e.a
	n := p.inner.dims[0]
	for i := range acc {
		a.get(po)
		if n%2 == 1 {
			h := (n - 1) / 2 % 2 // the vector whose first half the last product joins
			a.get(acc[i][h])
			a.get(acc[i][h])
			a.simd(vF64Extract)
			a.op(0)
			a.get(qa)
			a.mem(opF64Load, p.a.addr+i*sa+8*last)
			a.get(qb)
			a.mem(opF64Load, p.b.addr+8*last)
			a.op(opF64Mul, opF64Add)
			a.simd(vF64Replace)
			a.op(0)
			a.set(acc[i][h])
		}
		a.get(acc[i][0])
		a.get(acc[i][1])
		a.simd(vF64Add)
		a.tee(acc[i][0])
		a.simd(vF64Extract)
		a.op(0)
		a.get(acc[i][0])
		a.simd(vF64Extract)
		a.op(1)
		a.op(opF64Add)
		a.mem(opF64Store, p.out.addr+i*so)
	}
}

// dotIndexTiled writes out[i, j] = Σk a[i, k]·b[k, j] in index order, b and out contiguous in j: rows of b are added to
// a row of the result, innerTile at a time.
func (e *emitter) dotIndexTiled(p *dotPlan) {
	k := len(p.cols.dims)
	width := p.cols.dims[k-1]
	outer := axes{
		slices.Concat(p.batch.dims, p.rows.dims, p.cols.dims[:k-1]), slices.Concat(p.batch.a, p.rows.a, p.cols.a[:k-1]),
		slices.Concat(p.batch.b, p.rows.b, p.cols.b[:k-1]), slices.Concat(p.batch.out, p.rows.out, p.cols.out[:k-1]),
	}
	n, sa, sb := p.inner.dims[0], p.inner.a[0], p.inner.b[0]
	e.nested(outer.dims, func(is []local) {
		pa, pb, po := e.affine(p.a.dyn, is, outer.a), e.affine(p.b.dyn, is, outer.b), e.affine(p.out.dyn, is, outer.out)
		e.zeroRow(po, p.out.addr, width)
		if n/innerTile > 0 {
			e.counted(n/innerTile, func(local) {
				e.indexTile(p, pa, pb, po, innerTile, width)
				e.a.addI32(pa, innerTile*sa)
				e.a.addI32(pb, innerTile*sb)
			})
		}
		for range n % innerTile {
			e.indexTile(p, pa, pb, po, 1, width)
			e.a.addI32(pa, sa)
			e.a.addI32(pb, sb)
		}
	})
}

// zeroRow clears n doubles.
func (e *emitter) zeroRow(p local, addr, n int) {
	a := e.a
	a.get(p)
	a.i32c(addr)
	a.op(opI32Add)
	a.i32c(0)
	a.i32c(8 * n)
	a.memoryFill()
}

// indexTile adds r scaled rows of b to a row of the result.
func (e *emitter) indexTile(p *dotPlan, pa, pb, po local, r, width int) {
	a := e.a
	sa, sb := p.inner.a[0], p.inner.b[0]
	scale := make([]local, r)
	for i := range scale {
		scale[i] = a.newLocal(tV128)
		e.loadSplat(pa, p.a.addr+i*sa)
		a.set(scale[i])
	}
	pairs := func(qb, qo local, from, to int) {
		for j := from; j < to; j++ {
			a.get(qo)
			a.get(qo)
			a.simdMem(vLoad, p.out.addr+16*j)
			for i := range scale {
				a.get(qb) // the loaded pair dies in the product, which saves a copy
				a.simdMem(vLoad, p.b.addr+i*sb+16*j)
				a.get(scale[i])
				a.simd(vF64Mul)
				a.simd(vF64Add)
			}
			a.simdMem(vStore, p.out.addr+16*j)
		}
	}
	qb, qo, left := pb, po, 0
	if width/2 > unrollPairs {
		const turn = 8
		qb, qo = e.cursor(pb), e.cursor(po)
		e.counted(width/2/turn, func(local) {
			e.a.prove(qb)
			e.a.prove(qo)
			pairs(qb, qo, 0, turn)
			a.addI32(qb, 16*turn)
			a.addI32(qo, 16*turn)
		})
		left = width / 2 / turn * turn
	} else {
		e.a.prove(pb)
		e.a.prove(po)
	}
	pairs(qb, qo, 0, width/2-left)
	if width%2 == 1 {
		j := width - 1 - 2*left
		a.get(qo)
		a.get(qo)
		a.mem(opF64Load, p.out.addr+8*j)
		for i := range scale {
			a.get(scale[i])
			a.simd(vF64Extract)
			a.op(0)
			a.get(qb)
			a.mem(opF64Load, p.b.addr+i*sb+8*j)
			a.op(opF64Mul, opF64Add)
		}
		a.mem(opF64Store, p.out.addr+8*j)
	}
}
