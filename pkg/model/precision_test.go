package model_test

import (
	"math"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/mixed"
)

type manyRows struct {
	Y      tensor.Value `drey:"y"`
	Offset tensor.Value `drey:"offset,dtype=f64"`
	Group  tensor.Value `drey:"group,index=J"`
	Short  tensor.Value `drey:"short"`
	J      int          `drey:"J"`
}

// groupMeans has all parts that Mixed tells apart: long columns, one of them of a given dtype, a short one, indices, and a
// deterministic site over the rows.
func groupMeans(c *model.Context, d manyRows) {
	mu := c.Sample("mu", dist.Normal(d.Short.Sum(), 10))
	a := c.Plate("J", d.J).Sample("a", dist.Normal(mu, 1))
	n := c.Plate("n", d.Y.Dim(0))
	rate := n.Deterministic("rate", a.Take(d.Group, 0).Add(d.Offset))
	n.Observe("y", dist.Normal(rate, 2), d.Y)
}

func groupMeansData() model.Data {
	n := mixed.LongAxis + 76
	y, offset, group := make([]float64, n), make([]float64, n), make([]int, n)
	for i := range y {
		y[i], offset[i], group[i] = math.Sin(float64(i)), 0.1*float64(i%3), i%4
	}
	return model.Data{"y": y, "offset": offset, "group": group, "short": []float64{0.1, 0.2}, "J": 4}
}

// TestMixed: long columns are f32, those that ask for a dtype and the programs' positions and results are not; the density is
// that of f64 but for the rounding of data and terms.
func TestMixed(t *testing.T) {
	m, b := compile(t, groupMeans, groupMeansData())
	narrow, err := m.Mixed()
	if err != nil {
		t.Fatal(err)
	}
	if m.Precision() != model.F64 || narrow.Precision() != model.Mixed || m.Columns[0].DType != tensor.F64 {
		t.Errorf("precisions %s, %s, column %s", m.Precision(), narrow.Precision(), m.Columns[0].DType)
	}
	for i, want := range []tensor.DType{tensor.F32, tensor.F64, tensor.I32, tensor.F64} {
		if c := narrow.Columns[i]; c.DType != want || len(c.Bytes) != want.Size()*tensor.NumElements(c.Shape) {
			t.Errorf("column %s is %s of %d bytes, want %s", c.Name, c.DType, len(c.Bytes), want)
		}
	}
	nb, err := model.Compile(narrow, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if nb.Digest == b.Digest || nb.LogDensity.In[0].DType != tensor.F64 || nb.Manifest.Float != "f64" {
		t.Error("the program of mixed precision is that of f64")
	}
	q := f64s(0.3, -0.5, 0.2, 0.9, 1.1)
	want, got := run(t, m, b.LogDensity, []*tensor.Array{q}), run(t, narrow, nb.LogDensity, []*tensor.Array{q})
	for i, w := range append(want[0].Float64s(), want[1].Float64s()...) {
		g := append(got[0].Float64s(), got[1].Float64s()...)[i]
		if d := math.Abs(g - w); !(d < 1e-5*(1+math.Abs(w))) || d == 0 && i == 0 {
			t.Errorf("result %d is %v, in f64 %v", i, g, w)
		}
	}
	for i, site := range run(t, narrow, nb.Constrain, []*tensor.Array{q}) {
		w := run(t, m, b.Constrain, []*tensor.Array{q})[i]
		if site.DType != tensor.F64 || site.Float64s()[0] != w.Float64s()[0] {
			t.Errorf("site %d is %v in %s, want %v", i, site.Float64s()[0], site.DType, w.Float64s()[0])
		}
	}
}

func TestMixedRefuses(t *testing.T) {
	single, err := model.New("m", tensor.F32, groupMeans, groupMeansData())
	if err != nil {
		t.Fatal(err)
	}
	large := groupMeansData()
	large["y"].([]float64)[5] = -1e39
	double, err := model.New("m", tensor.F64, groupMeans, large)
	if err != nil {
		t.Fatal(err)
	}
	bm, b := compile(t, bounded, boundedData())
	imported, err := model.Import(asImported(t, bm, b))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		m    *model.Model
		want string
	}{
		{single, "bound in f32"}, {double, `"y": y[5] = -1e+39 is too large for f32`}, {imported, "export it anew"},
	} {
		if _, err := w.m.Mixed(); err == nil || !strings.Contains(err.Error(), w.want) {
			t.Errorf("%v, want %s", err, w.want)
		}
	}
	if err := model.Precision("f16").Validate(); err == nil || !strings.Contains(err.Error(), "f64, f32, mixed") {
		t.Error(err)
	}
}
