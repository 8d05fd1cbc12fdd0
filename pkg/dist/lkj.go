package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// LKJCholeskyDist is the distribution of the lower Cholesky factor of a correlation matrix R with density ∝
// det(R)^(Concentration-1) (Lewandowski, Kurowicka & Joe 2009).
type LKJCholeskyDist struct {
	shape
	Concentration tensor.Value
}

// LKJCholesky returns the distribution of factors of dim×dim correlation matrices, dim ≥ 2; concentration > 0, and 1 is
// uniform over correlation matrices.
func LKJCholesky(dim int, concentration any) LKJCholeskyDist {
	p := newParams("LKJCholesky")
	if dim < 2 {
		tensor.Fail("LKJCholesky", "dimension is %d, want at least 2", dim)
	}
	d := LKJCholeskyDist{Concentration: p.positive("concentration", concentration)}
	d.shape = p.shape(dim, dim)
	return d
}

func (d LKJCholeskyDist) Support() Constraint               { return CorrCholesky }
func (d LKJCholeskyDist) ExpandTo(batch []int) Distribution { d.batch = batch; return d }

// LogProb reads the diagonal alone: Σ_{i=2..n} (n-i+2(concentration-1)) log L_ii less the constant of Lewandowski et al.,
// equation 16. It is -Inf where the diagonal is not positive.
func (d LKJCholeskyDist) LogProb(x tensor.Value) tensor.Value {
	n := d.event[0]
	in, logs := positiveLog(x.Diagonal().Slice(-1, 1, n))
	order := make([]float64, n-1)
	for i := range order {
		order[i] = float64(n - 2 - i)
	}
	exponent := d.Concentration.Sub(1.0).Mul(2.0).ExpandDims(-1).Add(order)
	return d.full(within(in.All(-1), exponent.Mul(logs).Sum(-1).Sub(d.logConstant())))
}

// logConstant returns (m/2) log π + log Γ_m(α-½) - m log Γ(α), m = n-1, α = concentration + m/2, with Γ_m the multivariate
// gamma function.
func (d LKJCholeskyDist) logConstant() tensor.Value {
	m := d.event[0] - 1
	alpha := d.Concentration.Add(float64(m) / 2)
	pis := float64(m)/2 + float64(m*(m-1))/4
	return lgammaSum(alpha.Sub(0.5), m).Sub(alpha.Lgamma().Mul(float64(m))).Add(pis * logPi)
}

// Sample is the onion method of Lewandowski et al., section 3.2: row i+1 is a point on a sphere times √y with y ~
// Beta(i/2, concentration + (n-1-i)/2), and √(1-y) on the diagonal.
func (d LKJCholeskyDist) Sample(k rng.Key, sample ...int) tensor.Value {
	n := d.event[0]
	half := make([]float64, n-1)
	rest := make([]float64, n-1)
	for i := range half {
		half[i], rest[i] = float64(i+1)/2, float64(n-2-i)/2
	}
	lead := slices.Concat(sample, d.batch)
	y := Beta(half, d.Concentration.ExpandDims(-1).Add(rest))
	radius2 := Expand(y, append(slices.Clone(d.batch), n-1)...).Sample(k.Fold(0), sample...)
	z := strictlyLower(k.Fold(1).Normal(append(slices.Clone(lead), n*(n-1)/2)...), n)
	z = z.Slice(-2, 1, n)
	direction := z.Div(z.Square().Sum(-1).Sqrt().ExpandDims(-1))
	below := tensor.Concat(-2, zeros(append(slices.Clone(lead), 1, n)), direction.Mul(radius2.Sqrt().ExpandDims(-1)))
	diagonal := tensor.Concat(-1, zeros(append(slices.Clone(lead), 1)).Add(1.0), radius2.Neg().Add(1.0).Sqrt())
	return tensor.Select(onDiagonal(n), diagonal.ExpandDims(-1), below)
}
