package enginetest

import "github.com/drey-sampler/drey/pkg/tensor"

var controlMakers = map[tensor.Op]maker{
	tensor.OpWhile: while,
	tensor.OpCond:  cond,
	tensor.OpScan:  scan,
	tensor.OpCall:  call,
}

// inRegion runs f with the pool extended by params; what f adds to the pool is gone afterwards.
func (g *generator) inRegion(params []tensor.Value, f func() []tensor.Value) []tensor.Value {
	n := len(g.pool)
	g.pool = append(g.pool, params...)
	g.depth++
	out := f()
	g.depth--
	g.pool = g.pool[:n]
	return out
}

// operands returns n values of random dtypes and shapes.
func (g *generator) operands(n int) []tensor.Value {
	out := make([]tensor.Value, n)
	for i := range out {
		out[i] = anyOperand(g, 0)
	}
	return out
}

// next returns a value like v to carry on with: often made of v, sometimes v itself or another carry.
func (g *generator) next(v tensor.Value) tensor.Value {
	if g.chance(0.2) {
		return v
	}
	w := g.operand(v.DType(), v.Shape())
	switch d := v.DType(); {
	case d == tensor.Bool:
		return v.Xor(w)
	case d.IsFloat() && g.chance(0.5):
		return v.Mul(0.5).Add(w)
	case g.chance(0.5):
		return v.Sub(w)
	}
	return w
}

func (g *generator) nextAll(vs []tensor.Value) []tensor.Value {
	out := make([]tensor.Value, len(vs))
	for i, v := range vs {
		out[i] = g.next(v)
	}
	return out
}

// while counts to a limit that is known when the program runs, 0 to 5, and may stop before.
func while(g *generator) []tensor.Value {
	limit := g.given(g.array(tensor.I32, nil)).Clamp(0, 5)
	early := g.chance(0.3)
	init := append([]tensor.Value{tensor.In(limit, 0)}, g.operands(g.between(1, 3))...)
	return tensor.WhileN(init,
		func(c []tensor.Value) tensor.Value {
			more := c[0].Lt(limit)
			if early {
				more = more.And(g.inRegion(c, func() []tensor.Value { return []tensor.Value{g.scalar(tensor.Bool)} })[0].Or(c[0].Lt(2)))
			}
			return more
		},
		func(c []tensor.Value) []tensor.Value {
			return g.inRegion(c, func() []tensor.Value {
				g.steps(g.between(1, 4))
				return append([]tensor.Value{c[0].Add(1)}, g.nextAll(c[1:])...)
			})
		})
}

func cond(g *generator) []tensor.Value {
	like := g.operands(g.between(1, 3))
	branch := func() []tensor.Value {
		return g.inRegion(nil, func() []tensor.Value {
			g.steps(g.between(0, 3))
			return g.nextAll(like)
		})
	}
	pred := g.scalar(tensor.Bool)
	if pred.Node().Op == tensor.OpConst { // tracing wants a Go if for those
		pred = pred.Or(g.given(g.array(tensor.Bool, nil)))
	}
	return tensor.CondN(pred, branch, branch)
}

func scan(g *generator) []tensor.Value {
	length := g.between(1, 6)
	init := g.operands(g.between(1, 2))
	xs := make([]tensor.Value, g.between(0, 2))
	for i := range xs {
		xs[i] = g.operand(g.dtype(allDTypes...), append([]int{length}, g.dims(g.between(0, 2), 4)...))
	}
	c, ys := tensor.ScanN(init, xs, length, g.chance(0.4), func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
		n := 0
		out := g.inRegion(append(append([]tensor.Value(nil), c...), x...), func() []tensor.Value {
			before := len(g.pool)
			g.steps(g.between(1, 3))
			made := g.pool[before:]
			res := g.nextAll(c)
			n = len(res)
			if len(made) > 2 {
				made = made[:2]
			}
			return append(res, made...)
		})
		return out[:n:n], out[n:]
	})
	return append(c, ys...)
}

// call makes a function with a derivative of its own, which forward evaluation ignores.
func call(g *generator) []tensor.Value {
	args := g.operands(g.between(1, 3))
	for i, a := range args { // an argument must belong to the trace
		args[i] = tensor.In(g.anchor(), a)
	}
	return tensor.CustomVJP("called", args,
		func(v []tensor.Value) []tensor.Value {
			pool, sealed := g.pool, g.sealed
			g.pool, g.sealed = nil, true
			defer func() { g.pool, g.sealed = pool, sealed }()
			return g.inRegion(v, func() []tensor.Value {
				g.steps(g.between(1, 3))
				return g.nextAll(v)
			})
		},
		func(v, _, _ []tensor.Value) []tensor.Value {
			var out []tensor.Value
			for _, x := range v {
				if x.DType().IsFloat() {
					out = append(out, tensor.ZerosLike(x))
				}
			}
			return out
		})
}
