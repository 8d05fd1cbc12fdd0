package wasm

import "github.com/drey-sampler/drey/pkg/tensor"

// cholesky writes the factorisation column by column in the order that package tensor/eval defines: element (i, j) is
// A[i][j] less the lane dot of the rows before column j, divided by the pivot.
func (e *emitter) cholesky(n *tensor.Node) {
	a, d := e.a, n.DType
	shape := n.Shape
	r := len(shape)
	size := shape[r-1]
	if n.In[0].Size() == 0 {
		return
	}
	e.clearResult(n)
	if d == tensor.F64 {
		e.choleskyBlocks(n)
		return
	}
	x, out := e.accessOf(n.In[0]), e.resultAccess(n)
	row, es := size*d.Size(), d.Size()
	e.nested(shape[:r-2], func(is []local) {
		px, po := e.affine(x.dyn, is, x.strides), e.affine(out.dyn, is, out.strides)
		pivot := a.newLocal(typeOf(d))
		e.counted(size, func(j local) {
			rowJ := e.affine(po, []local{j}, []int{row})
			end := a.newLocal(tI32)
			a.setI32(end, size)
			e.until(j, end, 1, func(i local) {
				rowI := e.affine(po, []local{i}, []int{row})
				s := a.newLocal(typeOf(d))
				a.get(e.affine(px, []local{i, j}, []int{row, es}))
				a.load(d, x.addr)
				e.laneDot(d, rowI, out.addr, es, rowJ, out.addr, es, j)
				e.sub(d)
				a.set(s)
				a.get(i)
				a.get(j)
				a.op(opI32Eq)
				a.ifThen()
				a.get(s)
				e.sqrt(d)
				a.set(pivot)
				a.get(e.affine(rowI, []local{j}, []int{es}))
				a.get(pivot)
				a.store(d, out.addr)
				a.els()
				a.get(e.affine(rowI, []local{j}, []int{es}))
				a.get(s)
				a.get(pivot)
				e.div(d)
				a.store(d, out.addr)
				a.end()
			})
		})
	})
}

func (e *emitter) sub(d tensor.DType)  { e.floatOp(d, opF64Sub) }
func (e *emitter) div(d tensor.DType)  { e.floatOp(d, opF64Div) }
func (e *emitter) sqrt(d tensor.DType) { e.floatOp(d, opF64Sqrt) }

// floatOp writes a float instruction given by its f64 form.
func (e *emitter) floatOp(d tensor.DType, op byte) {
	if d == tensor.F32 {
		op -= f32Distance
	}
	e.a.op(op)
}

// triangularSolve writes forward or backward substitution for every column, in the order that tensor/eval defines:
// x[i] = (b[i] - lane dot of the solved part) / pivot.
func (e *emitter) triangularSolve(n *tensor.Node) {
	if tensor.NumElements(n.Shape) == 0 {
		return
	}
	r := len(n.Shape)
	size, cols := n.Shape[r-2], n.Shape[r-1]
	m, b, out := e.accessOf(n.In[0]), e.accessOf(n.In[1]), e.resultAccess(n)
	row, col := m.strides[r-2], m.strides[r-1]
	if n.Attr.Transpose {
		row, col = col, row
	}
	e.nested(n.Shape[:r-2], func(is []local) {
		pm, pb, po := e.affine(m.dyn, is, m.strides), e.affine(b.dyn, is, b.strides), e.affine(out.dyn, is, out.strides)
		e.counted(cols, func(c local) {
			s := &substitution{e: e, n: n, size: size, row: row, col: col, m: m, b: b, out: out, pm: pm,
				pb: e.affine(pb, []local{c}, b.strides[r-1:]), po: e.affine(po, []local{c}, out.strides[r-1:]),
				sb: b.strides[r-2], so: out.strides[r-2]}
			e.counted(size, s.step)
		})
	})
}

// substitution is the solution of one column.
type substitution struct {
	e              *emitter
	n              *tensor.Node
	size, row, col int
	m, b, out      access
	pm, pb, po     local
	sb, so         int
}

// step writes one unknown; t counts the unknowns that are known already.
func (s *substitution) step(t local) {
	e, a, d := s.e, s.e.a, s.n.DType
	i, k0 := t, a.base
	if s.n.Attr.Lower == s.n.Attr.Transpose { // backward: unknown n-1-t from unknowns n-t …
		i, k0 = a.newLocal(tI32), a.newLocal(tI32)
		a.i32c(s.size - 1)
		a.get(t)
		a.op(opI32Sub)
		a.tee(i)
		a.i32c(1)
		a.op(opI32Add)
		a.set(k0)
	}
	a.get(e.affine(s.po, []local{i}, []int{s.so}))
	a.get(e.affine(s.pb, []local{i}, []int{s.sb}))
	a.load(d, s.b.addr)
	e.laneDot(d, e.affine(s.pm, []local{i, k0}, []int{s.row, s.col}), s.m.addr, s.col, e.affine(s.po, []local{k0}, []int{s.so}), s.out.addr, s.so, t)
	e.sub(d)
	a.get(e.affine(s.pm, []local{i, i}, []int{s.row, s.col}))
	a.load(d, s.m.addr)
	e.div(d)
	a.store(d, s.out.addr)
}
