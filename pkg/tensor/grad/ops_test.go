package grad

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

type values = []tensor.Value

// sq is a function with derivatives of every order.
func sq(x tensor.Value) tensor.Value { return x.Mul(x.Mul(0.3).Exp()) }

func elementwiseProblems() map[string]problem {
	unary := func(f func(tensor.Value) tensor.Value, draw func(*rand.Rand, int) float64) problem {
		return problem{shapes: [][]int{{2, 3}}, draw: draw, fn: func(x values) values { return values{f(x[0])} }}
	}
	binary := func(f func(a, b tensor.Value) tensor.Value, draw func(*rand.Rand, int) float64) problem {
		return problem{shapes: [][]int{{2, 3}, {3}}, draw: draw, fn: func(x values) values { return values{f(x[0], x[1])} }}
	}
	pos := between(0.3, 3)
	awayFromTies := func(r *rand.Rand, p int) float64 { // operands differ by more than the step of the differences
		return float64(r.IntN(40))/10 - 2 + 0.05*float64(p) + 0.02
	}
	return map[string]problem{
		"neg": unary(tensor.Value.Neg, normalDraw), "abs": unary(tensor.Value.Abs, awayFromTies),
		"sqrt": unary(tensor.Value.Sqrt, pos), "rsqrt": unary(tensor.Value.Rsqrt, pos),
		"exp": unary(tensor.Value.Exp, normalDraw), "expm1": unary(tensor.Value.Expm1, normalDraw),
		"log": unary(tensor.Value.Log, pos), "log1p": unary(tensor.Value.Log1p, between(-0.5, 2)),
		"sin": unary(tensor.Value.Sin, normalDraw), "cos": unary(tensor.Value.Cos, normalDraw),
		"tan": unary(tensor.Value.Tan, between(-1, 1)), "tanh": unary(tensor.Value.Tanh, normalDraw),
		"erf": unary(tensor.Value.Erf, normalDraw), "erfc": unary(tensor.Value.Erfc, normalDraw),
		"erfinv": unary(tensor.Value.ErfInv, between(-0.8, 0.8)),
		"lgamma": unary(tensor.Value.Lgamma, pos), "lgamma<0": unary(tensor.Value.Lgamma, between(-1.7, -1.3)),
		"digamma": unary(tensor.Value.Digamma, pos), "trigamma": unary(tensor.Value.Trigamma, pos),
		"trigamma<0": unary(tensor.Value.Trigamma, between(-1.7, -1.3)),
		"sigmoid":    unary(tensor.Value.Sigmoid, normalDraw), "softplus": unary(tensor.Value.Softplus, normalDraw),
		"stop":     unary(func(x tensor.Value) tensor.Value { return x.Mul(x.Floor().Add(x.Sign())) }, awayFromTies),
		"square":   unary(tensor.Value.Square, normalDraw),
		"constant": unary(func(x tensor.Value) tensor.Value { return x.Mul(-0.5).Div(3).Add(1).Mul(x.Neg()).Sub(x) }, normalDraw),
		"recip":    unary(tensor.Value.Reciprocal, pos),
		"clamp":    unary(func(x tensor.Value) tensor.Value { return x.Clamp(-1.01, 1.01) }, awayFromTies),
		"add":      binary(func(a, b tensor.Value) tensor.Value { return a.Add(b) }, normalDraw),
		"sub":      binary(func(a, b tensor.Value) tensor.Value { return b.Sub(a) }, normalDraw),
		"mul":      binary(func(a, b tensor.Value) tensor.Value { return a.Mul(b) }, normalDraw),
		"div":      binary(func(a, b tensor.Value) tensor.Value { return a.Div(b) }, pos),
		"rem":      binary(func(a, b tensor.Value) tensor.Value { return a.Rem(b) }, pos),
		"pow":      binary(func(a, b tensor.Value) tensor.Value { return a.Pow(b) }, pos),
		"min":      binary(func(a, b tensor.Value) tensor.Value { return a.Min(b) }, awayFromTies),
		"max":      binary(func(a, b tensor.Value) tensor.Value { return a.Max(b) }, awayFromTies),
		"atan2":    binary(func(a, b tensor.Value) tensor.Value { return a.Atan2(b) }, pos),
		"logadd":   binary(func(a, b tensor.Value) tensor.Value { return a.LogAddExp(b) }, normalDraw),
		"select": binary(func(a, b tensor.Value) tensor.Value {
			return tensor.Select(a.Gt(b), a.Mul(a).Mul(b), b.Exp())
		}, awayFromTies),
		"powers": unary(func(x tensor.Value) tensor.Value {
			s := x.Pow(2)
			for _, p := range []float64{3, 1, 0, 0.5, -1, 2.5, -1.5} {
				s = s.Add(x.Pow(p))
			}
			return s
		}, pos),
	}
}

