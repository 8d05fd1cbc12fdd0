package tensor

import (
	"strings"
	"testing"
)

type carry struct {
	I, Sum Value
	Rows   [2]Value
}

func TestTraceControlFlowAndLiterals(t *testing.T) {
	f, err := Trace("t", F64, []Param{{Name: "x", DType: F64, Shape: []int{3}}, {Name: "k", DType: I32}}, func(a []Value) []Value {
		x, k := a[0], a[1]
		c := While(carry{I: ZerosLike(k), Sum: ZerosLike(x.Sum()), Rows: [2]Value{x, x}},
			func(c carry) Value { return c.I.Lt(k) },
			func(c carry) carry {
				c.Sum = Cond(c.I.Eq(2), func() Value { return c.Sum.Add(1) }, func() Value { return Lift(0) })
				c.I = c.I.Add(1)
				c.Rows[1] = c.Rows[0].Mul(Lift(2).Mul(3.5))
				return c
			})
		s, ys := Scan(c.Sum, x, func(s, xi Value) (Value, Value) { return s.Add(xi), s.Mul(xi) })
		return []Value{s, ys, c.Rows[1], Lift([]int{1, 2}).Float()}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "f64[] f64[3] f64[3] f64[2]"
	got := ""
	for _, o := range f.Out {
		got += " " + FormatShape(o.DType, o.Shape)
	}
	if got[1:] != want {
		t.Errorf("results %s, want %s", got[1:], want)
	}
	g, err := TraceLike(f, func(a []Value) []Value { return f.ApplyWith(nil, a...) })
	if err != nil {
		t.Fatal(err)
	}
	if len(g.String()) < 200 || !strings.Contains(g.String(), "while") {
		t.Errorf("copy lost instructions:\n%s", g)
	}
}

func TestTraceErrorsNameOperandsAndPlace(t *testing.T) {
	in := []Param{{Name: "x", DType: F64, Shape: []int{3}}, {Name: "k", DType: I32}, {Name: "m", DType: F64, Shape: []int{2, 2}}}
	var leaked Value
	for name, c := range map[string]struct {
		f    func(x, k, m Value) Value
		want string
	}{
		"dtypes":   {func(x, k, m Value) Value { return x.Add(k) }, "f64 and i32"},
		"shapes":   {func(x, k, m Value) Value { return x.Add(m) }, "do not broadcast"},
		"intlit":   {func(x, k, m Value) Value { return k.Add(1.5) }, "float literal"},
		"absent":   {func(x, k, m Value) Value { return x.Add(Value{}) }, "absent"},
		"ragged":   {func(x, k, m Value) Value { return x.Add([][]float64{{1}, {1, 2}}) }, "ragged"},
		"axis":     {func(x, k, m Value) Value { return x.Sum(1) }, "axis 1"},
		"exp int":  {func(x, k, m Value) Value { return k.Exp() }, "want a float"},
		"pred":     {func(x, k, m Value) Value { return Cond(k, func() Value { return x }, func() Value { return x }) }, "predicate"},
		"branches": {func(x, k, m Value) Value { return Cond(k.Eq(0), func() Value { return x }, func() Value { return k }) }, "else branch"},
		"leak": {func(x, k, m Value) Value {
			Cond(k.Eq(0), func() Value { leaked = x.Add(1); return leaked }, func() Value { return x })
			return leaked.Mul(2)
		}, "returned by the body"},
		"carry": {func(x, k, m Value) Value {
			return While(k, func(k Value) Value { return k.Lt(3) }, func(k Value) Value { return k.Float() })
		}, "want i32[]"},
		"take":  {func(x, k, m Value) Value { return x.At(5) }, "index 5"},
		"gotyp": {func(x, k, m Value) Value { return x.Add("a") }, "Go type string"},
	} {
		_, err := Trace("t", F64, in, func(a []Value) []Value { return []Value{c.f(a[0], a[1], a[2])} })
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "trace_test.go:") {
			t.Errorf("%s: error %v, want %q and the position", name, err, c.want)
		}
	}
}

func TestOwnFiles(t *testing.T) {
	for name, want := range map[string]bool{
		"main.go": true, "pkg/model/handler.go": true, "internal/runner/plan.go": true, "cmd/drey/main.go": true,
		"pkg/model/error_test.go": false, "examples/gp/gp.go": false,
	} {
		if own(root+name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if own("elsewhere/pkg/model.go") || own("command-line-arguments/main.go") {
		t.Error("a caller's file is drey's")
	}
}
