package exact

import (
	"math"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// chainOf declares x[0] ~ Normal(0, first), x[t] ~ Normal(phi·x[t-1], step) as one vector, whose elements are sampled themselves.
func chainOf(c *model.Context, n int, first, phi float64, step any) tensor.Value {
	x := c.Sample("x", dist.ImproperUniform(dist.Real, nil, []int{n}))
	c.Factor("first", dist.Normal(0, first).LogProb(x.At(0)))
	c.Factor("steps", dist.Normal(x.Slice(0, 0, n-1).Mul(phi), step).LogProb(x.Slice(0, 1, n)).Sum())
	return x
}

func ar1PlusNoise(c *model.Context, d numbers) {
	const phi, q, r = 0.9, 0.5, 0.8
	x := chainOf(c, d.Y.Dim(0), q/math.Sqrt(1-phi*phi), phi, q)
	c.Plate("t", d.Y.Dim(0)).Observe("y", dist.Normal(x, r), d.Y)
}

func localLevelKnown(c *model.Context, d numbers) {
	x := chainOf(c, d.Y.Dim(0), 10, 1, 0.4)
	c.Plate("t", d.Y.Dim(0)).Observe("y", dist.Normal(x, 1), d.Y)
}

func localLevelUnknown(c *model.Context, d numbers) {
	level := c.Sample("sigma_level", dist.HalfNormal(1))
	noise := c.Sample("sigma_obs", dist.HalfNormal(1))
	x := chainOf(c, d.Y.Dim(0), 10, 1, level)
	c.Plate("t", d.Y.Dim(0)).Observe("y", dist.Normal(x, noise), d.Y)
}

func seriesCases() []Case {
	return []Case{
		of("ar1_plus_noise", ar1PlusNoise), of("local_level_known_scales", localLevelKnown), of("local_level_unknown_scales", localLevelUnknown),
	}
}
