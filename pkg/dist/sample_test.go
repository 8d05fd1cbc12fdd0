package dist

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// continuousSamplers: the distribution functions are gonum's and mathematics', not this package's.
var continuousSamplers = []struct {
	name  string
	build func() Distribution
	cdf   func(x float64) float64
}{
	{"Normal(1, 2)", of(Normal(1, 2)), distuv.Normal{Mu: 1, Sigma: 2}.CDF},
	{"HalfNormal(2)", of(HalfNormal(2)), func(x float64) float64 { return math.Erf(x / 2 / math.Sqrt2) }},
	{"Cauchy(-1, 0.5)", of(Cauchy(-1, 0.5)), func(x float64) float64 { return 0.5 + math.Atan((x+1)/0.5)/math.Pi }},
	{"HalfCauchy(5)", of(HalfCauchy(5)), func(x float64) float64 { return math.Atan(x/5) * 2 / math.Pi }},
	{"StudentT(3, 1, 2)", of(StudentT(3, 1, 2)), distuv.StudentsT{Mu: 1, Sigma: 2, Nu: 3}.CDF},
	{"StudentT(0.7, 0, 1)", of(StudentT(0.7, 0, 1)), distuv.StudentsT{Sigma: 1, Nu: 0.7}.CDF},
	{"LogNormal(1, 0.5)", of(LogNormal(1, 0.5)), distuv.LogNormal{Mu: 1, Sigma: 0.5}.CDF},
	{"Laplace(1, 2)", of(Laplace(1, 2)), distuv.Laplace{Mu: 1, Scale: 2}.CDF},
	{"Uniform(-1, 3)", of(Uniform(-1, 3)), distuv.Uniform{Min: -1, Max: 3}.CDF},
	{"Exponential(3)", of(Exponential(3)), distuv.Exponential{Rate: 3}.CDF},
	{"Gamma(2.5, 3)", of(Gamma(2.5, 3)), distuv.Gamma{Alpha: 2.5, Beta: 3}.CDF},
	{"Gamma(0.3, 1)", of(Gamma(0.3, 1)), distuv.Gamma{Alpha: 0.3, Beta: 1}.CDF},
	{"Gamma(1, 2)", of(Gamma(1, 2)), distuv.Exponential{Rate: 2}.CDF},
	{"Gamma(200, 1)", of(Gamma(200, 1)), distuv.Gamma{Alpha: 200, Beta: 1}.CDF},
	{"Chi2(3)", of(Chi2(3)), distuv.ChiSquared{K: 3}.CDF},
	{"InverseGamma(3, 2)", of(InverseGamma(3, 2)), distuv.InverseGamma{Alpha: 3, Beta: 2}.CDF},
	{"Beta(2, 5)", of(Beta(2, 5)), distuv.Beta{Alpha: 2, Beta: 5}.CDF},
	{"Beta(0.4, 0.7)", of(Beta(0.4, 0.7)), distuv.Beta{Alpha: 0.4, Beta: 0.7}.CDF},
	{"Logistic(1, 2)", of(Logistic(1, 2)), distuv.Logistic{Mu: 1, S: 2}.CDF},
	{"Gumbel(1, 2)", of(Gumbel(1, 2)), distuv.GumbelRight{Mu: 1, Beta: 2}.CDF},
	{"Weibull(2, 1.5)", of(Weibull(2, 1.5)), distuv.Weibull{K: 1.5, Lambda: 2}.CDF},
	{"Transformed(Normal)", of(Transformed(Normal(1, 0.5), AffineTransform(0, 1), ExpTransform)), distuv.LogNormal{Mu: 1, Sigma: 0.5}.CDF},
	{"MixtureSameFamily(Normal)", of(MixtureSameFamily(Categorical([]float64{0.3, 0.7}), Normal([]float64{-1, 2}, []float64{0.5, 1.5}))),
		func(x float64) float64 {
			return 0.3*distuv.Normal{Mu: -1, Sigma: 0.5}.CDF(x) + 0.7*distuv.Normal{Mu: 2, Sigma: 1.5}.CDF(x)
		}},
	{"Truncated(Normal, -1, 2)", of(Truncated(Normal(0, 1), -1, 2)), between(distuv.UnitNormal.CDF, -1, 2)},
	{"Truncated(Normal, 9, 10)", of(Truncated(Normal(0, 1), 9, 10)), func(x float64) float64 {
		sf := func(x float64) float64 { return math.Erfc(x / math.Sqrt2) }
		return (sf(9) - sf(x)) / (sf(9) - sf(10))
	}},
	{"Truncated(Normal, nil, -30)", of(Truncated(Normal(0, 1), nil, -30)), func(x float64) float64 {
		return math.Erfc(-x/math.Sqrt2) / math.Erfc(30/math.Sqrt2)
	}},
	{"Truncated(Cauchy, 0, nil)", of(Truncated(Cauchy(1, 2), 0, nil)), between(cauchyCDF, 0, math.Inf(1))},
	{"Truncated(Laplace, -1, 4)", of(Truncated(Laplace(0, 1), -1, 4)), between(distuv.Laplace{Scale: 1}.CDF, -1, 4)},
	{"Truncated(Logistic, nil, 1)", of(Truncated(Logistic(0, 1), nil, 1)), between(distuv.Logistic{S: 1}.CDF, math.Inf(-1), 1)},
	{"Truncated(Exponential, 1, 2)", of(Truncated(Exponential(2), 1, 2)), between(distuv.Exponential{Rate: 2}.CDF, 1, 2)},
	{"Truncated(Gumbel, 0, 3)", of(Truncated(Gumbel(1, 2), 0, 3)), between(distuv.GumbelRight{Mu: 1, Beta: 2}.CDF, 0, 3)},
	{"Truncated(Weibull, 1, nil)", of(Truncated(Weibull(2, 1.5), 1, nil)), between(distuv.Weibull{K: 1.5, Lambda: 2}.CDF, 1, math.Inf(1))},
	{"Truncated(LogNormal, 1, 5)", of(Truncated(LogNormal(0, 1), 1, 5)), between(distuv.LogNormal{Sigma: 1}.CDF, 1, 5)},
	{"Truncated(Uniform, 0, 1)", of(Truncated(Uniform(-1, 3), 0, 1)), distuv.Uniform{Max: 1}.CDF},
}