func structuralProblems() map[string]problem {
	at := func(shapes [][]int, f func(x values) values) problem {
		return problem{shapes: shapes, draw: normalDraw, fn: f}
	}
	one := func(shape []int, f func(x tensor.Value) tensor.Value) problem {
		return at([][]int{shape}, func(x values) values { return values{f(x[0])} })
	}
	return map[string]problem{
		"sum":    one([]int{2, 3, 2}, func(x tensor.Value) tensor.Value { return sq(sq(x).Sum(1)) }),
		"sumall": one([]int{2, 3}, func(x tensor.Value) tensor.Value { return sq(x.Sum(0, 1)) }),
		"prod":   one([]int{2, 3, 2}, func(x tensor.Value) tensor.Value { return sq(x.Prod(1)) }),
		"prodall": one([]int{4}, func(x tensor.Value) tensor.Value {
			return x.Mul([]float64{1, 0, 2, 1}).Prod()
		}),
		"minover": one([]int{2, 3}, func(x tensor.Value) tensor.Value { return sq(x.MinOver(1)) }),
		"maxover": one([]int{2, 3, 2}, func(x tensor.Value) tensor.Value { return sq(x.MaxOver(1)) }),
		"lse":     one([]int{2, 3}, func(x tensor.Value) tensor.Value { return x.LogSumExp(1) }),
		"cumsum": one([]int{2, 3}, func(x tensor.Value) tensor.Value {
			return sq(x.Cumsum(1)).Add(x.ReverseCumsum(0).Exp())
		}),
		"sort": one([]int{3, 4, 2}, func(x tensor.Value) tensor.Value { return sq(x.Sort(1)) }),
		"sort1": one([]int{5}, func(x tensor.Value) tensor.Value {
			return sq(x.Sort(0)).Add(sq(x.Take(x.Argsort(0), 0)))
		}),
		"reshape":   one([]int{2, 6}, func(x tensor.Value) tensor.Value { return sq(x.Reshape(3, 4)).Sum(0).Reshape(2, 1, 2) }),
		"transpose": one([]int{2, 3, 4}, func(x tensor.Value) tensor.Value { return sq(x.Transpose(2, 0, 1)).Sum(1) }),
		"broadcast": at([][]int{{}, {3, 1}, {2, 1, 4}}, func(x values) values {
			return values{sq(x[0].BroadcastTo(2, 3)).Add(sq(x[1].Reshape(3)).BroadcastInDim([]int{2, 3}, []int{1})), sq(x[1].Mul(x[2]))}
		}),
		"reverse": one([]int{2, 3}, func(x tensor.Value) tensor.Value { return sq(x.Reverse(1)).Mul(x.Reverse(0, 1)) }),
		"slices": one([]int{7}, func(x tensor.Value) tensor.Value {
			y := sq(x)
			return y.Slice(0, 0, 2).Sum().Add(sq(y.Slice(0, 2, 5)).Sum()).Add(y.At(6)).Add(sq(y.Slice(0, 1, 4)).Sum()).Mul(y.At(2))
		}),
		"slicend": one([]int{4, 5}, func(x tensor.Value) tensor.Value {
			y := sq(x)
			return y.SliceStep([]int{1, 0}, []int{4, 5}, []int{2, 3}).Mul(y.SliceStep([]int{0, 2}, []int{2, 4}, []int{1, 1})).Add(y.Slice(1, 2, 3).Sum())
		}),
		"diagonal": one([]int{2, 3, 3}, func(x tensor.Value) tensor.Value { return sq(x.Diagonal()).Diag().Tril(0) }),
		"concat": at([][]int{{2, 2}, {2, 3}}, func(x values) values {
			return values{sq(tensor.Concat(1, x[0], x[1], x[0])), tensor.Stack(0, x[0], [][]float64{{1, 2}, {3, 4}}, x[0].Exp())}
		}),
		"pad": at([][]int{{2, 2}, {}}, func(x values) values {
			return values{sq(x[0].Pad(x[1], []int{1, 0}, []int{2, 1}))}
		}),
		"take": one([]int{4, 3}, func(x tensor.Value) tensor.Value {
			return sq(x.Take([][]int{{0, 3, 3}, {1, -2, 9}}, 0)).Sum(2).Add(sq(x).Take([]int{2, 0, 2}, 1).Sum())
		}),
		"scatter": at([][]int{{4, 2}, {5, 2}}, func(x values) values {
			return values{sq(sq(x[0]).ScatterAdd(0, []int{0, 3, 3, 7, -1}, sq(x[1])))}
		}),
		"replace": at([][]int{{3, 4, 2}, {3, 5, 2}}, func(x values) values { // in lanes and in rows, with repeated and dropped indices
			lanes := [][]int{{0, 3}, {2, 3}, {0, -1}, {4, 1}, {1, 3}}
			return values{sq(sq(x[0]).Scatter(1, lanes, sq(x[1]))), sq(x[0].Scatter(1, []int{3, 0, 3, 7, -1}, x[1]))}
		}),
		"dynamic": at([][]int{{5, 3}, {2, 3}}, func(x values) values {
			i := x[0].Sum().IsFinite().Convert(tensor.I32).Add(1)
			a := sq(x[0]).DynamicSlice([]any{i, 0}, 2, 3)
			b := sq(x[0]).DynamicSlice([]any{9, 1}, 3, 2)
			return values{sq(sq(x[0]).DynamicUpdate(sq(x[1]).Mul(a), i, 0)), sq(b), x[0].Row(i).Mul(x[0].Row(0)), x[0].SetRow(2, x[1].At(0))}
		}),
	}
}

