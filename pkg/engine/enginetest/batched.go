package enginetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/vmap"
)

// widths are numbers of lanes: one, a power of two, and some that fill no vector.
var widths = []int{1, 3, 4, 7}

// Batched compares programs that tensor/vmap has made, run on an engine, bit for bit (NaN made canonical) with what
// tensor/eval computes for one lane after the other: n programs of one instruction for every operation and 4·n random
// programs, of which random parameters are batched.
func Batched(t *testing.T, e engine.Engine, seed uint64, n int) {
	sweep(t, seed, n, func(c Case, seed uint64) string { return compareBatched(e, c, seed) })
}

// compareBatched runs the batched form of a case on an engine and describes the first difference to single lanes.
func compareBatched(e engine.Engine, c Case, seed uint64) string {
	batch, want, err := lanesOf(c, seed)
	if err != nil {
		return err.Error() + text(c.Func)
	}
	if problem := compareTo(e, batch, want); problem != "" {
		return problem + "\n--- of" + text(c.Func)
	}
	return ""
}

// lanesOf returns the batched form of a case, with arguments for its lanes, and the results wanted.
func lanesOf(c Case, seed uint64) (Case, []*tensor.Array, error) {
	g := &generator{r: rand.New(rand.NewPCG(seed, 0x6c616e6573))}
	width := pick(g, widths)
	batched := make([]bool, len(c.Args))
	args := make([][]*tensor.Array, width) // of each lane
	for i, a := range c.Args {
		batched[i] = g.chance(0.7)
		for b := range args {
			if b > 0 && batched[i] {
				a = g.variant(c.Args[i])
			}
			args[b] = append(args[b], a)
		}
	}
	f, err := vmap.Of(c.Func, width, batched)
	if err != nil {
		return Case{}, nil, err
	}
	p, err := eval.Compile(c.Func)
	if err != nil {
		return Case{}, nil, fmt.Errorf("eval: %w", err)
	}
	results := make([][]*tensor.Array, width)
	for b := range results {
		if results[b], err = p.Run(args[b]); err != nil {
			return Case{}, nil, fmt.Errorf("eval: %w", err)
		}
	}
	out := Case{Func: f}
	for i, a := range c.Args {
		if batched[i] {
			a = stack(args, i)
		}
		out.Args = append(out.Args, a)
	}
	var want []*tensor.Array
	for i := range c.Func.Out {
		want = append(want, stack(results, i))
	}
	return out, want, nil
}

// variant returns other elements of the kind of a's: its own in another order, some of them new. Integers stay near, since
// they may be indices.
func (g *generator) variant(a *tensor.Array) *tensor.Array {
	out := tensor.NewArray(a.DType, a.Shape)
	for i, k := range g.r.Perm(len(a.Bits)) {
		x := a.Bits[k]
		switch {
		case g.chance(0.5):
		case a.DType == tensor.Bool:
			x = uint64(g.r.IntN(2))
		case a.DType.IsFloat():
			x = g.float(a.DType)
		default:
			x = cut(a.DType, x+uint64(int64(g.between(-3, 3))))
		}
		out.Bits[i] = x
	}
	return out
}

// stack joins array i of each lane along a new last axis.
func stack(lanes [][]*tensor.Array, i int) *tensor.Array {
	like := lanes[0][i]
	out := tensor.NewArray(like.DType, append(append([]int(nil), like.Shape...), len(lanes)))
	for b, of := range lanes {
		for k, x := range of[i].Bits {
			out.Bits[k*len(lanes)+b] = x
		}
	}
	return out
}
