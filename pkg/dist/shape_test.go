package dist

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
)

var two = []float64{0.4, 0.6}

// everyDistribution is one of each constructor, of numbers alone, with batch shape [2] where it has parameters.
func everyDistribution() map[string]Distribution {
	vectors := [][]float64{{1, 2, 3}, {3, 2, 1}}
	identity := [][]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	return map[string]Distribution{
		"Normal": Normal(0, two), "HalfNormal": HalfNormal(two), "Cauchy": Cauchy(two, 1), "HalfCauchy": HalfCauchy(two),
		"StudentT": StudentT(3, two, 1), "LogNormal": LogNormal(two, 1), "Laplace": Laplace(two, 2), "Uniform": Uniform(0, two),
		"Exponential": Exponential(two), "Gamma": Gamma(two, 2), "InverseGamma": InverseGamma(two, 2), "Beta": Beta(two, 2),
		"Chi2": Chi2(two), "Logistic": Logistic(two, 1), "Gumbel": Gumbel(two, 1), "Weibull": Weibull(two, 3),
		"Bernoulli": Bernoulli(two), "BernoulliLogits": BernoulliLogits(two), "Binomial": Binomial([]int{3, 40}, 0.4),
		"BinomialLogits": BinomialLogits(5, two), "Categorical": Categorical([][]float64{two, two}), "CategoricalLogits": CategoricalLogits(vectors),
		"Poisson": Poisson([]float64{2, 30}), "NegativeBinomial": NegativeBinomial(2, two), "NegativeBinomialLogits": NegativeBinomialLogits(2, two),
		"NegativeBinomial2": NegativeBinomial2(3, two), "Dirichlet": Dirichlet(vectors), "LKJCholesky": LKJCholesky(3, two),
		"MultivariateNormal": MultivariateNormal(vectors, identity), "MultivariateNormalPrecision": MultivariateNormalPrecision(vectors, identity),
		"MultivariateNormalTril": MultivariateNormalTril(vectors[0], [][][]float64{identity, identity}), "Delta": Delta(two),
		"Truncated": Truncated(Normal(0, two), -1, nil), "ToEvent": ToEvent(Normal(0, [][]float64{two, two}), 1),
		"Mask": Mask(Normal(0, two), []bool{true, false}), "Transformed": Transformed(Normal(0, two), ExpTransform),
		"Transformed onto vectors": Transformed(Normal(0, vectors), OrderedTransform),
		"MixtureSameFamily":        MixtureSameFamily(Categorical(two), Normal(0, [][]float64{two, two})),
		"MixtureSameFamily of vectors": MixtureSameFamily(Categorical(two),
			MultivariateNormal([][][]float64{{{1, 2, 3}, {3, 2, 1}}, {{1, 2, 3}, {3, 2, 1}}}, identity)),
	}
}

