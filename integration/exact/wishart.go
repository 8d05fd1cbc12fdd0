package exact

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
)

// uniform is number c of a fixed sequence in (0, 1): SplitMix64's finaliser applied to a counter.
func uniform(c uint64) float64 {
	z := (c + 1) * 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return (float64(z>>11) + 0.5) / (1 << 53)
}

// normal is number i of a fixed sequence of standard normals.
func normal(i uint64) float64 {
	return math.Sqrt(-2*math.Log(uniform(2*i))) * math.Cos(2*math.Pi*uniform(2*i+1))
}

const wishartDim = 250

// wishartPrecision returns P = A·Aᵀ, A[i,j] = normal(n·i + j): a draw of the Wishart distribution of n degrees of freedom.
func wishartPrecision(n int) *mat.SymDense {
	a := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			a.Set(i, j, normal(uint64(n*i+j)))
		}
	}
	p := mat.NewSymDense(n, nil)
	p.SymOuterK(1, a)
	return p
}

// quadratic is the normal distribution with mean 0 by its log density -½ xᵀPx.
func quadratic(c *model.Context, d precision) {
	x := c.Sample("x", dist.ImproperUniform(dist.Real, nil, []int{wishartDim}))
	c.Factor("density", d.P.MatMul(x).Mul(x).Sum().Mul(-0.5))
}

// wishart250 is sampled with the covariance as the metric: its condition number of 4·10⁵ takes a diagonal one 1,000 leapfrog
// steps a draw.
func wishart250() Case {
	c := of("gaussian_wishart_250", quadratic)
	bind := c.Model
	c.Model = func(data model.Data) (*model.Model, error) {
		p := wishartPrecision(wishartDim)
		rows := make([][]float64, wishartDim)
		for i := range rows {
			rows[i] = mat.Row(nil, i, p)
		}
		return bind(model.Data{"precision": rows})
	}
	c.Configure = func(cfg *sampling.Config) {
		var chol mat.Cholesky
		if !chol.Factorize(wishartPrecision(wishartDim)) {
			panic(fmt.Sprintf("exact: the precision of %d dimensions is not positive definite", wishartDim))
		}
		var covariance mat.SymDense
		if err := chol.InverseTo(&covariance); err != nil {
			panic(fmt.Sprintf("exact: the covariance of %d dimensions: %v", wishartDim, err))
		}
		for i := range wishartDim {
			for j := range wishartDim {
				cfg.Chain.InverseMass = append(cfg.Chain.InverseMass, covariance.At(i, j))
			}
		}
		cfg.Chain.Metric, cfg.Chain.Warmup = adapt.MetricUnit, 150
	}
	return c
}
