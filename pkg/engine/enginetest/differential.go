package enginetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// Differential compares an engine bit for bit with tensor/eval (NaN made canonical): n programs of one instruction for
// every operation, and 4·n random programs with control flow, some of them with donated state over several runs.
// Failures print the seed, the program (the shortest that fails, of programs) and the first elements that differ.
func Differential(t *testing.T, e engine.Engine, seed uint64, n int) {
	sweep(t, seed, n,
		func(c Case, _ uint64) string { return compare(e, c) },
		func(c Case) string { return compareDonated(e, c) })
}

// sweep fails where check describes a problem: of n programs of one instruction for every operation and of 4·n random
// programs, which the other checks get too. check is told the seed of the case.
func sweep(t *testing.T, seed uint64, n int, check func(c Case, seed uint64) string, ofPrograms ...func(c Case) string) {
	for _, op := range Ops() {
		t.Run("op="+op.String(), func(t *testing.T) {
			for i := range n {
				s := mix(seed, uint64(op), uint64(i))
				c, err := RandomOp(op, s)
				if err != nil {
					t.Fatalf("seed %d: the generator made a wrong program: %v", s, err)
				}
				if problem := check(c, s); problem != "" {
					t.Fatalf("RandomOp(%s, %d): %s", op, s, problem)
				}
			}
		})
	}
	t.Run("programs", func(t *testing.T) {
		for i := range 4 * n {
			s := mix(seed, 0, uint64(i))
			steps, all := 3+i%20, i%3 == 0
			c, err := RandomProgram(s, steps, all)
			if err != nil {
				t.Fatalf("seed %d: the generator made a wrong program: %v", s, err)
			}
			if problem := check(c, s); problem != "" {
				t.Fatalf("RandomProgram(%d, %d, %t): %s%s", s, steps, all, problem, shrink(s, steps, func(c Case) string { return check(c, s) }))
			}
			for _, also := range ofPrograms {
				if problem := also(c); problem != "" {
					t.Fatalf("RandomProgram(%d, %d, %t): %s", s, steps, all, problem)
				}
			}
		}
	})
}

// mix makes a seed of three numbers (the finaliser of SplitMix64; Steele, Lea & Flood 2014).
func mix(a, b, c uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b*0xbf58476d1ce4e5b9 + c
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// shrink looks for the shortest program of a seed that fails and describes it.
func shrink(seed uint64, steps int, compare func(Case) string) string {
	for k := 1; k <= steps; k++ {
		c, err := RandomProgram(seed, k, true)
		if err != nil {
			return ""
		}
		if problem := compare(c); problem != "" {
			return fmt.Sprintf("\n--- shortest: RandomProgram(%d, %d, true): %s", seed, k, problem)
		}
	}
	return "\n--- it does not fail when all values are results"
}

// compare runs the case once on fresh and once on used memory and describes the first difference to eval.
func compare(e engine.Engine, c Case) string {
	want, err := eval.Run(c.Func, c.Args)
	if err != nil {
		return "eval: " + err.Error() + text(c.Func)
	}
	return compareTo(e, c, want)
}

func compareTo(e engine.Engine, c Case, want []*tensor.Array) string {
	s, closeAll, problem := open(e, c, engine.Options{})
	if problem != "" {
		return problem
	}
	defer closeAll()
	for run := range 2 {
		if err := s.Run(); err != nil {
			return fmt.Sprintf("run %d: %v%s", run, err, text(c.Func))
		}
		if p := compareResults(s, c.Func, want); p != "" {
			return fmt.Sprintf("run %d: %s%s", run, p, text(c.Func))
		}
	}
	return ""
}

// open compiles the case and puts its arguments.
func open(e engine.Engine, c Case, opt engine.Options) (s engine.Session, closeAll func(), problem string) {
	x, err := e.Compile(c.Func, opt)
	if err != nil {
		return nil, nil, "compile: " + err.Error() + text(c.Func)
	}
	s, err = x.NewSession()
	if err != nil {
		return nil, nil, "session: " + err.Error() + text(c.Func)
	}
	for i, a := range c.Args {
		if err := s.Put(i, engine.Bytes(a)); err != nil {
			return nil, nil, "put: " + err.Error() + text(c.Func)
		}
	}
	return s, func() { s.Close(); x.Close() }, ""
}

func compareResults(s engine.Session, f *tensor.Func, want []*tensor.Array) string {
	for i, w := range want {
		buf := make([]byte, engine.SizeOf(f.Out[i]))
		if err := s.Get(i, buf); err != nil {
			return "get: " + err.Error()
		}
		if p := difference(engine.ArrayOf(w.DType, w.Shape, buf), w); p != "" {
			return fmt.Sprintf("result %d: %s", i, p)
		}
	}
	return ""
}

// difference describes the first elements of got that differ from want; NaN equals NaN.
func difference(got, want *tensor.Array) string {
	var b strings.Builder
	n := 0
	for i, w := range want.Bits {
		g := got.Bits[i]
		x, y := tensor.DecodeFloat(want.DType, g), tensor.DecodeFloat(want.DType, w)
		if g == w || x != x && y != y {
			continue
		}
		if n++; n <= 4 {
			fmt.Fprintf(&b, "element %d is %#x (%g), want %#x (%g); ", i, g, x, w, y)
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d of %d elements differ: %s", tensor.FormatShape(want.DType, want.Shape), n, len(want.Bits), b.String())
}

// compareDonated donates every result that a parameter can hold and runs three times. It returns "" where there is none.
func compareDonated(e engine.Engine, c Case) string {
	var opt engine.Options
	taken := map[int]bool{}
	for out, r := range c.Func.Out {
		for in, p := range c.Func.In {
			if !taken[in] && p.DType == r.DType && fmt.Sprint(p.Shape) == fmt.Sprint(r.Shape) {
				taken[in] = true
				opt.Donate = append(opt.Donate, engine.Donation{In: in, Out: out})
				break
			}
		}
	}
	if len(opt.Donate) == 0 {
		return ""
	}
	s, closeAll, problem := open(e, c, opt)
	if problem != "" {
		return problem
	}
	defer closeAll()
	args := append([]*tensor.Array(nil), c.Args...)
	for run := range 3 {
		want, err := eval.Run(c.Func, args)
		if err != nil {
			return "eval: " + err.Error() + text(c.Func)
		}
		if err := s.Run(); err != nil {
			return fmt.Sprintf("run %d: %v%s", run, err, text(c.Func))
		}
		if p := compareResults(s, c.Func, want); p != "" {
			return fmt.Sprintf("run %d, donated %v: %s%s", run, opt.Donate, p, text(c.Func))
		}
		for _, d := range opt.Donate {
			args[d.In] = want[d.Out]
		}
	}
	return ""
}

// text is the program, cut where it is too long to read.
func text(f *tensor.Func) string {
	s := f.String()
	if len(s) > 6000 {
		s = s[:6000] + "…"
	}
	return "\n" + s
}
