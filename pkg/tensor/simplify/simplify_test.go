package simplify

import (
	"fmt"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

func fuzz(t *testing.T, n int, check func(t *testing.T, c enginetest.Case, name string)) {
	for i := range n {
		seed, steps, all := uint64(i), 4+i%25, i%3 == 0
		c, err := enginetest.RandomProgram(seed, steps, all)
		if err != nil {
			t.Fatal(err)
		}
		check(t, c, fmt.Sprintf("RandomProgram(%d, %d, %t)", seed, steps, all))
	}
}

func TestIdempotent(t *testing.T) {
	fuzz(t, 400, func(t *testing.T, c enginetest.Case, name string) {
		once := Run(c.Func)
		twice := Run(once)
		if a, b := once.String(), twice.String(); a != b {
			t.Fatalf("%s: a second run changes\n%s\ninto\n%s", name, a, b)
		}
		if again := Run(c.Func); again.String() != once.String() {
			t.Fatalf("%s: two runs differ", name)
		}
	})
}

// TestSimplifiedComputesTheSame compares programs to the bit, but those where a rule that may change bits was applied:
// TestBetter has these.
func TestSimplifiedComputesTheSame(t *testing.T) {
	exact, total := 0, 800
	fuzz(t, total, func(t *testing.T, c enginetest.Case, name string) {
		g := newGraph()
		s := g.run(c.Func)
		want, err := eval.Run(c.Func, c.Args)
		if err != nil {
			t.Fatal(err)
		}
		got, err := eval.Run(s, c.Args)
		if err != nil {
			t.Fatal(err)
		}
		if g.inexact > 0 {
			return
		}
		exact++
		for i, w := range want {
			for j, b := range w.Bits {
				if got[i].Bits[j] != b {
					t.Fatalf("%s: result %d[%d] is %v, want %v\n%s\n%s", name, i, j,
						tensor.DecodeFloat(w.DType, got[i].Bits[j]), tensor.DecodeFloat(w.DType, b), c.Func, s)
				}
			}
		}
	})
	if exact < total/2 {
		t.Errorf("only %d of %d programs were compared", exact, total)
	}
}
