package xla_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
	"github.com/drey-sampler/drey/pkg/tensor/vmap"
)

// program is a compiled program with a session.
type program struct {
	t testing.TB
	f *tensor.Func
	engine.Session
}

// compile compiles f for an engine.
func compile(t testing.TB, e engine.Engine, f *tensor.Func) *program {
	t.Helper()
	x, err := e.Compile(f, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := x.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, err := range []error{s.Close(), x.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return &program{t, f, s}
}

// put sets parameters from the first on.
func (p *program) put(first int, data ...[]byte) {
	p.t.Helper()
	for i, b := range data {
		if err := p.Put(first+i, b); err != nil {
			p.t.Fatal(err)
		}
	}
}

// run runs the program and returns its results.
func (p *program) run() [][]byte {
	p.t.Helper()
	if err := p.Run(); err != nil {
		p.t.Fatal(err)
	}
	out := make([][]byte, len(p.f.Out))
	for i, o := range p.f.Out {
		out[i] = make([]byte, engine.SizeOf(o))
		if err := p.Get(i, out[i]); err != nil {
			p.t.Fatal(err)
		}
	}
	return out
}

// lanes returns f, simplified, over lanes that have the parameters that apart says apart.
func lanes(t testing.TB, f *tensor.Func, width int, apart func(param int) bool) *tensor.Func {
	t.Helper()
	batched := make([]bool, len(f.In))
	for i := range batched {
		batched[i] = apart(i)
	}
	g, err := vmap.Of(f, width, batched)
	if err != nil {
		t.Fatal(err)
	}
	return simplify.Exact(g)
}

// interleave joins arrays of elements of a size, one a lane, as the last axis of one array.
func interleave(of [][]byte, size int) []byte {
	width := len(of)
	out := make([]byte, width*len(of[0]))
	for lane, b := range of {
		for k := 0; k < len(b); k += size {
			copy(out[k*width+lane*size:], b[k:k+size])
		}
	}
	return out
}

// lane takes the array of one lane out of what interleave joins.
func lane(all []byte, size, lane, width int) []byte {
	out := make([]byte, len(all)/width)
	for k := 0; k < len(out); k += size {
		copy(out[k:k+size], all[k*width+lane*size:])
	}
	return out
}

// agree describes the first element in which two arrays differ: floats by more than tolerance·(1 + |x|), all else at all.
func agree(p tensor.Param, got, want []byte, tolerance float64) string {
	x, y := engine.ArrayOf(p.DType, p.Shape, got), engine.ArrayOf(p.DType, p.Shape, want)
	for i, b := range y.Bits {
		if x.Bits[i] == b {
			continue
		}
		v, w := tensor.DecodeFloat(p.DType, x.Bits[i]), tensor.DecodeFloat(p.DType, b)
		if p.DType.IsFloat() && (v != v && w != w || math.Abs(v-w) <= tolerance*(1+math.Abs(w))) {
			continue
		}
		return fmt.Sprintf("element %d of %s is %v, want %v", i, p.Name, v, w)
	}
	return ""
}

// scalar returns the bytes of a scalar.
func scalar(d tensor.DType, bits uint64) []byte {
	return engine.Bytes(&tensor.Array{DType: d, Bits: []uint64{bits}})
}

// vector returns the bytes of floats.
func vector(v ...float64) []byte { return engine.Bytes(tensor.ArrayOf(tensor.F64, []int{len(v)}, v)) }
