package stablehlo_test

import (
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
