package dist

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// free lists, for bijectors onto matrices, the entries of x that vary freely.
var bijectors = []struct {
	name       string
	make       func(p tensor.Value) Bijector // p is a traced 1.0
	u          []float64
	constraint func(p tensor.Value) Constraint
}{
	{"identity", fixed(IdentityTransform), []float64{0.7}, set(Real)},
	{"exp", fixed(ExpTransform), []float64{-1.3}, set(Positive)},
	{"sigmoid", fixed(SigmoidTransform), []float64{2.1}, set(UnitInterval)},
	{"softplus", fixed(SoftplusTransform), []float64{-0.4}, set(Positive)},
	{"affine", func(p tensor.Value) Bijector { return AffineTransform(p.Mul(2), -1.5) }, []float64{0.3}, set(Real)},
	{"power", func(p tensor.Value) Bijector { return PowerTransform(p.Mul(-2)) }, []float64{1.7}, set(Positive)},
	{"interval", func(p tensor.Value) Bijector { return mustBiject(Interval(p.Neg(), p.Mul(3))) }, []float64{0.9}, func(p tensor.Value) Constraint { return Interval(p.Neg(), p.Mul(3)) }},
	{"greater than", func(p tensor.Value) Bijector { return mustBiject(GreaterThan(p.Mul(4))) }, []float64{-0.2}, func(p tensor.Value) Constraint { return GreaterThan(p.Mul(4)) }},
	{"less than", fixed(mustBiject(LessThan(-2))), []float64{0.8}, set(LessThan(-2))},
	{"composed", func(p tensor.Value) Bijector { return Compose(AffineTransform(p, 0.5), ExpTransform) }, []float64{0.6}, set(Positive)},
	{"independent", fixed(mustBiject(Independent(Positive, 1))), []float64{0.1, -0.7, 1.9}, set(Independent(Positive, 1))},
	{"simplex", fixed(mustBiject(Simplex)), []float64{0.3, -1.2, 0.8}, set(Simplex)},
	{"ordered", fixed(mustBiject(Ordered)), []float64{0.3, -1.2, 0.8}, set(Ordered)},
	{"positive ordered", fixed(mustBiject(PositiveOrdered)), []float64{0.3, -1.2, 0.8}, set(PositiveOrdered)},
	{"ordered then exp", fixed(Compose(OrderedTransform, ExpTransform)), []float64{0.3, -1.2, 0.8}, set(PositiveOrdered)},
	{"corr cholesky", fixed(mustBiject(CorrCholesky)), []float64{0.3, -0.9, 0.8, 0.2, -0.4, 1.1}, set(CorrCholesky)},
	{"corr cholesky of 2", fixed(mustBiject(CorrCholesky)), []float64{0.3}, set(CorrCholesky)},
	{"corr matrix", fixed(mustBiject(CorrMatrix)), []float64{0.3, -0.9, 0.8, 0.2, -0.4, 1.1}, set(CorrMatrix)},
	{"lower cholesky", fixed(mustBiject(LowerCholesky)), []float64{0.3, -0.9, 0.8, 0.2, -0.4, 1.1}, set(LowerCholesky)},
	{"positive definite", fixed(mustBiject(PositiveDefinite)), []float64{0.3, -0.9, 0.8, 0.2, -0.4, 1.1}, set(PositiveDefinite)},
}

func fixed(b Bijector) func(tensor.Value) Bijector { return func(tensor.Value) Bijector { return b } }
func set(c Constraint) func(tensor.Value) Constraint {
	return func(tensor.Value) Constraint { return c }
}

func mustBiject(c Constraint) Bijector {
	b, err := BijectTo(c)
	if err != nil {
		panic(err)
	}
	return b
}

