package xla_test

import (
	"math"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// judge says whether a tick decides something by a hair: it evaluates the tick anew, with the target's values as they were
// recorded, and looks at each comparison of floats that the kernel makes on the way, in loops and branches too: of uniforms
// with weights, of products of momenta with zero, of energies with their limits.
type judge struct {
	t     testing.TB
	of    *ticks
	eval  *eval.Program
	found bool
	args  []*tensor.Array
}

func newJudge(t testing.TB, s *subject, k *ticks) *judge {
	t.Helper()
	j := &judge{t: t, of: k}
	var err error
	if j.eval, err = eval.CompileObserved(k.grow, j.observe); err != nil {
		t.Fatal(err)
	}
	for _, p := range k.grow.In {
		j.args = append(j.args, tensor.NewArray(p.DType, p.Shape))
	}
	engine.Decode(j.args[k.factor()], factorOf(s))
	return j
}

// close reports whether a comparison of the tick is close.
func (j *judge) close(p pair) bool {
	j.t.Helper()
	j.grow(p)
	return j.found
}

// grow evaluates a tick and returns its results.
func (j *judge) grow(p pair) []*tensor.Array {
	j.t.Helper()
	k := j.of
	for i := range k.factor() {
		engine.Decode(j.args[i], p.in[i])
	}
	engine.Decode(j.args[k.factor()+1], p.out[k.states()+1])
	engine.Decode(j.args[k.factor()+2], p.out[k.states()+2])
	j.found = false
	out, err := j.eval.Run(j.args)
	if err != nil {
		j.t.Fatal(err)
	}
	return out
}

// observe sees an instruction. Numbers are close relative to their size, and products of momenta to zero as such. Operands that are equal are copies of one number, as the two energies that weights refer to are in nearly every
// tick.
func (j *judge) observe(n *tensor.Node, _ *tensor.Array, in []*tensor.Array) {
	if !n.Op.IsCompare() || !in[0].DType.IsFloat() {
		return
	}
	for i, b := range in[0].Bits {
		x, y := tensor.DecodeFloat(in[0].DType, b), tensor.DecodeFloat(in[1].DType, in[1].Bits[i])
		size := max(math.Abs(x), math.Abs(y))
		if y == 0 && n.In[1].Node().Op == tensor.OpConst {
			size = 1
		}
		if x != y && math.Abs(x-y) <= tolerance*size {
			j.found = true
		}
	}
}

// TestJudge: a uniform that lies 1e-11 off its threshold is seen, one that lies 1e-6 off is not, and what the judge evaluates
// is the tick that was recorded.
func TestJudge(t *testing.T) {
	s := subjects[0].load(t)
	k := traceTicks(t, s, kernels.DefaultNUTS())
	tape, judge := newTape(t, s, k), newJudge(t, s, k)
	weight, leaf, depth := slices.Index(k.paths, "SubtreeWeight"), slices.Index(k.paths, "Leaf"), slices.Index(k.paths, "Depth")
	energy := slices.Index(k.paths, "Subtree.Energy")
	tried := 0
	for _, p := range tape.record(300) {
		got := judge.grow(p)
		for i, a := range got {
			if problem := agree(k.tick.Out[i], engine.Bytes(a), p.out[i], tolerance); problem != "" {
				t.Fatal(problem)
			}
		}
		if tried == 20 {
			break
		}
		inside := got[leaf].Bits[0] > 0 && got[depth].Bits[0] > 1 // neither begins nor ends a subtree
		if !inside || judge.found {
			continue
		}
		tried++
		with := func(w float64) (energyAfter uint64, close bool) {
			q := pair{slices.Clone(p.in), p.out}
			q.in[inState+weight] = vector(w)
			return judge.grow(q)[energy].Bits[0], judge.found
		}
		taken, _ := with(0) // the first leaf of a subtree is its proposal
		low, high := 0.0, 1e12
		if kept, _ := with(high); kept == taken {
			continue // an energy that equals the proposal's, or a uniform next to zero
		}
		for range 100 {
			if middle := (low + high) / 2; middle > low && middle < high {
				if e, _ := with(middle); e == taken {
					low = middle
				} else {
					high = middle
				}
			}
		}
		if _, close := with(high * (1 + 1e-11)); !close {
			t.Fatalf("a weight of %g, 1e-11 off the threshold, is not close", high)
		}
		if _, close := with(high*(1+1e-6) + 1e-6); close {
			t.Fatalf("a weight of %g, 1e-6 off the threshold, is close", high)
		}
	}
	if tried < 10 {
		t.Errorf("%d ticks were tried", tried)
	}
}
