package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Case is a program with arguments for it.
type Case struct {
	Func *tensor.Func
	Args []*tensor.Array
}

// RandomProgram returns a program of the given number of top-level instructions or a little more, control flow among
// them, and arguments. Equal seeds give equal cases, and a case of fewer steps begins as one of more steps does.
// With all true every top-level value is a result, else only the last few, so that engines can fuse the others.
func RandomProgram(seed uint64, steps int, all bool) (Case, error) {
	return generate(seed, func(g *generator) []tensor.Value {
		g.steps(steps)
		if !all && len(g.pool) > 3 {
			return g.pool[len(g.pool)-3:]
		}
		return g.pool
	})
}

// RandomOp returns a program of one instruction of the given operation, with what it takes to make its operands.
func RandomOp(op tensor.Op, seed uint64) (Case, error) {
	return generate(seed, func(g *generator) []tensor.Value { return makers[op](g) })
}

// Ops returns the operations that RandomOp knows, in their own order: all that a program can hold but OpParam and OpGet.
func Ops() []tensor.Op {
	var out []tensor.Op
	for op := range makers {
		out = append(out, op)
	}
	slices.Sort(out)
	return out
}

// generator makes a random program while it is traced. Parameters must be known before a trace starts, so each program
// is made twice with the same random numbers: the first time fresh operands are broadcast from a scalar per dtype and
// recorded, the second time they are parameters.
type generator struct {
	r      *rand.Rand
	wild   bool // edge values everywhere, not now and then
	params []tensor.Param
	args   []*tensor.Array
	bank   []tensor.Value // first pass: a scalar per dtype
	inputs []tensor.Value // second pass: the parameters
	pool   []tensor.Value // values that may be used here
	depth  int
	sealed bool // inside a call, whose body may not use what is around it
}

var allDTypes = []tensor.DType{tensor.Bool, tensor.I32, tensor.I64, tensor.U32, tensor.U64, tensor.F32, tensor.F64}

func generate(seed uint64, build func(g *generator) []tensor.Value) (Case, error) {
	newGenerator := func() (*generator, tensor.DType) {
		g := &generator{r: rand.New(rand.NewPCG(seed, 0x6472657974657374))}
		g.params = []tensor.Param{{Name: "p0", DType: tensor.Bool}} // every program has a parameter
		g.args = []*tensor.Array{g.array(tensor.Bool, nil)}
		g.wild = g.chance(0.3)
		float := tensor.F64
		if g.chance(0.2) {
			float = tensor.F32
		}
		return g, float
	}
	first, float := newGenerator()
	var bank []tensor.Param
	for _, d := range allDTypes {
		bank = append(bank, tensor.Param{DType: d})
	}
	name := fmt.Sprintf("seed_%d", seed)
	if _, err := tensor.Trace(name, float, bank, func(v []tensor.Value) []tensor.Value {
		first.bank = v
		return build(first)
	}); err != nil {
		return Case{}, err
	}
	second, _ := newGenerator()
	f, err := tensor.Trace(name, float, first.params, func(v []tensor.Value) []tensor.Value {
		second.inputs = v
		return build(second)
	})
	return Case{f, first.args}, err
}

func (g *generator) chance(p float64) bool { return g.r.Float64() < p }

// between returns an integer of lo … hi.
func (g *generator) between(lo, hi int) int { return lo + g.r.IntN(hi-lo+1) }

func pick[T any](g *generator, from []T) T { return from[g.r.IntN(len(from))] }

// shape returns dimensions of 0 to 3 axes, long ones only where there are few.
func (g *generator) shape() []int {
	longest := []int{0, 17, 9, 5}
	rank := pick(g, []int{0, 0, 1, 1, 1, 2, 2, 3})
	return g.dims(rank, longest[rank])
}

func (g *generator) dims(rank, longest int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = g.between(1, longest)
	}
	return out
}

// operand returns a value of the given dtype and shape: one at hand, one broadcast or reshaped to it, or a fresh one.
func (g *generator) operand(d tensor.DType, shape []int) tensor.Value {
	same := g.having(func(v tensor.Value) bool { return v.DType() == d && slices.Equal(v.Shape(), shape) })
	if len(same) > 0 && g.chance(0.7) {
		return pick(g, same)
	}
	if n := tensor.NumElements(shape); g.chance(0.3) {
		like := g.having(func(v tensor.Value) bool { return v.DType() == d && (v.Rank() == 0 || v.Size() == n) })
		if len(like) > 0 {
			v := pick(g, like)
			if v.Rank() == 0 {
				return v.BroadcastTo(shape...)
			}
			return v.Reshape(shape...)
		}
	}
	if len(shape) > 0 && g.chance(0.15) {
		small := slices.Clone(shape)
		small[g.r.IntN(len(small))] = 1
		return g.fresh(d, small[g.r.IntN(len(small)):]).BroadcastTo(shape...)
	}
	return g.fresh(d, shape)
}

func (g *generator) having(ok func(tensor.Value) bool) []tensor.Value {
	var out []tensor.Value
	for _, v := range g.pool {
		if ok(v) {
			out = append(out, v)
		}
	}
	return out
}

// fresh returns a parameter or, now and then and in sealed regions, a constant.
func (g *generator) fresh(d tensor.DType, shape []int) tensor.Value {
	return g.given(g.array(d, shape))
}

// given returns a parameter whose argument is a, or a constant.
func (g *generator) given(a *tensor.Array) tensor.Value {
	constant := g.chance(0.15)
	if constant || g.sealed {
		return tensor.In(g.anchor(), a)
	}
	i := len(g.params)
	g.params = append(g.params, tensor.Param{Name: fmt.Sprintf("p%d", i), DType: a.DType, Shape: a.Shape})
	g.args = append(g.args, a)
	if g.inputs != nil {
		return g.inputs[i]
	}
	return g.bank[slices.Index(allDTypes, a.DType)].BroadcastTo(a.Shape...)
}

// anchor is a value of the trace, for operations that find it by an operand.
func (g *generator) anchor() tensor.Value {
	switch {
	case g.sealed:
		return g.pool[0]
	case g.inputs != nil:
		return g.inputs[0]
	}
	return g.bank[0]
}

// scalar returns an operand without axes.
func (g *generator) scalar(d tensor.DType) tensor.Value { return g.operand(d, nil) }

// steps adds n random instructions to the pool.
func (g *generator) steps(n int) {
	for range n {
		g.pool = append(g.pool, makers[g.nextOp()](g)...)
	}
}

// nextOp favours elementwise operations, as programs do, and stops nesting regions at depth two.
func (g *generator) nextOp() tensor.Op {
	for {
		kind := pick(g, []func(tensor.Op) bool{
			tensor.Op.IsElementwise, tensor.Op.IsElementwise, tensor.Op.IsReduction, tensor.Op.HasRegions,
			func(op tensor.Op) bool { return !op.IsElementwise() && !op.HasRegions() },
		})
		op := pick(g, Ops())
		if kind(op) && (!op.HasRegions() || g.depth < 2) {
			return op
		}
	}
}
