package enginetest_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/engine/reference"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestCloseAccepts: what has the bits of tensor/eval passes.
func TestCloseAccepts(t *testing.T) { enginetest.Close(t, reference.New(), 2, 1) }

// skewed multiplies each float result of the reference engine by 1 + off, and adds off to integers where that is not zero.
type skewed struct {
	engine.Engine
	off float64
}

func (e skewed) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	x, err := e.Engine.Compile(f, opt)
	return skewedExecutable{x, f, e.off}, err
}

type skewedExecutable struct {
	engine.Executable
	f   *tensor.Func
	off float64
}

func (x skewedExecutable) NewSession() (engine.Session, error) {
	s, err := x.Executable.NewSession()
	return skewedSession{s, x}, err
}

type skewedSession struct {
	engine.Session
	x skewedExecutable
}

func (s skewedSession) Get(result int, dst []byte) error {
	err := s.Session.Get(result, dst)
	p := s.x.f.Out[result]
	a := engine.ArrayOf(p.DType, p.Shape, dst)
	for i, b := range a.Bits {
		v := tensor.DecodeFloat(p.DType, b)
		switch {
		case p.DType.IsFloat():
			a.Bits[i] = tensor.EncodeFloat(p.DType, v*(1+s.x.off))
		case p.DType == tensor.I32:
			a.Bits[i]++
		}
	}
	engine.Encode(dst, a)
	return err
}

// TestCloseRefuses: an error of some hundred units of the last place in the results of well-conditioned programs is found,
// and so is an integer that is off by one.
func TestCloseRefuses(t *testing.T) {
	for _, fn := range []func(v tensor.Value) tensor.Value{
		func(v tensor.Value) tensor.Value { return v.Exp() },
		func(v tensor.Value) tensor.Value { return v.Mul(v).Sum() },
		func(v tensor.Value) tensor.Value { return v.Mul(3).Sigmoid() },
		func(v tensor.Value) tensor.Value { return v.Lgamma() },
		func(v tensor.Value) tensor.Value { return v.Mul(77).Convert(tensor.I32) },
		func(v tensor.Value) tensor.Value { return v.Neg() }, // rounds nothing: one unit is too much
	} {
		f, err := tensor.Trace("well_conditioned", tensor.F64, []tensor.Param{{DType: tensor.F64, Shape: []int{4}}}, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{fn(v[0])}
		})
		if err != nil {
			t.Fatal(err)
		}
		c := enginetest.Case{Func: f, Args: []*tensor.Array{tensor.ArrayOf(tensor.F64, []int{4}, []float64{0.3, 1.7, 2.6, 4.1})}}
		if problem := enginetest.CloseTo(reference.New(), c, 1); problem != "" {
			t.Errorf("the reference is refused: %s", problem)
		}
		off := 0x1p-45
		if len(f.Body.Nodes) == 2 && f.Body.Nodes[1].Op == tensor.OpNeg {
			off = 0x1p-52
		}
		if enginetest.CloseTo(skewed{reference.New(), off}, c, 1) == "" {
			t.Errorf("results that are off by %g pass in %s", off, f)
		}
	}
}
