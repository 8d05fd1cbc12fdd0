package stablehlo

import "github.com/drey-sampler/drey/pkg/tensor"

// The exponentially scaled modified Bessel function e^-|x| I₁(x), which the derivative of a von Mises density has, as
// Chebyshev series (the form of Cephes' i1.c, Moshier 1989) whose coefficients were computed with 50 digits: of e^-x I₁(x)/x
// on [0, 8], argument x/4 - 1, and of e^-x √x I₁(x) beyond, argument 16/x - 1. Terms below 2e-18 are left out.
var besselNear = []float64{
	0.12629359322181682, -0.17641651835783406, 0.1026436586898471, -0.05294598120809499, 0.024726449030626516,
	-0.010564084894626197, 0.004156422944312888, -0.0015135724506312532, 0.0005122859561685758, -0.00016176081582589674,
	4.781565107550054e-05, -1.3273163656039436e-05, 3.4702513081376785e-06, -8.568720264695455e-07, 2.0032947535521353e-07,
	-4.445059128796328e-08, 9.381537386495773e-09, -1.8872497517228294e-09, 3.625590281552117e-10, -6.663489723502027e-11,
	1.1736186298890901e-11, -1.9839743977649436e-12, 3.223793365945575e-13, -5.042185504727912e-14, 7.600684294735408e-15,
	-1.1055969477353862e-15, 1.5536319577362005e-16, -2.111421214358166e-17, 2.7779141127610464e-18, -3.541581772542136e-19,
}

var besselFar = []float64{
	0.38928811750914005, -0.009761097491361469, -0.00011058893876262371, -3.882564808877691e-06, -2.512236237870209e-07,
	-2.6314688468895196e-08, -3.835380385964237e-09, -5.589743462196584e-10, -1.8974958123505413e-11, 3.2526035830154884e-11,
	1.4125807436613782e-11, 2.0356285441470896e-12, -7.198551776245908e-13, -4.0835511110921974e-13, -2.1015418427726643e-14,
	4.272440016711951e-14, 1.0420276984128802e-14, -3.8144030724370075e-15, -1.8803547755107825e-15, 3.3082023109209285e-16,
	2.96262899764595e-16, -3.209525921993424e-17, -4.6503053684893586e-17, 4.414348323071708e-18, 7.517296310842105e-18,
}

// besselSplit is where one series ends and the other begins.
const besselSplit = 8

func readBesselI1e(_ *reader, o *operation, in []tensor.Value) tensor.Value {
	x := in[0]
	if !x.DType().IsFloat() {
		o.fail("of %s", x)
	}
	a := x.Abs()
	near := chebyshev(besselNear, a.Min(besselSplit).Mul(1.0/4).Sub(1.0)).Mul(a)
	b := a.Max(besselSplit)
	far := chebyshev(besselFar, tensor.Lift(16.0).Div(b).Sub(1.0)).Div(b.Sqrt())
	return x.Sign().Mul(tensor.Select(a.Le(besselSplit), near, far))
}

// chebyshev returns c[0] + c[1] T₁(t) + c[2] T₂(t) + … by Clenshaw's recurrence.
func chebyshev(c []float64, t tensor.Value) tensor.Value {
	b1, b2 := tensor.ZerosLike(t), tensor.ZerosLike(t)
	for k := len(c) - 1; k > 0; k-- {
		b1, b2 = t.Add(t).Mul(b1).Sub(b2).Add(c[k]), b1
	}
	return t.Mul(b1).Sub(b2).Add(c[0])
}