func linalgProblems() map[string]problem {
	at := func(shapes [][]int, f func(x values) values) problem {
		return problem{shapes: shapes, draw: normalDraw, fn: f}
	}
	spd := func(x tensor.Value) tensor.Value { // well conditioned
		n := x.Dim(-1)
		eye := tensor.Lift(slices.Repeat([]float64{3}, n)).Diag()
		return matmul(x, x, false, true).Add(eye)
	}
	return map[string]problem{
		"dot":    at([][]int{{3}, {3}}, func(x values) values { return values{sq(x[0].Dot(x[1])), x[0].Dot(x[0])} }),
		"matvec": at([][]int{{2, 3}, {3}}, func(x values) values { return values{sq(x[0].MatMul(x[1])), sq(x[1].MatMul(x[0].Transpose()))} }),
		"matmul": at([][]int{{2, 3}, {3, 2}}, func(x values) values { return values{sq(x[0].MatMul(x[1]))} }),
		"einsum": at([][]int{{2, 3, 2}, {2, 2, 3}}, func(x values) values {
			return values{tensor.Einsum("bij,jbk->kib", sq(x[0]), x[1]), tensor.Einsum("bij,cjb->ci", x[0], x[1].Transpose(1, 0, 2).Reshape(3, 2, 2)), tensor.Einsum("bij,kbi->bk", x[0], x[1]), tensor.Einsum("abc,dae->abcde", x[0], x[1])}
		}),
		"outer": at([][]int{{2}, {3}}, func(x values) values {
			return values{sq(tensor.DotGeneral(x[0], x[1], nil, nil, nil, nil)), tensor.Einsum("i,i->i", x[0], x[0])}
		}),
		"cholesky": at([][]int{{3, 3}}, func(x values) values { return values{sq(spd(x[0]).Cholesky())} }),
		"cholesky lower": at([][]int{{2, 3, 3}}, func(x values) values {
			return values{spd(x[0]).Tril(0).Cholesky()}
		}),
		"cholesky adjoint": at([][]int{{2, 3, 3}, {2, 3, 3}}, func(x values) values {
			eye := tensor.Lift(slices.Repeat([]float64{3}, 3)).Diag()
			return values{x[0].Add(eye).CholeskyVJP(sq(x[1]))}
		}),
		"solve": at([][]int{{2, 3, 3}, {2, 3, 2}}, func(x values) values {
			a := spd(x[0])
			var out values
			for k := range 4 {
				out = append(out, sq(a.TriangularSolve(x[1], k&1 == 0, k&2 == 0)))
			}
			return out
		}),
		"gaussian": at([][]int{{3, 3}, {3}}, func(x values) values { // a multivariate normal log density
			l := spd(x[0]).Cholesky()
			z := l.TriangularSolve(x[1], true, false)
			return values{z.Dot(z).Mul(-0.5).Sub(l.Diagonal().Log().Sum()), l.TriangularSolve(z, true, true)}
		}),
	}
}

