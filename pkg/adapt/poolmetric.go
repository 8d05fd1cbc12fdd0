package adapt

import (
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/diag"
)

// view is what the reports of all chains say together.
type view struct {
	reports              []Report
	positions, gradients Moments
	ess                  []float64 // of each element of the position
	leastESS, rhat       float64   // of them and the log density
}

// see merges the reports in the order of chains.
func (p Pooling) see(reports []Report) (*view, error) {
	n := len(reports)
	positions, gradients, densities := make([]Moments, n), make([]Moments, n), make([]Moments, n)
	for i := range reports {
		positions[i], gradients[i], densities[i] = reports[i].Positions, reports[i].Gradients, reports[i].LogDensity
	}
	v := &view{reports: reports, leastESS: math.Inf(1)}
	var err error
	if v.positions, err = Pool(positions); err != nil {
		return nil, err
	}
	if p.Metric.diagonal() {
		if v.gradients, err = Pool(gradients); err != nil {
			return nil, err
		}
	}
	for i := range v.positions.Mean {
		ess, rhat := p.mixing(positions, i)
		v.ess = append(v.ess, ess)
		v.take(ess, rhat)
	}
	v.take(p.mixing(densities, 0))
	return v, nil
}

// take takes the figures of one quantity; NaN is worse than anything.
func (v *view) take(ess, rhat float64) {
	v.leastESS = min(v.leastESS, ess)
	v.rhat = max(v.rhat, rhat)
}

// variance returns the diagonal element i of the sums of products.
func (m Moments) variance(i int) float64 {
	d := len(m.Mean)
	if len(m.M2) != d {
		i *= d + 1
	}
	return m.M2[i] / (m.Count - 1)
}

// mixing returns the effective sample size of the mean of element i over all chains, from the scatter of the chains' means, and the
// nested R-hat. The former is at most the number of draws; it has the relative error √(2/chains), and what it counts as
// noise of the means can be chains that have not met yet. R-hat is NaN where chains are late: it wants whole superchains, and it is a
// slow region that they may be in.
func (p Pooling) mixing(chains []Moments, i int) (ess, rhat float64) {
	means, variances := make([]float64, len(chains)), make([]float64, len(chains))
	all := Moments{Mean: []float64{0}, M2: []float64{0}}
	scatter := Moments{Mean: []float64{0}, M2: []float64{0}}
	for c, m := range chains {
		means[c], variances[c] = m.Mean[i], m.variance(i)
		all.add(Moments{m.Count, []float64{means[c]}, []float64{float64(variances[c] * (m.Count - 1))}})
		scatter.add(Moments{1, []float64{means[c]}, []float64{0}})
	}
	if chains[0].Count < 2 {
		return math.NaN(), math.NaN()
	}
	ess = min(float64(len(chains))*all.variance(0)/scatter.variance(0), all.Count)
	if len(chains) < p.Chains {
		return ess, math.NaN()
	}
	return ess, diag.NestedRHatOf(means, variances, len(chains)/p.Superchain)
}

// essForPooling is the effective sample size, a chain, from which on the chains count as having met: their means scatter by half a
// standard deviation at most. Until then the moments of all draws together would be those of the chains that are farthest out,
// whose gradients can be thousands of times larger, and a median over chains is taken.
const essForPooling = 4.0

// met reports whether the chains have met in element i, and have draws enough for a variance.
func (v *view) met(i int) bool {
	return v.ess[i] >= max(drawsForVariance, float64(essForPooling*float64(len(v.reports))))
}

// median returns that of a figure over chains, those left out where it is not positive and finite; 0 where it is so nowhere.
func (v *view) median(of func(r *Report) float64) float64 {
	var x []float64
	for i := range v.reports {
		if f := of(&v.reports[i]); f > 0 && !math.IsInf(f, 0) {
			x = append(x, f)
		}
	}
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[len(x)/2]
}

// metric returns the inverse mass matrix of a window; before, nil for none, is what it shrinks to with the weight of priorDraws
// effective draws.
func (p Pooling) metric(v *view, before []float64) []float64 {
	switch {
	case p.Metric.diagonal():
		return p.diagonal(v, before)
	case p.Metric == MetricDense:
		return v.dense(before)
	}
	return nil
}

