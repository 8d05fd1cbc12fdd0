package eval

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// frame holds the values of one evaluation: one slot per instruction of the whole program, so that a region finds the
// values of the regions around it. Arrays in slots are never changed once they are there.
type frame struct {
	slots []*tensor.Array
	args  []*tensor.Array // operands of the instruction that runs
}

// step evaluates one instruction.
type step func(fr *frame)

// kernel computes an instruction's result into out, whose elements are zero, from its operands.
type kernel func(out *tensor.Array, in []*tensor.Array)

// block is a compiled region.
type block struct {
	params  []int
	steps   []step
	results []int
}

func (b *block) run(fr *frame) {
	for _, s := range b.steps {
		s(fr)
	}
}

// enter puts arrays into the parameter slots and runs the block.
func (b *block) enter(fr *frame, args []*tensor.Array) {
	for i, s := range b.params {
		fr.slots[s] = args[i]
	}
	b.run(fr)
}

// leave appends the block's results to dst.
func (b *block) leave(fr *frame, dst []*tensor.Array) []*tensor.Array {
	for _, s := range b.results {
		dst = append(dst, fr.slots[s])
	}
	return dst
}

type compiler struct {
	slots      map[*tensor.Node]int
	expansions *expansions
	observe    func(n *tensor.Node, out *tensor.Array, in []*tensor.Array) // nil: nobody does
}

func newCompiler() *compiler {
	return &compiler{slots: map[*tensor.Node]int{}, expansions: newExpansions()}
}

func (c *compiler) slot(n *tensor.Node) int {
	s, ok := c.slots[n]
	if !ok {
		s = len(c.slots)
		c.slots[n] = s
	}
	return s
}

func (c *compiler) all(vs []tensor.Value) []int {
	out := make([]int, len(vs))
	for i, v := range vs {
		out[i] = c.slot(v.Node())
	}
	return out
}

func (c *compiler) region(r *tensor.Region) (*block, error) {
	b := &block{params: c.all(r.Params)}
	for _, n := range r.Nodes {
		if n.Op == tensor.OpGet { // written by the instruction it belongs to
			continue
		}
		s, err := c.step(n)
		if err != nil {
			return nil, err
		}
		b.steps = append(b.steps, s)
	}
	b.results = c.all(r.Results)
	return b, nil
}

func (c *compiler) step(n *tensor.Node) (step, error) {
	switch n.Op {
	case tensor.OpWhile:
		return c.while(n)
	case tensor.OpCond:
		return c.cond(n)
	case tensor.OpScan:
		return c.scan(n)
	case tensor.OpCall:
		return c.call(n)
	}
	k, err := newKernel(n, c.expansions)
	if err != nil {
		return nil, err
	}
	in, dst, d, shape := c.all(n.In), c.slot(n), n.DType, n.Shape
	size := tensor.NumElements(shape)
	if n.Op == tensor.OpConst {
		a := canonical(n.Attr.Array)
		return func(fr *frame) { fr.slots[dst] = a }, nil
	}
	if n.Op == tensor.OpReshape || n.Op == tensor.OpStopGradient {
		return func(fr *frame) { fr.slots[dst] = &tensor.Array{DType: d, Shape: shape, Bits: fr.slots[in[0]].Bits} }, nil
	}
	return func(fr *frame) {
		fr.args = fr.args[:0]
		for _, s := range in {
			fr.args = append(fr.args, fr.slots[s])
		}
		out := &tensor.Array{DType: d, Shape: shape, Bits: make([]uint64, size)}
		k(out, fr.args)
		if c.observe != nil {
			c.observe(n, out, fr.args)
		}
		fr.slots[dst] = out
	}, nil
}

// newKernel returns the evaluation of one instruction without regions.
func newKernel(n *tensor.Node, ex *expansions) (kernel, error) {
	switch op := n.Op; {
	case op.IsElementwise():
		return elementwise(n, ex)
	case op.IsReduction():
		return reduction(n), nil
	}
	a := &n.Attr
	switch n.Op {
	case tensor.OpConst:
		return func(out *tensor.Array, _ []*tensor.Array) { copy(out.Bits, canonical(a.Array).Bits) }, nil
	case tensor.OpReshape:
		return func(out *tensor.Array, in []*tensor.Array) { copy(out.Bits, in[0].Bits) }, nil
	case tensor.OpIota:
		return iota_(a.Axis), nil
	case tensor.OpCumsum:
		return cumsum(a.Axis, a.Reverse), nil
	case tensor.OpSort:
		return sortAlong(a.Axis), nil
	case tensor.OpArgsort:
		return argsortAlong(a.Axis), nil
	case tensor.OpTranspose:
		return transpose(a.Axes), nil
	case tensor.OpBroadcast:
		return broadcast(a.Axes), nil
	case tensor.OpSlice:
		return slice(a.Start, a.Step), nil
	case tensor.OpReverse:
		return reverse(a.Axes), nil
	case tensor.OpConcat:
		return concat(a.Axis), nil
	case tensor.OpPad:
		return pad(a.Start), nil
	case tensor.OpDynamicSlice:
		return dynamicSlice, nil
	case tensor.OpDynamicUpdate:
		return dynamicUpdate, nil
	case tensor.OpTake:
		return take(a.Axis), nil
	case tensor.OpScatterAdd:
		return scatterAdd(a.Axis), nil
	case tensor.OpScatter:
		return scatter(a.Axis), nil
	case tensor.OpDot:
		return dot(a.Dot), nil
	case tensor.OpCholesky:
		return cholesky, nil
	case tensor.OpCholeskyVJP:
		return choleskyVJP, nil
	case tensor.OpTriangularSolve:
		return triangularSolve(a.Lower, a.Transpose), nil
	}
	return nil, fmt.Errorf("%s is not an operation that can be evaluated", n.Op)
}
