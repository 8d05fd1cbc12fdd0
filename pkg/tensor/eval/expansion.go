package eval

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
)

// expansions holds the scalar programs of the operations that tensor/expand defines, made on first use.
type expansions struct {
	programs map[expansionKey]*scalarProgram
}

type expansionKey struct {
	op tensor.Op
	d  tensor.DType
}

func newExpansions() *expansions { return &expansions{programs: map[expansionKey]*scalarProgram{}} }

// kernel returns the evaluation of an expanded operation on operands of dtype d.
func (ex *expansions) kernel(op tensor.Op, d tensor.DType) (kernel, error) {
	key := expansionKey{op, d}
	p, ok := ex.programs[key]
	if !ok {
		var err error
		if p, err = newScalarProgram(op, d); err != nil {
			return nil, err
		}
		ex.programs[key] = p
	}
	return p.run, nil
}

// trace records the expansion of op on scalars of dtype d.
func trace(op tensor.Op, d tensor.DType) (*tensor.Func, error) {
	params := []tensor.Param{{Name: "x", DType: d}}
	if op.IsBinary() {
		params = append(params, tensor.Param{Name: "y", DType: d})
	}
	return tensor.Trace(op.String(), tensor.F64, params, func(args []tensor.Value) []tensor.Value {
		if op.IsBinary() {
			return []tensor.Value{expand.Binary(op, args[0], args[1])}
		}
		return []tensor.Value{expand.Unary(op, args[0])}
	})
}

// scalarProgram is a straight line of elementwise instructions on registers, each a block of elements.
type scalarProgram struct {
	consts    []uint64 // registers 0, 1, …: the same element throughout
	params    []int
	code      []instruction
	result    int
	registers int
}

// instruction applies loop to the registers in; unused ones are 0.
type instruction struct {
	loop loop
	dst  int
	in   [3]int
}

// blockLength is the number of elements that go through the instructions together: enough to pay for the dispatch,
// few enough that the registers of a long expansion stay in the first-level cache.
const blockLength = 64

// run is the kernel of the operation.
func (p *scalarProgram) run(out *tensor.Array, in []*tensor.Array) {
	size := min(blockLength, len(out.Bits))
	file := make([]uint64, size*p.registers)
	reg := func(r, n int) []uint64 { return file[r*size : r*size+n] }
	for r, c := range p.consts {
		for i := range size {
			file[r*size+i] = c
		}
	}
	for at := 0; at < len(out.Bits); at += size {
		n := min(size, len(out.Bits)-at)
		for i, r := range p.params {
			copy(reg(r, n), in[i].Bits[at:at+n])
		}
		for i := range p.code {
			c := &p.code[i]
			c.loop(reg(c.dst, n), reg(c.in[0], n), reg(c.in[1], n), reg(c.in[2], n))
		}
		copy(out.Bits[at:at+n], reg(p.result, n))
	}
}

// newScalarProgram traces an expansion and lays it out on registers.
func newScalarProgram(op tensor.Op, d tensor.DType) (*scalarProgram, error) {
	f, err := trace(op, d)
	if err != nil {
		return nil, err
	}
	l := &linearizer{constOf: map[constKey]int{}, traced: map[expansionKey]*tensor.Func{{op, d}: f}}
	params := make([]int, len(f.In))
	for i := range params {
		params[i] = l.value()
	}
	res, err := l.region(f.Body, params)
	if err != nil {
		return nil, fmt.Errorf("expansion of %s: %w", op, err)
	}
	return l.allocate(params, res[0]), nil
}

type constKey struct {
	d    tensor.DType
	bits uint64
}

// linearizer turns scalar instructions into a straight line over numbered values, each assigned once.
type linearizer struct {
	values  int
	consts  []int // values that are constants
	bits    []uint64
	constOf map[constKey]int
	code    []instruction
	traced  map[expansionKey]*tensor.Func
}

