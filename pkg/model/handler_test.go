package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// evaluate traces fn, which gets the scalar input x and a key, and evaluates it at x = 1.5.
func evaluate(t *testing.T, fn func(x tensor.Value, k rng.Key) []tensor.Value) [][]float64 {
	t.Helper()
	out, err := tryEvaluate(fn)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryEvaluate(fn func(x tensor.Value, k rng.Key) []tensor.Value) ([][]float64, error) {
	in := []tensor.Param{
		{Name: "x", DType: tensor.F64}, {Name: "seed", DType: tensor.U64},
		{Name: "chain", DType: tensor.U32}, {Name: "draw", DType: tensor.U32},
	}
	f, err := tensor.Trace("test", tensor.F64, in, func(a []tensor.Value) []tensor.Value {
		return fn(a[0], rng.Key{Seed: a[1], Chain: a[2], Draw: a[3], Purpose: rng.PurposeSite})
	})
	if err != nil {
		return nil, err
	}
	out, err := eval.Run(f, append([]*tensor.Array{tensor.ArrayOf(tensor.F64, nil, []float64{1.5})}, key(7, 1, 2)...))
	if err != nil {
		return nil, err
	}
	values := make([][]float64, len(out))
	for i, a := range out {
		values[i] = a.Float64s()
	}
	return values, nil
}

// pair is a model of two latent sites and one observation.
func pair(c *model.Context) {
	a := c.Sample("a", dist.Normal(0, 1))
	b := c.Sample("b", dist.Normal(a, 2))
	c.Observe("y", dist.Normal(b, 1), 0.5)
}

func logNormal(x, mu, sigma float64) float64 {
	z := (x - mu) / sigma
	return -0.5*z*z - math.Log(sigma) - 0.5*math.Log(2*math.Pi)
}

func TestSeedDependsOnTheNameAlone(t *testing.T) {
	out := evaluate(t, func(_ tensor.Value, k rng.Key) []tensor.Value {
		first := model.Record(model.Program(pair).With(model.Seed(k)))
		second := model.Record(model.Program(func(c *model.Context) {
			c.Sample("other", dist.Normal(0, 1))
			b := c.Sample("b", dist.Normal(c.Sample("a", dist.Normal(0, 1)), 2))
			c.Deterministic("twice", b.Mul(2))
		}).With(model.Seed(k)))
		return []tensor.Value{first.Value("a"), first.Value("b"), second.Value("a"), second.Value("b"), second.Value("other"),
			dist.Normal(0, 1).Sample(k.Site("a"))}
	})
	if out[0][0] != out[2][0] || out[1][0] != out[3][0] {
		t.Errorf("another site before them changed the draws: %v", out)
	}
	if out[0][0] != out[5][0] {
		t.Errorf("a = %v, want the draw under the site's key, %v", out[0], out[5])
	}
	if out[4][0] == out[0][0] {
		t.Errorf("two sites share the draw %v", out[4])
	}
}

func TestInnerSeedWins(t *testing.T) {
	out := evaluate(t, func(_ tensor.Value, k rng.Key) []tensor.Value {
		inner, outer := k.With(rng.PurposePredictive), k
		tr := model.Record(model.Program(pair).With(model.Seed(inner), model.Seed(outer)))
		return []tensor.Value{tr.Value("a"), dist.Normal(0, 1).Sample(inner.Site("a"))}
	})
	if out[0][0] != out[1][0] {
		t.Errorf("a = %v, want %v", out[0], out[1])
	}
}

func TestConditionAndSubstitute(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler func(map[string]any) model.Handler
		kind    model.Kind
	}{{"condition", model.Condition, model.Observed}, {"substitute", model.Substitute, model.Latent}} {
		t.Run(c.name, func(t *testing.T) {
			var kinds []model.Kind
			out := evaluate(t, func(x tensor.Value, k rng.Key) []tensor.Value {
				tr := model.Record(model.Program(pair).With(c.handler(map[string]any{"a": 0.25, "b": x}), model.Seed(k)))
				for _, s := range tr.Sites {
					kinds = append(kinds, s.Kind)
				}
				return []tensor.Value{tr.LogDensity(), tr.Site("b").LogDensity(), tr.Value("b")}
			})
			lb := logNormal(1.5, 0.25, 2)
			want := logNormal(0.25, 0, 1) + lb + logNormal(0.5, 1.5, 1)
			if !near(out[0][0], want, 1e-14) || !near(out[1][0], lb, 1e-14) || out[2][0] != 1.5 {
				t.Errorf("got %v, want log density %v, %v", out, want, lb)
			}
			if !slices.Equal(kinds, []model.Kind{c.kind, c.kind, model.Observed}) {
				t.Errorf("kinds %v", kinds)
			}
		})
	}
}

