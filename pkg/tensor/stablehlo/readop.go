package stablehlo

import (
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// readers translate operations by name; elementwise ones with our meaning are in elementwiseOps.
var readers map[string]func(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value

var elementwiseOps = map[string]tensor.Op{}

func init() { // the readers of control flow come back to the table
	for op, name := range elementwiseNames {
		elementwiseOps[name] = op
	}
	delete(elementwiseOps, "stablehlo.shift_left") // of a count beyond the width
	elementwiseOps["chlo.tan"] = tensor.OpTan
	readers = map[string]func(r *reader, o *operation, in []tensor.Value, s *scope) []tensor.Value{
		"stablehlo.while": readWhile, "stablehlo.if": readIf, "stablehlo.case": readCase, "stablehlo.composite": readComposite,
		"func.call": func(r *reader, o *operation, in []tensor.Value, _ *scope) []tensor.Value {
			return r.call(r.callee(o, o.attrs["callee"]), in)
		},
		"stablehlo.reduce": readReduce, "stablehlo.sort": readSort, "stablehlo.scatter": readScatter,
		"stablehlo.reduce_window":        readReduceWindow,
		"stablehlo.map":                  readMap,
		"stablehlo.optimization_barrier": func(_ *reader, _ *operation, in []tensor.Value, _ *scope) []tensor.Value { return in },
		"chlo.top_k":                     readTopK,
	}
	for name, f := range singleReaders {
		readers[name] = func(r *reader, o *operation, in []tensor.Value, _ *scope) []tensor.Value {
			return []tensor.Value{f(r, o, in)}
		}
	}
}

// operation returns the results of o.
func (r *reader) operation(o *operation, in []tensor.Value, s *scope) []tensor.Value {
	if op, ok := elementwiseOps[o.name]; ok {
		return []tensor.Value{r.elementwise(o, op, in)}
	}
	if f, ok := readers[o.name]; ok {
		if r.lifted && !scalarReaders[o.name] {
			o.fail("in a block on single elements")
		}
		if want, ok := arity[o.name]; ok && len(in) != want {
			o.fail("%d operands, want %d", len(in), want)
		}
		if len(o.out) == 0 && !(o.name == "func.call" || o.name == "stablehlo.composite" || o.name == "stablehlo.if") {
			o.fail("no type is declared")
		}
		return f(r, o, in, s)
	}
	r.unknown(o)
	return nil
}

// unknown says what the operation is that there is no translation of.
func (r *reader) unknown(o *operation) {
	switch {
	case o.name == "stablehlo.custom_call":
		target, _ := o.attrs["call_target_name"].(string)
		if s, ok := o.attrs["callee"].(symbol); ok {
			target = string(s)
		}
		r.fail("a custom call of %s, which is code outside the program; export with platforms=[\"tpu\"], which writes linear algebra as StableHLO", target)
	case strings.HasPrefix(o.name, "stablehlo.rng"):
		r.fail("%s: a program draws no random numbers of its own; pass them as arguments", o.name)
	case strings.HasPrefix(o.name, "stablehlo.dynamic_") || strings.HasSuffix(o.name, "_dim_size"):
		r.fail("%s: drey's shapes are static; export with fixed shapes", o.name)
	case o.name == "stablehlo.complex" || o.name == "stablehlo.real" || o.name == "stablehlo.imag" || o.name == "stablehlo.fft":
		r.fail("%s: drey has no complex numbers", o.name)
	}
	r.fail("the operation %s is none that drey reads", o.name)
}

// elementwise emits op; in a lifted block operands broadcast.
func (r *reader) elementwise(o *operation, op tensor.Op, in []tensor.Value) tensor.Value {
	want := 1
	if op.IsBinary() {
		want = 2
	} else if op == tensor.OpSelect {
		want = 3
	}
	if len(in) != want || len(o.out) == 0 {
		o.fail("%d operands, want %d, and a type", len(in), want)
	}
	attr := tensor.Attr{DType: o.out[len(o.out)-1].dtype}
	if op == tensor.OpSelect {
		o.out = o.out[len(o.out)-1:]
		if !r.lifted && in[0].Rank() == 0 {
			in[0] = in[0].BroadcastTo(in[1].Shape()...)
		}
	}
	if op != tensor.OpConvert && op != tensor.OpBitcast {
		attr.DType = tensor.Invalid
	}
	if op == tensor.OpConvert && attr.DType == tensor.Bool && in[0].DType() == tensor.Bool && !r.own {
		return in[0]
	}
	return tensor.Emit(op, attr, r.broadcast(in)...)
}

// broadcast gives the operands of an operation in a lifted block one shape.
func (r *reader) broadcast(in []tensor.Value) []tensor.Value {
	if !r.lifted {
		return in
	}
	shapes := make([][]int, len(in))
	for i, v := range in {
		shapes[i] = v.Shape()
	}
	shape, ok := tensor.BroadcastShapes(shapes...)
	if !ok {
		r.fail("shapes that do not broadcast in a block on single elements")
	}
	out := make([]tensor.Value, len(in))
	for i, v := range in {
		out[i] = v.BroadcastTo(shape...)
	}
	return out
}

// arity is the number of operands of the operations whose translation relies on it.
var arity = map[string]int{
	"stablehlo.constant": 0, "stablehlo.iota": 0, "stablehlo.compare": 2, "stablehlo.clamp": 3, "stablehlo.shift_left": 2, "stablehlo.shift_right_logical": 2,
	"stablehlo.shift_right_arithmetic": 2, "stablehlo.reshape": 1, "stablehlo.transpose": 1, "stablehlo.broadcast_in_dim": 1, "stablehlo.reverse": 1,
	"stablehlo.slice": 1, "stablehlo.pad": 2, "stablehlo.gather": 2, "stablehlo.scatter": 3, "stablehlo.dot_general": 2, "stablehlo.dot": 2,
	"stablehlo.cholesky": 1, "stablehlo.triangular_solve": 2, "stablehlo.if": 1, "stablehlo.case": 1, "stablehlo.reduce_window": 2, "chlo.top_k": 1,
	"chlo.polygamma": 2, "chlo.bessel_i1e": 1, "stablehlo.cbrt": 1, "stablehlo.round_nearest_afz": 1, "stablehlo.count_leading_zeros": 1, "stablehlo.reduce_precision": 1,
	"chlo.sinh": 1, "chlo.cosh": 1, "chlo.asin": 1, "chlo.acos": 1, "chlo.atan": 1, "chlo.asinh": 1, "chlo.acosh": 1, "chlo.atanh": 1, "chlo.is_inf": 1, "chlo.square": 1,
}

// scalarReaders are the operations that a lifted block may hold besides the elementwise ones.
var scalarReaders = map[string]bool{
	"stablehlo.constant": true, "stablehlo.compare": true, "stablehlo.clamp": true, "stablehlo.shift_left": true, "stablehlo.shift_right_logical": true,
	"stablehlo.shift_right_arithmetic": true,
}

// single translates an operation with one result.
type single func(r *reader, o *operation, in []tensor.Value) tensor.Value

var singleReaders = map[string]single{
	"stablehlo.constant": readConstant, "stablehlo.iota": readIota, "stablehlo.compare": readCompare, "stablehlo.clamp": readClamp,
	"stablehlo.shift_left": readShift, "stablehlo.shift_right_logical": readShift, "stablehlo.shift_right_arithmetic": readShift,
	"stablehlo.reshape": func(_ *reader, o *operation, in []tensor.Value) tensor.Value {
		return tensor.Emit(tensor.OpReshape, tensor.Attr{Shape: o.out[0].shape}, in[0])
	},
	"stablehlo.transpose": func(_ *reader, o *operation, in []tensor.Value) tensor.Value {
		return tensor.Emit(tensor.OpTranspose, tensor.Attr{Axes: o.either("permutation", "dims", in[0].Rank())}, in[0])
	},
	"stablehlo.broadcast_in_dim": readBroadcast,
	"stablehlo.reverse": func(_ *reader, o *operation, in []tensor.Value) tensor.Value {
		return tensor.Emit(tensor.OpReverse, tensor.Attr{Axes: o.either("dimensions", "dims", in[0].Rank())}, in[0])
	},
	"stablehlo.slice": readSlice, "stablehlo.pad": readPad, "stablehlo.concatenate": readConcatenate,
	"stablehlo.dynamic_slice": readDynamicSlice, "stablehlo.dynamic_update_slice": readDynamicUpdate, "stablehlo.gather": readGather,
	"stablehlo.dot_general": readDotGeneral, "stablehlo.dot": readDot, "stablehlo.cholesky": readCholesky, "stablehlo.triangular_solve": readTriangularSolve,
	"stablehlo.cbrt": readCbrt, "stablehlo.round_nearest_afz": readRoundAway, "stablehlo.count_leading_zeros": readLeadingZeros, "stablehlo.reduce_precision": readReducePrecision,
	"chlo.polygamma": readPolygamma, "chlo.sinh": readSinh, "chlo.cosh": readCosh, "chlo.asin": readAsin, "chlo.acos": readAcos, "chlo.atan": readAtan,
	"chlo.asinh": readAsinh, "chlo.acosh": readAcosh, "chlo.atanh": readAtanh, "chlo.bessel_i1e": readBesselI1e,
	"chlo.is_inf": func(_ *reader, _ *operation, in []tensor.Value) tensor.Value {
		return in[0].Eq(in[0]).And(in[0].IsFinite().Not())
	},
	"chlo.square": func(_ *reader, _ *operation, in []tensor.Value) tensor.Value { return in[0].Square() },
}

// either returns the axes that the generic form calls one name and the pretty form another.
func (o *operation) either(generic, pretty string, rank int) []int {
	if x, ok := o.attrs[generic]; ok {
		return o.axes(generic, x, rank)
	}
	return o.axes(pretty, o.attrs[pretty], rank)
}

func readConstant(r *reader, o *operation, _ []tensor.Value) tensor.Value {
	v, ok := o.attrs["value"].(*denseValue)
	if !ok {
		o.fail("no dense value")
	}
	a, splat := v.array()
	if _, aux := o.attrs["drey.aux"]; aux && splat && tensor.NumElements(v.typ.shape) <= maxSplat {
		return tensor.Lift(filled(a, splat, v.typ.shape))
	}
	return r.constant(a, splat, v.typ.shape)
}

func readIota(r *reader, o *operation, _ []tensor.Value) tensor.Value {
	axis := o.attrs["iota_dimension"]
	if axis == nil {
		axis = o.attrs["dim"]
	}
	a := o.toInt("dim", axis)
	if a < 0 || a >= len(o.out[0].shape) {
		o.fail("axis %d of %s", a, o.out[0])
	}
	return r.in(tensor.Iota(o.out[0].dtype, a, o.out[0].shape...))
}

var compareOps = map[string]tensor.Op{"EQ": tensor.OpEq, "NE": tensor.OpNe, "LT": tensor.OpLt, "LE": tensor.OpLe, "GT": tensor.OpGt, "GE": tensor.OpGe}

func readCompare(r *reader, o *operation, in []tensor.Value) tensor.Value {
	direction, kind := o.enum("comparison_direction"), o.enum("compare_type")
	for _, w := range o.words {
		if compareOps[w] != tensor.OpInvalid {
			direction = w
		} else {
			kind = w
		}
	}
	op := compareOps[direction]
	if op == tensor.OpInvalid {
		o.fail("no direction: EQ, NE, LT, LE, GT or GE")
	}
	in = r.broadcast(in)
	x, y := in[0], in[1]
	switch d := x.DType(); {
	case kind == "TOTALORDER" && d.IsFloat():
		x, y = totalOrder(x), totalOrder(y)
	case d == tensor.Bool && op >= tensor.OpLt:
		x, y = x.Convert(tensor.I32), y.Convert(tensor.I32)
	}
	return tensor.Emit(op, tensor.Attr{}, x, y)
}

// totalOrder returns integers in the order of IEEE's totalOrder: -NaN, -inf, …, -0, 0, …, inf, NaN.
func totalOrder(x tensor.Value) tensor.Value {
	d := tensor.I64
	if x.DType() == tensor.F32 {
		d = tensor.I32
	}
	b := x.Bitcast(d)
	largest := tensor.Lift(&tensor.Array{DType: d, Bits: []uint64{extreme(d, true)}})
	return tensor.Select(b.Lt(0), b.Xor(largest), b)
}

func readClamp(r *reader, _ *operation, in []tensor.Value) tensor.Value {
	return in[1].Max(in[0]).Min(in[2])
}

// readShift gives what StableHLO does for counts beyond the width: zeros, or copies of the sign.
func readShift(r *reader, o *operation, in []tensor.Value) tensor.Value {
	in = r.broadcast(in)
	x, count := in[0], in[1]
	d := x.DType()
	if !d.IsInt() || count.DType() != d {
		o.fail("of %s by %s", x, count)
	}
	op, as := tensor.OpShl, d
	switch o.name {
	case "stablehlo.shift_right_logical":
		op, as = tensor.OpShr, unsignedOf(d)
	case "stablehlo.shift_right_arithmetic":
		op, as = tensor.OpShr, signedOf(d)
	}
	if smallCount(count, d.Bits()) {
		return bitsAs(tensor.Emit(op, tensor.Attr{}, bitsAs(x, as), bitsAs(count, as)), d)
	}
	u := bitsAs(count, unsignedOf(d))
	within := u.Lt(d.Bits())
	y := bitsAs(x, as)
	if o.name == "stablehlo.shift_right_arithmetic" {
		return bitsAs(y.Shr(bitsAs(u.Min(d.Bits()-1), as)), d)
	}
	y = tensor.Emit(op, tensor.Attr{}, y, bitsAs(u, as))
	return bitsAs(tensor.Select(within, y, 0), d)
}

// bitsAs is a bitcast between integers that is left out where it changes nothing.
func bitsAs(x tensor.Value, d tensor.DType) tensor.Value {
	if x.DType() == d {
		return x
	}
	return x.Bitcast(d)
}

func unsignedOf(d tensor.DType) tensor.DType {
	if d.Size() == 4 {
		return tensor.U32
	}
	return tensor.U64
}

func signedOf(d tensor.DType) tensor.DType {
	if d.Size() == 4 {
		return tensor.I32
	}
	return tensor.I64
}

// readBroadcast sorts the operand's axes by where they go.
func readBroadcast(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	axes := o.either("broadcast_dimensions", "dims", len(o.out[0].shape))
	if len(axes) != x.Rank() {
		o.fail("%d dims for %s", len(axes), x)
	}
	if !slices.IsSorted(axes) {
		perm := axesRange(0, x.Rank())
		slices.SortFunc(perm, func(a, b int) int { return axes[a] - axes[b] })
		x = x.Transpose(perm...)
		axes = slices.Sorted(slices.Values(axes))
	}
	return tensor.Emit(tensor.OpBroadcast, tensor.Attr{Shape: o.out[0].shape, Axes: axes}, x)
}
