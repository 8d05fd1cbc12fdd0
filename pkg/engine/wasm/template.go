package wasm

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// template writes an instruction that is not part of a fused loop.
func (e *emitter) template(n *tensor.Node) {
	switch n.Op {
	case tensor.OpConcat:
		e.concat(n)
	case tensor.OpPad:
		e.pad(n)
	case tensor.OpDynamicUpdate:
		e.dynamicUpdate(n)
	case tensor.OpScatterAdd:
		e.scatterAdd(n)
	case tensor.OpScatter:
		e.scatter(n)
	case tensor.OpCumsum:
		e.cumsum(n)
	case tensor.OpArgMin, tensor.OpArgMax:
		e.argReduce(n)
	case tensor.OpSort, tensor.OpArgsort:
		e.sort(n)
	case tensor.OpDot:
		e.dot(n)
	case tensor.OpCholesky:
		e.cholesky(n)
	case tensor.OpCholeskyVJP:
		e.choleskyVJP(n)
	case tensor.OpTriangularSolve:
		e.triangularSolve(n)
	default:
		panic(fmt.Sprintf("wasm: no template for %s", n.Op))
	}
}

// counted writes a loop over i = 0 … n-1; nothing for n = 0.
func (e *emitter) counted(n int, body func(i local)) {
	if n == 0 {
		return
	}
	i := e.a.newLocal(tI32)
	e.a.setI32(i, 0)
	e.a.loop()
	body(i)
	e.a.addI32(i, 1)
	e.a.get(i)
	e.a.i32c(n)
	e.a.op(opI32LtU)
	e.a.brIf(0)
	e.a.end()
}

// until writes a loop over i from a local's value while i < n (a local).
func (e *emitter) until(from, n local, step int, body func(i local)) {
	a := e.a
	i := a.newLocal(tI32)
	a.get(from)
	a.set(i)
	a.block()
	a.loop()
	a.get(i)
	a.get(n)
	a.op(opI32GeS)
	a.brIf(1)
	body(i)
	a.addI32(i, step)
	a.br(0)
	a.end()
	a.end()
}

// affine returns a local with base + Σ is[k]·strides[k].
func (e *emitter) affine(base local, is []local, strides []int) local {
	a := e.a
	a.get(base)
	for k, i := range is {
		if strides[k] == 0 {
			continue
		}
		a.get(i)
		e.times(strides[k])
		a.op(opI32Add)
	}
	x := a.newLocal(tI32)
	a.set(x)
	return x
}

// nested writes a loop nest over dims and hands the indices to body.
func (e *emitter) nested(dims []int, body func(is []local)) {
	var rec func(is []local)
	rec = func(is []local) {
		if len(is) == len(dims) {
			body(is)
			return
		}
		e.counted(dims[len(is)], func(i local) { rec(append(slices.Clone(is), i)) })
	}
	rec(nil)
}

// accessOf describes an array operand of a template: address, dynamic offset and byte strides of its axes.
func (e *emitter) accessOf(v tensor.Value) access {
	w := e.p.views.of(v)
	size := w.root.DType().Size()
	st := make([]int, len(w.strides))
	for i, s := range w.strides {
		st[i] = s * size
	}
	return e.upward(access{w.root.DType(), e.address(w.root) + w.off*size, e.dynamic(w), st})
}

// resultAccess describes the result of a template.
func (e *emitter) resultAccess(n *tensor.Node) access {
	size := n.DType.Size()
	st := tensor.Strides(n.Shape)
	for i := range st {
		st[i] *= size
	}
	return access{n.DType, e.address(n.Results()[0]), e.a.base, st}
}

// copyStrided copies a block of the given dimensions.
func (e *emitter) copyStrided(dims []int, dst, src access) {
	if tensor.NumElements(dims) == 0 {
		return
	}
	size := dst.dtype.Size()
	k := len(dims) // the axes from k on are contiguous on both sides
	run := size
	for k > 0 && (dims[k-1] == 1 || dst.strides[k-1] == run && src.strides[k-1] == run) {
		k--
		run *= dims[k]
	}
	e.nested(dims[:k], func(is []local) {
		d := e.affine(dst.dyn, is, dst.strides)
		s := e.affine(src.dyn, is, src.strides)
		if len(is) == 0 {
			d, s = dst.dyn, src.dyn
		}
		e.copyRun(d, dst.addr, s, src.addr, run)
	})
}

