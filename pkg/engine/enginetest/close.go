package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// Close compares an engine that rounds in its own way with tensor/eval, on the programs of Differential: n of one
// instruction for every operation, and 4·n random programs, each run twice.
//
// How far a result may be off follows from its conditioning: the program is evaluated again with every rounded number on
// the way, parameters too, changed by up to a few units of the last place (Monte Carlo arithmetic; Parker, Pierce & Eggert
// 2000), and once with subnormal numbers taken as zero. A float may differ by four times the largest change that this
// makes, or four units of its last place where an operation rounds at all. Integers and booleans must be equal, and so
// must floats that no operation rounds, zeros of either sign being equal. Elements that these changes turn over, a
// comparison of nearly equal numbers, say, are left out; at most a third of all may be.
func Close(t *testing.T, e engine.Engine, seed uint64, n int) {
	var all tally
	sweep(t, seed, n, func(c Case, seed uint64) string { return compareClose(e, c, seed, &all) })
	t.Logf("%d elements compared, %d left out", all.compared, all.left)
	if all.left > all.compared/2 {
		t.Errorf("%d of %d elements were left out", all.left, all.compared+all.left)
	}
}

// CloseTo compares the results of one program with tensor/eval as Close does and describes the first difference, "" where
// there is none.
func CloseTo(e engine.Engine, c Case, seed uint64) string {
	var all tally
	return compareClose(e, c, seed, &all)
}

// tally counts elements of results.
type tally struct{ compared, left int }

func compareClose(e engine.Engine, c Case, seed uint64, all *tally) string {
	want, err := estimates(c, seed)
	if err != nil {
		return "eval: " + err.Error() + text(c.Func)
	}
	s, closeAll, problem := open(e, c, engine.Options{})
	if problem != "" {
		return problem
	}
	defer closeAll()
	for run := range 2 {
		if err := s.Run(); err != nil {
			return fmt.Sprintf("run %d: %v%s", run, err, text(c.Func))
		}
		for i, w := range want {
			buf := make([]byte, engine.SizeOf(c.Func.Out[i]))
			if err := s.Get(i, buf); err != nil {
				return "get: " + err.Error()
			}
			if p := w.differs(engine.ArrayOf(w.DType, w.Shape, buf), all); p != "" {
				return fmt.Sprintf("run %d: result %d: %s%s", run, i, p, text(c.Func))
			}
		}
	}
	return ""
}

// estimate is a result and how much of it rounding decides.
type estimate struct {
	*tensor.Array
	change []float64 // largest change of an element of floats; infinite where an element turns over
	base   float64   // units of the last place that are always allowed
}

// perturbations is the number of evaluations with changed roundings. The largest of six changes is a fair guess of their
// range, of which Close allows four times.
const perturbations = 6

// estimates evaluates the program exactly and with perturbations.
func estimates(c Case, seed uint64) ([]estimate, error) {
	exact, err := eval.Run(c.Func, c.Args)
	if err != nil {
		return nil, err
	}
	out := make([]estimate, len(exact))
	for i, a := range exact {
		out[i] = estimate{Array: a, change: make([]float64, len(a.Bits))}
	}
	p := &perturber{r: rand.New(rand.NewPCG(seed, 0x726f756e64))}
	rounds := roundsAnything(c.Func.Body)
	for k := range perturbations + 1 {
		p.flush = k == perturbations
		program, err := eval.CompileObserved(c.Func, p.observe)
		if err != nil {
			return nil, err
		}
		args := make([]*tensor.Array, len(c.Args))
		for i, a := range c.Args {
			args[i] = &tensor.Array{DType: a.DType, Shape: a.Shape, Bits: slices.Clone(a.Bits)}
			if rounds {
				p.change(args[i], 1)
			}
		}
		got, err := program.Run(args)
		if err != nil {
			return nil, err
		}
		for i, a := range got {
			out[i].add(a)
		}
	}
	for i := range out {
		if rounds {
			out[i].base = 4
		}
	}
	return out, nil
}

// add notes a perturbed evaluation.
func (e *estimate) add(a *tensor.Array) {
	for i, b := range a.Bits {
		if b == e.Bits[i] {
			continue
		}
		x, y := tensor.DecodeFloat(e.DType, e.Bits[i]), tensor.DecodeFloat(e.DType, b)
		d := math.Abs(x - y)
		if !e.DType.IsFloat() || d != d || math.IsInf(x, 0) {
			d = math.Inf(1)
		}
		e.change[i] = max(e.change[i], d)
	}
}

