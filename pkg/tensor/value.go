package tensor

import "slices"

// Value is a traced value: a handle to one result of a program that is being built. The zero Value means absent.
// Values are immutable and comparable; they belong to one trace and one region of it.
type Value struct{ n *Node }

// Node is one instruction of a program. Passes and engines read it; only this package makes it.
type Node struct {
	Op      Op
	In      []Value
	Attr    Attr
	DType   DType
	Shape   []int
	Regions []*Region
	ID      int // position in its trace, unique within a Func

	results []spec   // of While, Cond, Scan and Call
	gets    []Value  // their OpGet instructions, which follow the node
	owner   *builder // nil while the node is built from literals alone
	region  *Region
	weak    *literal
}

type spec struct {
	dtype DType
	shape []int
}

// Region is a sequence of instructions with parameters and results: a Func's body, or a body of control flow. It may
// use Values of the regions around it.
type Region struct {
	Params  []Value
	Nodes   []*Node // in execution order, parameters left out
	Results []Value
	parent  *Region
}

// Captures returns the Values from around r that its instructions and those of its regions use, in order of first use.
func (r *Region) Captures() []Value {
	inside := map[*Node]bool{}
	seen := map[*Node]bool{}
	var out []Value
	use := func(vs []Value) {
		for _, v := range vs {
			if n := v.Node(); !inside[n] && !seen[n] {
				seen[n] = true
				out = append(out, v)
			}
		}
	}
	var walk func(r *Region)
	walk = func(r *Region) {
		for _, p := range r.Params {
			inside[p.Node()] = true
		}
		for _, n := range r.Nodes {
			if n.Op != OpGet {
				use(n.In)
			}
			inside[n] = true
			for _, s := range n.Regions {
				walk(s)
			}
		}
		use(r.Results)
	}
	walk(r)
	return out
}

// builder is the state of one trace.
type builder struct {
	float   DType
	cur     *Region
	nextID  int
	adopted map[adoptKey]Value
	slab    []Node // not used yet: nodes are large and many, and to allocate them one by one costs about 5 % of a compilation
}

// nodesAtOnce is how many nodes a builder allocates together, some 10 KiB.
const nodesAtOnce = 32

// node returns memory for a node.
func (b *builder) node() *Node {
	if len(b.slab) == 0 {
		b.slab = make([]Node, nodesAtOnce)
	}
	n := &b.slab[0]
	b.slab = b.slab[1:]
	return n
}

type adoptKey struct {
	n      *Node
	want   DType
	region *Region
}

// IsValid reports whether v is a value at all: false for the zero Value, an absent optional field for example.
func (v Value) IsValid() bool { return v.n != nil }

// Node returns the instruction that makes v, for passes over programs.
func (v Value) Node() *Node { return v.n }

// Shape returns the dimensions; callers must not change the slice. A scalar has none.
func (v Value) Shape() []int { return v.node("shape").Shape }

// Rank returns the number of dimensions.
func (v Value) Rank() int { return len(v.Shape()) }

// Dim returns the length of an axis; negative axes count from the last.
func (v Value) Dim(axis int) int {
	s := v.Shape()
	return s[normAxis(OpInvalid, axis, len(s))]
}

// Size returns the number of elements.
func (v Value) Size() int { return NumElements(v.Shape()) }

// DType returns the element type. A Value made of Go numbers alone has none yet and reports its trace's default when
// it meets one.
func (v Value) DType() DType { return v.node("dtype").DType }

// String describes v for messages: its dtype and shape.
func (v Value) String() string {
	if v.n == nil {
		return "absent value"
	}
	return FormatShape(v.n.DType, v.n.Shape)
}

func (v Value) node(what string) *Node {
	if v.n == nil {
		Fail(what, "absent value (an optional field without data, or a zero tensor.Value)")
	}
	return v.n
}

// Lift returns x as a Value: a Value itself, or a constant made of a Go number, bool or nested slice of numbers.
func Lift(x any) Value {
	switch x := x.(type) {
	case Value:
		if x.n == nil {
			Fail("operand", "absent value (an optional field without data, or a zero tensor.Value)")
		}
		return x
	case *Array:
		return Value{&Node{Op: OpConst, Attr: Attr{Array: x}, DType: x.DType, Shape: x.Shape}}
	}
	dt, shape, bits, lit, problem := arrayFromGo(x)
	if problem != "" {
		Fail("operand", "%s", problem)
	}
	n := &Node{Op: OpConst, DType: dt, Shape: shape, weak: lit}
	if lit == nil {
		n.Attr.Array = &Array{DType: dt, Shape: shape, Bits: bits}
	}
	return Value{n}
}

// Static returns the elements of v as float64 where v is a constant made of Go numbers, else false: for checks that can
// be made while tracing, such as the sign of a scale.
func Static(v Value) ([]float64, bool) {
	if v.n == nil {
		return nil, false
	}
	switch n := v.n; {
	case n.Op == OpConst && n.Attr.Array != nil:
		return n.Attr.Array.Float64s(), true
	case n.Op == OpConst:
		a, problem := n.weak.resolve(F64, n.Shape)
		if problem == "" {
			return a.Float64s(), true
		}
	case n.Op == OpBroadcast || n.Op == OpReshape || n.Op == OpConvert && n.DType.IsFloat():
		return Static(n.In[0])
	case n.Op == OpNeg:
		if s, ok := Static(n.In[0]); ok {
			out := make([]float64, len(s))
			for i, x := range s {
				out[i] = -x
			}
			return out, true
		}
	}
	return nil, false
}

