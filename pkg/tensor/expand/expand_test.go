package expand_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
)

// primitive lists what an expansion may consist of.
var primitive = map[tensor.Op]bool{
	tensor.OpConst: true, tensor.OpBroadcast: true, tensor.OpNeg: true, tensor.OpAbs: true, tensor.OpSqrt: true, tensor.OpFloor: true, tensor.OpRound: true,
	tensor.OpBitcast: true, tensor.OpConvert: true, tensor.OpNot: true, tensor.OpAdd: true, tensor.OpSub: true, tensor.OpMul: true, tensor.OpDiv: true, tensor.OpMin: true, tensor.OpMax: true,
	tensor.OpAnd: true, tensor.OpOr: true, tensor.OpXor: true, tensor.OpShl: true, tensor.OpShr: true,
	tensor.OpEq: true, tensor.OpNe: true, tensor.OpLt: true, tensor.OpLe: true, tensor.OpGt: true, tensor.OpGe: true, tensor.OpSelect: true,
}

var expanded = []tensor.Op{
	tensor.OpRsqrt, tensor.OpExp, tensor.OpExpm1, tensor.OpLog, tensor.OpLog1p, tensor.OpSin, tensor.OpCos, tensor.OpTan, tensor.OpTanh, tensor.OpErf, tensor.OpErfc, tensor.OpErfInv,
	tensor.OpLgamma, tensor.OpDigamma, tensor.OpTrigamma, tensor.OpSigmoid, tensor.OpSoftplus, tensor.OpPow, tensor.OpAtan2, tensor.OpLogAddExp,
}

// traceOp returns the program of op on operands of one shape.
func traceOp(t testing.TB, op tensor.Op, d tensor.DType, shape []int) *tensor.Func {
	t.Helper()
	in := []tensor.Param{{Name: "x", DType: d, Shape: shape}}
	if op.IsBinary() {
		in = append(in, tensor.Param{Name: "y", DType: d, Shape: shape})
	}
	f, err := tensor.Trace(op.String(), d, in, func(a []tensor.Value) []tensor.Value { return []tensor.Value{tensor.Emit(op, tensor.Attr{}, a...)} })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestExpansionsAreStraightLines: each function is elementwise code in primitive operations, in both float types; a
// conversion between integers and floats, which SIMD lacks, occurs nowhere.
func TestExpansionsAreStraightLines(t *testing.T) {
	for _, op := range expanded {
		if !expand.IsExpanded(op) {
			t.Errorf("%s is not expanded", op)
			continue
		}
		for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
			g := expand.Run(traceOp(t, op, d, []int{3}))
			work := 0
			for _, n := range g.Body.Nodes {
				if !primitive[n.Op] {
					t.Errorf("%s of %s uses %s", op, d, n.Op)
				}
				if n.Op == tensor.OpConvert && (!n.DType.IsFloat() || !n.In[0].DType().IsFloat()) {
					t.Errorf("%s of %s converts %s to %s", op, d, n.In[0].DType(), n.DType)
				}
				if n.Op != tensor.OpConst && n.Op != tensor.OpBroadcast {
					work++
				}
			}
			t.Logf("%s of %s: %d operations", op, d, work)
			if out := g.Out[0]; out.DType != d || len(out.Shape) != 1 {
				t.Errorf("%s of %s[3] gives %s", op, d, tensor.FormatShape(out.DType, out.Shape))
			}
		}
	}
	if expand.IsExpanded(tensor.OpSqrt) || expand.IsExpanded(tensor.OpAdd) {
		t.Error("primitive operations count as expanded")
	}
}

// TestRunReachesRegions: what a loop's body computes is expanded too.
func TestRunReachesRegions(t *testing.T) {
	in := []tensor.Param{{Name: "x", DType: tensor.F64}}
	f, err := tensor.Trace("loop", tensor.F64, in, func(a []tensor.Value) []tensor.Value {
		return []tensor.Value{tensor.While(a[0], func(x tensor.Value) tensor.Value { return x.Log().Lt(3) }, func(x tensor.Value) tensor.Value { return x.Add(x.Exp()) })}
	})
	if err != nil {
		t.Fatal(err)
	}
	g := expand.Run(f)
	var check func(r *tensor.Region)
	check = func(r *tensor.Region) {
		for _, n := range r.Nodes {
			if expand.IsExpanded(n.Op) {
				t.Errorf("%s is left", n.Op)
			}
			for _, s := range n.Regions {
				check(s)
			}
		}
	}
	check(g.Body)
	args := []*tensor.Array{tensor.ArrayOf(tensor.F64, nil, []float64{1})}
	out, err := eval.Run(g, args)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := out[0].Float64s()[0], 1+2.718281828459045+41.19355567471612; got < want-1e-12 || got > want+1e-12 {
		t.Errorf("the loop gives %v, want %v", got, want)
	}
}

// TestSineAndCosineShareTheirReduction: built beside each other on one operand, they have all but the last few
// instructions in common, so that a pass which merges equal instructions makes one of two.
func TestSineAndCosineShareTheirReduction(t *testing.T) {
	keys := func(op tensor.Op) map[string]bool {
		out := map[string]bool{}
		names := map[tensor.Value]string{}
		g := expand.Run(traceOp(t, op, tensor.F64, nil))
		names[g.Body.Params[0]] = "x"
		for _, n := range g.Body.Nodes {
			key := n.Op.String() + n.DType.String()
			if n.Op == tensor.OpConst {
				key += tensor.FormatShape(n.DType, n.Shape) + string(rune(n.Attr.Array.Bits[0])) + string(rune(n.Attr.Array.Bits[0]>>32))
			}
			for _, v := range n.In {
				key += "(" + names[v] + ")"
			}
			names[n.Results()[0]] = key
			if n.Op != tensor.OpConst {
				out[key] = true
			}
		}
		return out
	}
	s, c := keys(tensor.OpSin), keys(tensor.OpCos)
	apart := 0
	for k := range c {
		if !s[k] {
			apart++
		}
	}
	if apart > 8 {
		t.Errorf("the cosine has %d of %d instructions of its own", apart, len(c))
	}
}
