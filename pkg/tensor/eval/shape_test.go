package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func TestShapeOps(t *testing.T) {
	m := f64([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	cases := []struct {
		name  string
		fn    func(x tensor.Value) tensor.Value
		shape []int
		v     []float64
	}{
		{"transpose", func(x tensor.Value) tensor.Value { return x.Transpose() }, []int{3, 2}, []float64{1, 4, 2, 5, 3, 6}},
		{"reverse", func(x tensor.Value) tensor.Value { return x.Reverse(0, 1) }, []int{2, 3}, []float64{6, 5, 4, 3, 2, 1}},
		{"reverse one", func(x tensor.Value) tensor.Value { return x.Reverse(1) }, []int{2, 3}, []float64{3, 2, 1, 6, 5, 4}},
		{"slice", func(x tensor.Value) tensor.Value { return x.SliceStep([]int{0, 0}, []int{2, 3}, []int{1, 2}) }, []int{2, 2}, []float64{1, 3, 4, 6}},
		{"broadcast", func(x tensor.Value) tensor.Value { return x.Slice(1, 0, 1).BroadcastTo(2, 2, 2) }, []int{2, 2, 2}, []float64{1, 1, 4, 4, 1, 1, 4, 4}},
		{"broadcast in dim", func(x tensor.Value) tensor.Value { return x.BroadcastInDim([]int{2, 2, 3}, []int{0, 2}) }, []int{2, 2, 3}, []float64{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}},
		{"concat", func(x tensor.Value) tensor.Value { return tensor.Concat(1, x, x.Slice(1, 0, 1)) }, []int{2, 4}, []float64{1, 2, 3, 1, 4, 5, 6, 4}},
		{"pad", func(x tensor.Value) tensor.Value { return x.Pad(9, []int{0, 1}, []int{1, 0}) }, []int{3, 4}, []float64{9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9}},
		{"iota", func(x tensor.Value) tensor.Value { return x.Add(tensor.Iota(tensor.F64, 0, 2, 3)) }, []int{2, 3}, []float64{1, 2, 3, 5, 6, 7}},
		{"take clamps", func(x tensor.Value) tensor.Value { return x.Take([]int{2, -5, 9}, 1) }, []int{2, 3}, []float64{3, 1, 3, 6, 4, 6}},
		{"take scalar", func(x tensor.Value) tensor.Value { return x.At(tensor.Lift(1)) }, []int{3}, []float64{4, 5, 6}},
		{"scatter drops", func(x tensor.Value) tensor.Value {
			return x.ScatterAdd(1, []int{1, -1, 1, 3}, [][]float64{{1, 2, 3, 4}, {5, 6, 7, 8}})
		}, []int{2, 3}, []float64{1, 6, 3, 4, 17, 6}},
		{"dynamic slice clamps", func(x tensor.Value) tensor.Value { return x.DynamicSlice([]any{-1, 7}, 1, 2) }, []int{1, 2}, []float64{2, 3}},
		{"dynamic update clamps", func(x tensor.Value) tensor.Value { return x.DynamicUpdate([][]float64{{8, 9}}, 5, 1) }, []int{2, 3}, []float64{1, 2, 3, 4, 8, 9}},
		{"cumsum", func(x tensor.Value) tensor.Value { return x.Cumsum(0) }, []int{2, 3}, []float64{1, 2, 3, 5, 7, 9}},
		{"reverse cumsum", func(x tensor.Value) tensor.Value { return x.ReverseCumsum(1) }, []int{2, 3}, []float64{6, 5, 3, 15, 11, 6}},
		{"sum of two axes", func(x tensor.Value) tensor.Value { return x.Sum() }, nil, []float64{21}},
		{"sum 0", func(x tensor.Value) tensor.Value { return x.Sum(0) }, []int{3}, []float64{5, 7, 9}},
		{"prod", func(x tensor.Value) tensor.Value { return x.Prod(1) }, []int{2}, []float64{6, 120}},
		{"argmax", func(x tensor.Value) tensor.Value { return x.ArgMax(0) }, []int{3}, []float64{1, 1, 1}},
	}
	for _, c := range cases {
		want(t, c.name, one(t, func(v []tensor.Value) tensor.Value { return c.fn(v[0]) }, m), c.shape, c.v...)
	}
}

func TestOrderingWithNaNAndZeros(t *testing.T) {
	x := vec(2, nan, nzer, 0, -inf, nan, 0, nzer)
	want(t, "sort", one(t, func(v []tensor.Value) tensor.Value { return v[0].Sort(0) }, x), []int{8}, -inf, nzer, 0, 0, nzer, 2, nan, nan)
	want(t, "argsort", one(t, func(v []tensor.Value) tensor.Value { return v[0].Argsort(0) }, x), []int{8}, 4, 2, 3, 6, 7, 0, 1, 5)
	want(t, "argmin", one(t, func(v []tensor.Value) tensor.Value { return v[0].ArgMin(0) }, x), nil, 1)
	y := vec(nzer, 0, 0)
	want(t, "argmax", one(t, func(v []tensor.Value) tensor.Value { return v[0].ArgMax(0) }, y), nil, 0)
	want(t, "max", one(t, func(v []tensor.Value) tensor.Value { return v[0].MaxOver() }, y), nil, 0)
	want(t, "min", one(t, func(v []tensor.Value) tensor.Value { return v[0].MinOver() }, y), nil, nzer)
	want(t, "max with NaN", one(t, func(v []tensor.Value) tensor.Value { return v[0].MaxOver() }, x), nil, nan)
	want(t, "sum of -0", one(t, func(v []tensor.Value) tensor.Value { return v[0].Sum() }, vec(nzer)), nil, 0)
	want(t, "cumsum of -0", one(t, func(v []tensor.Value) tensor.Value { return v[0].Cumsum(0) }, vec(nzer)), []int{1}, 0)
}

// TestSumOrders adds numbers of which no two orders give the same bits.
func TestSumOrders(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 14 {
		x := make([]float64, n)
		var lanes [4]float64
		index := 0.0
		for i := range x {
			x[i] = r.NormFloat64() * math.Exp2(float64(r.IntN(60)))
			lanes[i%4] += x[i]
			index += x[i]
		}
		sum := (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
		a := vec(x...)
		want(t, "lanes", one(t, func(v []tensor.Value) tensor.Value { return v[0].Sum() }, a), nil, sum)
		want(t, "index", one(t, func(v []tensor.Value) tensor.Value { return v[0].Reshape(n, 1).Sum(0) }, a), []int{1}, index)
		want(t, "dot lanes", one(t, func(v []tensor.Value) tensor.Value { return v[0].Dot(tensor.ZerosLike(v[0]).Add(1)) }, a), nil, sum)
		want(t, "dot index", one(t, func(v []tensor.Value) tensor.Value { return v[0].MatMul(tensor.Full(1.0, n, 1)) }, a), []int{1}, index)
	}
}

// TestDotRoundsProducts has a product whose rounding error would survive a fused multiply-add.
func TestDotRoundsProducts(t *testing.T) {
	e := math.Exp2(-30)
	a, b := vec(1, 1+e), vec(-(1+2*e), 1+e)
	got := one(t, func(v []tensor.Value) tensor.Value { return v[0].Reshape(1, 2).MatMul(v[1]) }, a, b)
	want(t, "dot", got, []int{1}, 0)
	s := math.Exp2(-13)
	a32, b32 := tensor.ArrayOf(tensor.F32, []int{2}, []float64{1, 1 + s}), tensor.ArrayOf(tensor.F32, []int{2}, []float64{-(1 + 2*s), 1 + s})
	got = one(t, func(v []tensor.Value) tensor.Value { return v[0].Reshape(1, 2).MatMul(v[1]) }, a32, b32)
	want(t, "dot f32", got, []int{1}, 0)
}

// TestDotRoundsProductsInLanes is the same with both products in lane 0.
func TestDotRoundsProductsInLanes(t *testing.T) {
	for d, e := range map[tensor.DType]float64{tensor.F64: math.Exp2(-30), tensor.F32: math.Exp2(-13)} {
		a := tensor.ArrayOf(d, []int{5}, []float64{1, 0, 0, 0, 1 + e})
		b := tensor.ArrayOf(d, []int{5}, []float64{-(1 + 2*e), 0, 0, 0, 1 + e})
		want(t, "dot "+d.String(), one(t, func(v []tensor.Value) tensor.Value { return v[0].Dot(v[1]) }, a, b), nil, 0)
	}
}

// TestDotGeneral compares every split of axes of two rank-3 operands with sums written as loops over integers.
func TestDotGeneral(t *testing.T) {
	a := tensor.NewArray(tensor.I64, []int{2, 3, 4})
	b := tensor.NewArray(tensor.I64, []int{4, 2, 3})
	for i := range a.Bits {
		a.Bits[i], b.Bits[i] = uint64(i*i+1), uint64(3*i+2)
	}
	at := func(x *tensor.Array, i, j, k int) int { return int(x.Bits[(i*x.Shape[1]+j)*x.Shape[2]+k]) }
	var batch, two []uint64
	for i := range 2 {
		for j := range 3 {
			for m := range 3 {
				s := 0
				for k := range 4 {
					s += at(a, i, j, k) * at(b, k, i, m)
				}
				batch = append(batch, uint64(s))
			}
		}
	}
	for i := range 2 {
		for m := range 2 {
			s := 0
			for j := range 3 {
				for k := range 4 {
					s += at(a, i, j, k) * at(b, k, m, j)
				}
			}
			two = append(two, uint64(s))
		}
	}
	got := one(t, func(v []tensor.Value) tensor.Value {
		return tensor.DotGeneral(v[0], v[1], []int{0}, []int{2}, []int{1}, []int{0})
	}, a, b)
	if !slices.Equal(got.Shape, []int{2, 3, 3}) || !slices.Equal(got.Bits, batch) {
		t.Errorf("batched: %v %v, want %v", got.Shape, got.Bits, batch)
	}
	got = one(t, func(v []tensor.Value) tensor.Value {
		return tensor.DotGeneral(v[0], v[1], nil, []int{1, 2}, nil, []int{2, 0})
	}, a, b)
	if !slices.Equal(got.Shape, []int{2, 2}) || !slices.Equal(got.Bits, two) {
		t.Errorf("two contracted: %v %v, want %v", got.Shape, got.Bits, two)
	}
}

// TestLinearAlgebra checks L·Lᵀ = A and M·X = B within the usual backward error, n·ε times the magnitudes.
func TestLinearAlgebra(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := 1; n <= 9; n++ {
		const batch, cols = 2, 3
		a, b := tensor.NewArray(tensor.F64, []int{batch, n, n}), tensor.NewArray(tensor.F64, []int{batch, n, cols})
		for m := range batch {
			for i := range n {
				for j := range i + 1 {
					x := r.Float64() - 0.5
					if i == j {
						x += float64(n)
					}
					a.Bits[(m*n+i)*n+j] = math.Float64bits(x)
					a.Bits[(m*n+j)*n+i] = math.Float64bits(x)
				}
			}
		}
		for i := range b.Bits {
			b.Bits[i] = math.Float64bits(r.NormFloat64())
		}
		back := one(t, func(v []tensor.Value) tensor.Value {
			l := v[0].Cholesky()
			return l.MatMul(l.Transpose(0, 2, 1)).Sub(v[0]).Abs().MaxOver()
		}, a)
		if e := back.Float64s()[0]; e > float64(n*(n+1))*0x1p-52 {
			t.Errorf("n=%d: L·Lᵀ misses A by %g", n, e)
		}
		for k := range 4 {
			lower, transpose := k&1 != 0, k&2 != 0
			res := one(t, func(v []tensor.Value) tensor.Value {
				m := v[0].Tril(0)
				if !lower {
					m = m.Transpose(0, 2, 1)
				}
				// The other triangle holds NaN, which must not be read.
				poisoned := tensor.Select(m.Ne(0), m, math.NaN())
				x := poisoned.TriangularSolve(v[1], lower, transpose)
				if transpose {
					m = m.Transpose(0, 2, 1)
				}
				return m.MatMul(x).Sub(v[1]).Abs().MaxOver()
			}, a, b)
			if e := res.Float64s()[0]; !(e <= float64(4*n*n)*0x1p-52) {
				t.Errorf("n=%d lower=%t transpose=%t: residual %g", n, lower, transpose, e)
			}
		}
	}
	indefinite := f64([]int{2, 2}, 1, 2, 2, 1)
	want(t, "indefinite", one(t, func(v []tensor.Value) tensor.Value { return v[0].Cholesky() }, indefinite), []int{2, 2}, 1, 0, 2, nan)
}

func TestControlFlow(t *testing.T) {
	x := vec(1, 2, 3, 4)
	out := apply(t, func(v []tensor.Value) []tensor.Value {
		c, ys := tensor.ScanN([]tensor.Value{v[0].Slice(0, 0, 1).Squeeze(0)}, []tensor.Value{v[0]}, 4, true, func(c, x []tensor.Value) ([]tensor.Value, []tensor.Value) {
			s := c[0].Add(x[0])
			return []tensor.Value{s}, []tensor.Value{s.Mul(2)}
		})
		return append(c, ys...)
	}, x)
	want(t, "scan carry", out[0], nil, 11)
	want(t, "scan ys", out[1], []int{4}, 22, 20, 16, 10)

	// Swapping carries must not overwrite one before the other is read; the loop nests a Cond that captures.
	out = apply(t, func(v []tensor.Value) []tensor.Value {
		i := tensor.In(v[0], 0)
		return tensor.WhileN([]tensor.Value{i, v[0], v[0].Neg()},
			func(c []tensor.Value) tensor.Value { return c[0].Lt(3) },
			func(c []tensor.Value) []tensor.Value {
				y := tensor.CondN(c[0].Rem(2).Eq(0), func() []tensor.Value { return []tensor.Value{c[1].Add(v[0])} }, func() []tensor.Value { return []tensor.Value{c[1]} })
				return []tensor.Value{c[0].Add(1), c[2], y[0]}
			})
	}, vec(1, 10))
	want(t, "while count", out[0], nil, 3)
	want(t, "while a", out[1], []int{2}, -1, -10)
	want(t, "while b", out[2], []int{2}, 3, 30)
}

// TestScatterInLanes: x is [2, 2] with two lanes in the last axis, row 0 then row 1 of each update.
func TestScatterInLanes(t *testing.T) {
	x := f64([]int{2, 2}, 1, 2, 3, 4)
	put := func(idx any) func(v []tensor.Value) tensor.Value {
		return func(v []tensor.Value) tensor.Value { return v[0].Scatter(0, idx, [][]float64{{5, 6}, {7, 8}}) }
	}
	want(t, "rows", one(t, put([]int{1, 0}), x), []int{2, 2}, 7, 8, 5, 6)
	want(t, "the last one stays", one(t, put([]int{1, 1}), x), []int{2, 2}, 1, 2, 7, 8)
	want(t, "dropped", one(t, put([]int{-1, 2}), x), []int{2, 2}, 1, 2, 3, 4)
	want(t, "lanes", one(t, put([][]int{{1, 0}, {0, 9}}), x), []int{2, 2}, 7, 6, 5, 4)
	take := func(v []tensor.Value) tensor.Value { return v[0].TakeLanes([][]int{{1, 0}, {-3, 9}, {1, 1}}, 0) }
	want(t, "take", one(t, take, x), []int{3, 2}, 3, 2, 1, 4, 3, 4)
}
