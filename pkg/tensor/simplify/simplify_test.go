package simplify

import (
	"flag"
	"fmt"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
)

var programs = flag.Int("programs", 400, "random programs to check")

// fuzz checks n random programs and as many of one instruction.
func fuzz(t *testing.T, n int, check func(t *testing.T, c enginetest.Case, name string)) {
	ops := enginetest.Ops()
	for i := range n {
		op, seed := ops[i%len(ops)], uint64(i)
		c, err := enginetest.RandomOp(op, seed)
		if err != nil {
			t.Fatal(err)
		}
		check(t, c, fmt.Sprintf("RandomOp(%s, %d)", op, seed))
	}
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
	fuzz(t, *programs, func(t *testing.T, c enginetest.Case, name string) {
		for _, pass := range []func(*tensor.Func) *tensor.Func{Run, Exact} {
			once := pass(c.Func)
			if a, b := once.String(), pass(once).String(); a != b {
				t.Fatalf("%s: a second run changes\n%s\ninto\n%s", name, a, b)
			}
			if again := pass(c.Func); again.String() != once.String() {
				t.Fatalf("%s: two runs differ", name)
			}
		}
	})
}

// TestSimplifiedComputesTheSame compares programs to the bit: all of them as Exact makes them, and expanded before, and as
// Run makes them those where no rule that may change bits was applied.
func TestSimplifiedComputesTheSame(t *testing.T) {
	exact, total := 0, 2**programs
	fuzz(t, *programs, func(t *testing.T, c enginetest.Case, name string) {
		want := evaluate(t, c.Func, c.Args)
		compare(t, name+", exact", c, Exact(c.Func), want)
		compare(t, name+", expanded", c, Exact(expand.Run(c.Func)), want)
		g := newGraph()
		s := g.run(c.Func)
		if g.inexact > 0 {
			return
		}
		exact++
		compare(t, name, c, s, want)
	})
	if exact < total/2 {
		t.Errorf("only %d of %d programs were compared as Run makes them", exact, total)
	}
}

func compare(t *testing.T, name string, c enginetest.Case, f *tensor.Func, want []*tensor.Array) {
	t.Helper()
	got := evaluate(t, f, c.Args)
	for i, w := range want {
		for j, b := range w.Bits {
			if got[i].Bits[j] != b {
				t.Fatalf("%s: result %d[%d] is %v, want %v\n%s\n%s", name, i, j,
					tensor.DecodeFloat(w.DType, got[i].Bits[j]), tensor.DecodeFloat(w.DType, b), c.Func, f)
			}
		}
	}
}

func evaluate(t *testing.T, f *tensor.Func, args []*tensor.Array) []*tensor.Array {
	t.Helper()
	out, err := eval.Run(f, args)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
