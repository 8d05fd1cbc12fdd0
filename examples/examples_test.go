package examples_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/bench/recipe"
	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	eightschoolscentred "github.com/drey-sampler/drey/examples/eight-schools-centred"
	"github.com/drey-sampler/drey/examples/gp"
	linearregression "github.com/drey-sampler/drey/examples/linear-regression"
	logisticregression "github.com/drey-sampler/drey/examples/logistic-regression"
	"github.com/drey-sampler/drey/examples/mixture"
	"github.com/drey-sampler/drey/examples/radon"
	ratingcurve "github.com/drey-sampler/drey/examples/rating-curve"
	"github.com/drey-sampler/drey/pkg/model"
)

// sample runs four short chains, from the median of the priors.
func sample[D any](t *testing.T, fn func(*model.Context, D), load func() (drey.Data, error), draws int) *drey.Summary {
	t.Helper()
	data, err := load()
	if err != nil {
		t.Fatal(err)
	}
	post, err := drey.Sample(context.Background(), fn, data, drey.Seed(20), drey.Warmup(draws), drey.Draws(draws), drey.InitStrategy(model.InitMedian))
	if err != nil {
		t.Fatal(err)
	}
	return post.Summary()
}

// converged expects chains that agree: with the ESS of a few hundred draws R-hat is some hundredths off 1.
func converged(t *testing.T, s *drey.Summary) {
	t.Helper()
	for _, p := range s.Parameters {
		if !(p.RHat < 1.1) {
			t.Errorf("%s: R-hat %.3f", p.Name, p.RHat)
		}
	}
}

// near expects the posterior mean to be z standard deviations at most from a value, the Monte Carlo error included.
func near(t *testing.T, s *drey.Summary, name string, want, z float64) {
	t.Helper()
	p := s.Parameter(name)
	if p == nil {
		t.Errorf("no parameter %s", name)
	} else if d := (p.Mean - want) / math.Hypot(p.SD, p.MCSEMean); !(math.Abs(d) < z) {
		t.Errorf("%s = %.4g ± %.2g, want %.4g: %.1f standard deviations off", name, p.Mean, p.SD, want, d)
	}
}

// mean expects a posterior mean to be an exact one, but for 5 Monte Carlo standard errors.
func mean(t *testing.T, s *drey.Summary, name string, exact float64) {
	t.Helper()
	p := s.Parameter(name)
	if d := (p.Mean - exact) / p.MCSEMean; !(math.Abs(d) < 5) {
		t.Errorf("mean of %s = %.4g, want %.4g: %.1f standard errors off", name, p.Mean, exact, d)
	}
}

// TestEightSchools: the exact means are by quadrature, as in internal/runner; the centred form misses the funnel, so that
// only its divergences are looked at.
func TestEightSchools(t *testing.T) {
	s := sample(t, eightschools.EightSchools, eightschools.Data, 500)
	converged(t, s)
	mean(t, s, "mu", 4.3968)
	mean(t, s, "tau", 3.5977)
	if s.Divergences > 20 { // a hundredth of the draws
		t.Errorf("%d divergences", s.Divergences)
	}
	centred := sample(t, eightschoolscentred.EightSchoolsCentred, eightschoolscentred.Data, 500)
	if centred.Divergences <= s.Divergences || !strings.Contains(strings.Join(centred.Advice, "\n"), "LocScaleReparam") {
		t.Errorf("centred: %d divergences, advice %q", centred.Divergences, centred.Advice)
	}
}

// TestRatingCurve: the gaugings were made with these values.
func TestRatingCurve(t *testing.T) {
	s := sample(t, ratingcurve.RatingCurve, ratingcurve.Data, 300)
	converged(t, s)
	near(t, s, "a", 12, 4)
	near(t, s, "b", 1.8, 4)
	near(t, s, "sigma", 0.1, 4)
}

// TestLinearRegression: without priors the estimates are 25.73 + 5.95·hs + 0.564·iq with residuals of 18.14 (Gelman & Hill
// (2006), section 3.2); the priors move them by less than a standard deviation.
func TestLinearRegression(t *testing.T) {
	s := sample(t, linearregression.LinearRegression, linearregression.Data, 300)
	converged(t, s)
	near(t, s, "alpha", 25.73, 1)
	near(t, s, "beta[0]", 5.95, 1)
	near(t, s, "beta[1]", 0.564, 1)
	near(t, s, "sigma", 18.14, 1)
}

// TestLogisticRegression: the rows were drawn with these coefficients. 54 of them: 5 standard deviations.
func TestLogisticRegression(t *testing.T) {
	const rows = 1000
	s := sample(t, logisticregression.LogisticRegression, func() (drey.Data, error) { return logisticregression.Generate(rows), nil }, 150)
	converged(t, s)
	_, _, beta := recipe.LogisticRegression(1)
	for j, p := range s.Parameters {
		near(t, s, p.Name, beta[j], 5)
	}
	if len(s.Parameters) != len(beta) {
		t.Errorf("%d parameters", len(s.Parameters))
	}
}

// TestRadon: Gelman & Hill (2006), section 12.3, have the same regression without a prior on z's scale: intercept 1.46,
// slope of the floor -0.69, standard deviations 0.76 within and 0.33 between counties.
func TestRadon(t *testing.T) {
	s := sample(t, radon.Radon, radon.Data, 200)
	converged(t, s)
	if n := len(s.Parameters); n != 89 {
		t.Errorf("%d parameters", n)
	}
	near(t, s, "mu", 1.46, 1)
	near(t, s, "beta", -0.69, 1)
	near(t, s, "sigma", 0.76, 1)
	near(t, s, "tau", 0.33, 1)
}

// TestGP: the noise was made with a standard deviation of 0.3.
func TestGP(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: seconds of Cholesky factorisations")
	}
	s := sample(t, gp.GP, gp.Data, 100)
	converged(t, s)
	near(t, s, "noise", 0.09, 4)
}

// TestMixture: EM finds the maximum likelihood at these values; 272 eruptions leave priors little to say. The increasing
// means keep the labels in their places.
func TestMixture(t *testing.T) {
	s := sample(t, mixture.Mixture, mixture.Data, 300)
	converged(t, s)
	near(t, s, "mu[0]", 2.019, 1)
	near(t, s, "mu[1]", 4.273, 1)
	near(t, s, "sigma[0]", 0.236, 1)
	near(t, s, "sigma[1]", 0.437, 1)
	near(t, s, "weight", 0.348, 1)
}