func of(d Distribution) func() Distribution { return func() Distribution { return d } }

func cauchyCDF(x float64) float64 { return 0.5 + math.Atan((x-1)/2)/math.Pi }

func between(cdf func(float64) float64, low, high float64) func(float64) float64 {
	a, b := 0.0, 1.0
	if !math.IsInf(low, -1) {
		a = cdf(low)
	}
	if !math.IsInf(high, 1) {
		b = cdf(high)
	}
	return func(x float64) float64 { return (cdf(x) - a) / (b - a) }
}

func TestContinuousSamplers(t *testing.T) {
	for _, c := range continuousSamplers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			judge(t, newDrawer(t, c.build), func(x [][]float64) float64 { return kolmogorov(slices.Clone(x[0]), c.cdf) })
		})
	}
}

func negativeBinomialPMF(n, p float64) func(float64) float64 {
	return func(k float64) float64 {
		a, _ := math.Lgamma(k + n)
		b, _ := math.Lgamma(n)
		c, _ := math.Lgamma(k + 1)
		return math.Exp(a - b - c + n*math.Log1p(-p) + k*math.Log(p))
	}
}

func categoricalPMF(p ...float64) func(float64) float64 {
	return func(k float64) float64 {
		if int(k) >= len(p) {
			return 0
		}
		return p[int(k)]
	}
}