func TestInnerConditionWins(t *testing.T) {
	_, err := tryEvaluate(func(x tensor.Value, k rng.Key) []tensor.Value {
		p := model.Program(pair).With(model.Condition(map[string]any{"a": 1}), model.Condition(map[string]any{"a": 2}))
		return []tensor.Value{model.Record(p.With(model.Seed(k))).Value("a")}
	})
	wantError(t, err, `condition: no latent site "a"`, "has a value already")
}

func TestReplayTakesLatentValues(t *testing.T) {
	out := evaluate(t, func(x tensor.Value, k rng.Key) []tensor.Value {
		old := model.Record(model.Program(pair).With(model.Seed(k)))
		again := model.Record(model.Program(func(c *model.Context) {
			a := c.Sample("a", dist.Normal(5, 0.1))
			c.Sample("new", dist.Normal(a, 1))
		}).With(model.Replay(old), model.Seed(k)))
		return []tensor.Value{old.Value("a"), again.Value("a"), again.Site("a").LogDensity()}
	})
	if out[0][0] != out[1][0] || !near(out[2][0], logNormal(out[0][0], 5, 0.1), 1e-14) {
		t.Errorf("replayed %v", out)
	}
}

func TestBlockHidesSites(t *testing.T) {
	for _, c := range []struct {
		hide []string
		want []string
	}{{nil, nil}, {[]string{"a"}, []string{"b", "y"}}} {
		var names []string
		evaluate(t, func(x tensor.Value, k rng.Key) []tensor.Value {
			tr := model.Record(model.Program(pair).With(model.Seed(k), model.Block(c.hide...)))
			for _, s := range tr.Sites {
				names = append(names, s.Name)
			}
			return []tensor.Value{tr.LogDensity()}
		})
		if !slices.Equal(names, c.want) {
			t.Errorf("block %v leaves %v, want %v", c.hide, names, c.want)
		}
	}
	_, err := tryEvaluate(func(x tensor.Value, k rng.Key) []tensor.Value {
		model.Record(model.Program(pair).With(model.Block("a"), model.Seed(k)))
		return nil
	})
	wantError(t, err, `site "a"`, "hidden from what would give it one")
}

// rows is a model with an observed vector and a factor.
func rows(c *model.Context) {
	mu := c.Sample("mu", dist.Normal(0, 1))
	n := c.Plate("n", 3)
	n.Observe("y", dist.Normal(mu, 1), []float64{1, 2, 4})
	n.Factor("penalty", mu.Mul(-0.5))
}

