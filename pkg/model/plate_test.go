package model_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type none struct{}

func TestPlatesGetDimsFromTheRight(t *testing.T) {
	_, b := compile(t, func(c *model.Context, _ none) {
		outer := c.Plate("outer", 3, model.Coords("x", "y", "z"))
		inner := outer.Plate("inner", 2)
		other := c.Plate("other", 5)
		fixed := c.Plate("fixed", 4, model.Dim(-3)).Plate("free", 2)
		a := outer.Sample("a", dist.Normal(0, 1))
		m := inner.Sample("m", dist.Normal(a, 1))
		inner.Sample("v", dist.ToEvent(dist.Normal([]float64{1, 2, 3, 4}, 1), 1), model.Dims("axis"))
		other.Sample("o", dist.Normal(0, 1))
		fixed.Sample("f", dist.Normal(0, 1))
		inner.Deterministic("mm", m.Mul(2))
		outer.Deterministic("curve", a.ExpandDims(1).Mul([]float64{1, 2}))
		c.Deterministic("s", 2.5)
	}, nil)
	for _, w := range []struct {
		name  string
		shape []int
		dims  []string
	}{
		{"a", []int{3}, []string{"outer"}},
		{"m", []int{2, 3}, []string{"inner", "outer"}},
		{"v", []int{2, 3, 4}, []string{"inner", "outer", "axis"}},
		{"o", []int{5}, []string{"other"}},
		{"f", []int{4, 1, 2}, []string{"fixed", "f_dim_1", "free"}},
		{"mm", []int{2, 3}, []string{"inner", "outer"}},
		{"curve", []int{3, 2}, []string{"outer", "curve_dim_1"}},
		{"s", nil, nil},
	} {
		s := b.Manifest.Site(w.name)
		if s == nil || !slices.Equal(s.Shape, w.shape) || !slices.Equal(s.Dims, w.dims) {
			t.Errorf("site %q is %+v, want shape %v, dims %v", w.name, s, w.shape, w.dims)
		}
	}
	if got := b.Manifest.Coords["outer"]; !slices.Equal(got, []string{"x", "y", "z"}) || len(b.Manifest.Coords) != 1 {
		t.Errorf("coords %v", b.Manifest.Coords)
	}
}

// TestPlateCountsEveryElement: a scalar distribution and value in a plate count once for each element.
func TestPlateCountsEveryElement(t *testing.T) {
	out := evaluate(t, func(x tensor.Value, _ rng.Key) []tensor.Value {
		tr := model.Record(func(c *model.Context) {
			c.Plate("n", 3).Plate("m", 4).Observe("y", dist.Normal(x, 1), 0.5)
		})
		return []tensor.Value{tr.LogDensity(), tr.Site("y").LogDensity()}
	})
	want := logNormal(0.5, 1.5, 1)
	if !near(out[0][0], 12*want, 1e-14) || len(out[1]) != 12 || !near(out[1][11], want, 1e-14) {
		t.Errorf("got %v, want 12 × %v", out, want)
	}
}

type rowsData struct {
	X tensor.Value `drey:"x"`
	Y tensor.Value `drey:"y,optional"`
}

func subsampled(c *model.Context, d rowsData) {
	slope := c.Sample("slope", dist.Normal(0, 1))
	batch := c.Plate("rows", d.X.Dim(0), model.Subsample(2))
	batch.Observe("y", dist.Normal(slope.Mul(batch.Rows(d.X)), 1), batch.Rows(d.Y))
}

