package stablehlo_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// TestDecompositions gives the composites names that Parse does not know, so that it reads their decompositions, and
// compares what these compute: exactly, but for the functions whose formula is another one.
func TestDecompositions(t *testing.T) {
	rounds := []tensor.Op{tensor.OpSoftplus, tensor.OpLogAddExp, tensor.OpTrigamma, tensor.OpCholeskyVJP}
	n := uint64(40)
	if testing.Short() {
		n = 5
	}
	for _, op := range enginetest.Ops() {
		t.Run("op="+op.String(), func(t *testing.T) {
			for seed := range n {
				c, err := enginetest.RandomOp(op, seed)
				if err != nil {
					t.Fatal(err)
				}
				counts := map[tensor.Op]int{}
				countOps(counts, c.Func.Body)
				loose := slices.ContainsFunc(rounds, func(op tensor.Op) bool { return counts[op] > 0 })
				if !loose || tame(append(constants(c.Func.Body), c.Args...)) {
					decomposed(t, c, loose)
				}
			}
		})
	}
}

func decomposed(t *testing.T, c enginetest.Case, loose bool) {
	t.Helper()
	text, err := stablehlo.Print(c.Func)
	if err != nil {
		t.Fatal(err)
	}
	f, err := stablehlo.Parse(strings.ReplaceAll(text, `name = "drey.`, `name = "other.`))
	if err != nil {
		t.Fatalf("%v\n%s", err, numbered(text))
	}
	want, err := eval.Run(c.Func, c.Args)
	if err != nil {
		t.Fatal(err)
	}
	got, err := eval.Run(f, c.Args)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		same := equalBits(got[i], want[i])
		if !loose && !same || loose && difference(got[i], want[i], true) != "" {
			t.Fatalf("seed of %s: result %d is %v, want %v\n%s", c.Func.Name, i, got[i].Float64s(), want[i].Float64s(), f)
		}
	}
}

// TestTrigammaOfExtremes: the decomposition has the values of drey's function where polygamma has not, and calls polygamma
// with numbers for which it is right alone.
func TestTrigammaOfExtremes(t *testing.T) {
	inf := math.Inf(1)
	x := []float64{inf, -inf, math.NaN(), 0, math.Copysign(0, -1), -3, 1e-300, 0.25, 0.5, 1, 1 << 26, 1 << 27, 1<<27 + 1, 1e12, 1e200, math.MaxFloat64, -1e200}
	for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
		in := tensor.ArrayOf(d, []int{len(x)}, x)
		f, err := tensor.Trace("trigamma", d, []tensor.Param{{Name: "x", DType: d, Shape: in.Shape}}, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{v[0].Trigamma()}
		})
		if err != nil {
			t.Fatal(err)
		}
		decomposed(t, enginetest.Case{Func: f, Args: []*tensor.Array{in}}, true)
		text, err := stablehlo.Print(f)
		if err != nil {
			t.Fatal(err)
		}
		g, err := stablehlo.Parse(strings.ReplaceAll(text, `name = "drey.`, `name = "other.`))
		if err != nil {
			t.Fatal(err)
		}
		p, err := eval.CompileObserved(g, func(n *tensor.Node, _ *tensor.Array, in []*tensor.Array) {
			if n.Op != tensor.OpTrigamma {
				return
			}
			for i, y := range in[0].Float64s() {
				if y < 0.5 || y > 1<<27 {
					t.Errorf("%s: polygamma is called with %g for %g", d, y, x[i])
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run([]*tensor.Array{in}); err != nil {
			t.Fatal(err)
		}
	}
}

// equalBits takes all NaN as equal.
func equalBits(got, want *tensor.Array) bool {
	x, y := got.Float64s(), want.Float64s()
	for i, b := range want.Bits {
		if got.Bits[i] != b && (x[i] == x[i] || y[i] == y[i]) {
			return false
		}
	}
	return true
}
