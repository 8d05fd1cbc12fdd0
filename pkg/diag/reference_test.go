package diag_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// number is a JSON number, or the text "nan", "inf", "-inf", or "error: …" where the reference library raised: NaN here.
type number float64

func (x *number) UnmarshalJSON(b []byte) error {
	switch s := strings.Trim(string(b), `"`); {
	case s == "inf":
		*x = number(math.Inf(1))
	case s == "-inf":
		*x = number(math.Inf(-1))
	case s == "nan" || strings.HasPrefix(s, "error"):
		*x = number(math.NaN())
	default:
		return json.Unmarshal(b, (*float64)(x))
	}
	return nil
}

// reference is a file of testdata: draws with the values that ArviZ, NumPyro and NumPy give them.
type reference struct {
	Draws [][]number
	Arviz struct {
		Rhat map[string]number
		Ess  struct {
			Bulk, Tail, Mean, SD, Median, MAD, Folded, Identity number
			Quantile, Local                                     [][]number
		}
		MCSE struct {
			Mean, SD, Median number
			Quantile         [][]number
		}
		BFMI            []number
		HDI             map[string][]number
		Autocorrelation [][]number
		Pooled          struct {
			Mean, Median number
			SD           number     `json:"sd_ddof1"`
			Quantiles    [][]number `json:"quantiles_linear"`
		}
	}
	Numpyro struct {
		GelmanRubin         number   `json:"gelman_rubin"`
		SplitGelmanRubin    number   `json:"split_gelman_rubin"`
		EffectiveSampleSize number   `json:"effective_sample_size"`
		HPDI                []number `json:"hpdi_0_9"`
		Autocorrelation     [][]number
	}
	Nested struct {
		Values []struct {
			Superchains int
			Value       number
		}
	} `json:"nested_rhat"`
}

func load(t *testing.T, name string, into any) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func floats(rows [][]number) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		out[i] = make([]float64, len(row))
		for j, v := range row {
			out[i][j] = float64(v)
		}
	}
	return out
}

// comparison collects the values of one file that differ from the reference.
type comparison struct {
	t         *testing.T
	tolerance float64            // relative
	rounding  float64            // absolute, of correlations, whose terms are of order one
	special   map[string]float64 // quantities that need only be at least this
	compared  int
}

func (c *comparison) equal(what string, got float64, want number) {
	c.t.Helper()
	c.within(what, got, want, c.tolerance*math.Abs(float64(want)))
}

func (c *comparison) within(what string, got float64, want number, tolerance float64) {
	c.t.Helper()
	c.compared++
	if least, ok := c.special[what]; ok {
		if !(got >= least) {
			c.t.Errorf("%s = %v, want at least %v", what, got, least)
		}
		return
	}
	w := float64(want)
	if got == w || math.IsNaN(got) && math.IsNaN(w) || math.Abs(got-w) <= tolerance {
		return
	}
	c.t.Errorf("%s = %v, want %v (relative error %.2g)", what, got, w, math.Abs(got-w)/math.Abs(w))
}

// illConditioned holds the quantities that rest on a variance which is zero but for rounding, and what they must reach.
var illConditioned = map[string]map[string]float64{
	"alternating_2x100":        {"rhat rank": 1e10, "rhat folded": 1e10},
	"each_chain_constant_4x50": {"rhat rank": math.Inf(1), "rhat z_scale": math.Inf(1), "rhat folded": 1e10},
}