func TestSubsampleScalesAndTakesIndices(t *testing.T) {
	x, y := []float64{1, 2, 3, 4, 5}, []float64{2, 4, 7, 8, 9}
	m, b := compile(t, subsampled, model.Data{"x": x, "y": y})
	if got := b.LogDensity.In[3]; got.Name != "index:rows" || tensor.FormatShape(got.DType, got.Shape) != "i32[2]" {
		t.Fatalf("index input %+v", got)
	}
	if p := b.Manifest.Plates; len(p) != 1 || p[0] != (model.PlateInfo{Name: "rows", Size: 5, Rows: 2}) {
		t.Errorf("plates %+v", p)
	}
	q := []*tensor.Array{f64s(0.5)}
	got := run(t, m, b.LogDensity, q, tensor.ArrayOf(tensor.I32, []int{2}, []float64{4, 1}))[0].Float64s()[0]
	want := logNormal(0.5, 0, 1) + 2.5*(logNormal(9, 2.5, 1)+logNormal(4, 1, 1))
	if !near(got, want, 1e-14) {
		t.Errorf("log density %v, want %v", got, want)
	}
	sites := run(t, m, b.SiteLogDensity, q)
	if rows := sites[1].Float64s(); len(rows) != 5 || !near(rows[2], logNormal(7, 1.5, 1), 1e-14) {
		t.Errorf("pointwise log densities %v want all 5 rows, unscaled", rows)
	}
}

func TestSubsampleDrawsWithoutReplacement(t *testing.T) {
	seen := map[string]bool{}
	for _, chain := range []int{1, 2, 3} {
		out := evaluate(t, func(_ tensor.Value, k rng.Key) []tensor.Value {
			k.Chain = k.Chain.Add(chain)
			var index tensor.Value
			model.Record(model.Program(func(c *model.Context) {
				index = c.Plate("n", 40, model.Subsample(10)).Index()
			}).With(model.Seed(k)))
			return []tensor.Value{index}
		})
		slices.Sort(out[0])
		if rows := slices.Compact(out[0]); len(rows) != 10 || rows[0] < 0 || rows[9] > 39 {
			t.Errorf("indices %v", out[0])
		}
		seen[fmt.Sprint(out[0])] = true
	}
	if len(seen) != 3 {
		t.Errorf("three chains chose the same rows: %v", seen)
	}
}

func TestPlateErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(*model.Context)
		want []string
	}{
		{"nested in itself", func(c *model.Context) { c.Plate("n", 3).Plate("n", 3) }, []string{`plate "n"`, "nested in itself"}},
		{"empty", func(c *model.Context) { c.Plate("n", 0) }, []string{`plate "n"`, "size 0"}},
		{"two sizes", func(c *model.Context) { c.Plate("n", 3); c.Plate("n", 4) }, []string{`plate "n"`, "size 4 here and 3 before"}},
		{"axis taken", func(c *model.Context) { c.Plate("n", 3).Plate("m", 4, model.Dim(-1)) }, []string{`plate "m"`, `axis -1 is plate "n"'s`}},
		{"positive axis", func(c *model.Context) { c.Plate("m", 4, model.Dim(1)) }, []string{`plate "m"`, "axis 1, want a negative one"}},
		{"coords", func(c *model.Context) { c.Plate("m", 4, model.Coords("a")) }, []string{`plate "m"`, "1 coords for 4 elements"}},
		{"subsample", func(c *model.Context) { c.Plate("m", 4, model.Subsample(5)) }, []string{`plate "m"`, "subsample of 5 elements of 4"}},
		{"no plate", func(c *model.Context) { c.Index() }, []string{"index: outside of any plate"}},
		{"rows", func(c *model.Context) { c.Plate("m", 4).Rows(tensor.Lift([]float64{1, 2})) }, []string{`plate: "m"`, "want 4 of them"}},
		{"batch", func(c *model.Context) { c.Plate("m", 4).Sample("a", dist.Normal([]float64{1, 2}, 1)) }, []string{`site "a"`, "batch shape [2]", `plate "m"`, "the plate has 4"}},
		{"no index", func(c *model.Context) { c.Plate("m", 4, model.Subsample(2)) }, []string{`plate "m"`, "nothing seeds or gives its indices"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tryEvaluate(func(tensor.Value, rng.Key) []tensor.Value {
				model.Record(c.fn)
				return nil
			})
			wantError(t, err, c.want...)
			wantError(t, err, "plate_test.go:")
		})
	}
}

func TestLocalLatentInSubsampleIsAnError(t *testing.T) {
	m := newModel(t, func(c *model.Context, _ none) {
		c.Plate("rows", 5, model.Subsample(2)).Sample("z", dist.Normal(0, 1))
	}, nil)
	_, err := model.Compile(m, model.Options{})
	wantError(t, err, `site "z"`, `subsampled plate "rows"`)
}
