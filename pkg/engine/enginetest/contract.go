// Package enginetest checks that an engine keeps the contract of package engine and computes what tensor/eval computes.
package enginetest

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Option asks for a check that not every engine passes.
type Option int

// NoAllocation checks that Put, Run and Get do not allocate after the first run.
const NoAllocation Option = iota + 1

// Run checks the contract of Engine, Executable and Session.
func Run(t *testing.T, e engine.Engine, opts ...Option) {
	t.Run("name", func(t *testing.T) {
		if e.Name() == "" {
			t.Error("the engine has no name")
		}
	})
	t.Run("roundtrip", func(t *testing.T) { roundTrip(t, e) })
	t.Run("slots", func(t *testing.T) { slots(t, e) })
	t.Run("donation", func(t *testing.T) { donation(t, e) })
	t.Run("sessions", func(t *testing.T) { sessions(t, e) })
	t.Run("errors", func(t *testing.T) { wrongUse(t, e) })
	t.Run("empty", func(t *testing.T) { empty(t, e) })
	for _, o := range opts {
		if o == NoAllocation {
			t.Run("allocation", func(t *testing.T) { allocation(t, e) })
		}
	}
}

// trace records fn or fails the test.
func trace(t *testing.T, in []tensor.Param, fn func(v []tensor.Value) []tensor.Value) *tensor.Func {
	t.Helper()
	f, err := tensor.Trace("contract", tensor.F64, in, fn)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func compile(t *testing.T, e engine.Engine, f *tensor.Func, opt engine.Options) engine.Executable {
	t.Helper()
	x, err := e.Compile(f, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func session(t *testing.T, x engine.Executable) engine.Session {
	t.Helper()
	s, err := x.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s engine.Session, param int, a *tensor.Array) {
	t.Helper()
	if err := s.Put(param, engine.Bytes(a)); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, s engine.Session) {
	t.Helper()
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, s engine.Session, result int, want *tensor.Array) {
	t.Helper()
	buf := make([]byte, want.DType.Size()*len(want.Bits))
	if err := s.Get(result, buf); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf, engine.Bytes(want)) {
		t.Errorf("result %d is %v, want %v", result, engine.ArrayOf(want.DType, want.Shape, buf).Float64s(), want.Float64s())
	}
}

// roundTrip sends each dtype through as a result that is a parameter, one that is computed, and one that is a constant.
func roundTrip(t *testing.T, e engine.Engine) {
	for _, d := range allDTypes {
		a := tensor.ArrayOf(d, []int{2, 3}, []float64{0, 1, 2, 3, 4, 5})
		back := tensor.ArrayOf(d, []int{2, 3}, []float64{5, 4, 3, 2, 1, 0})
		if d == tensor.Bool {
			a, back = tensor.ArrayOf(d, a.Shape, []float64{0, 1, 1, 0, 0, 0}), tensor.ArrayOf(d, a.Shape, []float64{0, 0, 0, 1, 1, 0})
		}
		f := trace(t, []tensor.Param{{Name: "x", DType: d, Shape: a.Shape}}, func(v []tensor.Value) []tensor.Value {
			return []tensor.Value{v[0], v[0].Reverse(0, 1), tensor.In(v[0], a), v[0]}
		})
		s := session(t, compile(t, e, f, engine.Options{}))
		put(t, s, 0, a)
		run(t, s)
		for i, w := range []*tensor.Array{a, back, a, a} {
			expect(t, s, i, w)
		}
	}
}

func vector(x ...float64) *tensor.Array { return tensor.ArrayOf(tensor.F64, []int{len(x)}, x) }

var twoVectors = []tensor.Param{{Name: "x", DType: tensor.F64, Shape: []int{2}}, {Name: "y", DType: tensor.F64, Shape: []int{2}}}

// slots checks that parameters begin as zeros and stay over runs and over results read.
func slots(t *testing.T, e engine.Engine) {
	f := trace(t, twoVectors, func(v []tensor.Value) []tensor.Value { return []tensor.Value{v[0].Add(v[1].Mul(10))} })
	s := session(t, compile(t, e, f, engine.Options{}))
	put(t, s, 0, vector(1, 2))
	run(t, s)
	expect(t, s, 0, vector(1, 2))
	put(t, s, 1, vector(3, 4))
	run(t, s)
	expect(t, s, 0, vector(31, 42))
	run(t, s)
	expect(t, s, 0, vector(31, 42))
	expect(t, s, 0, vector(31, 42))
	data := engine.Bytes(vector(5, 6))
	if err := s.Put(0, data); err != nil {
		t.Fatal(err)
	}
	for i := range data { // the slice is the caller's again
		data[i] = 0xff
	}
	run(t, s)
	expect(t, s, 0, vector(35, 46))
}

// donation swaps and shifts state, so that a result written before its parameter is read shows.
func donation(t *testing.T, e engine.Engine) {
	f := trace(t, twoVectors, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[1], v[0].Reverse(0).Add(1), v[0].Sum()}
	})
	x := compile(t, e, f, engine.Options{Donate: []engine.Donation{{In: 0, Out: 0}, {In: 1, Out: 1}}})
	s := session(t, x)
	a, b := []float64{1, 2}, []float64{30, 40}
	put(t, s, 0, vector(a...))
	put(t, s, 1, vector(b...))
	for range 5 {
		run(t, s)
		sum := a[0] + a[1]
		a, b = b, []float64{a[1] + 1, a[0] + 1}
		expect(t, s, 0, vector(a...))
		expect(t, s, 1, vector(b...))
		expect(t, s, 2, tensor.ArrayOf(tensor.F64, nil, []float64{sum}))
	}
	put(t, s, 0, vector(7, 8))
	run(t, s)
	expect(t, s, 0, vector(b...))
	expect(t, s, 1, vector(9, 8))

	for _, bad := range [][]engine.Donation{{{In: 2, Out: 0}}, {{In: 0, Out: 3}}, {{In: 0, Out: 2}}, {{In: 0, Out: 0}, {In: 0, Out: 1}}, {{In: 0, Out: 0}, {In: 1, Out: 0}}, {{In: -1, Out: 0}}} {
		if x, err := e.Compile(f, engine.Options{Donate: bad}); err == nil {
			x.Close()
			t.Errorf("no error for donation %v", bad)
		}
	}
}