func TestDerivativesAgainstDifferences(t *testing.T) {
	seen := map[tensor.Op]bool{}
	for _, group := range []map[string]problem{elementwiseProblems(), structuralProblems(), linalgProblems(), controlProblems()} {
		for name, p := range group {
			t.Run(name, func(t *testing.T) {
				for seed := uint64(1); seed <= 2; seed++ {
					operations(check(t, p, seed).Body, seen)
				}
			})
		}
	}
	for op := range rules {
		if !seen[op] {
			t.Errorf("no program here has %s", op)
		}
	}
}

func operations(r *tensor.Region, seen map[tensor.Op]bool) {
	for _, n := range r.Nodes {
		seen[n.Op] = true
		for _, s := range n.Regions {
			operations(s, seen)
		}
	}
}

// TestEveryOperationHasARule: an operation is differentiated, stopped or control flow, and not two of these.
func TestEveryOperationHasARule(t *testing.T) {
	control := map[tensor.Op]bool{tensor.OpGet: true, tensor.OpWhile: true, tensor.OpCond: true, tensor.OpScan: true, tensor.OpCall: true}
	for op := tensor.OpInvalid + 1; op.String() != "invalid"; op++ {
		_, has := rules[op]
		n := 0
		for _, is := range []bool{has, stopped[op], control[op]} {
			if is {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is in %d of rules, stopped, control flow", op, n)
		}
	}
}

func TestConvertBetweenFloats(t *testing.T) {
	f := mustTrace(t, []tensor.Param{{Name: "x", DType: tensor.F32, Shape: []int{2}}, {Name: "y", DType: tensor.F64, Shape: []int{2}}}, func(x values) values {
		return values{x[0].Convert(tensor.F64).Mul(x[1].Convert(tensor.F32).Convert(tensor.F64)).Sum()}
	})
	args := []*tensor.Array{tensor.ArrayOf(tensor.F32, []int{2}, []float64{2, 3}), tensor.ArrayOf(tensor.F64, []int{2}, []float64{0.1, 0.5})}
	want := [][]float64{{float64(float32(0.1)), 0.5}, {2, 3}}
	g, err := ValueAndGrad(f, 0, 1)
	agree(t, "reverse", mustRun(t, must(t, g, err), args)[1:], want, 0)
	h, err := ForwardGradient(f, 0, 1)
	agree(t, "forward", mustRun(t, must(t, h, err), args)[1:], want, 0)
	if g.Out[1].DType != tensor.F32 || g.Out[2].DType != tensor.F64 {
		t.Errorf("gradients are %s and %s", g.Out[1].DType, g.Out[2].DType)
	}
}

// TestConventions: values at the points where the definition leaves a choice.
func TestConventions(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		f    func(x tensor.Value) tensor.Value
		x    []float64
		want []float64
	}{
		"abs":       {func(x tensor.Value) tensor.Value { return x.Abs() }, []float64{0, -2}, []float64{0, -1}},
		"sqrt":      {func(x tensor.Value) tensor.Value { return x.Sqrt() }, []float64{0, 4}, []float64{inf, 0.25}},
		"max tie":   {func(x tensor.Value) tensor.Value { return x.Max(1.0) }, []float64{1, 2, 0}, []float64{0.5, 1, 0}},
		"min tie":   {func(x tensor.Value) tensor.Value { return x.Min(1.0) }, []float64{1, 2, 0}, []float64{0.5, 0, 1}},
		"pow 2":     {func(x tensor.Value) tensor.Value { return x.Pow(2) }, []float64{0, -3}, []float64{0, -6}},
		"pow 2.5":   {func(x tensor.Value) tensor.Value { return x.Pow(2.5) }, []float64{0, 4}, []float64{0, 20}},
		"pow 0.7":   {func(x tensor.Value) tensor.Value { return x.Pow(0.7) }, []float64{0}, []float64{inf}},
		"pow 0":     {func(x tensor.Value) tensor.Value { return x.Pow(0) }, []float64{0, 2}, []float64{0, 0}},
		"pow 5":     {func(x tensor.Value) tensor.Value { return x.Pow(5) }, []float64{0, -2}, []float64{0, 80}},
		"pow x":     {func(x tensor.Value) tensor.Value { return x.Sub(x).Pow(x) }, []float64{2}, []float64{0}},
		"pow dyn":   {func(x tensor.Value) tensor.Value { return x.Pow(x.StopGradient().Mul(0).Add(1)) }, []float64{0}, []float64{1}},
		"lae -inf":  {func(x tensor.Value) tensor.Value { return x.LogAddExp(math.Inf(-1)) }, []float64{math.Inf(-1), 0}, []float64{0.5, 1}},
		"max equal": {func(x tensor.Value) tensor.Value { return x.MaxOver().Mul(3) }, []float64{1, 1, 1}, []float64{1, 1, 1}},
		"select":    {func(x tensor.Value) tensor.Value { return tensor.Select(x.Gt(0), x.Exp(), 0.0) }, []float64{-1, 0}, []float64{0, 0}},
		"double where": {func(x tensor.Value) tensor.Value {
			return tensor.Select(x.Gt(0), tensor.Select(x.Gt(0), x, 1.0).Log(), 0.0)
		}, []float64{0, 2}, []float64{0, 0.5}},
		"lse -inf": {func(x tensor.Value) tensor.Value { return x.LogSumExp() }, []float64{math.Inf(-1), 0}, []float64{0, 1}},
		"stop":     {func(x tensor.Value) tensor.Value { return x.StopGradient().Mul(x) }, []float64{3}, []float64{3}},
	} {
		f := mustTrace(t, []tensor.Param{{Name: "x", DType: tensor.F64, Shape: []int{len(c.x)}}}, func(x values) values { return values{c.f(x[0]).Sum()} })
		g, err := ValueAndGrad(f, 0)
		h, errF := ForwardGradient(f, 0)
		args := []*tensor.Array{tensor.ArrayOf(tensor.F64, []int{len(c.x)}, c.x)}
		for mode, got := range map[string][]float64{"reverse": mustRun(t, must(t, g, err), args)[1], "forward": mustRun(t, must(t, h, errF), args)[1]} {
			for i, w := range c.want {
				if name == "sqrt" && mode == "forward" && i == 1 {
					continue // a zero tangent times Inf at 0 joins the sum: NaN, as the package comment says
				}
				if got[i] != w && math.Abs(got[i]-w) > 1e-14*math.Abs(w) || math.IsNaN(got[i]) {
					t.Errorf("%s, %s: derivative %v at %v, want %v", name, mode, got[i], c.x[i], w)
				}
			}
		}
	}
}
