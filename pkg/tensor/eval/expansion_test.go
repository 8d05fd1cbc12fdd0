package eval

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
)

// TestExpansionsMatchTheirPrograms evaluates each expanded operation as one instruction, on more elements than a block,
// and its expansion instruction by instruction: the bits must agree.
func TestExpansionsMatchTheirPrograms(t *testing.T) {
	for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
		x, y := probes(d, 0), probes(d, 7)
		params := []tensor.Param{{Name: "x", DType: d, Shape: x.Shape}, {Name: "y", DType: d, Shape: y.Shape}}
		n := 0
		for op := tensor.OpNeg; op <= tensor.OpGe; op++ {
			if !expand.IsExpanded(op) {
				continue
			}
			n++
			f, err := tensor.Trace(op.String(), tensor.F64, params, func(v []tensor.Value) []tensor.Value {
				if op.IsBinary() {
					return []tensor.Value{tensor.Emit(op, tensor.Attr{}, v...)}
				}
				return []tensor.Value{tensor.Emit(op, tensor.Attr{}, v[0])}
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := Run(f, []*tensor.Array{x, y})
			if err != nil {
				t.Fatal(err)
			}
			ref, err := Run(expand.Run(f), []*tensor.Array{x, y})
			if err != nil {
				t.Fatal(err)
			}
			for i, b := range got[0].Bits {
				if b != ref[0].Bits[i] {
					t.Errorf("%s %s of %g: %x, its expansion gives %x", op, d, x.Float64s()[i], b, ref[0].Bits[i])
					break
				}
			}
		}
		if n == 0 {
			t.Error("no operation is expanded")
		}
	}
}

// probes returns 200 floats, the edges among them, in an order that depends on turn.
func probes(d tensor.DType, turn int) *tensor.Array {
	v := []float64{0, nzer, 1, -1, inf, -inf, nan, 5e-324, 1e-310, math.MaxFloat64, -math.MaxFloat64, 709.8, -745.2, 1e-8, 0.5, 3e38, 1e-40}
	for i := len(v); i < 200; i++ {
		v = append(v, float64(i-110)*0.37)
	}
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[(i*(turn+1)+turn)%len(v)]
	}
	return tensor.ArrayOf(d, []int{len(v)}, out)
}

func BenchmarkExp(b *testing.B) {
	p, err := newScalarProgram(tensor.OpExp, tensor.F64)
	if err != nil {
		b.Fatal(err)
	}
	x := probes(tensor.F64, 0)
	out := tensor.NewArray(tensor.F64, x.Shape)
	for b.Loop() {
		p.run(out, []*tensor.Array{x})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x.Bits)), "ns/element")
}