// diagonal returns the variances of the kind of the metric; where they do not say, those before, or 1.
func (p Pooling) diagonal(v *view, before []float64) []float64 {
	out := make([]float64, len(v.ess))
	for i, ess := range v.ess {
		var x float64
		switch {
		case !v.met(i):
			x = v.median(func(r *Report) float64 { return math.Sqrt(r.Positions.M2[i] / r.Gradients.M2[i]) })
		case p.Metric == MetricDraws:
			x = v.positions.variance(i)
		default:
			x = math.Sqrt(v.positions.M2[i] / v.gradients.M2[i])
		}
		old := 1.0
		if before != nil {
			old = before[i]
		}
		switch {
		case !(x > 0) || math.IsInf(x, 0):
			x = old
		case before != nil && ess >= 0:
			x = float64(x*(ess/(ess+priorDraws))) + float64(old*(priorDraws/(ess+priorDraws)))
		}
		out[i] = min(max(x, smallestVariance), largestVariance)
	}
	return out
}

// curvature returns the trace of the log density's curvature in the coordinates that a diagonal inverse mass matrix makes: for a normal
// distribution the variances of the gradients are the diagonal of its curvature. Stable step sizes go with its inverse root. The variances
// are medians over chains. NaN where they or the matrix are unknown, as for MetricDense.
func (v *view) curvature(inverseMass []float64) float64 {
	if len(inverseMass) != len(v.gradients.Mean) || len(inverseMass) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for i, m := range inverseMass {
		sum += float64(m * v.median(func(r *Report) float64 { return r.Gradients.variance(i) }))
	}
	return sum
}

// dense returns the covariance matrix, shrunk to its own diagonal: to nothing else where the effective draws are fewer than its
// dimensions, or it has no Cholesky factor. before, which may be nil, serves where a variance does not say.
func (v *view) dense(before []float64) []float64 {
	d := len(v.ess)
	out := make([]float64, d*d)
	for i := range d {
		x := v.positions.variance(i)
		if !v.met(i) {
			x = v.median(func(r *Report) float64 { return r.Positions.variance(i) })
		}
		if !(x > 0) || math.IsInf(x, 0) {
			x = 1
			if before != nil {
				x = before[i*(d+1)]
			}
		}
		out[i*(d+1)] = min(max(x, smallestVariance), largestVariance)
	}
	least := math.Inf(1)
	for _, ess := range v.ess {
		least = min(least, ess)
	}
	if !(least > float64(d)) {
		return out
	}
	weight := least / (least + priorDraws)
	full := append([]float64(nil), out...)
	for i := range d {
		for j := range i {
			x := v.positions.M2[i*d+j] / (v.positions.Count - 1) * weight
			full[i*d+j], full[j*d+i] = x, x
		}
	}
	if _, ok := cholesky(full, d); !ok {
		return out
	}
	return full
}

// PooledFactor returns F with F·Fᵀ = inverseMass: square roots of dim variances, the Cholesky factor, row by row, of dim² elements.
// A matrix that has none gives that of its diagonal.
func PooledFactor(inverseMass []float64, dim int) []float64 {
	if len(inverseMass) != dim {
		if f, ok := cholesky(inverseMass, dim); ok {
			return f
		}
	}
	out := make([]float64, len(inverseMass))
	for i := range dim {
		at := i
		if len(inverseMass) != dim {
			at *= dim + 1
		}
		out[at] = math.Sqrt(inverseMass[at])
	}
	return out
}

// cholesky returns the lower triangular factor of a symmetric matrix, in a fixed order that no machine fuses; ok is false where it
// is not positive definite or not finite.
func cholesky(a []float64, d int) (factor []float64, ok bool) {
	f := make([]float64, d*d)
	for i := range d {
		for j := range i + 1 {
			x := a[i*d+j]
			for k := range j {
				x -= float64(f[i*d+k] * f[j*d+k])
			}
			if i != j {
				f[i*d+j] = x / f[j*d+j]
				continue
			}
			if !(x > 0) || math.IsInf(x, 0) {
				return nil, false
			}
			f[i*d+i] = math.Sqrt(x)
		}
	}
	return f, true
}