var discreteSamplers = []struct {
	name  string
	build func() Distribution
	pmf   func(k float64) float64
}{
	{"Bernoulli(0.3)", of(Bernoulli(0.3)), categoricalPMF(0.7, 0.3)},
	{"BernoulliLogits(1)", of(BernoulliLogits(1)), categoricalPMF(1/(1+math.E), math.E/(1+math.E))},
	{"Binomial(10, 0.3)", of(Binomial(10, 0.3)), distuv.Binomial{N: 10, P: 0.3}.Prob},
	{"Binomial(7, 0.9)", of(Binomial(7, 0.9)), distuv.Binomial{N: 7, P: 0.9}.Prob},
	{"Binomial(50, 0.4)", of(Binomial(50, 0.4)), distuv.Binomial{N: 50, P: 0.4}.Prob},
	{"Binomial(2000, 0.99)", of(Binomial(2000, 0.99)), distuv.Binomial{N: 2000, P: 0.99}.Prob},
	{"BinomialLogits(100, 0.5)", of(BinomialLogits(100, 0.5)), distuv.Binomial{N: 100, P: 1 / (1 + math.Exp(-0.5))}.Prob},
	{"Categorical", of(Categorical([]float64{0.2, 0.3, 0.5})), categoricalPMF(0.2, 0.3, 0.5)},
	{"CategoricalLogits", of(CategoricalLogits([]float64{0, math.Ln2, math.Inf(-1), 0})), categoricalPMF(0.25, 0.5, 0, 0.25)},
	{"Poisson(0.5)", of(Poisson(0.5)), distuv.Poisson{Lambda: 0.5}.Prob},
	{"Poisson(9.5)", of(Poisson(9.5)), distuv.Poisson{Lambda: 9.5}.Prob},
	{"Poisson(10)", of(Poisson(10)), distuv.Poisson{Lambda: 10}.Prob},
	{"Poisson(300)", of(Poisson(300)), distuv.Poisson{Lambda: 300}.Prob},
	{"NegativeBinomial(3, 0.4)", of(NegativeBinomial(3, 0.4)), negativeBinomialPMF(3, 0.4)},
	{"NegativeBinomialLogits(0.5, 2)", of(NegativeBinomialLogits(0.5, 2)), negativeBinomialPMF(0.5, 1/(1+math.Exp(-2)))},
	{"NegativeBinomial2(20, 5)", of(NegativeBinomial2(20, 5)), negativeBinomialPMF(5, 0.8)},
}

func TestDiscreteSamplers(t *testing.T) {
	for _, c := range discreteSamplers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			judge(t, newDrawer(t, c.build), func(x [][]float64) float64 { return chiSquare(x[0], c.pmf) })
		})
	}
}

// column is a function of a vector draw with a known distribution.
type column struct {
	name  string
	value func(x func(i int) float64) float64
	cdf   func(float64) float64
}