// copyRun copies contiguous bytes between addresses relative to locals.
func (e *emitter) copyRun(d local, dst int, s local, src, bytes int) {
	if bytes <= inlineCopy && dst >= 0 && src >= 0 {
		e.copyInline(d, dst, s, src, bytes)
		return
	}
	for _, x := range []struct {
		l local
		c int
	}{{d, dst}, {s, src}} {
		e.a.get(x.l)
		e.a.i32c(x.c)
		e.a.op(opI32Add)
	}
	e.a.i32c(bytes)
	e.a.memoryCopy()
}

// concat brings the parts that were not computed in their place there; neighbouring doubles are stored as a pair.
func (e *emitter) concat(n *tensor.Node) {
	out := e.resultAccess(n)
	axis := n.Attr.Axis
	whole := tensor.NumElements(n.Shape[:axis]) == 1
	at := 0
	for i := 0; i < len(n.In); i++ {
		v := n.In[i]
		dst := out
		dst.addr += at * out.strides[axis]
		at += v.Shape()[axis]
		switch {
		case v.Size() == 0:
		case isScalar(v) && whole && n.DType == tensor.F64 && i+1 < len(n.In) && isScalar(n.In[i+1]):
			e.a.get(e.a.base)
			e.push(v)
			e.a.simd(vF64Splat)
			e.push(n.In[i+1])
			e.a.simd(vF64Replace)
			e.a.op(1)
			e.a.simdMem(vStore, dst.addr)
			at += n.In[i+1].Shape()[axis]
			i++
		case isScalar(v):
			e.a.get(e.a.base)
			e.push(v)
			e.a.store(n.DType, dst.addr)
		default:
			e.concatPart(v, dst, whole)
		}
	}
}

func (e *emitter) concatPart(v tensor.Value, dst access, whole bool) {
	w := e.p.views.of(v)
	if isScalar(w.root) {
		x := e.asLocal(w.root)
		e.nested(v.Shape(), func(is []local) {
			e.a.get(e.affine(dst.dyn, is, dst.strides))
			e.a.get(x)
			e.a.store(dst.dtype, dst.addr)
		})
		return
	}
	src := e.accessOf(v)
	if whole && w.root == v && src.addr == dst.addr && src.dyn == dst.dyn {
		return
	}
	e.copyStrided(v.Shape(), dst, src)
}

// pad fills the result and copies the operand into it.
func (e *emitter) pad(n *tensor.Node) {
	out := e.resultAccess(n)
	value := e.asLocal(n.In[1])
	total := tensor.NumElements(n.Shape)
	size := n.DType.Size()
	if c := n.In[1].Node(); c.Op == tensor.OpConst && c.Attr.Array.Bits[0] == 0 {
		e.clearResult(n)
	} else {
		e.counted(total, func(i local) {
			e.a.get(i)
			e.a.i32c(size)
			e.a.op(opI32Mul)
			e.a.get(value)
			e.a.store(n.DType, out.addr)
		})
	}
	for i, lo := range n.Attr.Start {
		out.addr += lo * out.strides[i]
	}
	e.concatPart(n.In[0], out, false)
}

// inPlace makes sure that the operand an update changes lies where the result is.
func (e *emitter) inPlace(n *tensor.Node) {
	v := n.In[0]
	if isScalar(v) {
		e.a.get(e.a.base)
		e.push(v)
		e.a.store(n.DType, e.address(n.Results()[0]))
		return
	}
	src, dst := e.accessOf(v), e.resultAccess(n)
	if src.addr != dst.addr {
		e.copyBlock(blockCopy{dst.addr, src.addr, v.Size() * n.DType.Size()})
	}
}

func (e *emitter) dynamicUpdate(n *tensor.Node) {
	e.inPlace(n)
	u := n.In[1]
	if u.Size() == 0 {
		return
	}
	w := own(n.Results()[0])
	for i, start := range n.In[2:] {
		if limit := n.Shape[i] - u.Shape()[i]; limit > 0 {
			w.dyn = append(w.dyn, dynTerm{start, w.strides[i], limit})
		}
	}
	dst := e.resultAccess(n)
	dst.dyn = e.dynamic(w)
	if isScalar(u) {
		x := e.asLocal(u)
		e.a.get(dst.dyn)
		e.a.get(x)
		e.a.store(n.DType, dst.addr)
		return
	}
	e.concatPart(u, dst, false)
}