// differs describes the elements of got that are off by more than their rounding.
func (e *estimate) differs(got *tensor.Array, all *tally) string {
	var b strings.Builder
	n := 0
	for i, w := range e.Bits {
		x, y := tensor.DecodeFloat(e.DType, got.Bits[i]), tensor.DecodeFloat(e.DType, w)
		if math.IsInf(e.change[i], 0) {
			all.left++
			continue
		}
		all.compared++
		if got.Bits[i] == w || e.DType.IsFloat() && (x != x && y != y || math.Abs(x-y) <= 4*e.change[i]+e.base*unit(e.DType)*math.Abs(y)) {
			continue
		}
		if n++; n <= 4 {
			fmt.Fprintf(&b, "element %d is %#x (%g), want %#x (%g) within %g; ", i, got.Bits[i], x, w, y, 4*e.change[i])
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d of %d elements differ: %s", tensor.FormatShape(e.DType, e.Shape), n, len(e.Bits), b.String())
}

// unit is the distance of 1 to the next float.
func unit(d tensor.DType) float64 {
	if d == tensor.F32 {
		return 0x1p-23
	}
	return 0x1p-52
}

// perturber changes what instructions compute.
type perturber struct {
	r     *rand.Rand
	flush bool // take subnormal numbers as zero instead
}

// observe changes the result of an instruction. What depends on the order or fusion of operations beyond the range of
// floats, where infinity meets infinity or zero, turns over.
func (p *perturber) observe(n *tensor.Node, out *tensor.Array, in []*tensor.Array) {
	units := roundings(n.Op)
	switch n.Op {
	case tensor.OpReduceSum, tensor.OpCumsum, tensor.OpScatterAdd, tensor.OpDot, tensor.OpCholesky, tensor.OpCholeskyVJP, tensor.OpTriangularSolve:
		if out.DType.IsFloat() && (beyond(out) || slices.ContainsFunc(in, beyond)) {
			for i := range out.Bits {
				out.Bits[i] = tensor.EncodeFloat(out.DType, math.NaN())
			}
		}
	case tensor.OpLgamma, tensor.OpDigamma: // near their roots they are the difference of larger terms
		p.spread(out, func(int) float64 { return units * unit(out.DType) })
	case tensor.OpRem: // the difference of x and a product as large
		p.spread(out, func(i int) float64 {
			return units * unit(out.DType) * math.Abs(tensor.DecodeFloat(out.DType, in[0].Bits[i]))
		})
	}
	p.change(out, units)
}

// beyond reports whether an array has a float whose square is not finite.
func beyond(a *tensor.Array) bool {
	most := 0x1p511
	if a.DType == tensor.F32 {
		most = 0x1p63
	}
	return a.DType.IsFloat() && slices.ContainsFunc(a.Bits, func(b uint64) bool { return !(math.Abs(tensor.DecodeFloat(a.DType, b)) < most) })
}

// spread adds up to so much to each float.
func (p *perturber) spread(a *tensor.Array, size func(i int) float64) {
	if !a.DType.IsFloat() || p.flush {
		return
	}
	for i, b := range a.Bits {
		a.Bits[i] = tensor.EncodeFloat(a.DType, tensor.DecodeFloat(a.DType, b)+size(i)*(2*p.r.Float64()-1))
	}
}

// change moves each float by up to so many units of its last place.
func (p *perturber) change(a *tensor.Array, units float64) {
	if !a.DType.IsFloat() {
		return
	}
	smallest := 0x1p-1022
	if a.DType == tensor.F32 {
		smallest = 0x1p-126
	}
	for i, b := range a.Bits {
		x := tensor.DecodeFloat(a.DType, b)
		switch {
		case p.flush && math.Abs(x) < smallest:
			x = math.Copysign(0, x)
		case p.flush:
		default:
			x *= 1 + units*unit(a.DType)*(2*p.r.Float64()-1)
		}
		a.Bits[i] = tensor.EncodeFloat(a.DType, x)
	}
}

// roundings says how many units of the last place an engine may be off in an operation: none where the result is one of
// the operands or prescribed to the bit, two for arithmetic, of which a compiler may fuse two operations or multiply by a
// reciprocal, eight for special functions and linear algebra.
func roundings(op tensor.Op) float64 {
	switch op {
	case tensor.OpAdd, tensor.OpSub, tensor.OpMul, tensor.OpDiv, tensor.OpRem, tensor.OpSqrt, tensor.OpRsqrt, tensor.OpReduceSum,
		tensor.OpReduceProd, tensor.OpCumsum, tensor.OpScatterAdd, tensor.OpDot:
		return 2
	case tensor.OpExp, tensor.OpExpm1, tensor.OpLog, tensor.OpLog1p, tensor.OpSin, tensor.OpCos, tensor.OpTan, tensor.OpTanh, tensor.OpErf,
		tensor.OpErfc, tensor.OpErfInv, tensor.OpLgamma, tensor.OpDigamma, tensor.OpTrigamma, tensor.OpSigmoid, tensor.OpSoftplus, tensor.OpPow,
		tensor.OpAtan2, tensor.OpLogAddExp, tensor.OpCholesky, tensor.OpCholeskyVJP, tensor.OpTriangularSolve:
		return 8
	}
	return 0
}

// roundsAnything reports whether an instruction of the region rounds floats.
func roundsAnything(r *tensor.Region) bool {
	for _, n := range r.Nodes {
		if roundings(n.Op) > 0 && n.DType.IsFloat() || slices.ContainsFunc(n.Regions, roundsAnything) {
			return true
		}
	}
	return false
}