var vectorSamplers = []struct {
	name    string
	build   func() Distribution
	columns []column
}{
	{"Dirichlet", of(Dirichlet([]float64{0.5, 2, 1.5})), []column{
		{"x0", entry(0), distuv.Beta{Alpha: 0.5, Beta: 3.5}.CDF},
		{"x1", entry(1), distuv.Beta{Alpha: 2, Beta: 2}.CDF},
		{"x1/(x1+x2)", func(x func(int) float64) float64 { return x(1) / (x(1) + x(2)) }, distuv.Beta{Alpha: 2, Beta: 1.5}.CDF},
	}},
	{"MultivariateNormal", of(MultivariateNormal([]float64{1, -1}, covariance2)), normalColumns},
	{"MultivariateNormalPrecision", of(MultivariateNormalPrecision([]float64{1, -1}, [][]float64{{1 / 1.75, -0.25 / 1.75 * 2}, {-0.5 / 1.75, 2 / 1.75}})), normalColumns},
	{"MultivariateNormalTril", of(MultivariateNormalTril([]float64{1, -1}, [][]float64{{math.Sqrt2, 0}, {0.5 / math.Sqrt2, math.Sqrt(1 - 0.125)}})), normalColumns},
	{"LKJCholesky(3, 1.5)", of(LKJCholesky(3, 1.5)), lkjColumns(3, 1.5)},
	{"LKJCholesky(4, 0.8)", of(LKJCholesky(4, 0.8)), lkjColumns(4, 0.8)},
	{"Expand and ToEvent", of(ToEvent(Expand(Normal([][]float64{{0}, {1}}, 1), 2, 2), 2)), []column{
		{"00", entry(0), distuv.Normal{Sigma: 1}.CDF},
		{"11", entry(3), distuv.Normal{Mu: 1, Sigma: 1}.CDF},
		{"01-00", func(x func(int) float64) float64 { return x(1) - x(0) }, distuv.Normal{Sigma: math.Sqrt2}.CDF},
	}},
	{"Expand of another's", of(Expand(foreign{Normal([][]float64{{0}, {1}}, 1)}, 2, 2, 2)), []column{
		{"000", entry(0), distuv.Normal{Sigma: 1}.CDF},
		{"110", entry(6), distuv.Normal{Mu: 1, Sigma: 1}.CDF},
		{"011", entry(3), distuv.Normal{Mu: 1, Sigma: 1}.CDF},
		{"111-110", func(x func(int) float64) float64 { return x(7) - x(6) }, distuv.Normal{Sigma: math.Sqrt2}.CDF},
		{"100-000", func(x func(int) float64) float64 { return x(4) - x(0) }, distuv.Normal{Sigma: math.Sqrt2}.CDF},
	}},
	{"Expand of another's by two axes", of(Expand(foreign{Normal([][]float64{{0}, {9}}, 1)}, 4, 2, 3)), []column{
		{"002", entry(2), distuv.Normal{Sigma: 1}.CDF},
		{"010", entry(3), distuv.Normal{Mu: 9, Sigma: 1}.CDF},
		{"100", entry(6), distuv.Normal{Sigma: 1}.CDF},
		{"312-300", func(x func(int) float64) float64 { return x(23) - x(18) }, distuv.Normal{Mu: 9, Sigma: math.Sqrt2}.CDF},
	}},
	{"Expand of another's inner axes", of(Expand(foreign{Normal([][][]float64{{{0}, {9}}}, 1)}, 4, 2, 3)), []column{
		{"002", entry(2), distuv.Normal{Sigma: 1}.CDF},
		{"010", entry(3), distuv.Normal{Mu: 9, Sigma: 1}.CDF},
		{"100", entry(6), distuv.Normal{Sigma: 1}.CDF},
		{"312-300", func(x func(int) float64) float64 { return x(23) - x(18) }, distuv.Normal{Mu: 9, Sigma: math.Sqrt2}.CDF},
	}},
	{"MixtureSameFamily of vectors", of(MixtureSameFamily(Categorical([]float64{0.25, 0.75}), ToEvent(Normal([][]float64{{0, 5}, {10, 20}}, 1), 1))), []column{
		{"x1-x0", func(x func(int) float64) float64 { return x(1) - x(0) }, func(v float64) float64 {
			return 0.25*distuv.Normal{Mu: 5, Sigma: math.Sqrt2}.CDF(v) + 0.75*distuv.Normal{Mu: 10, Sigma: math.Sqrt2}.CDF(v)
		}},
	}},
}

// foreign hides that a distribution can expand itself.
type foreign struct{ Distribution }

var covariance2 = [][]float64{{2, 0.5}, {0.5, 1}}

// normalColumns are marginals and a combination under covariance2.
var normalColumns = []column{
	{"x0", entry(0), distuv.Normal{Mu: 1, Sigma: math.Sqrt2}.CDF},
	{"x1", entry(1), distuv.Normal{Mu: -1, Sigma: 1}.CDF},
	{"x0+x1", func(x func(int) float64) float64 { return x(0) + x(1) }, distuv.Normal{Sigma: 2}.CDF},
}

func entry(i int) func(func(int) float64) float64 {
	return func(x func(int) float64) float64 { return x(i) }
}

// lkjColumns: every correlation is 2b - 1, b ~ Beta(concentration - 1 + n/2, the same) (Lewandowski et al. 2009, section 2).
func lkjColumns(n int, concentration float64) (out []column) {
	b := concentration - 1 + float64(n)/2
	cdf := func(r float64) float64 { return distuv.Beta{Alpha: b, Beta: b}.CDF((r + 1) / 2) }
	for i := range n {
		for j := range i {
			out = append(out, column{fmt.Sprintf("r%d%d", i, j), func(x func(int) float64) float64 {
				sum := 0.0
				for k := range n {
					sum += x(i*n+k) * x(j*n+k)
				}
				return sum
			}, cdf})
		}
	}
	return out
}

func TestVectorSamplers(t *testing.T) {
	for _, c := range vectorSamplers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var tests []func(x [][]float64) float64
			for _, col := range c.columns {
				tests = append(tests, func(x [][]float64) float64 {
					values := make([]float64, len(x[0]))
					for i := range values {
						values[i] = col.value(func(j int) float64 { return x[j][i] })
					}
					return kolmogorov(values, col.cdf)
				})
			}
			judge(t, newDrawer(t, c.build), tests...)
		})
	}
}
