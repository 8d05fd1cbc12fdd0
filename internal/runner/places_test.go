package runner_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
)

// TestDivergencesGather: the summary of a centred funnel says that trajectories diverge in its neck, and counts them as the draws do;
// run.json has how its pooled warmup went.
func TestDivergencesGather(t *testing.T) {
	cfg := together(11)
	cfg.Dir, cfg.Draws = t.TempDir(), 400
	m := runner.Model{Model: bind(t, func(c *model.Context, _ struct{}) {
		scale := c.Sample("log_scale", dist.Normal(0, 3))
		c.Plate("i", 6).Sample("x", dist.Normal(0, scale.Mul(0.5).Exp()))
	}, nil)}
	r, err := runner.Run(t.Context(), cfg, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	s, err := runner.Summarise(r.Draws, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	gathered := s.Gathered()
	if len(gathered) == 0 || gathered[0].Name != "log_scale" || gathered[0].Begins.Low <= gathered[0].Begins.High {
		t.Fatalf("%d divergences gather at %v", s.Divergences, gathered)
	}
	low, count := 0, 0
	diverging, scale := stat(t, r.Draws, "diverging"), site(t, r.Draws, "log_scale")
	all := slices.Sorted(slices.Values(slices.Concat(scale...)))
	for c := range diverging {
		for d := 1; d < len(diverging[c]); d++ {
			if diverging[c][d] == 0 {
				continue
			}
			count++
			if scale[c][d-1] < all[len(all)/10] {
				low++
			}
		}
	}
	if got := gathered[0].Begins; got.Count != count || math.Abs(float64(got.Low-low)) > 0.05*float64(count) {
		t.Errorf("%+v, and %d of %d by hand", got, low, count)
	}
	var text struct {
		Places []struct {
			Parameter   string
			Divergences int
			Low         int `json:"below_q10"`
		} `json:"divergence_places"`
		Transitions int     `json:"warmup_transitions"`
		Rate        float64 `json:"ess_per_second"`
	}
	raw, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(raw, &text)
	}
	if err != nil || len(text.Places) != len(gathered) || text.Places[0].Parameter != "log_scale" || text.Places[0].Low != gathered[0].Begins.Low {
		t.Errorf("as JSON %+v, %v", text, err)
	}
	if w := s.Run.Warmup; w == nil || w.Transitions < 100 || w.Transitions > cfg.Warmup || text.Transitions != w.Transitions {
		t.Errorf("warmup went %+v, as JSON %d", w, text.Transitions)
	}
	if rate := s.MinESS() / float64(s.Run.Seconds.Sampling); text.Rate != rate || !(rate > 0) {
		t.Errorf("%v effective draws a second, want %v", text.Rate, rate)
	}
}

func stat(t *testing.T, d runner.Draws, name string) [][]float64 {
	t.Helper()
	return element(t)(d.Stat(name, store.Sampling))
}

func site(t *testing.T, d runner.Draws, name string) [][]float64 {
	t.Helper()
	return element(t)(d.Site(name, store.Sampling))
}

// element returns what takes a scalar array's draws.
func element(t *testing.T) func(runner.Array, error) [][]float64 {
	return func(a runner.Array, err error) [][]float64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		out, err := a.Element(0)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}
