package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// withDraws adds the programs that draw and check data, as they come from elsewhere.
func withDraws(t *testing.T, p model.Imported, m *model.Model, b *model.Bundle) model.Imported {
	t.Helper()
	var data []tensor.Param
	for _, c := range m.Columns {
		data = append(data, c.Param())
	}
	words := []tensor.Param{{Name: "seed", DType: tensor.U32, Shape: []int{2}}, {Name: "chain", DType: tensor.U32}, {Name: "draw", DType: tensor.U32}}
	trace := func(f *tensor.Func, lead []tensor.Param, args func(in []tensor.Value) []tensor.Value) *tensor.Func {
		g, err := tensor.Trace("main", f.Float, append(slices.Clone(lead), data...), func(in []tensor.Value) []tensor.Value { return f.ApplyWith(nil, args(in)...) })
		if err != nil {
			t.Fatal(err)
		}
		for i := range g.Out {
			g.Out[i].Name = f.Out[i].Name
		}
		return g
	}
	drawing := func(f *tensor.Func, lead []tensor.Param) *tensor.Func {
		return trace(f, append(slices.Clone(lead), words...), func(in []tensor.Value) []tensor.Value {
			at, out := len(lead), slices.Clone(in)
			part := func(i int) tensor.Value { return in[at].Slice(0, i, i+1).Reshape().Convert(tensor.U64) }
			out[at] = part(0).Shl(32).Or(part(1))
			return out
		})
	}
	position := []tensor.Param{{Name: "q", DType: tensor.F64, Shape: []int{b.Manifest.Dimension}}}
	p.Predictive, p.Prior = drawing(b.Predictive, position), drawing(b.Prior, nil)
	p.DataCheck = trace(b.DataCheck, nil, func(in []tensor.Value) []tensor.Value {
		return append([]tensor.Value{tensor.Lift(make([]float64, b.Manifest.Dimension))}, in...)
	})
	p.Given = []string{"y"}
	return p
}

// positiveY has data with a support.
func positiveY(c *model.Context, d observed) {
	scale := c.Sample("scale", dist.HalfNormal(2))
	n := c.Plate("n", d.Y.Dim(0))
	n.Observe("y", dist.LogNormal(0, scale), d.Y)
}

// TestImportedDraws: programs that draw, and starts from the prior, are those of the model itself.
func TestImportedDraws(t *testing.T) {
	m, b := compile(t, bounded, boundedData())
	back, err := model.Import(withDraws(t, asImported(t, m, b), m, b))
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.Compile(back, model.Options{Init: model.InitPrior})
	if err != nil {
		t.Fatal(err)
	}
	lead := key(1<<40+7, 2, 1)
	position := f64s(0.1, 0.2, 0.3, 0.4)
	same := func(name string, got, want []*tensor.Array) {
		t.Helper()
		for i := range want {
			if !slices.Equal(got[i].Bits, want[i].Bits) {
				t.Errorf("%s %d: %v, want %v", name, i, got[i].Float64s(), want[i].Float64s())
			}
		}
	}
	same("predictive", run(t, back, got.Predictive, append([]*tensor.Array{position}, lead...)), run(t, m, b.Predictive, append([]*tensor.Array{position}, lead...)))
	prior := run(t, m, b.Prior, lead)
	same("prior", run(t, back, got.Prior, lead), prior)
	same("start", run(t, back, got.Init, lead), run(t, m, b.Unconstrain, prior[:2]))
	if alone, err := model.CompilePrior(back); err != nil || alone.Prior != got.Prior {
		t.Errorf("the prior alone: %v", err)
	}
	if len(got.Manifest.Unavailable) != 0 {
		t.Errorf("unavailable: %v", got.Manifest.Unavailable)
	}
	for name, change := range map[string]func(p *model.Imported){
		`result "mu" is no site`:              func(p *model.Imported) { p.Predictive.Out[0].Name = "mu" },
		`result "bound" is no site that it`:   func(p *model.Imported) { p.Predictive.Out[0].Name = "bound" },
		"program data_check: result 0, \"z\"": func(p *model.Imported) { p.DataCheck.Out[0].Name = "z" },
	} {
		p := withDraws(t, asImported(t, m, b), m, b)
		change(&p)
		_, err := model.Import(p)
		fails(t, name, err, name)
	}
}

