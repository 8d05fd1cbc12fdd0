package model_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// vector is a data struct with one column.
type vector struct {
	Y tensor.Value `drey:"y,optional"`
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(*model.Context, vector)
		want []string
	}{
		{"duplicate", func(c *model.Context, d vector) {
			c.Sample("mu", dist.Normal(0, 1))
			c.Sample("mu", dist.Normal(0, 1))
		}, []string{`site "mu"`, "used twice: first at", "error_test.go:"}},
		{"duplicate deterministic", func(c *model.Context, d vector) {
			c.Deterministic("mu", c.Sample("mu", dist.Normal(0, 1)))
		}, []string{`site "mu"`, "used twice"}},
		{"no name", func(c *model.Context, d vector) { c.Sample("", dist.Normal(0, 1)) }, []string{`site ""`, "has no name"}},
		{"newline in a name", func(c *model.Context, d vector) { c.Sample("mu\n", dist.Normal(0, 1)) }, []string{`site "mu\n"`, `the character '\n' in its name`, "error_test.go:"}},
		{"escape in a plate's name", func(c *model.Context, d vector) {
			c.Plate("\x1b[2J", 3).Sample("mu", dist.Normal(0, 1))
		}, []string{`plate "\x1b[2J"`, `the character '\x1b'`}},
		{"nil distribution", func(c *model.Context, d vector) { c.Sample("mu", nil) }, []string{`site "mu"`, "no distribution"}},
		{"discrete latent", func(c *model.Context, d vector) { c.Sample("z", dist.Bernoulli(0.5)) },
			[]string{`site "z"`, "discrete latent variable", "sum it out"}},
		{"negative scale", func(c *model.Context, d vector) { c.Sample("mu", dist.Normal(0, -1)) }, []string{"scale", "-1", "error_test.go:"}},
		{"observed shape", func(c *model.Context, d vector) {
			c.Plate("n", 4).Observe("obs", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), d.Y)
		}, []string{`site "obs"`, "observed value f64[3]", "batch shape [4]", "plates n = 4", "error_test.go:"}},
		{"observed event", func(c *model.Context, d vector) {
			c.Observe("obs", dist.ToEvent(dist.Normal([]float64{1, 2}, c.Sample("s", dist.HalfCauchy(1))), 1), d.Y)
		}, []string{`site "obs"`, "does not end in the event shape [2]"}},
		{"observed dtype", func(c *model.Context, d vector) {
			c.Observe("obs", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), d.Y.Convert(tensor.I32))
		}, []string{`site "obs"`, "i32", "f64", "error_test.go:"}},
		{"shapes in the model", func(c *model.Context, d vector) {
			x := c.Plate("n", 4).Sample("x", dist.Normal(0, 1))
			c.Deterministic("sum", x.Add(d.Y))
		}, []string{"add", "f64[4]", "f64[3]", "error_test.go:"}},
		{"parameters", func(c *model.Context, d vector) {
			x := c.Plate("n", 4).Sample("x", dist.Normal(0, 1))
			c.Observe("obs", dist.Normal(x, d.Y), 1)
		}, []string{"do not broadcast", "f64[4]", "f64[3]", "error_test.go:"}},
		{"no latent sites", func(c *model.Context, d vector) { c.Observe("obs", dist.Normal(0, 1), d.Y) }, []string{"no latent sites"}},
		{"absent observation", func(c *model.Context, d vector) {
			c.Observe("obs", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), tensor.Value{})
		}, []string{`site "obs"`, "has no data"}},
		{"panic", func(c *model.Context, d vector) {
			sizes := []int{1, 2}
			c.Plate("n", sizes[d.Y.Dim(0)])
		}, []string{"model panicked at", "error_test.go:", "index out of range [3] with length 2"}},
		{"own panic", func(c *model.Context, d vector) { panic("no such case") }, []string{"model panicked at", "error_test.go:", "no such case"}},
		{"nil pointer", func(c *model.Context, d vector) {
			var p *vector
			c.Sample("mu", dist.Normal(p.Y, 1))
		}, []string{"model panicked at", "error_test.go:", "nil pointer"}},
		{"no location and scale", model.With(func(c *model.Context, d vector) {
			c.Sample("theta", dist.HalfCauchy(1))
		}, locScale(0)), []string{`site "theta"`, "LocScaleReparam of HalfCauchy, which has no location"}},
		{"centered", model.With(func(c *model.Context, d vector) {
			c.Sample("theta", dist.Normal(0, 1))
		}, locScale(1.5)), []string{`site "theta"`, "Centered is 1.5, want 0 to 1"}},
		{"reparam name", model.With(func(c *model.Context, d vector) {
			c.Sample("thetas", dist.Normal(0, 1))
		}, locScale(0)), []string{`reparam: no latent site "theta"`, `did you mean "thetas"?`, "schools_test.go:"}},
		{"reparam of an observed site", model.With(func(c *model.Context, d vector) {
			c.Observe("theta", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), d.Y)
		}, locScale(0)), []string{`reparam: no latent site "theta"`, "has a value already", "schools_test.go:"}},
		{"reparam of a deterministic site", model.With(func(c *model.Context, d vector) {
			c.Deterministic("theta", c.Sample("mu", dist.Normal(0, 1)))
		}, locScale(0)), []string{`reparam: no latent site "theta"`, "sites: mu", "schools_test.go:"}},
		{"condition name", model.With(func(c *model.Context, d vector) {
			c.Sample("mu", dist.Normal(0, 1))
		}, model.Condition(map[string]any{"sigma": 1})), []string{`condition: no latent site "sigma"`, "sites: mu", "error_test.go:"}},
		{"substituted shape", model.With(func(c *model.Context, d vector) {
			c.Sample("mu", dist.Normal(0, 1))
		}, model.Substitute(map[string]any{"mu": []float64{1, 2}})), []string{`site "mu"`, "does not broadcast to batch shape []"}},
		{"mask shape", func(c *model.Context, d vector) {
			c.Mask([]bool{true, false}).Observe("obs", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), d.Y)
		}, []string{`site "obs"`, "mask bool[2]", "[3]"}},
		{"scale", func(c *model.Context, d vector) { c.Scale(-1).Sample("mu", dist.Normal(0, 1)) }, []string{`site "mu"`, "scale -1"}},
		{"dims", func(c *model.Context, d vector) {
			c.Sample("mu", dist.Normal(0, 1), model.Dims("a"))
		}, []string{`site "mu"`, "1 names of dimensions for shape []"}},
		{"not the same sites", changing(), []string{"appears in one run of the model and not in another"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(t, c.fn, model.Data{"y": []float64{1, 2, 3}})
			_, err := model.Compile(m, model.Options{})
			wantError(t, err, c.want...)
		})
	}
}

