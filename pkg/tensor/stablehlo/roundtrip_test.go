package stablehlo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// roundTrip checks that Parse reads what Print writes as the Func that was printed, and that this prints the same.
func roundTrip(t *testing.T, f *tensor.Func) {
	t.Helper()
	text, err := stablehlo.Print(f)
	if err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	g, err := stablehlo.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, f, numbered(text))
	}
	if g.String() != f.String() {
		t.Fatalf("printed and parsed:\n%s\nwant\n%s\ntext\n%s", g, f, text)
	}
	for i := range f.Out {
		if g.Out[i].Name != f.Out[i].Name {
			t.Fatalf("result %d is named %q, want %q", i, g.Out[i].Name, f.Out[i].Name)
		}
	}
	again, err := stablehlo.Print(g)
	if err != nil || again != text {
		t.Fatalf("error %v; printed again:\n%s\nwant\n%s", err, again, text)
	}
}

func numbered(text string) string {
	var b strings.Builder
	for i, l := range strings.Split(text, "\n") {
		fmt.Fprintf(&b, "%4d %.200s\n", i+1, l)
	}
	return b.String()
}

func TestRoundTripOps(t *testing.T) {
	n := uint64(30)
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
				roundTrip(t, c.Func)
			}
		})
	}
}

func TestRoundTripPrograms(t *testing.T) {
	n := uint64(200)
	if testing.Short() {
		n = 20
	}
	for seed := range n {
		c, err := enginetest.RandomProgram(seed, 2+int(seed%30), seed%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, c.Func)
	}
}
