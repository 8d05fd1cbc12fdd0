package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type observed struct {
	Y tensor.Value `drey:"y"`
}

// bounded has a support that depends on another site.
func bounded(c *model.Context, d observed) {
	bound := c.Sample("bound", dist.HalfCauchy(2))
	n := c.Plate("n", d.Y.Dim(0), model.Coords("a", "b", "c"))
	width := n.Sample("width", dist.Uniform(0, bound))
	c.Deterministic("twice", width.Mul(2))
	n.Observe("y", dist.Normal(width, 1), d.Y)
}

func boundedData() model.Data { return model.Data{"y": []float64{1, 2, 0.5}} }

// asImported returns a model's programs as if they came from elsewhere: with names of their own.
func asImported(t *testing.T, m *model.Model, b *model.Bundle) model.Imported {
	t.Helper()
	rename := func(f *tensor.Func) *tensor.Func {
		params := slices.Clone(f.In)
		for i := range params {
			params[i].Name = "arg" + string(rune('0'+i))
		}
		g, err := tensor.Trace("main", f.Float, params, func(args []tensor.Value) []tensor.Value { return f.ApplyWith(nil, args...) })
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	sites := rename(b.SiteLogDensity)
	for i := range sites.Out {
		sites.Out[i].Name = b.SiteLogDensity.Out[i].Name
	}
	return model.Imported{
		Manifest: b.Manifest, Columns: m.Columns,
		LogDensity: rename(b.LogDensity), Constrain: rename(b.Constrain), Unconstrain: rename(b.Unconstrain), SiteLogDensity: sites,
	}
}

// TestImportedModel: a model whose programs are exported and imported is the model, down to its digest and its starts,
// whichever sites they are given for.
func TestImportedModel(t *testing.T) {
	m, b := compile(t, bounded, boundedData())
	back, err := model.Import(asImported(t, m, b))
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range [][]string{nil, {"bound"}, {"width"}, {"bound", "width"}, {"width", "bound"}} {
		opts := model.Options{Given: given}
		want, err := model.Compile(m, opts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := model.Compile(back, opts)
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != want.Digest {
			t.Errorf("the log density changed: %s\n%s", got.LogDensity, want.LogDensity)
		}
		lead := key(5, 2, 1)
		for _, name := range given {
			x := f64s(0.25, 1.5, 2)
			if name == "bound" {
				x = tensor.ArrayOf(tensor.F64, nil, []float64{3})
			}
			lead = append(lead, x)
		}
		if u, v := run(t, back, got.Init, lead)[0], run(t, m, want.Init, lead)[0]; !slices.Equal(u.Bits, v.Bits) {
			t.Errorf("given %v: start %v, want %v", given, u.Float64s(), v.Float64s())
		}
		if s := got.Manifest.Coords["n"]; !slices.Equal(s, []string{"a", "b", "c"}) {
			t.Errorf("coords %v", s)
		}
	}
}

// TestImportedModelIsOnlySampled: what an imported model can't do is an error that says what to do.
func TestImportedModelIsOnlySampled(t *testing.T) {
	m, b := compile(t, bounded, boundedData())
	p := asImported(t, m, b)
	p.Unconstrain, p.SiteLogDensity = nil, nil
	back, err := model.Import(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.Compile(back, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Predictive != nil || !strings.Contains(got.Manifest.Unavailable["predictive"], "where the model was written") {
		t.Errorf("predictive: %v", got.Manifest.Unavailable)
	}
	if len(got.DataCheck.Out) != 0 {
		t.Errorf("data checks of data that were checked before: %v", got.DataCheck.Out)
	}
	position := f64s(0.1, 0.2, 0.3, 0.4)
	sites, whole := run(t, back, got.SiteLogDensity, []*tensor.Array{position}), run(t, back, got.LogDensity, []*tensor.Array{position})
	if got.SiteLogDensity.Out[0].Name != "log_density" || sites[0].Bits[0] != whole[0].Bits[0] {
		t.Errorf("the log density by site is %v, want %v", sites[0].Float64s(), whole[0].Float64s())
	}
	_, err = model.CompilePrior(back)
	fails(t, "prior", err, "none of them draws its sites")
	_, err = model.Compile(back, model.Options{Init: model.InitMedian})
	fails(t, "median", err, "need the prior")
	_, err = model.Compile(back, model.Options{Given: []string{"bound"}})
	fails(t, "given", err, "no program unconstrain")
	_, err = model.Compile(back.With(model.Block("width")), model.Options{})
	fails(t, "handler", err, "handlers can't change a model that was imported")
	whole2, err := model.Import(asImported(t, m, b))
	if err != nil {
		t.Fatal(err)
	}
	_, err = model.Compile(whole2, model.Options{Given: []string{"bond"}})
	fails(t, "misspelt", err, `did you mean "bound"?`)
}

func fails(t *testing.T, name string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want an error with %q", name, err, want)
	}
}

// TestImportRefuses: programs and a manifest that do not fit together.
func TestImportRefuses(t *testing.T) {
	m, b := compile(t, bounded, boundedData())
	for _, c := range []struct {
		name   string
		change func(p *model.Imported)
		want   string
	}{
		{"float", func(p *model.Imported) { p.Manifest.Float = "i32" }, `precision "i32"`},
		{"offset", func(p *model.Imported) { p.Manifest.Sites[1].Offset = 2 }, `site "width" has elements 2 … 4`},
		{"overlong", func(p *model.Imported) { p.Manifest.Sites[1].UnconstrainedSize = 4 }, "of a position of length 4"},
		{"dimension", func(p *model.Imported) { p.Manifest.Dimension = 5 }, "4 elements of a position of length 5"},
		{"no sites", func(p *model.Imported) { p.Manifest.Sites, p.Manifest.Dimension = nil, 0 }, "0 elements"},
		{"kind", func(p *model.Imported) { p.Manifest.Sites[0].Kind = model.FactorSite }, `unknown kind "factor"`},
		{"dtype", func(p *model.Imported) { p.Manifest.Sites[0].DType = "f32" }, `dtype "f32" in a model of f64`},
		{"twice", func(p *model.Imported) { p.Manifest.Sites[2].Name = "bound" }, "used twice"},
		{"dims", func(p *model.Imported) { p.Manifest.Sites[1].Dims = nil }, "0 names for 1 dimensions"},
		{"shape", func(p *model.Imported) { p.Manifest.Sites[2].Shape = []int{0} }, "at least one element"},
		{"coords", func(p *model.Imported) { p.Manifest.Coords = map[string][]string{"n": {"a"}} }, "1 coords and 3 elements"},
		{"column", func(p *model.Imported) { p.Columns[0].Bytes = p.Columns[0].Bytes[:8] }, "8 bytes, want 24"},
		{"unnamed column", func(p *model.Imported) { p.Columns[0].Name = "" }, `the name "" of a data column`},
		{"missing column", func(p *model.Imported) { p.Columns = nil }, "2 parameters, want 1"},
		{"swapped", func(p *model.Imported) { p.LogDensity = p.Constrain }, "program log_density: 3 results, want 2"},
		{"position", func(p *model.Imported) { p.LogDensity = p.Unconstrain }, "program log_density: 3 parameters, want 2"},
		{"results", func(p *model.Imported) { p.Manifest.Sites[2].Shape, p.Manifest.Sites[2].Dims = nil, nil }, "program constrain: result 2 is f64[3], want f64[] (twice)"},
		{"site name", func(p *model.Imported) { p.SiteLogDensity.Out[0].Name = "" }, `site_log_density: the result ""`},
	} {
		p := asImported(t, m, b)
		p.Manifest.Sites, p.Columns = slices.Clone(p.Manifest.Sites), slices.Clone(p.Columns)
		c.change(&p)
		_, err := model.Import(p)
		fails(t, c.name, err, c.want)
	}
}
