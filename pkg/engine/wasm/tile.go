package wasm

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Register tiles for products over contiguous doubles or F32s. A tile keeps what several rows share in registers: the vector is
// loaded once for all rows of a tile, a running sum is loaded and stored once for innerTile contracted indices.
const (
	innerTile = 4
	// unrollVectors is the number of vectors of a row up to which the tile has no loop over them.
	unrollVectors = 64
)

// floats says how elements lie in vectors: two doubles or four F32s.
type floats struct {
	dtype                      tensor.DType
	size, per                  int // bytes of an element, elements of a vector
	rows                       int // of a tile: as many sums as hide the latency of an addition
	mul, add, extract, replace int
}

var (
	doubles = &floats{dtype: tensor.F64, size: 8, per: 2, rows: 2, mul: vF64Mul, add: vF64Add, extract: vF64Extract, replace: vF64Replace}
	singles = &floats{dtype: tensor.F32, size: 4, per: 4, rows: 4, mul: vF32Mul, add: vF32Add, extract: vF32Extract, replace: vF32Replace}
)

// floatsOf returns the floats of a dtype, nil if it is none.
func floatsOf(d tensor.DType) *floats {
	return map[tensor.DType]*floats{tensor.F64: doubles, tensor.F32: singles}[d]
}

// takeLane pushes a lane of a vector.
func (e *emitter) takeLane(v *floats, x local, lane int) {
	e.a.get(x)
	e.a.simd(v.extract)
	e.a.op(byte(lane))
}

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
		tile := p.v.rows
		if last/tile > 0 {
			e.counted(last/tile, func(local) {
				e.lanesTile(p, pa, pb, po, tile, sa, so)
				e.a.addI32(pa, tile*sa)
				e.a.addI32(po, tile*so)
			})
		}
		for range last % tile {
			e.lanesTile(p, pa, pb, po, 1, sa, so)
			e.a.addI32(pa, sa)
			e.a.addI32(po, so)
		}
	})
}

// lanesTile writes the lane sums of r rows of a with one row of b.
func (e *emitter) lanesTile(p *dotPlan, pa, pb, po local, r, sa, so int) {
	a, v := e.a, p.v
	vectors := p.inner.dims[0] / v.per
	acc := make([][]local, r)
	for i := range acc {
		for range 4 / v.per {
			x := a.newLocal(tV128)
			e.v128c(0)
			a.set(x)
			acc[i] = append(acc[i], x)
		}
	}
	b := a.newLocal(tV128)
	products := func(qa, qb local, from, to int) {
		for k := from; k < to; k++ {
			a.get(qb)
			a.simdMem(vLoad, p.b.addr+16*k)
			a.set(b)
			for i := range acc {
				x := acc[i][k%len(acc[i])]
				a.get(x)
				a.get(qa)
				a.simdMem(vLoad, p.a.addr+i*sa+16*k)
				a.get(b)
				a.simd(v.mul)
				a.simd(v.add)
				a.set(x)
			}
		}
	}
	qa, qb, from := pa, pb, 0
	if vectors > unrollVectors {
		const turn = 8
		qa, qb = e.cursor(pa), e.cursor(pb)
		e.counted(vectors/turn, func(local) {
			e.a.prove(qa)
			e.a.prove(qb)
			products(qa, qb, 0, turn)
			a.addI32(qa, 16*turn)
			a.addI32(qb, 16*turn)
		})
		from = vectors / turn * turn
		products(qa, qb, 0, vectors-from)
	} else {
		e.a.prove(pa)
		e.a.prove(pb)
		products(qa, qb, 0, vectors)
	}
	e.lanesTotals(p, qa, qb, po, acc, vectors-from, sa, so)
}