// traced evaluates a program of one vector u (or scalar) and the number 1.
func traced(t *testing.T, u []float64, shape []int, fn func(u, one tensor.Value) []tensor.Value) []*tensor.Array {
	t.Helper()
	in := []tensor.Param{{Name: "u", DType: tensor.F64, Shape: shape}, {Name: "one", DType: tensor.F64}}
	f, err := tensor.Trace("test", tensor.F64, in, func(a []tensor.Value) []tensor.Value { return fn(a[0], a[1]) })
	if err != nil {
		t.Fatal(err)
	}
	out, err := eval.Run(f, []*tensor.Array{tensor.ArrayOf(tensor.F64, shape, u), tensor.ArrayOf(tensor.F64, nil, []float64{1})})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// freeEntries picks as many coordinates of x as u has: below the diagonal, with the diagonal where the matrix has as many
// free entries, and all but the last of a simplex.
func freeEntries(x tensor.Value, n, dim int) tensor.Value {
	switch {
	case dim == 2:
		below := fromStrictlyLower(x)
		if below.Dim(-1) < n {
			return tensor.Concat(-1, below, x.Diagonal())
		}
		return below
	case dim == 1:
		return x.Slice(-1, 0, n)
	}
	return x.Reshape(1)
}

func TestBijectors(t *testing.T) {
	for _, c := range bijectors {
		t.Run(c.name, func(t *testing.T) {
			shape := []int{len(c.u)}
			if c.make(tensor.Lift(1.0)).DomainDim() == 0 {
				shape = nil
			}
			at := func(u []float64) (x []float64, jacobian float64) {
				out := traced(t, u, shape, func(u, one tensor.Value) []tensor.Value {
					b := c.make(one)
					x := b.Forward(u)
					if got, want := b.ConstrainedShape(u.Shape()), x.Shape(); !slices.Equal(got, want) {
						t.Errorf("ConstrainedShape %v, Forward gives %v", got, want)
					}
					back := b.Inverse(x)
					if got, want := b.UnconstrainedShape(x.Shape()), back.Shape(); !slices.Equal(got, want) {
						t.Errorf("UnconstrainedShape %v, Inverse gives %v", got, want)
					}
					return []tensor.Value{freeEntries(x, len(c.u), b.CodomainDim()), b.LogAbsDetJacobian(u, x), back, c.constraint(one).Check(x)}
				})
				for i, b := range out[2].Float64s() {
					if math.Abs(b-u[i]) > 1e-12 {
						t.Errorf("Inverse(Forward(%v)) = %v", u, out[2].Float64s())
					}
				}
				if out[3].Float64s()[0] != 1 {
					t.Errorf("Forward(%v) is not in the set", u)
				}
				if len(out[1].Shape) != 0 {
					t.Errorf("LogAbsDetJacobian has shape %v, want that of the batch", out[1].Shape)
				}
				return out[0].Float64s(), out[1].Float64s()[0]
			}
			_, got := at(c.u)
			n := len(c.u)
			m := mat.NewDense(n, n, nil)
			const h = 1e-4
			for j := range n {
				column := func(h float64) []float64 {
					up, down := slices.Clone(c.u), slices.Clone(c.u)
					up[j] += h
					down[j] -= h
					x, _ := at(up)
					y, _ := at(down)
					for i := range x {
						x[i] = (x[i] - y[i]) / (2 * h)
					}
					return x
				}
				full, half := column(h), column(h/2)
				for i := range n {
					m.Set(i, j, (4*half[i]-full[i])/3)
				}
			}
			// Richardson leaves h⁴ and rounding epsilon/h, 1e-11.
			if want, _ := mat.LogDet(m); math.Abs(got-want) > 1e-9 {
				t.Errorf("log |det| = %v, by differences %v", got, want)
			}
		})
	}
}

// TestBijectorsBatch checks that leading axes are batch axes: a batch of equal rows gives equal results.
func TestBijectorsBatch(t *testing.T) {
	for _, c := range bijectors {
		t.Run(c.name, func(t *testing.T) {
			var rows []float64
			for range 6 {
				rows = append(rows, c.u...)
			}
			shape := []int{2, 3, len(c.u)}
			if c.make(tensor.Lift(1.0)).DomainDim() == 0 {
				shape = []int{2, 3}
			}
			out := traced(t, rows, shape, func(u, one tensor.Value) []tensor.Value {
				b := c.make(one)
				x := b.Forward(u)
				return []tensor.Value{x, b.LogAbsDetJacobian(u, x), b.Inverse(x), c.constraint(one).Check(x)}
			})
			if !slices.Equal(out[1].Shape, []int{2, 3}) || !slices.Equal(out[3].Shape, []int{2, 3}) {
				t.Errorf("shapes of the Jacobian %v and the check %v, want [2 3]", out[1].Shape, out[3].Shape)
			}
			for i, b := range out[2].Float64s() {
				if math.Abs(b-rows[i]) > 1e-12 {
					t.Fatalf("Inverse(Forward(u))[%d] = %v, want %v", i, b, rows[i])
				}
			}
			for _, j := range out[1].Float64s() {
				if j != out[1].Float64s()[0] {
					t.Errorf("Jacobians of equal rows differ: %v", out[1].Float64s())
				}
			}
		})
	}
}

func TestConstraintsReject(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		c     Constraint
		shape []int
		x     []float64
		want  bool
	}{
		{Real, nil, []float64{inf}, false},
		{RealVector, []int{2}, []float64{1, math.NaN()}, false},
		{Positive, nil, []float64{0}, false},
		{NonNegative, nil, []float64{0}, true},
		{UnitInterval, nil, []float64{1.5}, false},
		{Interval(2, 3), nil, []float64{2}, true},
		{GreaterThan(2), nil, []float64{2}, false},
		{GreaterThanEq(2), nil, []float64{2}, true},
		{LessThan(2), nil, []float64{2}, false},
		{LessThanEq(2), nil, []float64{2.1}, false},
		{Simplex, []int{3}, []float64{0.2, 0.3, 0.6}, false},
		{Simplex, []int{3}, []float64{1.2, -0.2, 0}, false},
		{Ordered, []int{3}, []float64{1, 1, 2}, false},
		{PositiveOrdered, []int{2}, []float64{-1, 1}, false},
		{LowerCholesky, []int{2, 2}, []float64{1, 0.1, 0, 1}, false},
		{LowerCholesky, []int{2, 2}, []float64{1, 0, 0, -1}, false},
		{CorrCholesky, []int{2, 2}, []float64{1, 0, 0.5, 0.5}, false},
		{PositiveDefinite, []int{2, 2}, []float64{1, 2, 2, 1}, false},
		{PositiveDefinite, []int{2, 2}, []float64{1, 0.5, 0.4, 1}, false},
		{CorrMatrix, []int{2, 2}, []float64{1, 0.5, 0.5, 2}, false},
		{Boolean, nil, []float64{2}, false},
		{Boolean, nil, []float64{0.5}, false},
		{IntegerInterval(2, 5), nil, []float64{5}, true},
		{IntegerInterval(2, 5), nil, []float64{6}, false},
		{NonNegativeInteger, nil, []float64{-1}, false},
		{NonNegativeInteger, nil, []float64{inf}, false},
		{PositiveInteger, nil, []float64{0}, false},
		{IntegerGreaterThan(3), nil, []float64{3}, false},
		{IntegerGreaterThan(3), nil, []float64{4}, true},
		{Independent(Positive, 1), []int{2}, []float64{1, -1}, false},
	} {
		out := traced(t, c.x, c.shape, func(u, _ tensor.Value) []tensor.Value { return []tensor.Value{c.c.Check(u)} })
		if got := out[0].Float64s()[0] == 1; got != c.want || len(out[0].Shape) != 0 {
			t.Errorf("%v %s: %v (shape %v), want %v", c.x, c.c, got, out[0].Shape, c.want)
		}
	}
}

func TestBijectToFails(t *testing.T) {
	for _, c := range []Constraint{Boolean, NonNegativeInteger, Independent(Boolean, 1), singleton{v: tensor.Lift(1.5)}} {
		if _, err := BijectTo(c); err == nil {
			t.Errorf("BijectTo(%s) gives no error", c)
		}
	}
}
