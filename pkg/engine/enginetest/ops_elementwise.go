package enginetest

import "github.com/drey-sampler/drey/pkg/tensor"

// maker adds one instruction of an operation, and what its operands need, and returns the results.
type maker func(g *generator) []tensor.Value

// makers has an entry for every operation but OpParam and OpGet, which only come with others.
var makers map[tensor.Op]maker

func init() { // the makers of control flow add instructions by the table itself
	makers = map[tensor.Op]maker{
		tensor.OpConst: single(func(g *generator) tensor.Value {
			return tensor.In(g.anchor(), g.array(g.dtype(allDTypes...), g.shape()))
		}),
		tensor.OpSelect: single(func(g *generator) tensor.Value {
			s, d := g.shape(), g.dtype(allDTypes...)
			return tensor.Select(g.operand(tensor.Bool, s), g.operand(d, s), g.operand(d, s))
		}),
	}
	for op := tensor.OpNeg; op.IsUnary(); op++ {
		makers[op] = unaryMaker(op)
	}
	for op := tensor.OpAdd; op.IsBinary(); op++ {
		makers[op] = binaryMaker(op)
	}
	for _, table := range []map[tensor.Op]maker{reductionMakers, shapeMakers, indexMakers, linalgMakers, controlMakers} {
		for op, m := range table {
			makers[op] = m
		}
	}
}

func single(f func(g *generator) tensor.Value) maker {
	return func(g *generator) []tensor.Value { return []tensor.Value{f(g)} }
}

func unaryMaker(op tensor.Op) maker {
	return single(func(g *generator) tensor.Value {
		from, attr := floats, tensor.Attr{}
		switch op {
		case tensor.OpNeg, tensor.OpAbs, tensor.OpSign:
			from = signed
		case tensor.OpNot:
			from = append([]tensor.DType{tensor.Bool}, ints...)
		case tensor.OpPopcount:
			from = ints
		case tensor.OpStopGradient:
			from = allDTypes
		case tensor.OpConvert:
			from, attr.DType = allDTypes, pick(g, allDTypes)
		case tensor.OpBitcast:
			from = numbers
		}
		d := g.dtype(from...)
		x := g.operand(d, g.shape())
		if op == tensor.OpBitcast {
			attr.DType = pick(g, sameSize(d))
			if d.IsFloat() { // the bits of a NaN are unspecified
				x = tensor.Select(x.IsNaN(), tensor.ZerosLike(x), x)
			}
		}
		return tensor.Emit(op, attr, x)
	})
}

func sameSize(d tensor.DType) []tensor.DType {
	if d.Size() == 4 {
		return []tensor.DType{tensor.I32, tensor.U32, tensor.F32}
	}
	return []tensor.DType{tensor.I64, tensor.U64, tensor.F64}
}

func binaryMaker(op tensor.Op) maker {
	from := numbers
	switch op {
	case tensor.OpAnd, tensor.OpOr, tensor.OpXor:
		from = append([]tensor.DType{tensor.Bool}, ints...)
	case tensor.OpShl, tensor.OpShr:
		from = ints
	case tensor.OpPow, tensor.OpAtan2, tensor.OpLogAddExp:
		from = floats
	case tensor.OpEq, tensor.OpNe:
		from = allDTypes
	}
	return single(func(g *generator) tensor.Value {
		d, s := g.dtype(from...), g.shape()
		x := g.operand(d, s)
		if g.chance(0.1) {
			return tensor.Emit(op, tensor.Attr{}, x, x)
		}
		return tensor.Emit(op, tensor.Attr{}, x, g.operand(d, s))
	})
}