// scatterAdd adds updates row by row in index order; indices out of range are dropped.
func (e *emitter) scatterAdd(n *tensor.Node) {
	e.inPlace(n)
	a := e.a
	axis := n.Attr.Axis
	out, upd, idx := e.resultAccess(n), e.accessOf(n.In[2]), e.accessOf(n.In[1])
	shape := n.In[2].Shape()
	rest := slices.Delete(slices.Clone(shape), axis, axis+1)
	without := func(st []int) []int { return slices.Delete(slices.Clone(st), axis, axis+1) }
	e.counted(shape[axis], func(i local) {
		k := a.newLocal(tI32)
		a.get(e.affine(idx.dyn, []local{i}, idx.strides))
		a.load(tensor.I32, idx.addr)
		a.tee(k)
		a.i32c(n.Shape[axis])
		a.op(opI32LtU)
		a.ifThen()
		from := e.affine(upd.dyn, []local{i}, upd.strides[axis:])
		to := e.affine(out.dyn, []local{k}, out.strides[axis:])
		e.nested(rest, func(is []local) {
			src, dst := from, to
			if len(is) > 0 {
				src, dst = e.affine(from, is, without(upd.strides)), e.affine(to, is, without(out.strides))
			}
			a.get(dst)
			a.get(dst)
			a.load(n.DType, out.addr)
			a.get(src)
			a.load(n.DType, upd.addr)
			e.add(n.DType)
			a.store(n.DType, out.addr)
		})
		a.end()
	})
}

// lines writes a loop over all lines along an axis; body gets the byte offset of a line's first element in x and out.
func (e *emitter) lines(shape []int, axis int, x, out access, body func(px, pout local)) {
	dims := slices.Delete(slices.Clone(shape), axis, axis+1)
	sx := slices.Delete(slices.Clone(x.strides), axis, axis+1)
	so := out.strides
	if len(so) == len(shape) {
		so = slices.Delete(slices.Clone(so), axis, axis+1)
	}
	e.nested(dims, func(is []local) { body(e.affine(x.dyn, is, sx), e.affine(out.dyn, is, so)) })
}

func (e *emitter) cumsum(n *tensor.Node) {
	a := e.a
	axis := n.Attr.Axis
	x, out := e.accessOf(n.In[0]), e.resultAccess(n)
	acc := a.newLocal(typeOf(n.DType))
	e.lines(n.Shape, axis, x, out, func(px, pout local) {
		e.constant(n.DType, 0)
		a.set(acc)
		e.counted(n.Shape[axis], func(i local) {
			if n.Attr.Reverse {
				j := a.newLocal(tI32)
				a.i32c(n.Shape[axis] - 1)
				a.get(i)
				a.op(opI32Sub)
				a.set(j)
				i = j
			}
			a.get(acc)
			a.get(e.affine(px, []local{i}, x.strides[axis:]))
			a.load(n.DType, x.addr)
			e.add(n.DType)
			a.set(acc)
			a.get(e.affine(pout, []local{i}, out.strides[axis:]))
			a.get(acc)
			a.store(n.DType, out.addr)
		})
	})
}

// before pushes whether x comes before y: less (or greater), or x NaN where NaN counts as extreme and y is none.
func (e *emitter) before(d tensor.DType, op tensor.Op, x, y local, nanFirst bool) {
	a := e.a
	e.combine(op, d, x, y)
	if !d.IsFloat() {
		return
	}
	first, other := x, y
	if !nanFirst {
		first, other = y, x
	}
	e.combine(tensor.OpNe, d, first, first)
	e.combine(tensor.OpEq, d, other, other)
	a.op(opI32And)
	a.op(opI32Or)
}

func (e *emitter) argReduce(n *tensor.Node) {
	a := e.a
	x, out := e.accessOf(n.In[0]), e.resultAccess(n)
	d := n.In[0].DType()
	axis := n.Attr.Axis
	op := tensor.OpLt
	if n.Op == tensor.OpArgMax {
		op = tensor.OpGt
	}
	best, cur, at := a.newLocal(typeOf(d)), a.newLocal(typeOf(d)), a.newLocal(tI32)
	e.lines(n.In[0].Shape(), axis, x, out, func(px, pout local) {
		a.setI32(at, 0)
		a.get(px)
		a.load(d, x.addr)
		a.set(best)
		e.counted(n.In[0].Shape()[axis], func(i local) {
			a.get(e.affine(px, []local{i}, x.strides[axis:]))
			a.load(d, x.addr)
			a.set(cur)
			e.before(d, op, cur, best, true)
			a.ifThen()
			a.get(cur)
			a.set(best)
			a.get(i)
			a.set(at)
			a.end()
		})
		a.get(pout)
		a.get(at)
		a.store(tensor.I32, out.addr)
	})
}
