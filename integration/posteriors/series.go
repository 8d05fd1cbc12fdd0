package posteriors

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type series struct {
	Y tensor.Value `drey:"y"`
}

// lags is the order of the autoregression arK.
const lags = 5

func autoregression(c *model.Context, d series) {
	alpha := c.Sample("alpha", dist.Normal(0, 10))
	beta := c.Plate("lag", lags).Sample("beta", dist.Normal(0, 10))
	sigma := c.Sample("sigma", dist.HalfCauchy(2.5))
	n := d.Y.Dim(0)
	mean := alpha
	for k := 1; k <= lags; k++ {
		mean = mean.Add(beta.At(k - 1).Mul(d.Y.Slice(0, lags-k, n-k)))
	}
	c.Plate("t", n-lags).Observe("y", dist.Normal(mean, sigma), d.Y.Slice(0, lags, n))
}

// arma11 observes the errors of an ARMA(1,1) process: the map from y to them has unit Jacobian.
func arma11(c *model.Context, d series) {
	mu := c.Sample("mu", dist.Normal(0, 10))
	phi := c.Sample("phi", dist.Normal(0, 2))
	theta := c.Sample("theta", dist.Normal(0, 2))
	sigma := c.Sample("sigma", dist.HalfCauchy(2.5))
	n := d.Y.Dim(0)
	before := tensor.Concat(0, mu.Reshape(1), d.Y.Slice(0, 0, n-1))
	step := d.Y.Sub(mu).Sub(phi.Mul(before))
	_, errors := tensor.Scan(tensor.ZerosLike(mu), step, func(last, x tensor.Value) (tensor.Value, tensor.Value) {
		e := x.Sub(theta.Mul(last))
		return e, e
	})
	c.Plate("t", n).Observe("error", dist.Normal(0, sigma), errors)
}

func seriesPosteriors() []Posterior {
	return []Posterior{
		of("arK-arK", "arK", autoregression),
		// With |theta| > 1 errors grow as |theta|^200: chains need more than a thousand draws to come back from there.
		of("arma-arma11", "arma", arma11).from("theta", 0),
	}
}
