package enginetest

import "github.com/drey-sampler/drey/pkg/tensor"

var reductionMakers = map[tensor.Op]maker{
	tensor.OpReduceSum:  single(sum),
	tensor.OpReduceProd: reduceMaker(numbers, tensor.Value.Prod),
	tensor.OpReduceMin:  reduceMaker(numbers, tensor.Value.MinOver),
	tensor.OpReduceMax:  reduceMaker(numbers, tensor.Value.MaxOver),
	tensor.OpReduceAny:  reduceMaker([]tensor.DType{tensor.Bool}, tensor.Value.Any),
	tensor.OpReduceAll:  reduceMaker([]tensor.DType{tensor.Bool}, tensor.Value.All),
	tensor.OpArgMin:     alongMaker(tensor.Value.ArgMin),
	tensor.OpArgMax:     alongMaker(tensor.Value.ArgMax),
	tensor.OpSort:       alongMaker(tensor.Value.Sort),
	tensor.OpArgsort:    alongMaker(tensor.Value.Argsort),
	tensor.OpCumsum: single(func(g *generator) tensor.Value {
		x := operandOf(g, numbers, 1)
		if g.chance(0.5) {
			return x.Cumsum(g.r.IntN(x.Rank()))
		}
		return x.ReverseCumsum(g.r.IntN(x.Rank()))
	}),
}

func reduceMaker(from []tensor.DType, f func(x tensor.Value, axes ...int) tensor.Value) maker {
	return single(func(g *generator) tensor.Value {
		x := operandOf(g, from, 1)
		return f(x, g.axes(x.Rank())...)
	})
}

func alongMaker(f func(x tensor.Value, axis int) tensor.Value) maker {
	return single(func(g *generator) tensor.Value {
		x := operandOf(g, numbers, 1)
		return f(x, g.r.IntN(x.Rank()))
	})
}

// sum takes the order of tracing half of the time and else either order over any run of axes, as passes may make it.
func sum(g *generator) tensor.Value {
	x := operandOf(g, numbers, 1)
	if g.chance(0.5) {
		return x.Sum(g.axes(x.Rank())...)
	}
	lo := g.r.IntN(x.Rank())
	attr := tensor.Attr{Axis: lo, Axis2: g.between(lo+1, x.Rank()), Order: pick(g, []tensor.SumOrder{tensor.SumLanes, tensor.SumIndex})}
	return tensor.Emit(tensor.OpReduceSum, attr, x)
}