// changing returns a model that declares another site each time it runs.
func changing() func(*model.Context, vector) {
	names := []string{"a", "b", "c", "d"}
	return func(c *model.Context, _ vector) {
		c.Sample(names[0], dist.Normal(0, 1))
		names = names[1:]
	}
}

func TestUnseededSampleIsAnError(t *testing.T) {
	_, err := tryEvaluate(func(tensor.Value, rng.Key) []tensor.Value {
		model.Record(func(c *model.Context) { c.Sample("mu", dist.Normal(0, 1)) })
		return nil
	})
	wantError(t, err, `site "mu"`, "nothing seeds, substitutes or conditions it", "error_test.go:")
}

func TestOptionErrors(t *testing.T) {
	m := newModel(t, model.With(eightSchools, locScale(0)), schoolsData())
	for _, c := range []struct {
		opts model.Options
		want []string
	}{
		{model.Options{Init: "middle"}, []string{`unknown start strategy "middle"`}},
		{model.Options{Init: model.InitValue}, []string{`"value" needs the names`}},
		{model.Options{Given: []string{"thet"}}, []string{`a start is given for "thet"`, `did you mean "theta"?`}},
		{model.Options{Given: []string{"obs"}}, []string{`a start is given for "obs"`, "no latent site"}},
	} {
		_, err := model.Compile(m, c.opts)
		wantError(t, err, c.want...)
	}
}

func TestDataCheckNamesTheObservation(t *testing.T) {
	fn := func(c *model.Context, d vector) {
		rate := c.Sample("rate", dist.HalfCauchy(1))
		c.Observe("obs", dist.Poisson(rate), d.Y)
		c.Observe("bounded", dist.Uniform(0, rate), d.Y) // only the position decides: not checked
	}
	for _, c := range []struct {
		y    any
		want []string
	}{
		{[]float64{3, 0, 7}, nil},
		{[]float64{3, 0, 7, -1}, []string{"observation obs[3] = -1 is outside the support of Poisson (a non-negative integer)"}},
		{[]float64{3, 0.5}, []string{"observation obs[1] = 0.5"}},
		{-2.0, []string{"observation obs = -2"}},
	} {
		m, b := compile(t, fn, model.Data{"y": c.y})
		results := run(t, m, b.DataCheck, []*tensor.Array{f64s(0)})
		if len(results) != 2 {
			t.Fatalf("%d results, want those of obs alone", len(results))
		}
		err := b.CheckData(results)
		if c.want == nil && err != nil {
			t.Error(err)
		}
		if c.want != nil {
			wantError(t, err, c.want...)
		}
	}
}