func (l *linearizer) value() int {
	l.values++
	return l.values - 1
}

func (l *linearizer) constant(d tensor.DType, b uint64) int {
	key := constKey{d, b}
	v, ok := l.constOf[key]
	if !ok {
		v = l.value()
		l.constOf[key] = v
		l.consts, l.bits = append(l.consts, v), append(l.bits, b)
	}
	return v
}

// region emits the instructions of r and returns the values of its results.
func (l *linearizer) region(r *tensor.Region, params []int) ([]int, error) {
	env := map[*tensor.Node]int{}
	for i, p := range r.Params {
		env[p.Node()] = params[i]
	}
	for _, n := range r.Nodes {
		in := make([]int, len(n.In))
		for i, v := range n.In {
			in[i] = env[v.Node()]
		}
		if n.Op == tensor.OpGet {
			continue
		}
		out, err := l.node(n, in)
		if err != nil {
			return nil, err
		}
		for i, v := range n.Results() {
			env[v.Node()] = out[i]
		}
	}
	out := make([]int, len(r.Results))
	for i, v := range r.Results {
		out[i] = env[v.Node()]
	}
	return out, nil
}

func (l *linearizer) node(n *tensor.Node, in []int) ([]int, error) {
	switch n.Op {
	case tensor.OpConst:
		return []int{l.constant(n.DType, canonicalBits(n.DType)(n.Attr.Array.Bits[0]))}, nil
	case tensor.OpBroadcast, tensor.OpReshape, tensor.OpStopGradient: // of a scalar
		return in, nil
	case tensor.OpCall:
		return l.region(n.Regions[0], in)
	}
	if !n.Op.IsElementwise() || len(n.Shape) != 0 {
		return nil, fmt.Errorf("%s is not an elementwise operation on scalars", n.Op)
	}
	if d := n.In[0].Node().DType; expand.IsExpanded(n.Op) {
		key := expansionKey{n.Op, d}
		f, ok := l.traced[key]
		if !ok {
			var err error
			if f, err = trace(n.Op, d); err != nil {
				return nil, err
			}
			l.traced[key] = f
		}
		return l.region(f.Body, in)
	}
	p, err := primitiveLoop(n)
	if err != nil {
		return nil, err
	}
	c := instruction{loop: p, dst: l.value()}
	copy(c.in[:], in)
	for i := len(in); i < len(c.in); i++ {
		c.in[i] = in[0]
	}
	l.code = append(l.code, c)
	return []int{c.dst}, nil
}

// allocate drops unused instructions and gives values registers, which are free again after their last use.
func (l *linearizer) allocate(params []int, result int) *scalarProgram {
	last := make([]int, l.values)
	for i := range last {
		last[i] = -1
	}
	last[result] = len(l.code)
	for i := len(l.code) - 1; i >= 0; i-- {
		if last[l.code[i].dst] < 0 {
			continue
		}
		for _, v := range l.code[i].in {
			last[v] = max(last[v], i)
		}
	}
	p := &scalarProgram{consts: l.bits}
	reg := make([]int, l.values)
	var free []int
	fresh := func() int {
		if n := len(free); n > 0 {
			r := free[n-1]
			free = free[:n-1]
			return r
		}
		p.registers++
		return p.registers - 1
	}
	for _, v := range l.consts {
		reg[v] = fresh()
		last[v] = len(l.code) // never free
	}
	for _, v := range params {
		reg[v] = fresh()
		p.params = append(p.params, reg[v])
	}
	for i, c := range l.code {
		if last[c.dst] < 0 {
			continue
		}
		out := instruction{loop: c.loop, dst: fresh()}
		for k, v := range c.in {
			out.in[k] = reg[v]
			if last[v] == i {
				free = append(free, reg[v])
				last[v] = -1 // an operand may stand twice
			}
		}
		reg[c.dst] = out.dst
		p.code = append(p.code, out)
	}
	p.result = reg[result]
	return p
}
