package vmap

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestEveryOperationHasARule: an operation has a rule, or no operands, or regions.
func TestEveryOperationHasARule(t *testing.T) {
	for op := tensor.OpInvalid + 1; op.String() != "invalid"; op++ {
		n := 0
		source := op == tensor.OpParam || op == tensor.OpConst || op == tensor.OpIota || op == tensor.OpGet
		for _, is := range []bool{rules[op] != nil, source, op.HasRegions()} {
			if is {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is in %d of rules, sources, control flow", op, n)
		}
	}
}
