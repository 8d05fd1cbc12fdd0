package stablehlo

import (
	"fmt"
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// reducers are the operations that reductions fold with.
var reducers = map[tensor.Op]string{
	tensor.OpReduceSum: "stablehlo.add", tensor.OpReduceProd: "stablehlo.multiply", tensor.OpReduceMin: "stablehlo.minimum",
	tensor.OpReduceMax: "stablehlo.maximum", tensor.OpReduceAny: "stablehlo.or", tensor.OpReduceAll: "stablehlo.and",
}

// identity returns the element that a reduction starts from.
func identity(op tensor.Op, d tensor.DType) uint64 {
	switch op {
	case tensor.OpReduceProd, tensor.OpReduceAll:
		return tensor.EncodeFloat(d, 1)
	case tensor.OpReduceMin, tensor.OpArgMin:
		return extreme(d, true)
	case tensor.OpReduceMax, tensor.OpArgMax:
		return extreme(d, false)
	}
	return 0
}

// extreme returns the largest or the smallest element of a dtype.
func extreme(d tensor.DType, largest bool) uint64 {
	switch {
	case d.IsFloat() && largest:
		return tensor.EncodeFloat(d, math.Inf(1))
	case d.IsFloat():
		return tensor.EncodeFloat(d, math.Inf(-1))
	case d.IsSigned() && largest:
		return 1<<(d.Bits()-1) - 1
	case d.IsSigned():
		return 1 << (d.Bits() - 1)
	case largest:
		return math.MaxUint64 >> (64 - d.Bits())
	}
	return 0
}

// axesRange returns the axes lo … hi-1.
func axesRange(lo, hi int) []int {
	out := make([]int, 0, hi-lo)
	for i := lo; i < hi; i++ {
		out = append(out, i)
	}
	return out
}

func (w *writer) reduction(n *tensor.Node) {
	if reducers[n.Op] == "" {
		w.argReduction(n)
		return
	}
	x, t := n.In[0], typeText(n.DType, nil)
	init := w.auxiliary(n.DType, identity(n.Op, n.DType))
	axes := axesRange(n.Attr.Axis, n.Attr.Axis2)
	attr := ""
	if n.Op == tensor.OpReduceSum {
		attr = orderAttr(n.Attr.Order, sumOrder(x, n.Attr.Axis2))
	}
	in := w.operand(x)
	w.line(`%s = "stablehlo.reduce"(%s, %s) <{dimensions = %s}> ({`, w.define(n.Results()[0]), in, init, i64Array(axes))
	w.fold(reducers[n.Op], t)
	w.line("})%s : (%s, %s) -> %s", attr, typeOf(x), t, typeText(n.DType, n.Shape))
}

// fold prints a block that applies an operation to its two arguments, scalars of type t.
func (w *writer) fold(op, t string) {
	a, b, r := w.fresh(), w.fresh(), w.fresh()
	w.line("^bb0(%s: %s, %s: %s):", a, t, b, t)
	w.line("  %s = %s %s, %s : %s", r, op, a, b, t)
	w.line("  stablehlo.return %s : %s", r, t)
}

// argReduction prints a reduction of elements with their positions: the one that precedes, a NaN before every number,
// else the first.
func (w *writer) argReduction(n *tensor.Node) {
	x, axis := n.In[0], n.Attr.Axis
	direction := "LT"
	if n.Op == tensor.OpArgMax {
		direction = "GT"
	}
	d := x.DType()
	te, ti, tx := typeText(d, nil), typeText(tensor.I32, nil), typeOf(x)
	positions := typeText(tensor.I32, x.Shape())
	e0, i0 := w.auxiliary(d, identity(n.Op, d)), w.auxiliary(tensor.I32, 0)
	in, at, both := w.operand(x), w.fresh(), w.fresh()
	w.names[n] = both + "#1"
	w.line("%s = stablehlo.iota dim = %d : %s", at, axis, positions)
	w.line(`%s:2 = "stablehlo.reduce"(%s, %s, %s, %s) <{dimensions = array<i64: %d>}> ({`, both, in, at, e0, i0, axis)
	w.line("^bb0(%%a: %s, %%i: %s, %%b: %s, %%j: %s):", te, ti, te, ti)
	compare := func(name, dir, a, b, kind, t string) {
		w.line("  %s = stablehlo.compare %s, %s, %s, %s : (%s, %s) -> tensor<i1>", name, dir, a, b, kind, t, t)
	}
	kind := comparisonType(d)
	compare("%beyond", direction, "%a", "%b", kind, te)
	compare("%nan", "NE", "%a", "%a", kind, te)
	w.line("  %%better = stablehlo.or %%beyond, %%nan : tensor<i1>")
	compare("%same", "EQ", "%a", "%b", kind, te)
	compare("%number", "EQ", "%b", "%b", kind, te)
	w.line("  %%beside = stablehlo.not %%number : tensor<i1>")
	w.line("  %%nans = stablehlo.and %%nan, %%beside : tensor<i1>")
	w.line("  %%equal = stablehlo.or %%same, %%nans : tensor<i1>")
	compare("%before", "LT", "%i", "%j", "SIGNED", ti)
	w.line("  %%first = stablehlo.select %%equal, %%before, %%better : tensor<i1>, tensor<i1>")
	w.line("  %%r = stablehlo.select %%better, %%a, %%b : tensor<i1>, %s", te)
	w.line("  %%s = stablehlo.select %%first, %%i, %%j : tensor<i1>, %s", ti)
	w.line("  stablehlo.return %%r, %%s : %s, %s", te, ti)
	w.line("}) : (%s, %s, %s, %s) -> (%s, %s)", tx, positions, te, ti, typeText(d, n.Shape), typeText(tensor.I32, n.Shape))
}

// cumsum prints a window that grows from one end, which XLA rewrites into a scan by blocks.
func (w *writer) cumsum(n *tensor.Node) {
	x, t, axis := n.In[0], typeText(n.DType, nil), n.Attr.Axis
	window := make([]int, x.Rank())
	padding := make([][2]int, x.Rank())
	for i := range window {
		window[i] = 1
	}
	length := x.Shape()[axis]
	window[axis] = max(1, length)
	padding[axis][0] = max(0, length-1)
	if n.Attr.Reverse {
		slices.Reverse(padding[axis][:])
	}
	text := ""
	for i, p := range padding {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("[%d, %d]", p[0], p[1])
	}
	init, in := w.auxiliary(n.DType, 0), w.operand(x)
	w.line(`%s = "stablehlo.reduce_window"(%s, %s) <{padding = dense<[%s]> : tensor<%dx2xi64>, window_dimensions = %s}> ({`,
		w.define(n.Results()[0]), in, init, text, x.Rank(), i64Array(window))
	w.fold("stablehlo.add", t)
	w.line("}) : (%s, %s) -> %s", typeOf(x), t, typeOf(x))
}

// sort prints a stable sort, NaN last; of elements with their positions where those are wanted.
func (w *writer) sort(n *tensor.Node) {
	x, d := n.In[0], n.In[0].DType()
	te, tx, in := typeText(d, nil), typeOf(x), w.operand(x)
	types, args := tx, fmt.Sprintf("%%a: %s, %%b: %s", te, te)
	name := w.fresh()
	w.names[n] = name
	if n.Op == tensor.OpArgsort {
		positions := typeText(tensor.I32, x.Shape())
		w.line("%s = stablehlo.iota dim = %d : %s", name, n.Attr.Axis, positions)
		in += ", " + name
		types += ", " + positions
		args += ", %i: tensor<i32>, %j: tensor<i32>"
		name = w.fresh()
		w.names[n] = name + "#1"
		name += ":2"
	}
	w.line(`%s = "stablehlo.sort"(%s) <{dimension = %d : i64, is_stable = true}> ({`, name, in, n.Attr.Axis)
	w.line("^bb0(%s):", args)
	kind := comparisonType(d)
	w.line("  %%less = stablehlo.compare LT, %%a, %%b, %s : (%s, %s) -> tensor<i1>", kind, te, te)
	result := "%less"
	if d.IsFloat() {
		w.line("  %%number = stablehlo.compare EQ, %%a, %%a, FLOAT : (%s, %s) -> tensor<i1>", te, te)
		w.line("  %%nan = stablehlo.compare NE, %%b, %%b, FLOAT : (%s, %s) -> tensor<i1>", te, te)
		w.line("  %%last = stablehlo.and %%number, %%nan : tensor<i1>")
		w.line("  %%before = stablehlo.or %%less, %%last : tensor<i1>")
		result = "%before"
	}
	w.line("  stablehlo.return %s : tensor<i1>", result)
	results := types
	if n.Op == tensor.OpArgsort {
		results = "(" + types + ")"
	}
	w.line("}) : (%s) -> %s", types, results)
}