// TestWithData: a model with other data is the one that was written with them; data outside their support are found.
func TestWithData(t *testing.T) {
	m, b := compile(t, positiveY, boundedData())
	back, err := model.Import(withDraws(t, asImported(t, m, b), m, b))
	if err != nil {
		t.Fatal(err)
	}
	other := model.Data{"y": []float64{3, 0.25, 7}}
	replaced, err := back.WithData(other)
	if err != nil {
		t.Fatal(err)
	}
	direct, _ := compile(t, positiveY, other)
	if !slices.Equal(replaced.Columns[0].Bytes, direct.Columns[0].Bytes) || slices.Equal(back.Columns[0].Bytes, direct.Columns[0].Bytes) {
		t.Errorf("columns %v, then %v", back.Columns, replaced.Columns)
	}
	at := []*tensor.Array{f64s(0.3)}
	if x, y := run(t, replaced, b.LogDensity, at), run(t, direct, b.LogDensity, at); x[0].Bits[0] != y[0].Bits[0] {
		t.Errorf("log density %v, want %v", x[0].Float64s(), y[0].Float64s())
	}
	wrong, err := back.WithData(model.Data{"y": []float64{3, -0.25, 7}})
	if err != nil {
		t.Fatal(err)
	}
	checked, err := model.Compile(wrong, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fails(t, "support", checked.CheckData(run(t, wrong, checked.DataCheck, at)), "y[1] = -0.25 is outside the support of LogNormal")
	for _, c := range []struct {
		data model.Data
		want string
	}{
		{model.Data{"y": []float64{1, 2}}, "shape [2], want [3]"},
		{model.Data{"y": []float64{1, 2, math.NaN()}}, "y[2] is NaN"},
		{model.Data{"z": []float64{1, 2, 3}}, `"z" is not a column of the model; did you mean "y"?`},
		{model.Data{"weights": []float64{1, 2, 3}}, "(columns: y)"},
	} {
		_, err := back.WithData(c.data)
		fails(t, c.want, err, c.want)
	}
	p := asImported(t, m, b)
	fixed, err := model.Import(p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fixed.WithData(other)
	fails(t, "a constant", err, `"y" can't be replaced`)
	_, err = m.WithData(other)
	fails(t, "not imported", err, "bind its function")
}

type lookedUp struct {
	Group tensor.Value `drey:"group,dtype=i32"`
	Count tensor.Value `drey:"count,dtype=i32"`
}

func groups(c *model.Context, d lookedUp) {
	effect := c.Plate("J", 4).Sample("effect", dist.Normal(0, 1))
	c.Factor("rows", effect.Take(d.Group, 0).Mul(d.Count.Convert(tensor.F64)).Sum())
}

// scanned looks effects up within a loop alone, by an index that the loop before it carries.
func scanned(c *model.Context, d lookedUp) {
	effect := c.Plate("J", 4).Sample("effect", dist.Normal(0, 1))
	_, shifted := tensor.Scan(tensor.Lift(int32(0)), d.Group, func(before, g tensor.Value) (tensor.Value, tensor.Value) { return g, before })
	total, _ := tensor.Scan(effect.Slice(0, 0, 1).Reshape(), shifted, func(sum, g tensor.Value) (tensor.Value, tensor.Value) {
		return sum.Add(effect.Take(g, 0)), sum
	})
	c.Factor("rows", total.Mul(d.Count.Sum().Convert(tensor.F64)))
}

// TestWithDataOfIndices: indices stay within the range that they had, counts need not.
func TestWithDataOfIndices(t *testing.T) {
	for name, fn := range map[string]func(*model.Context, lookedUp){"look-up": groups, "loops": scanned} {
		m, b := compile(t, fn, model.Data{"group": []int{0, 1, 3}, "count": []int{1, 2, 3}})
		p := asImported(t, m, b)
		p.Given = []string{"group", "count"}
		back, err := model.Import(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := back.WithData(model.Data{"group": []int{2, 2, 0}, "count": []int{1000, -4, 0}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err = back.WithData(model.Data{"group": []int{0, 1, 4}})
		fails(t, name, err, `"group": group[2] = 4 is outside 0 … 3`)
	}
}
