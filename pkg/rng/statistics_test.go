package rng

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// leastP is the p-value below which a test of fit fails; seeds are fixed, so a pass stays a pass.
const leastP = 1e-4

// uniformityP is the p-value of Pearson's chi-square test of equal counts.
func uniformityP(counts []float64) float64 {
	total := 0.0
	for _, c := range counts {
		total += c
	}
	want := total / float64(len(counts))
	x := 0.0
	for _, c := range counts {
		x += (c - want) * (c - want) / want
	}
	return distuv.ChiSquared{K: float64(len(counts) - 1)}.Survival(x)
}

// kolmogorovP is the asymptotic p-value of the Kolmogorov-Smirnov distance of sorted values from a distribution function.
func kolmogorovP(sorted []float64, cdf func(float64) float64) float64 {
	n, d := float64(len(sorted)), 0.0
	for i, x := range sorted {
		f := cdf(x)
		d = max(d, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
	}
	l, p := d*math.Sqrt(n), 0.0
	for j := 1.0; j <= 100; j++ {
		p += 2 * math.Pow(-1, j-1) * math.Exp(-2*j*j*l*l)
	}
	return min(max(p, 0), 1)
}

// momentP is the two-sided p-value of a mean of n values of known mean and standard deviation.
func momentP(mean, want, sd float64, n int) float64 {
	z := math.Abs(mean-want) / (sd / math.Sqrt(float64(n)))
	return math.Erfc(z / math.Sqrt2)
}

func TestUniformAndNormalFit(t *testing.T) {
	const n = 1_000_000
	for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
		out := run(t, d, id{seed: 20240229, chain: 3, draw: 17}, func(k Key) []tensor.Value {
			return []tensor.Value{k.Uniform(n), k.With(PurposeInit).Normal(n)}
		})
		u, z := out[0].Float64s(), out[1].Float64s()
		check := func(what string, p float64) {
			if !(p > leastP) {
				t.Errorf("%s: %s has p = %g", d, what, p)
			}
		}
		check("the mean of uniforms", momentP(meanOf(u, func(x float64) float64 { return x }), 0.5, math.Sqrt(1.0/12), n))
		check("their variance", momentP(meanOf(u, func(x float64) float64 { return (x - 0.5) * (x - 0.5) }), 1.0/12, math.Sqrt(1.0/180), n))
		for k, m := range []struct{ want, variance float64 }{{0, 1}, {1, 2}, {0, 15}, {3, 96}} {
			mean := meanOf(z, func(x float64) float64 { return math.Pow(x, float64(k+1)) })
			check("a moment of normals", momentP(mean, m.want, math.Sqrt(m.variance), n))
		}
		neighbours := 0.0
		for i := 0; i+1 < n; i += 2 {
			neighbours += z[i] * z[i+1]
		}
		check("the correlation within pairs", momentP(neighbours/(n/2), 0, 1, n/2))
		slices.Sort(u)
		slices.Sort(z)
		check("the fit of uniforms", kolmogorovP(u, func(x float64) float64 { return x }))
		check("the fit of normals", kolmogorovP(z, func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }))
	}
}

func meanOf(x []float64, f func(float64) float64) float64 {
	s := 0.0
	for _, v := range x {
		s += f(v)
	}
	return s / float64(len(x))
}

// TestStreamsAreIndependent cross-tabulates the top four bits of streams that differ in one number of the key, pairwise.
func TestStreamsAreIndependent(t *testing.T) {
	base := func() *Stream { return NewStream(99, 5, 12, PurposeTrajectory, 3) }
	streams := map[string]*Stream{
		"base": base(), "seed": NewStream(100, 5, 12, PurposeTrajectory, 3), "chain": NewStream(99, 6, 12, PurposeTrajectory, 3),
		"draw": NewStream(99, 5, 13, PurposeTrajectory, 3), "purpose": NewStream(99, 5, 12, PurposeInit, 3), "leaf": NewStream(99, 5, 12, PurposeTrajectory, 4),
		"site": base().Site("mu"), "other site": base().Site("tau"), "part 0": base().Fold(0), "part 1": base().Fold(1),
	}
	const words = 50_000
	columns := map[string][]uint32{}
	for name, s := range streams {
		for range words {
			columns[name] = append(columns[name], s.Uint32()>>28)
		}
	}
	for a, x := range columns {
		for b, y := range columns {
			if a >= b {
				continue
			}
			counts := make([]float64, 256)
			for i := range x {
				counts[x[i]<<4|y[i]]++
			}
			if p := uniformityP(counts); p < leastP {
				t.Errorf("streams %s and %s: p = %g", a, b, p)
			}
		}
	}
}
