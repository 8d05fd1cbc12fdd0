package diag

import "math"

// transform is a discrete Fourier transform whose length is a power of two, of a kind that filtering needs: forward
// leaves the spectrum in bit-reversed order and inverse takes it so, which spares both the permutation.
type transform struct {
	roots []complex128 // for half = n/2, n/4, … 1: exp(−πi·j/half) for j < half, one after another
}

// newTransform returns a transform of length n, a power of two.
func newTransform(n int) *transform {
	f := &transform{roots: make([]complex128, 0, n)}
	for half := n / 2; half >= 1; half /= 2 {
		for j := range half {
			sin, cos := math.Sincos(-math.Pi * float64(j) / float64(half))
			f.roots = append(f.roots, complex(cos, sin))
		}
	}
	return f
}

// forward replaces x by its spectrum Σ x(t)·exp(−2πi·k·t/n), element k at the index whose bits are those of k reversed:
// decimation in frequency (Gentleman and Sande 1966).
func (f *transform) forward(x []complex128) {
	roots := f.roots
	for half := len(x) / 2; half >= 1; half /= 2 {
		w := roots[:half]
		for at := 0; at < len(x); at += 2 * half {
			low, high := x[at:at+half], x[at+half:at+2*half]
			low, high = low[:len(w)], high[:len(w)]
			for j, root := range w {
				a, b := low[j], high[j]
				low[j], high[j] = a+b, (a-b)*root
			}
		}
		roots = roots[half:]
	}
}

// inverse undoes forward but for a factor of n: decimation in time (Cooley and Tukey 1965).
func (f *transform) inverse(x []complex128) {
	end := len(x) - 1 // the roots of all stages are n−1
	for half := 1; half < len(x); half *= 2 {
		w := f.roots[end-half : end]
		end -= half
		for at := 0; at < len(x); at += 2 * half {
			low, high := x[at:at+half], x[at+half:at+2*half]
			low, high = low[:len(w)], high[:len(w)]
			for j, root := range w {
				a, b := low[j], high[j]*complex(real(root), -imag(root))
				low[j], high[j] = a+b, a-b
			}
		}
	}
}
