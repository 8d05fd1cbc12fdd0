package stablehlo

import (
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// What a block of comparisons and selections returns depends on the order of its arguments, and of the constants it
// holds, alone. So where these are zeros and NaN, its values at a few arguments of every kind say what it is.

// orderOps are the operations of such blocks.
var orderOps = map[string]bool{
	"stablehlo.compare": true, "stablehlo.select": true, "stablehlo.and": true, "stablehlo.or": true, "stablehlo.xor": true, "stablehlo.not": true,
	"stablehlo.constant": true, "stablehlo.return": true,
}

// samples are elements of every kind: NaN, infinities, both zeros, two numbers of each sign.
func samples(d tensor.DType) []uint64 {
	if !d.IsFloat() {
		return []uint64{0, 1, 2, extreme(d, true), extreme(d, false), math.MaxUint64 >> (64 - d.Bits())}
	}
	var out []uint64
	for _, x := range []float64{math.NaN(), math.Inf(-1), -2, -1, math.Copysign(0, -1), 0, 1, 2, math.Inf(1)} {
		out = append(out, tensor.EncodeFloat(d, x))
	}
	return out
}

// grid returns all combinations of the elements of columns, an array for each.
func grid(types []tensor.DType, columns [][]uint64) []*tensor.Array {
	n := 1
	for _, c := range columns {
		n *= len(c)
	}
	out := make([]*tensor.Array, len(columns))
	step := 1
	for k, c := range columns {
		a := tensor.NewArray(types[k], []int{n})
		for i := range a.Bits {
			a.Bits[i] = c[i/step%len(c)]
		}
		out[k] = a
		step *= len(c)
	}
	return out
}

// table evaluates a block at args, whose types are those of its parameters. It returns false for a block that does
// more than compare and select.
func (r *reader) table(b *block, s *scope, args []*tensor.Array) ([]*tensor.Array, bool) {
	known := map[string]bool{}
	params := make([]tensor.Param, len(args))
	for i, p := range b.params {
		known[p.name] = true
		if p.typ.dtype != args[i].DType {
			return nil, false
		}
		params[i] = tensor.Param{DType: args[i].DType, Shape: args[i].Shape}
	}
	constants := &scope{values: map[string]tensor.Value{}}
	for _, o := range b.ops {
		if !orderOps[o.name] || len(o.regions) > 0 {
			return nil, false
		}
		for _, name := range o.operands {
			if known[name] {
				continue
			}
			v, ok := s.find(name)
			if !ok {
				return nil, false
			}
			bits, ok := splatOf(v)
			if x := tensor.DecodeFloat(v.DType(), bits); !ok || x != 0 && x == x && v.DType() != tensor.Bool {
				return nil, false
			}
			constants.values[name] = tensor.Lift(&tensor.Array{DType: v.DType(), Bits: []uint64{bits}})
		}
		if v, ok := o.attrs["value"].(*denseValue); ok {
			if a, splat := v.array(); !splat || a.Bits[0] != 0 && !math.IsNaN(tensor.DecodeFloat(a.DType, a.Bits[0])) && a.DType != tensor.Bool {
				return nil, false
			}
		}
		for _, n := range o.results {
			known[n.name] = true
		}
	}
	return r.evaluate(b, constants, params, args), true
}

func (r *reader) evaluate(b *block, s *scope, params []tensor.Param, args []*tensor.Array) []*tensor.Array {
	anchor := r.anchor
	defer func() { r.anchor = anchor }()
	f, err := tensor.Trace("block", tensor.F64, params, func(in []tensor.Value) []tensor.Value {
		r.anchor = in[0]
		return r.liftTo(args[0].Shape, b, in, s)
	})
	if err != nil {
		r.fail("%v", err)
	}
	out, err := eval.Run(f, args)
	if err != nil {
		r.fail("%v", err)
	}
	return out
}

// picks reports whether a block of (element, position) pairs picks the pair with the larger element (the smaller, unless
// largest), a NaN before every number, and the lower position of equal ones.
func (r *reader) picks(b *block, s *scope, d, at tensor.DType, largest bool) bool {
	types := []tensor.DType{d, at, d, at}
	elements, places := samples(d), []uint64{0, 1, 2}
	args := grid(types, [][]uint64{elements, places, elements, places})
	out, ok := r.table(b, s, args)
	if !ok || len(out) != 2 {
		return false
	}
	for i := range args[0].Bits {
		x, y := tensor.DecodeFloat(d, args[0].Bits[i]), tensor.DecodeFloat(d, args[2].Bits[i])
		p, q := args[1].Bits[i], args[3].Bits[i]
		if p == q || x != x && y != y { // positions differ in a reduction; two NaN, of which the first stays, by its own comparison
			continue
		}
		left := x != x || y == y && (x == y && p < q || x != y && (x > y) == largest)
		want := q
		if left {
			want = p
		}
		if out[1].Bits[i] != want {
			return false
		}
	}
	return true
}

// order is what a comparator sorts by.
type order uint8

const (
	noOrder        order = iota
	ascending            // NaN anywhere; equal elements keep their order, the two zeros among them
	descending           // likewise
	totalAscending       // -0 before 0, NaN as large
	totalDescending
)

// compares returns the order of a comparator, which its first two parameters must decide.
func (r *reader) compares(b *block, s *scope) order {
	for _, o := range b.ops {
		for _, name := range o.operands {
			for _, p := range b.params[2:] {
				if p.name == name {
					return noOrder
				}
			}
		}
	}
	d := b.params[0].typ.dtype
	pair := &block{params: b.params[:2], ops: b.ops}
	args := grid([]tensor.DType{d, d}, [][]uint64{samples(d), samples(d)})
	out, ok := r.table(pair, s, args)
	if !ok || len(out) != 1 || out[0].DType != tensor.Bool {
		return noOrder
	}
	possible := map[order]bool{ascending: true, descending: true, totalAscending: d.IsFloat(), totalDescending: d.IsFloat()}
	for i, l := range out[0].Bits {
		less := l != 0
		x, y := tensor.DecodeFloat(d, args[0].Bits[i]), tensor.DecodeFloat(d, args[1].Bits[i])
		if x == x && y == y {
			possible[ascending] = possible[ascending] && less == (x < y)
			possible[descending] = possible[descending] && less == (x > y)
		}
		possible[totalAscending] = possible[totalAscending] && less == totallyLess(x, y)
		possible[totalDescending] = possible[totalDescending] && less == totallyLess(y, x)
	}
	for by := ascending; by <= totalDescending; by++ {
		if possible[by] {
			return by
		}
	}
	return noOrder
}

// totallyLess is the order in which -0 stands before 0 and NaN last.
func totallyLess(x, y float64) bool {
	if x == 0 && y == 0 {
		return math.Signbit(x) && !math.Signbit(y)
	}
	return x < y || x == x && y != y
}
