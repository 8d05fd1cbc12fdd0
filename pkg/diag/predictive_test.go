package diag_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

type looReference struct {
	ELPD      number `json:"elpd_loo"`
	SE        number
	P         number `json:"p_loo"`
	Pointwise []number
	ParetoK   []number `json:"pareto_k"`
	Warning   bool
	GoodK     number `json:"good_k"`
}

type psisReference struct {
	ParetoK    []number   `json:"pareto_k"`
	LogWeights [][]number `json:"log_weights"`
	SumSquares []number   `json:"sum_log_weights_squared"`
	Max        []number   `json:"max_log_weight"`
	ESS        []number
}

type predictiveReference struct {
	LOO1  looReference  `json:"loo_reff_1"`
	LOO6  looReference  `json:"loo_reff_0.6"`
	PSIS1 psisReference `json:"psislw_reff_1"`
	PSIS6 psisReference `json:"psislw_reff_0.6"`
	WAIC  struct {
		ELPD      number `json:"elpd_waic"`
		SE        number
		P         number `json:"p_waic"`
		Pointwise []number
		Warning   bool
	}
	LogLikelihood [][][]number `json:"log_likelihood"`
}

func TestReferencePredictive(t *testing.T) {
	files, err := filepath.Glob("testdata/loo_*.json.gz")
	if err != nil || len(files) != 4 {
		t.Fatalf("%d reference files, want 4 (%v)", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json.gz")
		t.Run(name, func(t *testing.T) {
			var ref predictiveReference
			load(t, name, &ref)
			c := &comparison{t: t, tolerance: 1e-8, rounding: 1e-13}
			var chains [][][]float64
			var rows [][]float64
			for _, chain := range ref.LogLikelihood {
				chains = append(chains, floats(chain))
				rows = append(rows, floats(chain)...)
			}
			c.loo(diag.LOO(chains, 1), &ref.LOO1)
			c.loo(diag.LOO(chains, 0.6), &ref.LOO6)
			c.psis(rows, 1, &ref.PSIS1)
			c.psis(rows, 0.6, &ref.PSIS6)
			waic := diag.WAIC(chains)
			c.rounded("waic", waic.ELPD, ref.WAIC.ELPD)
			c.rounded("se", waic.SE, ref.WAIC.SE)
			c.rounded("p_waic", waic.EffectiveParameters, ref.WAIC.P)
			for i, want := range ref.WAIC.Pointwise {
				c.rounded("waic of an observation", waic.Pointwise[i], want)
			}
			if waic.Unreliable != ref.WAIC.Warning {
				t.Errorf("WAIC unreliable: %v, want %v", waic.Unreliable, ref.WAIC.Warning)
			}
		})
	}
}

// rounded compares sums that may cancel to zero: terms are of order one to a hundred.
func (c *comparison) rounded(what string, got float64, want number) {
	c.t.Helper()
	c.within(what, got, want, c.tolerance*math.Abs(float64(want))+c.rounding)
}

func (c *comparison) loo(got diag.Predictive, want *looReference) {
	c.t.Helper()
	c.rounded("elpd_loo", got.ELPD, want.ELPD)
	c.rounded("se", got.SE, want.SE)
	c.rounded("p_loo", got.EffectiveParameters, want.P)
	c.rounded("good_k", got.GoodK, want.GoodK)
	for i := range want.Pointwise {
		c.rounded("loo of an observation", got.Pointwise[i], want.Pointwise[i])
		c.rounded("pareto k", got.ParetoK[i], want.ParetoK[i])
	}
	if got.Unreliable != want.Warning {
		c.t.Errorf("LOO unreliable: %v, want %v", got.Unreliable, want.Warning)
	}
}

// psis compares the weights of each observation, from log likelihoods [draw][observation].
func (c *comparison) psis(rows [][]float64, relativeESS float64, want *psisReference) {
	c.t.Helper()
	for i := range want.ParetoK {
		ratios := make([]float64, len(rows))
		for s := range rows {
			ratios[s] = -rows[s][i]
		}
		weights, k := diag.PSIS(ratios, relativeESS)
		c.rounded("k", k, want.ParetoK[i])
		largest, squares, inverse := math.Inf(-1), 0.0, 0.0
		for s, w := range weights {
			largest = max(largest, w)
			squares += w * w
			inverse += math.Exp(2 * w)
			if want.LogWeights != nil {
				c.rounded("log weight", w, want.LogWeights[i][s])
			}
		}
		c.rounded("largest log weight", largest, want.Max[i])
		c.rounded("sum of squared log weights", squares, want.SumSquares[i])
		c.rounded("ess of the weights", 1/inverse, want.ESS[i])
	}
}

// TestPSISFindsTheShape: ratios 1/u^k of uniform u have a tail of shape k exactly.
func TestPSISFindsTheShape(t *testing.T) {
	const size, runs = 20_000, 20
	for _, shape := range []float64{0.2, 0.5, 0.9} {
		sum := 0.0
		for seed := range uint64(runs) {
			random := rand.New(rand.NewPCG(seed, 0))
			ratios := make([]float64, size)
			for i := range ratios {
				ratios[i] = -shape * math.Log(1-random.Float64())
			}
			_, k := diag.PSIS(ratios, 1)
			sum += k
		}
		// The tail holds 3√size = 424 draws: the fitted shape has standard deviation (1+k)/√424, and the prior worth
		// ten of them at 1/2 pulls by (1/2−k)·10/434.
		want := shape + (0.5-shape)*10/434
		if limit := 5 * (1 + shape) / math.Sqrt(424*runs); math.Abs(sum/runs-want) > limit {
			t.Errorf("shape %v: mean fitted k %v, want %v ± %v", shape, sum/runs, want, limit)
		}
	}
}

// TestPSISWeights: smoothed weights are normalised, and a ratio that is not a number spoils all.
func TestPSISWeights(t *testing.T) {
	ratios := normalChains(3, 1, 500)[0]
	weights, _ := diag.PSIS(ratios, 1)
	sum := 0.0
	for _, w := range weights {
		sum += math.Exp(w)
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("weights sum to %v", sum)
	}
	ratios[7] = math.NaN()
	weights, k := diag.PSIS(ratios, 1)
	if !math.IsNaN(k) || !math.IsNaN(weights[0]) {
		t.Errorf("with a NaN ratio k = %v and a weight is %v, want NaN", k, weights[0])
	}
	if e := diag.LOO([][][]float64{{{math.NaN()}, {1}, {2}}}, 1); !e.Unreliable {
		t.Error("LOO with a NaN is not called unreliable")
	}
}