// lanesTotals adds the products that fill no vector to the first lanes of the one whose turn it is, joins the lanes and stores
// the sums. The last whole vector stands before the one numbered whole from qa.
func (e *emitter) lanesTotals(p *dotPlan, qa, qb, po local, acc [][]local, whole, sa, so int) {
	a, v := e.a, p.v
	n := p.inner.dims[0]
	for i := range acc {
		a.get(po)
		x := acc[i][n/v.per%len(acc[i])]
		for lane := range n % v.per {
			at := 16*whole + v.size*lane
			a.get(x)
			e.takeLane(v, x, lane)
			a.get(qa)
			a.load(v.dtype, p.a.addr+i*sa+at)
			a.get(qb)
			a.load(v.dtype, p.b.addr+at)
			e.mul(v.dtype)
			e.add(v.dtype)
			a.simd(v.replace)
			a.op(byte(lane))
			a.set(x)
		}
		e.joinLanes(v, acc[i])
		a.store(v.dtype, p.out.addr+i*so)
	}
}

// joinLanes pushes (l0+l2)+(l1+l3) of the lanes that acc holds.
func (e *emitter) joinLanes(v *floats, acc []local) {
	a := e.a
	if v == singles {
		for _, pair := range [][2]int{{0, 2}, {1, 3}} {
			e.takeLane(v, acc[0], pair[0])
			e.takeLane(v, acc[0], pair[1])
			e.add(v.dtype)
		}
		e.add(v.dtype)
		return
	}
	a.get(acc[0])
	a.get(acc[1])
	a.simd(v.add)
	a.tee(acc[0])
	a.simd(v.extract)
	a.op(0)
	e.takeLane(v, acc[0], 1)
	e.add(v.dtype)
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
		e.zeroRow(p, po, width)
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

// zeroRow clears a row of the result.
func (e *emitter) zeroRow(p *dotPlan, po local, width int) {
	a := e.a
	a.get(po)
	a.i32c(p.out.addr)
	a.op(opI32Add)
	a.i32c(0)
	a.i32c(p.v.size * width)
	a.memoryFill()
}

// indexTile adds r scaled rows of b to a row of the result.
func (e *emitter) indexTile(p *dotPlan, pa, pb, po local, r, width int) {
	a, v := e.a, p.v
	sa, sb := p.inner.a[0], p.inner.b[0]
	scale := make([]local, r)
	for i := range scale {
		scale[i] = a.newLocal(tV128)
		e.splatFrom(v, pa, p.a.addr+i*sa)
		a.set(scale[i])
	}
	vectors := width / v.per
	products := func(qb, qo local, from, to int) {
		for j := from; j < to; j++ {
			a.get(qo)
			a.get(qo)
			a.simdMem(vLoad, p.out.addr+16*j)
			for i := range scale {
				a.get(qb) // the loaded vector dies in the product, which saves a copy
				a.simdMem(vLoad, p.b.addr+i*sb+16*j)
				a.get(scale[i])
				a.simd(v.mul)
				a.simd(v.add)
			}
			a.simdMem(vStore, p.out.addr+16*j)
		}
	}
	qb, qo, done := pb, po, 0
	if vectors > unrollVectors {
		const turn = 8
		qb, qo = e.cursor(pb), e.cursor(po)
		e.counted(vectors/turn, func(local) {
			e.a.prove(qb)
			e.a.prove(qo)
			products(qb, qo, 0, turn)
			a.addI32(qb, 16*turn)
			a.addI32(qo, 16*turn)
		})
		done = vectors / turn * turn
	} else {
		e.a.prove(pb)
		e.a.prove(po)
	}
	products(qb, qo, 0, vectors-done)
	for j := vectors * v.per; j < width; j++ {
		at := v.size * (j - v.per*done)
		a.get(qo)
		a.get(qo)
		a.load(v.dtype, p.out.addr+at)
		for i := range scale {
			e.takeLane(v, scale[i], 0)
			a.get(qb)
			a.load(v.dtype, p.b.addr+i*sb+at)
			e.mul(v.dtype)
			e.add(v.dtype)
		}
		a.store(v.dtype, p.out.addr+at)
	}
}

// splatFrom pushes an element in all lanes.
func (e *emitter) splatFrom(v *floats, p local, off int) {
	if v == doubles {
		e.loadSplat(p, off)
		return
	}
	e.addressOf(p, &off)
	e.a.simdMem(vLoad32Spl, off)
}
