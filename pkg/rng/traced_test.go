package rng

import (
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// id is a key's numbers on the host.
type id struct {
	seed              uint64
	chain, draw, leaf uint32
	purpose           Purpose
}

func (i id) stream() *Stream { return NewStream(i.seed, i.chain, i.draw, i.purpose, i.leaf) }

var ids = []id{
	{0, 0, 0, 0, PurposeMomentum},
	{0xfedcba9876543210, 7, 100000, 1023, PurposeTrajectory},
	{1<<64 - 1, 1<<32 - 1, 1<<32 - 1, 1<<24 - 1, PurposeSimulate},
}

// run evaluates a program of a key whose numbers are its inputs.
func run(t testing.TB, float tensor.DType, i id, f func(k Key) []tensor.Value) []*tensor.Array {
	t.Helper()
	in := []tensor.Param{{Name: "seed", DType: tensor.U64}, {Name: "chain", DType: tensor.U32}, {Name: "draw", DType: tensor.U32}, {Name: "leaf", DType: tensor.U32}}
	g, err := tensor.Trace("draws", float, in, func(a []tensor.Value) []tensor.Value {
		k := Key{Seed: a[0], Chain: a[1], Draw: a[2]}.With(i.purpose)
		if i.leaf != 0 {
			k = k.At(a[3])
		}
		return f(k)
	})
	if err != nil {
		t.Fatal(err)
	}
	args := make([]*tensor.Array, len(in))
	for j, v := range []uint64{i.seed, uint64(i.chain), uint64(i.draw), uint64(i.leaf)} {
		args[j] = &tensor.Array{DType: in[j].DType, Bits: []uint64{v}}
	}
	out, err := eval.Run(g, args)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTracedBitsAreTheStream(t *testing.T) {
	for _, i := range ids {
		for _, shape := range [][]int{{}, {1}, {3}, {4}, {5}, {6, 7}} {
			both := run(t, tensor.F64, i, func(k Key) []tensor.Value {
				bits := k.Bits(shape...)
				k.Rolled = true
				return []tensor.Value{bits, k.Bits(shape...)}
			})
			out, s := both[0], i.stream()
			if !slices.Equal(out.Bits, both[1].Bits) {
				t.Fatalf("%+v shape %v: %x with rolled rounds, want %x", i, shape, both[1].Bits, out.Bits)
			}
			for e, got := range out.Bits {
				if want := s.Uint32(); uint32(got) != want || got>>32 != 0 {
					t.Fatalf("%+v shape %v: word %d is %x, want %x", i, shape, e, got, want)
				}
			}
			if tensor.NumElements(shape) != len(out.Bits) {
				t.Fatalf("shape %v gives %d words", shape, len(out.Bits))
			}
		}
	}
}

func TestTracedBlocksSitesAndFolds(t *testing.T) {
	for _, i := range ids {
		out := run(t, tensor.F64, i, func(k Key) []tensor.Value {
			w := k.Block(tensor.Lift(2))
			return []tensor.Value{w[0], w[1], w[2], w[3], k.Site("school/theta").Bits(2), k.Fold(0).Bits(2), k.Fold(3).Fold(1).Bits(2)}
		})
		s := i.stream()
		for range 8 {
			s.Uint32()
		}
		for w := range 4 {
			if want := s.Uint32(); uint32(out[w].Bits[0]) != want {
				t.Errorf("%+v: word %d of block 2 is %x, want %x", i, w, out[w].Bits[0], want)
			}
		}
		for j, h := range []*Stream{i.stream().Site("school/theta"), i.stream().Fold(0), i.stream().Fold(3).Fold(1)} {
			for e := range 2 {
				if want := h.Uint32(); uint32(out[4+j].Bits[e]) != want {
					t.Errorf("%+v: derivation %d, word %d is %x, want %x", i, j, e, out[4+j].Bits[e], want)
				}
			}
		}
	}
}

func TestTracedUniformsAreTheStream(t *testing.T) {
	for _, i := range ids {
		wide := run(t, tensor.F64, i, func(k Key) []tensor.Value { return []tensor.Value{k.Uniform(3, 5), k.Uniform()} })
		s := i.stream()
		for e, got := range wide[0].Float64s() {
			want := s.Float64()
			if got != want || got <= 0 || got >= 1 {
				t.Errorf("f64 number %d is %v, want %v", e, got, want)
			}
		}
		if got := wide[1].Float64s()[0]; got != i.stream().Float64() {
			t.Errorf("the scalar is %v, not the first of the stream", got)
		}
		narrow := run(t, tensor.F32, i, func(k Key) []tensor.Value { return []tensor.Value{k.Uniform(7)} })
		s = i.stream()
		for e, got := range narrow[0].Float64s() {
			if want := float64(s.Float32()); got != want || got <= 0 || got >= 1 {
				t.Errorf("f32 number %d is %v, want %v", e, got, want)
			}
		}
	}
}

func TestUniformsAreOpenIntervals(t *testing.T) {
	for _, c := range [][2]uint32{{0, 0}, {1<<32 - 1, 1<<32 - 1}, {1 << 31, 0}} {
		if u := Float53(c[0], c[1]); u <= 0 || u >= 1 {
			t.Errorf("Float53(%x, %x) = %v", c[0], c[1], u)
		}
		if u := Float24(c[0]); u <= 0 || u >= 1 {
			t.Errorf("Float24(%x) = %v", c[0], u)
		}
	}
	if lo, hi := Float53(0, 0), Float53(1<<32-1, 1<<32-1); lo != 0x1p-53 || hi != 1-0x1p-53 {
		t.Errorf("the ends are %v and 1-%v, want 2^-53 and 1-2^-53", lo, 1-hi)
	}
}

// TestNormalShapes: scalars and odd lengths are prefixes of longer requests.
func TestNormalShapes(t *testing.T) {
	for _, d := range []tensor.DType{tensor.F64, tensor.F32} {
		out := run(t, d, ids[1], func(k Key) []tensor.Value {
			return []tensor.Value{k.Normal(9), k.Normal(), k.Normal(1), k.Normal(2), k.Normal(7), k.Normal(3, 3)}
		})
		all := out[0].Float64s()
		for _, o := range out[1:] {
			for e, v := range o.Float64s() {
				if v != all[e] {
					t.Errorf("%s%v: element %d is %v, want %v", d, o.Shape, e, v, all[e])
				}
			}
		}
	}
}
