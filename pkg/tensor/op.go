package tensor

// Op is the operation of an instruction.
type Op uint8

// The operations. Elementwise operations take operands of one shape; the tracing functions insert OpBroadcast.
const (
	OpInvalid Op = iota

	OpParam // a parameter of a Func or region; Attr.Index is its position
	OpConst // Attr.Array
	OpIota  // 0, 1, … along Attr.Axis
	OpGet   // result Attr.Index of a While, Cond, Scan or Call

	// Elementwise, one operand.
	OpNeg
	OpAbs
	OpSign // -1, 0, 1; keeps NaN and the sign of zero
	OpSqrt
	OpRsqrt
	OpExp
	OpExpm1
	OpLog
	OpLog1p
	OpSin
	OpCos
	OpTan
	OpTanh
	OpErf
	OpErfc
	OpErfInv
	OpLgamma
	OpDigamma
	OpTrigamma
	OpSigmoid
	OpSoftplus
	OpFloor
	OpCeil
	OpRound // to nearest, ties to even
	OpTrunc
	OpIsFinite // Bool
	OpNot      // logical for Bool, bitwise for integers
	OpPopcount
	OpConvert      // to Attr.DType: floats to integers truncate and saturate (NaN gives 0), integers wrap
	OpBitcast      // to Attr.DType of the same size; the bits of a NaN are unspecified
	OpStopGradient // identity whose derivative is zero

	// Elementwise, two operands.
	OpAdd
	OpSub
	OpMul
	OpDiv // integers truncate toward zero; x/0 is 0 for integers
	OpRem // floats: x - y·trunc(x/y), each step rounded; integers: sign of the dividend, x%0 is 0
	OpPow
	OpMin // NaN if either is
	OpMax // NaN if either is
	OpAtan2
	OpLogAddExp
	OpAnd
	OpOr
	OpXor
	OpShl // the count is taken modulo the width
	OpShr // arithmetic for signed, logical for unsigned; the count is taken modulo the width
	OpEq
	OpNe
	OpLt
	OpLe
	OpGt
	OpGe

	OpSelect // (Bool, a, b)

	// Reductions over axes [Attr.Axis, Attr.Axis2), which are dropped. ReduceSum follows Attr.Order.
	OpReduceSum
	OpReduceProd // index order
	OpReduceMin
	OpReduceMax
	OpReduceAny
	OpReduceAll
	OpArgMin // over one axis; I32, the first of equals; NaN counts as smallest
	OpArgMax // over one axis; I32, the first of equals; NaN counts as largest

	OpCumsum  // along Attr.Axis, index order; Attr.Reverse sums from the end
	OpSort    // ascending along Attr.Axis, NaN last
	OpArgsort // stable, I32

	OpReshape
	OpTranspose     // Attr.Axes: result axis i is operand axis Axes[i]
	OpBroadcast     // Attr.Shape; operand axis i becomes result axis Attr.Axes[i] and is equal or 1
	OpSlice         // Attr.Start, Attr.Limit, Attr.Step per axis
	OpDynamicSlice  // (x, start I32 per axis…), Attr.Shape: sizes; starts clamp so that the slice fits
	OpDynamicUpdate // (x, update, start I32 per axis…); starts clamp so that the update fits
	OpConcat        // along Attr.Axis
	OpPad           // (x, scalar): Attr.Start low and Attr.Limit high padding per axis
	OpReverse       // along Attr.Axes

	OpTake       // (x, indices I32 of any shape): along Attr.Axis, indices clamp; result x[:axis] + indices + x[axis+1:]
	OpScatterAdd // (x, indices I32 [n], updates): x with updates added along Attr.Axis in index order; indices out of range are dropped

	// (x, indices I32 [n, lanes…], updates): x with the updates in the places of elements along Attr.Axis, in index order, so
	// that the last one of equal indices stays; indices out of range are dropped. The axes of the indices after the first
	// are the last ones of x and of the updates: each lane has indices of its own.
	OpScatter

	OpDot             // Attr.Dot; result: batch axes, free axes of a, free axes of b
	OpCholesky        // lower factor of the last two axes; the upper triangle is zero; NaN where not positive definite
	OpCholeskyVJP     // (l, ct): cotangent of the lower triangle that l factors, from that of l; lower triangles are read, the result's upper triangle is zero
	OpTriangularSolve // (a, b): solves a x = b over the last two axes; Attr.Lower, Attr.Transpose

	OpWhile // operands: init; regions: cond(carry) → Bool, body(carry) → carry
	OpCond  // operand: Bool scalar; regions: then, else
	OpScan  // operands: init…, xs…; region: body(carry…, x…) → (carry…, y…); Attr.Index carries, Attr.Length steps, Attr.Reverse
	OpCall  // operands: arguments; region: body; Attr.Custom: its own derivative

	numOps
)

