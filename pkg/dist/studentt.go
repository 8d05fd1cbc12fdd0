package dist

import (
	"math"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// StudentTDist is Student's t distribution with DF degrees of freedom, shifted by Loc and scaled by Scale.
type StudentTDist struct {
	shape
	DF, Loc, Scale tensor.Value
}

// StudentT returns Student's t distribution with df > 0 degrees of freedom, location loc and scale > 0.
func StudentT(df, loc, scale any) StudentTDist {
	p := newParams("StudentT")
	d := StudentTDist{DF: p.positive("df", df), Loc: p.real("loc", loc), Scale: p.positive("scale", scale)}
	d.shape = p.shape()
	return d
}

func (d StudentTDist) Support() Constraint                 { return Real }
func (d StudentTDist) ExpandTo(batch []int) Distribution   { d.batch = batch; return d }
func (d StudentTDist) LocScale() (loc, scale tensor.Value) { return d.Loc, d.Scale }
func (d StudentTDist) WithLocScale(loc, scale any) Distribution {
	return widened(StudentT(d.DF, loc, scale), d.batch)
}

func (d StudentTDist) LogProb(x tensor.Value) tensor.Value {
	z := standardize(x, d.Loc, d.Scale)
	half := d.DF.Mul(0.5)
	kernel := z.Square().Div(d.DF).Log1p().Mul(half.Add(0.5))
	constant := lgammaRise(half, tensor.Lift(0.5)).Sub(d.DF.Log().Add(logPi).Mul(0.5)).Sub(d.Scale.Log())
	return d.full(constant.Sub(kernel))
}

// Sample is a normal divided by the root of a gamma with mean 1, by its logarithm for few degrees of freedom.
func (d StudentTDist) Sample(k rng.Key, sample ...int) tensor.Value {
	shape := d.whole(sample)
	half := d.DF.Mul(0.5)
	inflate := half.Log().Sub(drawLogGamma(k.Fold(1), half, shape)).Mul(0.5).Exp()
	return k.Fold(0).Normal(shape...).Mul(inflate).Mul(d.Scale).Add(d.Loc)
}

// Mean is NaN for df ≤ 1.
func (d StudentTDist) Mean() tensor.Value {
	return d.filled(tensor.Select(d.DF.Gt(1.0), d.Loc, math.NaN()))
}

// Variance is Inf for 1 < df ≤ 2, NaN for df ≤ 1.
func (d StudentTDist) Variance() tensor.Value {
	finite := d.DF.Div(d.DF.Sub(2.0)).Mul(d.Scale.Square())
	return d.filled(tensor.Select(d.DF.Gt(2.0), finite, tensor.Select(d.DF.Gt(1.0), math.Inf(1), math.NaN())))
}
