package expand_test

import (
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestSinglePrecision holds every function of one argument to 0.501 ulp in F32: they are computed in F64 and rounded once.
func TestSinglePrecision(t *testing.T) {
	for _, f := range functions {
		t.Run(f.op.String(), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(6, uint64(f.op)))
			var x []float64
			for _, s := range f.spans {
				for _, v := range (span{s.n / 40, s.lo, s.hi, s.least}).points(r) {
					w := float64(float32(v))
					if w != 0 && w > -3e38 && w < 3e38 && domain(f.op, w) {
						x = append(x, w)
					}
				}
			}
			u, at := worst(single, x, apply(t, f.op, tensor.F32, x), f.want)
			if u > 0.501 {
				t.Errorf("%s(%v) is %.4g ulp off, want at most 0.501", f.op, at, u)
			}
		})
	}
}

// domain reports whether rounding to float32 left x inside the domain of the reference.
func domain(op tensor.Op, x float64) bool {
	switch op {
	case tensor.OpLog1p:
		return x > -1
	case tensor.OpErfInv:
		return x > -1 && x < 1
	case tensor.OpLgamma:
		return x != 1 && x != 2
	case tensor.OpTrigamma:
		return x > 0 || x != float64(int64(x))
	}
	return true
}