func TestMaskAndScale(t *testing.T) {
	give := model.Substitute(map[string]any{"mu": 0.5})
	prior, penalty := logNormal(0.5, 0, 1), -0.25
	y := []float64{logNormal(1, 0.5, 1), logNormal(2, 0.5, 1), logNormal(4, 0.5, 1)}
	inside := func(h func(*model.Context) *model.Context) model.Program {
		return func(c *model.Context) {
			mu := c.Sample("mu", dist.Normal(0, 1))
			h(c).Plate("n", 3).Observe("y", dist.Normal(mu, 1), []float64{1, 2, 4})
		}
	}
	for _, c := range []struct {
		name    string
		program func(x tensor.Value) model.Program
		want    float64
	}{
		{"none", func(tensor.Value) model.Program { return rows }, prior + y[0] + y[1] + y[2] + 3*penalty},
		{"scale", func(tensor.Value) model.Program { return model.Program(rows).With(model.Scale(0.5)) }, 0.5 * (prior + y[0] + y[1] + y[2] + 3*penalty)},
		{"scale twice", func(tensor.Value) model.Program { return model.Program(rows).With(model.Scale(0.5), model.Scale(4)) }, 2 * (prior + y[0] + y[1] + y[2] + 3*penalty)},
		{"traced scale", func(x tensor.Value) model.Program { return model.Program(rows).With(model.Scale(x), model.Scale(x)) }, 2.25 * (prior + y[0] + y[1] + y[2] + 3*penalty)},
		{"mask all", func(tensor.Value) model.Program { return model.Program(rows).With(model.Mask(false)) }, 0},
		{"mask some", func(tensor.Value) model.Program {
			return inside(func(c *model.Context) *model.Context { return c.Mask([]bool{true, false, true}) })
		}, prior + y[0] + y[2]},
		{"masks meet", func(tensor.Value) model.Program {
			return inside(func(c *model.Context) *model.Context {
				return c.Mask([]bool{true, false, true}).Mask([]bool{true, true, false})
			})
		}, prior + y[0]},
		{"scale inside", func(tensor.Value) model.Program {
			return inside(func(c *model.Context) *model.Context { return c.Scale(3) })
		}, prior + 3*(y[0]+y[1]+y[2])},
		{"scale rows", func(x tensor.Value) model.Program {
			return inside(func(c *model.Context) *model.Context { return c.Scale(tensor.Stack(0, x, 1, 2)) })
		}, prior + 1.5*y[0] + y[1] + 2*y[2]},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := evaluate(t, func(x tensor.Value, k rng.Key) []tensor.Value {
				tr := model.Record(c.program(x).With(give))
				total := tensor.Lift(0.0)
				for _, s := range tr.Sites {
					total = total.Add(s.LogDensity().Sum())
				}
				return []tensor.Value{tr.LogDensity(), total}
			})
			if !near(out[0][0], c.want, 1e-13) || !near(out[1][0], c.want, 1e-13) {
				t.Errorf("log density %v, sum of sites %v, want %v", out[0], out[1], c.want)
			}
		})
	}
}

func TestParamIsItsInitOrItsSubstitute(t *testing.T) {
	program := model.Program(func(c *model.Context) {
		p := c.Param("p", 2.0, dist.Positive)
		c.Sample("x", dist.Normal(p, 1))
	})
	out := evaluate(t, func(x tensor.Value, k rng.Key) []tensor.Value {
		return []tensor.Value{
			model.Record(program.With(model.Seed(k))).Value("p"),
			model.Record(program.With(model.Substitute(map[string]any{"p": x}), model.Seed(k))).Value("p"),
		}
	})
	if out[0][0] != 2 || out[1][0] != 1.5 {
		t.Errorf("got %v, want 2 and 1.5", out)
	}
}

func TestLocScaleReparamSkipsGivenSites(t *testing.T) {
	program := model.Program(func(c *model.Context) {
		c.Sample("theta", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 2))
	}).With(model.Condition(map[string]any{"theta": 1}), locScale(0))
	var names []string
	evaluate(t, func(x tensor.Value, k rng.Key) []tensor.Value {
		for _, s := range model.Record(program.With(model.Seed(k))).Sites {
			names = append(names, s.Name)
		}
		return nil
	})
	if !slices.Equal(names, []string{"mu", "theta"}) {
		t.Errorf("sites %v", names)
	}
}
