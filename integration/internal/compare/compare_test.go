package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// simulated returns draws [quantity][chain][draw] of a stationary process with lag-one correlation rho whose quantities are
// x0, (x0+x1)/√2, (x0+x2)/√2, …: standard normals, correlated by ½ or 1/√2.
func simulated(random *rand.Rand, quantities, chains, n int, rho float64) [][][]float64 {
	out := make([][][]float64, quantities)
	for c := range chains {
		x := make([]float64, quantities)
		for q := range x {
			x[q] = random.NormFloat64()
			out[q] = append(out[q], make([]float64, n))
		}
		for d := range n {
			for q := range x {
				x[q] = rho*x[q] + math.Sqrt(1-rho*rho)*random.NormFloat64()
				out[q][c][d] = x[0]
				if q > 0 {
					out[q][c][d] = (x[0] + x[q]) / math.Sqrt2
				}
			}
		}
	}
	return out
}

func estimatesOf(draws [][][]float64) []Estimate {
	out := make([]Estimate, len(draws))
	for q, x := range draws {
		out[q] = Estimate{Name: string(rune('a' + q)), Draws: x}
	}
	return out
}

// TestPValuesAreUniform checks the size of the rule on 400 correct samplers: a Kolmogorov–Smirnov distance of 1.95/√400 has
// p = 1e-3.
func TestPValuesAreUniform(t *testing.T) {
	const runs = 400
	const seed = 1
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var largest, sums []float64
	for i := range runs {
		e := estimatesOf(simulated(random, 6, 4, 600, 0.4))
		r := means(e, uint64(i), 2000)
		largest, sums = append(largest, r.PLargest), append(sums, r.PSum)
	}
	for name, p := range map[string][]float64{"largest": largest, "sum": sums} {
		slices.Sort(p)
		distance := 0.0
		for i, x := range p {
			distance = math.Max(distance, math.Max(math.Abs(x-float64(i)/runs), math.Abs(x-float64(i+1)/runs)))
		}
		if distance > 1.95/math.Sqrt(runs) {
			t.Errorf("p-values of the %s are not uniform: distance %.3f", name, distance)
		}
	}
}

// TestCorrelation compares the bootstrap's correlation with the truth; its standard error is below 0.06 for 300 blocks and
// 1,000 replicates.
func TestCorrelation(t *testing.T) {
	draws := simulated(rand.New(rand.NewPCG(2, 2)), 3, 4, 1500, 0.5)
	r := correlation(draws, 20, rand.New(rand.NewPCG(3, 3)))
	want := [][]float64{{1, math.Sqrt(0.5), math.Sqrt(0.5)}, {math.Sqrt(0.5), 1, 0.5}, {math.Sqrt(0.5), 0.5, 1}}
	for i, row := range want {
		for j, w := range row {
			if math.Abs(r.At(i, j)-w) > 4*0.06 {
				t.Errorf("R[%d,%d] = %.3f, want %.3f", i, j, r.At(i, j), w)
			}
		}
	}
	var product float64
	s := squareRoot(r)
	for k := range 3 {
		product += s.At(1, k) * s.At(2, k)
	}
	if math.Abs(product-r.At(1, 2)) > 1e-12 {
		t.Errorf("S·Sᵀ has %.6g where R has %.6g", product, r.At(1, 2))
	}
}

// TestBiasFails plants a bias of 0.2 sd in one of the quantities with an ESS of about 2,000 and a reference of 10,000 draws.
func TestBiasFails(t *testing.T) {
	draws := simulated(rand.New(rand.NewPCG(4, 4)), 30, 4, 1000, 1.0/3)
	e := estimatesOf(draws)
	for i := range e {
		e[i].Error = 0.01
	}
	if r := Means(e, 1); r.Fails(73) {
		t.Errorf("a correct sampler fails: %v", r)
	}
	e[17].Mean -= 0.2
	if r := Means(e, 1); !r.Fails(73) || r.Worst != e[17].Name {
		t.Errorf("a bias of 0.2 sd passes: %v", r)
	}
}

// TestManySmallBiasesFail: no single z is out of bounds, their sum of squares is.
func TestManySmallBiasesFail(t *testing.T) {
	draws := simulated(rand.New(rand.NewPCG(5, 5)), 60, 4, 1000, 0)
	for q := range draws {
		if q > 0 { // independent quantities: take the common part out
			for c := range draws[q] {
				for d := range draws[q][c] {
					draws[q][c][d] = draws[q][c][d]*math.Sqrt2 - draws[0][c][d]
				}
			}
		}
	}
	e := estimatesOf(draws)
	for i := range e {
		e[i].Mean = 2.2 * math.Pow(-1, float64(i)) / math.Sqrt(4000)
	}
	r := Means(e, 1)
	if r.PSum >= Level(40) {
		t.Errorf("60 biases of 2.2 standard errors pass: %v", r)
	}
	if r.PLargest < Level(40) {
		t.Errorf("the largest z should not tell: %v", r)
	}
}

// TestRepeatedQuantities: quantities that repeat each other, so that R is singular, count once in the largest |z|.
func TestRepeatedQuantities(t *testing.T) {
	draws := simulated(rand.New(rand.NewPCG(6, 6)), 1, 4, 1000, 0)
	one := Estimate{Name: "x", Draws: draws[0], Mean: mean(draws[0]) + 2.5/math.Sqrt(4000)}
	p1 := Means([]Estimate{one}, 1).PLargest
	p5 := Means([]Estimate{one, one, one, one, one}, 1).PLargest
	if math.Abs(p1-p5) > 5*math.Sqrt(2*p1/vectors) {
		t.Errorf("p = %.4g alone, %.4g repeated", p1, p5)
	}
}

func TestNaNFails(t *testing.T) {
	draws := simulated(rand.New(rand.NewPCG(7, 7)), 2, 4, 100, 0)
	draws[1][2][50] = math.NaN()
	if r := Means(estimatesOf(draws), 1); !r.Fails(1) || r.Worst != "b" {
		t.Errorf("NaN among the draws passes: %v", r)
	}
}
