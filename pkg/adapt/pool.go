package adapt

import "fmt"

// Moments are a Welford on the host: the number of vectors, their mean, and the sums of squares or products of deviations from
// it, in the order of Welford.M2.
type Moments struct {
	Count    float64
	Mean, M2 []float64
}

// Pool returns the moments of all parts together, merged in order: the same parts in the same order give the same bits on
// every machine. The parts must be of one length and kind; parts are not changed. Source: Chan, Golub & LeVeque (1983),
// equations 1.5a and 1.5b.
func Pool(parts []Moments) (Moments, error) {
	if len(parts) == 0 {
		return Moments{}, fmt.Errorf("adapt: no moments to pool")
	}
	d, e := len(parts[0].Mean), len(parts[0].M2)
	out := Moments{Mean: make([]float64, d), M2: make([]float64, e)}
	for i, p := range parts {
		if len(p.Mean) != d || len(p.M2) != e || e != d && e != d*d {
			return Moments{}, fmt.Errorf("adapt: part %d of the moments has lengths %d and %d, want %d and %d", i, len(p.Mean), len(p.M2), d, e)
		}
		out.add(p)
	}
	return out, nil
}

// add merges b into a. Products are rounded by explicit conversions, so that no machine fuses them with the sum.
func (a *Moments) add(b Moments) {
	n := a.Count + b.Count
	if b.Count == 0 {
		return
	}
	share := b.Count / n
	weight := float64(a.Count * share)
	d := len(a.Mean)
	delta := make([]float64, d)
	for i := range delta {
		delta[i] = b.Mean[i] - a.Mean[i]
		a.Mean[i] += float64(delta[i] * share)
	}
	for i := range a.M2 {
		product := float64(delta[i%d] * delta[i%d])
		if len(a.M2) != d {
			product = float64(delta[i/d] * delta[i%d])
		}
		a.M2[i] += b.M2[i] + float64(product*weight)
	}
	a.Count = n
}