var opNames = [numOps]string{
	"invalid", "param", "const", "iota", "get",
	"neg", "abs", "sign", "sqrt", "rsqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "erf", "erfc", "erfinv",
	"lgamma", "digamma", "trigamma", "sigmoid", "softplus", "floor", "ceil", "round", "trunc", "isfinite", "not", "popcount",
	"convert", "bitcast", "stop_gradient",
	"add", "sub", "mul", "div", "rem", "pow", "min", "max", "atan2", "logaddexp", "and", "or", "xor", "shl", "shr",
	"eq", "ne", "lt", "le", "gt", "ge", "select",
	"reduce_sum", "reduce_prod", "reduce_min", "reduce_max", "reduce_any", "reduce_all", "argmin", "argmax",
	"cumsum", "sort", "argsort",
	"reshape", "transpose", "broadcast", "slice", "dynamic_slice", "dynamic_update", "concat", "pad", "reverse",
	"take", "scatter_add", "scatter", "dot", "cholesky", "cholesky_vjp", "triangular_solve",
	"while", "cond", "scan", "call",
}

// String returns the operation's name in programs and messages.
func (o Op) String() string {
	if o < numOps {
		return opNames[o]
	}
	return "invalid"
}

// IsUnary reports whether o is elementwise with one operand.
func (o Op) IsUnary() bool { return o >= OpNeg && o <= OpStopGradient }

// IsBinary reports whether o is elementwise with two operands.
func (o Op) IsBinary() bool { return o >= OpAdd && o <= OpGe }

// IsCompare reports whether o is a comparison, whose result is Bool.
func (o Op) IsCompare() bool { return o >= OpEq && o <= OpGe }

// IsElementwise reports whether each element of the result depends on the same element of the operands.
func (o Op) IsElementwise() bool { return o.IsUnary() || o.IsBinary() || o == OpSelect }

// IsReduction reports whether o reduces axes [Attr.Axis, Attr.Axis2).
func (o Op) IsReduction() bool { return o >= OpReduceSum && o <= OpArgMax }

// HasRegions reports whether o carries regions: While, Cond, Scan and Call.
func (o Op) HasRegions() bool { return o >= OpWhile && o <= OpCall }

// SumOrder is the order in which a reduction adds, part of the program so that every engine gives the same bits.
type SumOrder uint8

const (
	// SumLanes: element i goes to lane i mod 4, then (l0+l2)+(l1+l3). The rule over the last axes.
	SumLanes SumOrder = iota
	// SumIndex: one accumulator, index order. The rule over other axes.
	SumIndex
)

// DotDims says which axes of the operands of OpDot are batch axes and which are contracted. Order is SumLanes where
// both operands contract their last axis alone, else SumIndex.
type DotDims struct {
	BatchA, BatchB       []int
	ContractA, ContractB []int
	Order                SumOrder
}

// Attr holds the static attributes of an instruction. Which fields count is said at each Op.
type Attr struct {
	Axis, Axis2 int
	Index       int
	Length      int
	Axes        []int
	Shape       []int
	Start       []int
	Limit       []int
	Step        []int
	DType       DType
	Order       SumOrder
	Reverse     bool
	Lower       bool
	Transpose   bool
	Array       *Array
	Dot         *DotDims
	Custom      *Custom
	Name        string // OpParam: its name; OpCall: the function's name
}