// program traces fn on a key and evaluates it in the given float type.
func program(t *testing.T, float tensor.DType, fn func(k rng.Key) []tensor.Value) []*tensor.Array {
	t.Helper()
	in := []tensor.Param{{Name: "seed", DType: tensor.U64}, {Name: "chain", DType: tensor.U32}, {Name: "draw", DType: tensor.U32}}
	f, err := tensor.Trace("test", float, in, func(a []tensor.Value) []tensor.Value {
		return fn(rng.Key{Seed: a[0], Chain: a[1], Draw: a[2], Purpose: rng.PurposeSite})
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := eval.Run(f, []*tensor.Array{tensor.ArrayOf(tensor.U64, nil, []float64{42}), tensor.NewArray(tensor.U32, nil), tensor.NewArray(tensor.U32, nil)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestShapesAndFloatTypes draws from every distribution in both float types, expanded and not, and checks shapes, dtypes,
// that draws are in the support with a finite density, and that the densities of one value agree.
func TestShapesAndFloatTypes(t *testing.T) {
	for name, d := range everyDistribution() {
		t.Run(name, func(t *testing.T) {
			if !slices.Equal(d.Batch(), []int{2}) {
				t.Errorf("batch shape %v, want [2]", d.Batch())
			}
			density := map[tensor.DType][]float64{}
			for _, float := range []tensor.DType{tensor.F64, tensor.F32} {
				for _, e := range []Distribution{d, Expand(d, 3, 2), Expand(foreign{d}, 3, 2)} {
					lp := checkDraws(t, float, e)
					density[float] = lp
				}
			}
			for i, x := range density[tensor.F64] {
				if y := density[tensor.F32][i]; math.Abs(x-y) > 1e-4*math.Max(1, math.Abs(x)) {
					t.Errorf("log density %v in f64, %v in f32", x, y)
				}
			}
		})
	}
}

// checkDraws returns the log density of what does not depend on the float type: one, or a half, in the middle of most supports.
func checkDraws(t *testing.T, float tensor.DType, d Distribution) []float64 {
	t.Helper()
	const n = 5
	var fixed tensor.Value
	out := program(t, float, func(k rng.Key) []tensor.Value {
		x := d.Sample(k, n)
		if want := ValueType(d, float); x.DType() != want {
			t.Errorf("draws are %s, want %s", x.DType(), want)
		}
		fixed = tensor.In(k.Seed, 0.25)
		if d.Support().Discrete() {
			fixed = tensor.In(k.Seed, 1)
		}
		fixed = fixed.BroadcastTo(slices.Concat(d.Batch(), d.Event())...)
		return []tensor.Value{x, d.LogProb(x), d.Support().Check(x), d.LogProb(fixed)}
	})
	batch := slices.Concat([]int{n}, d.Batch())
	if want := slices.Concat(batch, d.Event()); !slices.Equal(out[0].Shape, want) {
		t.Errorf("draws have shape %v, want %v", out[0].Shape, want)
	}
	if !slices.Equal(out[1].Shape, batch) || !slices.Equal(out[2].Shape, batch) || !slices.Equal(out[3].Shape, d.Batch()) {
		t.Errorf("log density has shape %v, check %v, log density of one value %v; want %v, of one %v", out[1].Shape, out[2].Shape, out[3].Shape, batch, d.Batch())
	}
	for i, lp := range out[1].Float64s() {
		if math.IsNaN(lp) || math.IsInf(lp, 0) || out[2].Float64s()[i] != 1 {
			t.Errorf("draw %d of %v: log density %v, in the support: %v", i, out[0].Float64s(), lp, out[2].Float64s()[i])
		}
	}
	if slices.ContainsFunc(out[3].Float64s(), func(x float64) bool { return math.IsNaN(x) }) {
		t.Errorf("log density %v of a fixed value", out[3].Float64s())
	}
	return slices.DeleteFunc(out[3].Float64s(), func(x float64) bool { return math.IsInf(x, 0) })
}

// TestScalarValueOfBatch checks that one value broadcasts with a batch of distributions.
func TestScalarValueOfBatch(t *testing.T) {
	for name, d := range everyDistribution() {
		out := program(t, tensor.F64, func(k rng.Key) []tensor.Value {
			x := tensor.In(k.Seed, 0.25)
			if d.Support().Discrete() {
				x = tensor.In(k.Seed, 1)
			}
			return []tensor.Value{d.LogProb(x.BroadcastTo(d.Event()...))}
		})
		if !slices.Equal(out[0].Shape, d.Batch()) {
			t.Errorf("%s: log density of one value has shape %v, want %v", name, out[0].Shape, d.Batch())
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(v tensor.Value) Distribution // v is f64[3]
		want []string
	}{
		{"negative scale", func(v tensor.Value) Distribution { return Normal(0, -1) }, []string{"Normal", "scale", "-1", "> 0"}},
		{"one of several", func(v tensor.Value) Distribution { return Gamma([]float64{1, 0}, 1) }, []string{"Gamma", "concentration", "0"}},
		{"NaN", func(v tensor.Value) Distribution { return Normal(math.NaN(), 1) }, []string{"Normal", "loc", "NaN"}},
		{"probability", func(v tensor.Value) Distribution { return Bernoulli(1.5) }, []string{"Bernoulli", "probs", "1.5", "[0, 1]"}},
		{"count", func(v tensor.Value) Distribution { return Binomial(2.5, 0.5) }, []string{"Binomial", "total_count", "2.5", "integer"}},
		{"sum", func(v tensor.Value) Distribution { return Categorical([]float64{0.5, 0.6}) }, []string{"Categorical", "1.1"}},
		{"bounds", func(v tensor.Value) Distribution { return Uniform(2, 1) }, []string{"Uniform", "low", "2", "1"}},
		{"shapes", func(v tensor.Value) Distribution { return Normal(v, []float64{1, 2}) }, []string{"Normal", "loc f64[3]", "scale", "broadcast"}},
		{"integers", func(v tensor.Value) Distribution { return Normal(v.Convert(tensor.I32), 1) }, []string{"Normal", "loc", "i32[3]", "Float()"}},
		{"base", func(v tensor.Value) Distribution { return Truncated(Gamma(1, 2), 0, 1) }, []string{"Truncated", "Gamma"}},
		{"truncated bounds", func(v tensor.Value) Distribution { return Truncated(Normal(0, 1), 1, 0) }, []string{"Truncated", "low is 1"}},
		{"matrix", func(v tensor.Value) Distribution { return MultivariateNormal(v, [][]float64{{1, 2, 3}}) }, []string{"MultivariateNormal", "covariance_matrix"}},
		{"no axis", func(v tensor.Value) Distribution { return Dirichlet(1.0) }, []string{"Dirichlet", "concentration"}},
		{"dimension", func(v tensor.Value) Distribution { return LKJCholesky(1, 1) }, []string{"LKJCholesky", "dimension is 1"}},
		{"mixing", func(v tensor.Value) Distribution { return MixtureSameFamily(Categorical(two), Normal(v, 1)) }, []string{"MixtureSameFamily", "2 components", "[3]"}},
		{"event axes", func(v tensor.Value) Distribution { return ToEvent(Normal(v, 1), 2) }, []string{"2 axes", "[3]"}},
		{"expand", func(v tensor.Value) Distribution { return Expand(Normal(v, 1), 2) }, []string{"[3]", "[2]"}},
		{"improper event", func(v tensor.Value) Distribution { return ImproperUniform(Simplex, nil, nil) }, []string{"ImproperUniform", "simplex"}},
		{"absent", func(v tensor.Value) Distribution { return Normal(tensor.Value{}, 1) }, []string{"absent value"}},
		{"text", func(v tensor.Value) Distribution { return Normal("0", 1) }, []string{"string"}},
	} {
		_, err := tensor.Trace("error", tensor.F64, []tensor.Param{{Name: "v", DType: tensor.F64, Shape: []int{3}}}, func(a []tensor.Value) []tensor.Value {
			d := c.make(a[0])
			return []tensor.Value{d.LogProb(a[0])}
		})
		var e *tensor.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, want a *tensor.Error", c.name, err)
			continue
		}
		for _, w := range append(c.want, "shape_test.go:") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", c.name, err, w)
			}
		}
	}
}

func TestImproperUniformDoesNotSample(t *testing.T) {
	_, err := tensor.Trace("sample", tensor.F64, []tensor.Param{{Name: "seed", DType: tensor.U64}}, func(a []tensor.Value) []tensor.Value {
		k := rng.Key{Seed: a[0], Chain: tensor.Lift(0), Draw: tensor.Lift(0)}
		return []tensor.Value{ImproperUniform(Real, nil, nil).Sample(k)}
	})
	if err == nil || !strings.Contains(err.Error(), "ImproperUniform") {
		t.Errorf("error %v, want one that names ImproperUniform", err)
	}
}

// TestLocScale checks the promise of LocScale: the density of loc + scale·z is that of z under loc 0 and scale 1, less log scale.
func TestLocScale(t *testing.T) {
	for _, d := range []LocScale{Normal(2, 3), Cauchy(2, 3), StudentT(4, 2, 3), Laplace(2, 3), Logistic(2, 3), Gumbel(2, 3)} {
		e := Expand(d, 2).(LocScale)
		out := program(t, tensor.F64, func(k rng.Key) []tensor.Value {
			z := tensor.In(k.Seed, []float64{0.3, -1.2})
			loc, scale := e.LocScale()
			return []tensor.Value{e.LogProb(z.Mul(scale).Add(loc)).Add(scale.Log()), e.WithLocScale(0, 1).LogProb(z)}
		})
		for i, want := range out[1].Float64s() {
			if got := out[0].Float64s()[i]; math.Abs(got-want) > 1e-14 {
				t.Errorf("%s: %v against %v", familyName(d), got, want)
			}
		}
		if got := e.WithLocScale(0, 1).Batch(); !slices.Equal(got, []int{2}) {
			t.Errorf("%s: WithLocScale has batch shape %v, want the old one", familyName(d), got)
		}
	}
}

// TestSamplesDifferentiate compares derivatives of draws by the parameters, at one key, with differences.
func TestSamplesDifferentiate(t *testing.T) {
	for name, make := range map[string]func(a, b tensor.Value) Distribution{
		"Normal":        func(a, b tensor.Value) Distribution { return Normal(a, b) },
		"HalfNormal":    func(a, b tensor.Value) Distribution { return HalfNormal(a.Add(b)) },
		"Cauchy":        func(a, b tensor.Value) Distribution { return Cauchy(a, b) },
		"HalfCauchy":    func(a, b tensor.Value) Distribution { return HalfCauchy(a.Add(b)) },
		"LogNormal":     func(a, b tensor.Value) Distribution { return LogNormal(a, b) },
		"Laplace":       func(a, b tensor.Value) Distribution { return Laplace(a, b) },
		"Logistic":      func(a, b tensor.Value) Distribution { return Logistic(a, b) },
		"Gumbel":        func(a, b tensor.Value) Distribution { return Gumbel(a, b) },
		"Weibull":       func(a, b tensor.Value) Distribution { return Weibull(a, b) },
		"Exponential":   func(a, b tensor.Value) Distribution { return Exponential(a.Mul(b)) },
		"Uniform":       func(a, b tensor.Value) Distribution { return Uniform(a, a.Add(b)) },
		"StudentT":      func(a, b tensor.Value) Distribution { return StudentT(4, a, b) },
		"Gamma by rate": func(a, b tensor.Value) Distribution { return Gamma(2.5, a.Mul(b)) },
		"Truncated":     func(a, b tensor.Value) Distribution { return Truncated(Normal(a, b), a.Sub(0.5), 4) },
		"Transformed":   func(a, b tensor.Value) Distribution { return Transformed(Normal(0, 1), AffineTransform(a, b)) },
		"Multivariate": func(a, b tensor.Value) Distribution {
			return MultivariateNormalTril(a.BroadcastTo(2), tensor.Lift([][]float64{{1, 0}, {0.5, 2}}).Mul(b))
		},
	} {
		in := []tensor.Param{{Name: "a", DType: tensor.F64}, {Name: "b", DType: tensor.F64}, {Name: "seed", DType: tensor.U64}, {Name: "index", DType: tensor.U32}}
		f, err := tensor.Trace("draw", tensor.F64, in, func(v []tensor.Value) []tensor.Value {
			k := rng.Key{Seed: v[2], Chain: v[3], Draw: v[3], Purpose: rng.PurposeSite}
			return []tensor.Value{make(v[0], v[1]).Sample(k, 3).Sum()}
		})
		if err != nil {
			t.Fatal(name, err)
		}
		g, err := grad.ValueAndGrad(f, 0, 1)
		if err != nil {
			t.Fatal(name, err)
		}
		at := func(f *tensor.Func, a, b float64) []*tensor.Array {
			return evaluate(t, f, []*tensor.Array{tensor.ArrayOf(tensor.F64, nil, []float64{a}), tensor.ArrayOf(tensor.F64, nil, []float64{b}), tensor.NewArray(tensor.U64, nil), tensor.NewArray(tensor.U32, nil)})
		}
		value := func(a, b float64) float64 { return at(f, a, b)[0].Float64s()[0] }
		const a, b, h = 0.7, 1.3, 1e-4
		got := at(g, a, b)
		for i, want := range []float64{(value(a+h, b) - value(a-h, b)) / (2 * h), (value(a, b+h) - value(a, b-h)) / (2 * h)} {
			// h²/6 times the third derivative, for draws of size up to some tens
			if d := got[1+i].Float64s()[0]; math.Abs(d-want) > 1e-6*math.Max(1, math.Abs(want)) {
				t.Errorf("%s: derivative of draws by parameter %d is %v, by differences %v", name, i, d, want)
			}
		}
	}
}

// TestQuantileEnds checks that quantile functions reach the ends of the support and not beyond.
func TestQuantileEnds(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		d         ICDF
		low, high float64
	}{
		{Normal(1, 2), -inf, inf}, {HalfNormal(2), 0, inf}, {Cauchy(1, 2), -inf, inf}, {HalfCauchy(2), 0, inf}, {LogNormal(1, 2), 0, inf},
		{Laplace(1, 2), -inf, inf}, {Logistic(1, 2), -inf, inf}, {Gumbel(1, 2), -inf, inf}, {Weibull(2, 3), 0, inf}, {Exponential(2), 0, inf},
		{Uniform(-1, 2), -1, 2}, {Truncated(Normal(0, 1), -1, 2), -1, 2}, {Truncated(Normal(0, 1), 40, nil), 40, inf}, {Truncated(Exponential(1), nil, 3), 0, 3},
	} {
		out := program(t, tensor.F64, func(k rng.Key) []tensor.Value { return []tensor.Value{c.d.ICDF(tensor.In(k.Seed, []float64{0, 1}))} })
		got := out[0].Float64s()
		// A Cauchy tail of 0 and 1 is one of tan: its quantiles end at about 1e16 scales.
		if math.Abs(got[1]) > 1e15 && math.IsInf(c.high, 1) {
			got[1] = inf
		}
		if math.Abs(got[0]) > 1e15 && math.IsInf(c.low, -1) {
			got[0] = -inf
		}
		if got[0] != c.low || got[1] != c.high {
			t.Errorf("%T: quantiles of 0 and 1 are %v, want %v and %v", c.d, got, c.low, c.high)
		}
	}
}

// TestTruncatedMoments compares the moments of bases that have no reference rows with integrals of their densities.
func TestTruncatedMoments(t *testing.T) {
	for _, d := range []TruncatedDist{
		Truncated(Exponential(2), 0.5, 3), Truncated(Exponential(2), 1, nil), Truncated(Gumbel(1, 2), 0, 3), Truncated(Gumbel(1, 2), nil, 2),
		Truncated(Weibull(2, 1.5), 1, 4), Truncated(Weibull(2, 1.5), nil, 3), Truncated(LogNormal(0, 0.5), 1, 5), Truncated(LogNormal(0, 0.5), nil, 2),
		Truncated(Uniform(-1, 3), 0, 2), Truncated(HalfNormal(1), 1, 2), Truncated(HalfCauchy(1), 1, 2), Truncated(Laplace(0, 1), 1, 3),
	} {
		low, high := -30.0, 30.0 // beyond, these densities are below 1e-20
		if _, ok := d.Base.Support().(bounded); ok {
			low = 0
		}
		if x, ok := tensor.Static(d.Low); ok {
			low = x[0]
		}
		if x, ok := tensor.Static(d.High); ok {
			high = x[0]
		}
		const n = 4000
		x, w := make([]float64, n), make([]float64, n)
		quad.Legendre{}.FixedLocations(x, w, low, high)
		out := program(t, tensor.F64, func(k rng.Key) []tensor.Value {
			return []tensor.Value{d.LogProb(tensor.In(k.Seed, x)), tensor.In(k.Seed, d.Mean()), tensor.In(k.Seed, d.Variance())}
		})
		var sum, mean, variance float64
		for i, lp := range out[0].Float64s() {
			sum += w[i] * math.Exp(lp)
			mean += w[i] * math.Exp(lp) * x[i]
		}
		for i, lp := range out[0].Float64s() {
			variance += w[i] * math.Exp(lp) * (x[i] - mean) * (x[i] - mean)
		}
		if !agree(sum, 1, 0) || !agree(out[1].Float64s()[0], mean, 0) || !agree(out[2].Float64s()[0], variance, 0) {
			t.Errorf("Truncated(%s, %v, %v): mass %v, mean %v and variance %v, by quadrature %v and %v", familyName(d.Base), low, high, sum, out[1].Float64s()[0], out[2].Float64s()[0], mean, variance)
		}
	}
}