// sessions runs eight sessions of one executable at once, each with its own state.
func sessions(t *testing.T, e engine.Engine) {
	f := trace(t, twoVectors, func(v []tensor.Value) []tensor.Value { return []tensor.Value{v[0].Add(v[1]), v[1]} })
	x := compile(t, e, f, engine.Options{Donate: []engine.Donation{{In: 0, Out: 0}}})
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			s, err := x.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Put(1, engine.Bytes(vector(float64(k), 1))); err != nil {
				t.Error(err)
			}
			for range 50 {
				if err := s.Run(); err != nil {
					t.Error(err)
				}
			}
			expect(t, s, 0, vector(float64(50*k), 50))
		})
	}
	wg.Wait()
	s := session(t, x)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func wrongUse(t *testing.T, e engine.Engine) {
	f := trace(t, []tensor.Param{{Name: "sigma", DType: tensor.F64, Shape: []int{2}}}, func(v []tensor.Value) []tensor.Value { return v })
	s := session(t, compile(t, e, f, engine.Options{}))
	put(t, s, 0, vector(1, 2))
	for _, size := range []int{0, 8, 15, 17, 24} {
		if err := s.Put(0, make([]byte, size)); err == nil || !strings.Contains(err.Error(), "sigma") {
			t.Errorf("put of %d bytes to sigma: error %v does not name it", size, err)
		}
		if err := s.Get(0, make([]byte, size)); err == nil {
			t.Errorf("get of %d bytes from f64[2]: no error", size)
		}
	}
	for _, i := range []int{-1, 1} {
		if s.Put(i, make([]byte, 16)) == nil || s.Get(i, make([]byte, 16)) == nil {
			t.Errorf("no error for slot %d", i)
		}
	}
	run(t, s)
	expect(t, s, 0, vector(1, 2))
}

// empty runs operations on arrays without elements.
func empty(t *testing.T, e engine.Engine) {
	f := trace(t, []tensor.Param{{Name: "x", DType: tensor.F64, Shape: []int{0, 3}}}, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Add(1), v[0].Sum(0), v[0].Sum(1), v[0].Transpose().MatMul(v[0]), tensor.Concat(0, v[0], v[0].Sum(0).ExpandDims(0))}
	})
	s := session(t, compile(t, e, f, engine.Options{}))
	put(t, s, 0, tensor.NewArray(tensor.F64, []int{0, 3}))
	run(t, s)
	for i, shape := range [][]int{{0, 3}, {3}, {0}, {3, 3}, {1, 3}} {
		expect(t, s, i, tensor.NewArray(tensor.F64, shape))
	}
}

func allocation(t *testing.T, e engine.Engine) {
	f := trace(t, twoVectors, func(v []tensor.Value) []tensor.Value {
		n := tensor.WhileN([]tensor.Value{tensor.In(v[0], 0), v[0]},
			func(c []tensor.Value) tensor.Value { return c[0].Lt(4) },
			func(c []tensor.Value) []tensor.Value {
				return []tensor.Value{c[0].Add(1), c[1].Exp().Add(v[1]).Min(3)}
			})
		return []tensor.Value{n[1], n[1].Sum()}
	})
	s := session(t, compile(t, e, f, engine.Options{Donate: []engine.Donation{{In: 0, Out: 0}}}))
	data, out := engine.Bytes(vector(1, 2)), make([]byte, 8)
	once := func() {
		if s.Put(1, data) != nil || s.Run() != nil || s.Get(1, out) != nil {
			t.Fatal("put, run or get failed")
		}
	}
	once()
	if n := testing.AllocsPerRun(100, once); n > 0 {
		t.Errorf("put, run and get allocate %g times", n)
	}
}