// emit records an instruction. Operands that belong to no trace join the trace of the others; where none belongs to a
// trace, the result belongs to none.
func emit(op Op, attr Attr, in ...Value) Value {
	b := ownerOf(in)
	if b == nil {
		out := infer(op, &attr, in)
		return Value{&Node{Op: op, In: slices.Clone(in), Attr: attr, DType: out.dtype, Shape: out.shape}}
	}
	in = b.adoptAll(op, in)
	out := infer(op, &attr, in)
	n := b.node()
	*n = Node{Op: op, In: in, Attr: attr, DType: out.dtype, Shape: out.shape, owner: b}
	b.append(n)
	return Value{n}
}

// Emit records one instruction without regions, checking operands as the tracing functions do: for passes that copy
// programs. Elementwise operands must have one shape.
func Emit(op Op, attr Attr, in ...Value) Value { return emit(op, attr, in...) }

func ownerOf(in []Value) *builder {
	for _, v := range in {
		if v.n != nil && v.n.owner != nil {
			return v.n.owner
		}
	}
	return nil
}

func (b *builder) append(n *Node) {
	n.ID = b.nextID
	b.nextID++
	n.region = b.cur
	b.cur.Nodes = append(b.cur.Nodes, n)
}

// checkVisible panics unless v may be used in the current region.
func (b *builder) checkVisible(op Op, v Value) {
	if v.n.owner != b {
		fail(op, "operand %s belongs to another trace", v)
	}
	for r := b.cur; r != nil; r = r.parent {
		if v.n.region == r {
			return
		}
	}
	fail(op, "operand %s is not visible here: what a While, Cond or Scan body makes must be returned by the body, and a function with its own derivative takes all it uses as arguments", v)
}

// adoptAll gives weak operands the dtype of the strong ones and copies free operands into the trace.
func (b *builder) adoptAll(op Op, in []Value) []Value {
	want := Invalid
	if unifies(op) {
		for i, v := range in {
			if sharesDType(op, i) && !v.n.DType.isWeak() {
				want = v.n.DType
				break
			}
		}
	}
	out := make([]Value, len(in))
	for i, v := range in {
		w := want
		if !sharesDType(op, i) || !v.n.DType.isWeak() {
			w = Invalid
		}
		if v.n.owner == nil {
			v = b.adopt(v, w)
		}
		b.checkVisible(op, v)
		out[i] = v
	}
	return out
}

// sharesDType reports whether operand i of an operation that unifies is one of those that share a dtype: conditions and
// indices are not.
func sharesDType(op Op, i int) bool {
	switch op {
	case OpSelect:
		return i > 0
	case OpScatterAdd, OpScatter:
		return i != 1
	case OpDynamicUpdate:
		return i < 2
	}
	return true
}

// unifies reports whether all operands of op must share one dtype.
func unifies(op Op) bool {
	switch op {
	case OpTake, OpDynamicSlice, OpWhile, OpCond, OpScan, OpCall:
		return false
	}
	return true
}

// adopt copies a free value into the trace; weak literals take dtype want, or the default of the trace.
func (b *builder) adopt(v Value, want DType) Value {
	n := v.n
	if want == Invalid && n.DType.isWeak() {
		want = b.float
		if n.DType == weakInt {
			want = I32
		}
	}
	key := adoptKey{n, want, b.cur}
	if got, ok := b.adopted[key]; ok {
		return got
	}
	out := b.adoptNode(n, want)
	b.adopted[key] = out
	return out
}

func (b *builder) adoptNode(n *Node, want DType) Value {
	if n.Op == OpConst || n.Op == OpIota { // no operand whose trace it could join
		m := b.node()
		*m = Node{Op: n.Op, Attr: n.Attr, DType: n.DType, Shape: n.Shape, owner: b}
		if n.weak != nil {
			a, problem := n.weak.resolve(want, n.Shape)
			if problem != "" {
				Fail("operand", "%s", problem)
			}
			m.Attr.Array, m.DType = a, want
		}
		b.append(m)
		return Value{m}
	}
	in := make([]Value, len(n.In))
	for i, v := range n.In {
		w := Invalid
		if v.n.DType.isWeak() {
			w = operandDType(n, v, want, b.float)
		}
		in[i] = b.adopt(v, w)
	}
	if n.Op == OpConvert && n.Attr.DType == weakFloat {
		return emit(OpConvert, Attr{DType: b.float}, in...)
	}
	return emit(n.Op, n.Attr, in...)
}

// operandDType chooses the dtype of a weak operand v of a free node n whose result is wanted as want.
func operandDType(n *Node, v Value, want, float DType) DType {
	for _, o := range n.In { // a comparison or select beside a typed literal
		if o != v && !o.n.DType.isWeak() && o.n.DType != Bool && unifies(n.Op) {
			return o.n.DType
		}
	}
	if n.DType.isWeak() {
		return want
	}
	for _, o := range n.In {
		if o.n.DType == weakFloat {
			return float
		}
	}
	return Invalid
}
