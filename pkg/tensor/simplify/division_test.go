package simplify

import (
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestDivisionLeavesLoops: dividing by what a loop does not change becomes one reciprocal before the loop; a divisor that
// changes, or a dividend that does not, stays. A second run finds nothing to do, and Exact keeps the division.
func TestDivisionLeavesLoops(t *testing.T) {
	loop := func(step func(p params, x tensor.Value) tensor.Value) *tensor.Func {
		return traced(t, func(p params) tensor.Value {
			return tensor.WhileN([]tensor.Value{p.x},
				func(c []tensor.Value) tensor.Value { return c[0].At(0).Gt(p.s) },
				func(c []tensor.Value) []tensor.Value { return []tensor.Value{step(p, c[0])} })[0]
		})
	}
	inLoop := func(f *tensor.Func) int {
		text := f.String()
		return strings.Count(text[strings.Index(text, "while"):], " div(")
	}
	for name, c := range map[string]struct {
		step func(p params, x tensor.Value) tensor.Value
		want int
	}{
		"data":     {func(p params, x tensor.Value) tensor.Value { return x.Div(p.y) }, 0},
		"twice":    {func(p params, x tensor.Value) tensor.Value { return x.Sub(p.y).Div(p.y).Div(p.y) }, 0},
		"changing": {func(p params, x tensor.Value) tensor.Value { return p.y.Div(x.Square().Add(1)) }, 1},
	} {
		f := loop(c.step)
		if !strings.Contains(f.String(), " div(") {
			t.Fatalf("the text of a program has no div( to count:\n%s", f)
		}
		once := Run(f)
		if got := inLoop(once); got != c.want {
			t.Errorf("%s: %d divisions in the loop, want %d:\n%s", name, got, c.want, once)
		}
		if twice := Run(once); twice.String() != once.String() {
			t.Errorf("%s: a second run changes\n%s\nto\n%s", name, once, twice)
		}
		if got, want := inLoop(Exact(f)), inLoop(f); got != want {
			t.Errorf("%s: Exact leaves %d divisions of %d", name, got, want)
		}
	}
}
