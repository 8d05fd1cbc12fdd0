package grad

import (
	"maps"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// site is one instruction whose derivative is wanted: the original and its operands and result in the new program.
type site struct {
	*tensor.Node
	x    []tensor.Value
	y    tensor.Value
	want []bool              // reverse: operands that a cotangent is wanted for
	push func(i int, ct lin) // reverse: adds to the cotangent of operand i
	t    []lin               // forward: tangents of the operands
	acc  func(i int) *accum  // reverse: where the cotangent of operand i is collected
}

// to adds the cotangent made by f to operand i, if it is wanted.
func (s *site) to(i int, f func() lin) {
	if s.want[i] {
		s.push(i, f())
	}
}

// rule is the derivative of one operation with one result.
type rule struct {
	vjp func(s *site, ct lin) // sends cotangents to the operands
	jvp func(s *site) lin     // the tangent of the result
}

// rules holds the derivative of every differentiable operation but control flow, which the passes treat themselves.
var rules = func() map[tensor.Op]rule {
	all := map[tensor.Op]rule{}
	for _, group := range []map[tensor.Op]rule{unaryRules(), binaryRules(), reduceRules(), shapeRules(), indexRules(), linalgRules()} {
		maps.Copy(all, group)
	}
	return all
}()

// stopped lists the operations whose derivative is zero or that have no float result.
var stopped = map[tensor.Op]bool{
	tensor.OpParam: true, tensor.OpConst: true, tensor.OpIota: true,
	tensor.OpSign: true, tensor.OpFloor: true, tensor.OpCeil: true, tensor.OpRound: true, tensor.OpTrunc: true,
	tensor.OpIsFinite: true, tensor.OpNot: true, tensor.OpPopcount: true, tensor.OpBitcast: true, tensor.OpStopGradient: true,
	tensor.OpAnd: true, tensor.OpOr: true, tensor.OpXor: true, tensor.OpShl: true, tensor.OpShr: true,
	tensor.OpEq: true, tensor.OpNe: true, tensor.OpLt: true, tensor.OpLe: true, tensor.OpGt: true, tensor.OpGe: true,
	tensor.OpReduceAny: true, tensor.OpReduceAll: true, tensor.OpArgMin: true, tensor.OpArgMax: true, tensor.OpArgsort: true,
}

// sumTangents adds the terms that are not symbolic zeros.
func sumTangents(like tensor.Value, terms ...lin) lin {
	var kept []lin
	for _, t := range terms {
		if !t.zero {
			kept = append(kept, t)
		}
	}
	if len(kept) == 0 {
		return zeroLike(like)
	}
	return sumOf(kept)
}