func TestReference(t *testing.T) {
	files, err := filepath.Glob("testdata/*x*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(file string) bool { return strings.Contains(file, "loo_") })
	if len(files) != 31 {
		t.Fatalf("%d reference files, want 31", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json.gz")
		t.Run(name, func(t *testing.T) {
			var ref reference
			load(t, name, &ref)
			c := &comparison{t: t, tolerance: 1e-8, rounding: 1e-13, special: illConditioned[name]}
			if name == "large_offset_4x200" {
				// An offset of 1e8 leaves half the digits of the draws, and fewer of their squares.
				c.tolerance, c.rounding = 1e-6, 1e-8
			}
			draws := floats(ref.Draws)
			c.rhat(draws, &ref)
			c.ess(draws, &ref)
			c.mcse(draws, &ref)
			c.intervals(draws, &ref)
			c.chains(draws, &ref)
			c.summary(draws, &ref)
			if c.compared < 60 {
				t.Errorf("only %d values compared", c.compared)
			}
		})
	}
}

func (c *comparison) rhat(draws [][]float64, ref *reference) {
	c.equal("rhat rank", diag.RHat(draws), ref.Arviz.Rhat["rank"])
	c.equal("rhat z_scale", diag.RHatBulk(draws), ref.Arviz.Rhat["z_scale"])
	c.equal("rhat folded", diag.RHatFolded(draws), ref.Arviz.Rhat["folded"])
	c.equal("gelman_rubin", diag.GelmanRubin(draws), ref.Numpyro.GelmanRubin)
	c.equal("split_gelman_rubin", diag.SplitGelmanRubin(draws), ref.Numpyro.SplitGelmanRubin)
	if len(draws) >= 2 && len(draws[0]) >= 4 { // fewer are NaN to ArviZ, defined to NumPyro
		c.equal("rhat identity", diag.GelmanRubin(draws), ref.Arviz.Rhat["identity"])
		c.equal("rhat split", diag.SplitGelmanRubin(draws), ref.Arviz.Rhat["split"])
	}
	for _, nested := range ref.Nested.Values {
		what := fmt.Sprintf("nested rhat of %d", nested.Superchains)
		c.equal(what, diag.NestedRHat(draws, nested.Superchains), nested.Value)
	}
}

func (c *comparison) ess(draws [][]float64, ref *reference) {
	want := &ref.Arviz.Ess
	c.equal("ess bulk", diag.ESSBulk(draws), want.Bulk)
	c.equal("ess tail", diag.ESSTail(draws), want.Tail)
	c.equal("ess mean", diag.ESSMean(draws), want.Mean)
	c.equal("ess sd", diag.ESSSD(draws), want.SD)
	c.equal("ess median", diag.ESSMedian(draws), want.Median)
	c.equal("ess mad", diag.ESSMAD(draws), want.MAD)
	c.equal("ess folded", diag.ESSFolded(draws), want.Folded)
	c.equal("ess identity", diag.ESSWhole(draws), want.Identity)
	for _, row := range want.Quantile {
		c.equal(fmt.Sprint("ess quantile ", row[0]), diag.ESSQuantile(draws, float64(row[0])), row[1])
	}
	for _, row := range want.Local {
		c.equal(fmt.Sprint("ess local ", row[:2]), diag.ESSLocal(draws, float64(row[0]), float64(row[1])), row[2])
	}
	c.equal("effective_sample_size", diag.EffectiveSampleSize(draws), ref.Numpyro.EffectiveSampleSize)
}

func (c *comparison) mcse(draws [][]float64, ref *reference) {
	want := &ref.Arviz.MCSE
	c.equal("mcse mean", diag.MCSEMean(draws), want.Mean)
	c.equal("mcse sd", diag.MCSESD(draws), want.SD)
	c.equal("mcse median", diag.MCSEMedian(draws), want.Median)
	for _, row := range want.Quantile {
		c.equal(fmt.Sprint("mcse quantile ", row[0]), diag.MCSEQuantile(draws, float64(row[0])), row[1])
	}
}

func (c *comparison) intervals(draws [][]float64, ref *reference) {
	for _, row := range ref.Arviz.Pooled.Quantiles {
		c.equal(fmt.Sprint("quantile ", row[0]), diag.Quantile(draws, float64(row[0])), row[1])
	}
	for text, want := range ref.Arviz.HDI {
		var prob float64
		if _, err := fmt.Sscan(text, &prob); err != nil {
			c.t.Fatal(err)
		}
		low, high := diag.HPDI(draws, prob)
		c.equal("hdi low "+text, low, want[0])
		c.equal("hdi high "+text, high, want[1])
	}
	low, high := diag.HPDI(draws, 0.9)
	c.equal("hpdi low", low, ref.Numpyro.HPDI[0])
	c.equal("hpdi high", high, ref.Numpyro.HPDI[1])
}

func (c *comparison) chains(draws [][]float64, ref *reference) {
	for i, got := range diag.EBFMI(draws) {
		if i < len(ref.Arviz.BFMI) {
			c.equal(fmt.Sprint("bfmi ", i), got, ref.Arviz.BFMI[i])
		}
	}
	for i, want := range ref.Arviz.Autocorrelation {
		got := diag.Autocorrelation(draws[i])
		for lag, w := range want {
			// Correlations are sums of terms of order one: near zero only an absolute error is meaningful.
			tolerance := c.tolerance*math.Abs(float64(w)) + c.rounding
			c.within(fmt.Sprintf("autocorrelation of %d at %d", i, lag), got[lag], w, tolerance)
			w = ref.Numpyro.Autocorrelation[i][lag]
			c.within(fmt.Sprintf("NumPyro's autocorrelation of %d at %d", i, lag), got[lag], w, tolerance)
		}
	}
}

func (c *comparison) summary(draws [][]float64, ref *reference) {
	s := diag.Summarise(draws, 0.9)
	pooled := &ref.Arviz.Pooled
	// The mean's error is relative to the draws' size, not to the mean's own.
	c.within("mean", s.Mean, pooled.Mean, c.tolerance*max(math.Abs(float64(pooled.Mean)), float64(pooled.SD)))
	c.equal("sd", s.SD, pooled.SD)
	c.equal("median", s.Median, pooled.Median)
	c.equal("q5", s.QLow, pooled.Quantiles[0][1])
	c.equal("q95", s.QHigh, pooled.Quantiles[len(pooled.Quantiles)-1][1])
	c.equal("hpdi low", s.HPDILow, ref.Numpyro.HPDI[0])
	c.equal("hpdi high", s.HPDIHigh, ref.Numpyro.HPDI[1])
	c.equal("mcse mean", s.MCSEMean, ref.Arviz.MCSE.Mean)
	c.equal("mcse sd", s.MCSESD, ref.Arviz.MCSE.SD)
	c.equal("ess bulk", s.ESSBulk, ref.Arviz.Ess.Bulk)
	c.equal("ess tail", s.ESSTail, ref.Arviz.Ess.Tail)
	c.equal("rhat rank", s.RHat, ref.Arviz.Rhat["rank"])
}

func TestReferenceEnergies(t *testing.T) {
	var ref struct {
		Cases map[string]struct {
			Energy [][]number
			BFMI   []number
		}
	}
	load(t, "energy_bfmi", &ref)
	if len(ref.Cases) != 4 {
		t.Fatalf("%d cases, want 4", len(ref.Cases))
	}
	for name, want := range ref.Cases {
		c := &comparison{t: t, tolerance: 1e-8}
		for i, got := range diag.EBFMI(floats(want.Energy)) {
			c.equal(fmt.Sprintf("%s, chain %d", name, i), got, want.BFMI[i])
		}
	}
}
