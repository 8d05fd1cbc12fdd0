package model_test

import (
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// uniformOn is a flat density on a set of arrays.
type uniformOn struct {
	support dist.Constraint
	event   []int
}

func (uniformOn) Batch() []int               { return nil }
func (d uniformOn) Event() []int             { return d.event }
func (d uniformOn) Support() dist.Constraint { return d.support }
func (d uniformOn) LogProb(x tensor.Value) tensor.Value {
	return tensor.Zeros(tensor.F64, x.Shape()[:x.Rank()-len(d.event)]...)
}
func (uniformOn) Sample(rng.Key, ...int) tensor.Value {
	tensor.Fail("uniformOn", "has no sampler")
	return tensor.Value{}
}

// TestSupportsWithFewerUnconstrainedCoordinates: sites of vectors and matrices in a plate have the positions that their
// bijectors need, and the density is the sum of all their Jacobians.
func TestSupportsWithFewerUnconstrainedCoordinates(t *testing.T) {
	m, b := compile(t, func(c *model.Context, _ none) {
		n := c.Plate("n", 2)
		n.Sample("simplex", uniformOn{dist.Simplex, []int{3}})
		c.Sample("ordered", uniformOn{dist.Ordered, []int{3}})
		n.Sample("corr", uniformOn{dist.CorrCholesky, []int{3, 3}})
	}, nil)
	for _, w := range []struct {
		name   string
		shape  []int
		offset int
		size   int
		dims   []string
	}{
		{"simplex", []int{2, 3}, 0, 4, []string{"n", "simplex_dim_1"}},
		{"ordered", []int{3}, 4, 3, []string{"ordered_dim_0"}},
		{"corr", []int{2, 3, 3}, 7, 6, []string{"n", "corr_dim_1", "corr_dim_2"}},
	} {
		s := b.Manifest.Site(w.name)
		if !slices.Equal(s.Shape, w.shape) || s.Offset != w.offset || s.UnconstrainedSize != w.size || !slices.Equal(s.Dims, w.dims) {
			t.Errorf("%s is %+v, want %+v", w.name, s, w)
		}
	}
	q := []float64{0.1, -0.4, 1.2, 0.3, -1, 0.5, 0.25, 0.7, -0.2, 0.9, -0.6, 0.4, 0.05}
	at := []*tensor.Array{f64s(q...)}
	want := evaluate(t, func(x tensor.Value, _ rng.Key) []tensor.Value {
		total := x.Sub(x)
		for _, part := range []struct {
			support dist.Constraint
			u       tensor.Value
		}{
			{dist.Simplex, tensor.Lift([][]float64{q[0:2], q[2:4]})},
			{dist.Ordered, tensor.Lift(q[4:7])},
			{dist.CorrCholesky, tensor.Lift([][]float64{q[7:10], q[10:13]})},
		} {
			bij, err := dist.BijectTo(part.support)
			if err != nil {
				t.Fatal(err)
			}
			u := tensor.In(x, part.u)
			total = total.Add(bij.LogAbsDetJacobian(u, bij.Forward(u)).Sum())
		}
		return []tensor.Value{total}
	})[0][0]
	if got := run(t, m, b.LogDensity, at)[0].Float64s()[0]; !near(got, want, 1e-13) || want == 0 {
		t.Errorf("log density %v, want %v", got, want)
	}
	back := run(t, m, b.Unconstrain, run(t, m, b.Constrain, at))[0].Float64s()
	for i, x := range back {
		if !near(x, q[i], 1e-12) {
			t.Errorf("round trip gives %v at %d, want %v", x, i, q[i])
		}
	}
}
