package posteriors

import (
	"math"

	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// gpRegression adds sigma itself to the diagonal, as the original program does: it is a variance.
func gpRegression(c *model.Context, d trend) {
	rho := c.Sample("rho", dist.Gamma(25, 4))
	alpha := c.Sample("alpha", dist.HalfNormal(2))
	sigma := c.Sample("sigma", dist.HalfNormal(1))
	r := d.X.ExpandDims(1).Sub(d.X.ExpandDims(0)).Div(rho)
	k := r.Square().Mul(-0.5).Exp().Mul(alpha.Square()).Add(sigma.BroadcastTo(d.X.Dim(0)).Diag())
	c.Observe("y", dist.MultivariateNormal(tensor.ZerosLike(d.Y), k), d.Y)
}

type acceleration struct {
	Y         tensor.Value `drey:"Y"`
	Basis     tensor.Value `drey:"Xgp_1"`
	Frequency tensor.Value `drey:"slambda_1"`
}

// halfStudentT is Student's t distribution with three degrees of freedom restricted to positive numbers, without the
// constant factor of that, which the original programs have.
func halfStudentT(scale float64) dist.Distribution {
	return positive{dist.StudentT(3, 0, scale)}
}

// positive restricts a distribution over real numbers to the positive ones; its density is not normalised.
type positive struct{ dist.Distribution }

func (positive) Support() dist.Constraint { return dist.Positive }

// hilbertProcess declares an approximate Gaussian process by basis functions: basis [N, M] at frequencies [M] (Riutort-Mayol
// et al. 2022). The root of the spectral density is taken in the exponent, where it does not underflow.
func hilbertProcess(c *model.Context, suffix string, basis, frequency tensor.Value) tensor.Value {
	scale := c.Sample("sdgp"+suffix, halfStudentT(36))
	length := c.Sample("lscale"+suffix, dist.InverseGamma(1.124909, 0.0177))
	z := c.Plate("basis"+suffix, frequency.Dim(0)).Sample("zgp"+suffix, dist.Normal(0, 1))
	root := length.Mul(frequency).Square().Mul(-0.25).Exp().Mul(scale.Mul(length.Sqrt().Mul(math.Pow(2*math.Pi, 0.25))))
	return basis.MatMul(root.Mul(z))
}

// noiseBasis is the number of basis functions of the noise, the first ones of the mean's.
const noiseBasis = 20

func accelGP(c *model.Context, d acceleration) {
	intercept := c.Sample("Intercept", dist.StudentT(3, -13, 36))
	mean := hilbertProcess(c, "_1", d.Basis, d.Frequency).Add(intercept)
	noise := c.Sample("Intercept_sigma", dist.StudentT(3, 0, 10))
	sigma := hilbertProcess(c, "_sigma_1", d.Basis.Slice(1, 0, noiseBasis), d.Frequency.Slice(0, 0, noiseBasis)).Add(noise).Exp()
	c.Plate("n", d.Y.Dim(0)).Observe("y", dist.Normal(mean, sigma), d.Y)
}

func processPosteriors() []Posterior {
	accel := of("mcycle_gp-accel_gp", "mcycle_gp", accelGP, "mcycle_gp_frequencies")
	accel.TargetAccept = 0.95 // the reference run needed 0.999 to be without divergences
	return []Posterior{of("gp_pois_regr-gp_regr", "gp_pois_regr", gpRegression), accel}
}
