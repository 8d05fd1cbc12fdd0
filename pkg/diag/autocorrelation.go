package diag

// Autocovariance returns the autocovariances of one chain at lags 0 … len(chain)−1, each sum divided by len(chain) (the
// biased estimate, whose spectrum is not negative: Geyer 1992, "Practical Markov chain Monte Carlo", section 3.1). A
// chain with a NaN or an infinity gives NaNs.
func Autocovariance(chain []float64) []float64 {
	if len(chain) == 0 {
		return nil
	}
	return newCorrelogram(len(chain)).meanAutocovariance([][]float64{chain})
}

// Autocorrelation returns Autocovariance divided by its first element: NaNs where all draws are equal.
func Autocorrelation(chain []float64) []float64 {
	r := Autocovariance(chain)
	if len(r) == 0 {
		return r
	}
	variance := r[0]
	for lag := range r {
		r[lag] /= variance
	}
	return r
}

// correlogram computes autocovariances of rows of one length by the fast Fourier transform, padded with as many zeros
// as keep lags from wrapping round. Its buffers are reused between calls.
type correlogram struct {
	draws    int
	spectrum *transform
	buf      []complex128
	power    []float64
	lags     []float64
}

func newCorrelogram(draws int) *correlogram {
	n := 1
	for n < 2*draws {
		n *= 2
	}
	return &correlogram{
		draws:    draws,
		spectrum: newTransform(n),
		buf:      make([]complex128, n),
		power:    make([]float64, n),
		lags:     make([]float64, draws),
	}
}

// meanAutocovariance returns the average over rows of their autocovariances at lags 0 … draws−1 (divisor draws, each row
// about its own mean). The result is overwritten by the next call.
//
// The transform is linear, so the power spectra are summed and inverted once; and two rows x, y share one transform, of
// x + iy, whose autocovariance has for its real part the sum of theirs.
func (g *correlogram) meanAutocovariance(rows [][]float64) []float64 {
	clear(g.power)
	for i := 0; i < len(rows); i += 2 {
		g.load(rows[i:min(i+2, len(rows))])
		g.spectrum.forward(g.buf)
		for k, z := range g.buf {
			g.power[k] += real(z)*real(z) + imag(z)*imag(z)
		}
	}
	for k, v := range g.power {
		g.buf[k] = complex(v, 0)
	}
	g.spectrum.inverse(g.buf)
	scale := 1 / (float64(len(g.buf)) * float64(g.draws) * float64(len(rows)))
	for lag := range g.lags {
		g.lags[lag] = real(g.buf[lag]) * scale
	}
	return g.lags
}

// load fills the buffer with one row or two, centred, as real and imaginary parts, then zeros.
func (g *correlogram) load(rows [][]float64) {
	clear(g.buf)
	x, m := rows[0], mean(rows[0])
	if len(rows) == 1 {
		for i, v := range x {
			g.buf[i] = complex(v-m, 0)
		}
		return
	}
	y, my := rows[1], mean(rows[1])
	for i, v := range x {
		g.buf[i] = complex(v-m, y[i]-my)
	}
}
