package adapt_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// scan applies dual averaging to acceptance rates, from a first step size: the step sizes after each, and the final one.
func scan(t *testing.T, d adapt.DualAveraging, last bool, first float64, rates []float64) (sizes []float64, final float64) {
	out := evaluate(t, []*tensor.Array{scalar(first), vector(rates...)}, func(v []tensor.Value) []tensor.Value {
		s, sizes := tensor.Scan(d.Init(v[0]), v[1], func(s adapt.StepState, rate tensor.Value) (adapt.StepState, tensor.Value) {
			return d.Update(s, tensor.In(rate, last), rate)
		})
		return []tensor.Value{sizes, d.Final(s, v[0])}
	})
	return out[0].Float64s(), out[1].Float64s()[0]
}

// TestDualAveragingByHand: with γ = 0.05, t0 = 10, κ = 0.75, target 0.8 and ε0 = 1, μ = log 10. First rate 0.5: H̄ = 0.3/11,
// log ε = log 10 - √1/0.05·0.3/11; log ε̄ = log ε. Second rate 1: H̄ = (1 - 1/12)·0.3/11 - 0.2/12, and so on.
func TestDualAveragingByHand(t *testing.T) {
	sizes, final := scan(t, adapt.DefaultDualAveraging(), false, 1, []float64{0.5, 1})
	h1 := 0.3 / 11
	x1 := math.Log(10) - 20*h1
	h2 := h1*11/12 - 0.2/12
	x2 := math.Log(10) - 20*math.Sqrt2*h2
	w := math.Pow(2, -0.75)
	requireNear(t, "step sizes", sizes, []float64{math.Exp(x1), math.Exp(x2)}, 1e-14)
	requireNear(t, "final", []float64{final}, []float64{math.Exp((1-w)*x1 + w*x2)}, 1e-14)
}

// TestDualAveragingFinal: with γ = 0.1 and the centre log ε0 = 0, after a rate of 0.5: log ε = -√1/0.1·0.3/11.
func TestDualAveragingFinal(t *testing.T) {
	sizes, _ := scan(t, adapt.DefaultDualAveraging(), true, 1, []float64{0.5})
	requireNear(t, "step size", sizes, []float64{math.Exp(-10 * 0.3 / 11)}, 1e-14)
}

// TestDualAveragingIsThePapers compares with Hoffman & Gelman (2014), algorithm 5, lines as printed there.
func TestDualAveragingIsThePapers(t *testing.T) {
	d := adapt.DualAveraging{TargetAcceptanceRate: 0.65, Gamma: 0.1, T0: 5, Kappa: 0.9}
	rates := make([]float64, 200)
	for i := range rates {
		rates[i] = 0.5 + 0.5*math.Sin(float64(i*i))
	}
	mu, h, logBar := math.Log(10*0.3), 0.0, 0.0
	want := make([]float64, len(rates))
	for i, a := range rates {
		m := float64(i + 1)
		h = (1-1/(m+d.T0))*h + (d.TargetAcceptanceRate-a)/(m+d.T0)
		logEps := mu - math.Sqrt(m)/d.Gamma*h
		logBar = math.Pow(m, -d.Kappa)*logEps + (1-math.Pow(m, -d.Kappa))*logBar
		want[i] = math.Exp(logEps)
	}
	sizes, final := scan(t, d, false, 0.3, rates)
	requireNear(t, "step sizes", sizes, want, 1e-12)
	requireNear(t, "final", []float64{final}, []float64{math.Exp(logBar)}, 1e-12)
}

// TestDualAveragingFindsTheTarget: where the acceptance rate falls with the step size as exp(-ε), 0.8 is met at -log 0.8.
func TestDualAveragingFindsTheTarget(t *testing.T) {
	d := adapt.DefaultDualAveraging()
	out := evaluate(t, []*tensor.Array{scalar(5), vector(make([]float64, 2000)...)}, func(v []tensor.Value) []tensor.Value {
		type carry struct {
			S   adapt.StepState
			Eps tensor.Value
		}
		c, _ := tensor.Scan(carry{d.Init(v[0]), v[0]}, v[1], func(c carry, _ tensor.Value) (carry, tensor.Value) {
			s, eps := d.Update(c.S, tensor.In(v[0], false), c.Eps.Neg().Exp())
			return carry{s, eps}, eps
		})
		return []tensor.Value{d.Final(c.S, v[0])}
	})
	// After t updates H̄ is within 1/t of what holds ε: γ·(μ - log ε)/√t = 0.004 in the rate.
	if got, want := out[0].Float64s()[0], -math.Log(0.8); math.Abs(got-want) > 0.01 {
		t.Errorf("step size %v, want %v", got, want)
	}
}

func TestDualAveragingKeepsNormalNumbers(t *testing.T) {
	rates := make([]float64, 3000)
	sizes, final := scan(t, adapt.DefaultDualAveraging(), false, 1e-300, rates)
	if last := sizes[len(sizes)-1]; last < 0x1p-1022 || final < 0x1p-1022 {
		t.Errorf("step sizes fell to %v, %v", last, final)
	}
	if _, final := scan(t, adapt.DefaultDualAveraging(), false, 0.25, nil); final != 0.25 {
		t.Errorf("without a step of warmup the final step size is %v, want the first, 0.25", final)
	}
}
