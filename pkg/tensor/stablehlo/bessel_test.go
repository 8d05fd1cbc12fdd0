package stablehlo_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// TestBesselI1e: values of e^-|x| I₁(x) that mpmath computes with 50 digits, within some units of the last place.
func TestBesselI1e(t *testing.T) {
	table := [][2]float64{
		{0, 0.0},
		{1e-300, 5e-301},
		{0.001, 0.0004995003123542213},
		{-0.5, -0.1564208031848717},
		{1, 0.20791041534970844},
		{2.75, 0.20171862139187355},
		{7.999, 0.13414997242586205},
		{8, 0.13414249329269817},
		{8.001, 0.13413501537956068},
		{-12, -0.11146429929018098},
		{50, 0.0559931238928954},
		{1e4, 0.003989273195983662},
		{1e300, 3.989422804014327e-151},
	}
	for _, c := range []struct {
		dtype tensor.DType
		ulp   float64
	}{{tensor.F64, 0x1p-52}, {tensor.F32, 0x1p-23}} {
		f, err := stablehlo.Parse(fmt.Sprintf(`func.func @main(%%x: tensor<%s>) -> tensor<%s> {
  %%0 = chlo.bessel_i1e %%x : tensor<%s> -> tensor<%s>
  return %%0 : tensor<%s>
}`, c.dtype, c.dtype, c.dtype, c.dtype, c.dtype))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range table {
			x := tensor.ArrayOf(c.dtype, nil, row[:1])
			if c.dtype == tensor.F32 && (math.Abs(row[0]) > 1e30 || row[0] != 0 && math.Abs(row[0]) < 1e-30) {
				continue
			}
			out, err := eval.Run(f, []*tensor.Array{x})
			if err != nil {
				t.Fatal(err)
			}
			if got := out[0].Float64s()[0]; !(math.Abs(got-row[1]) <= 8*c.ulp*math.Abs(row[1])) {
				t.Errorf("%s: i1e(%v) = %v, want %v", c.dtype, row[0], got, row[1])
			}
		}
	}
}
