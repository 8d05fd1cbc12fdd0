package simplify

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares the text of simplified programs with control flow.
func TestGolden(t *testing.T) {
	type v = tensor.Value
	cases := map[string]body{
		// exp(x) does not depend on the loop, x·i does; the second carry never changes and the third is not used.
		"while_invariants": func(p params) v {
			c := tensor.WhileN([]v{tensor.In(p.x, 0), p.y, p.x, p.x},
				func(c []v) v { return c[0].Lt(p.i.Sum()) },
				func(c []v) []v {
					return []v{c[0].Add(1), c[1], c[2].Add(1), c[3].Add(p.x.Exp().Mul(c[1]).Mul(c[0].Float()))}
				})
			return c[1].Add(c[3])
		},
		// What one branch alone needs stays there; what both need is computed once.
		"cond_branches": func(p params) v {
			pred := p.s.Gt(0)
			both := func() v { return p.x.Exp() }
			return tensor.CondN(pred,
				func() []v { return []v{both().Add(p.y.Sin()), p.x.Tan()} },
				func() []v { return []v{both(), p.x} })[0].Mul(both())
		},
		// The loop in the branch keeps its invariant inside the branch.
		"loop_in_branch": func(p params) v {
			return tensor.CondN(p.s.Gt(0), func() []v {
				return tensor.WhileN([]v{p.x},
					func(c []v) v { return c[0].Sum().Lt(10) },
					func(c []v) []v { return []v{c[0].Add(p.y.Exp())} })
			}, func() []v { return []v{p.x} })[0]
		},
		"known_branch": func(p params) v {
			return tensor.CondN(p.s.Lt(p.s), func() []v { return []v{p.x.Exp()} }, func() []v { return []v{p.x.Mul(2)} })[0]
		},
		// One of the stacked results is the same in all steps, another is not used, nor is the carry that it needs.
		"scan_results": func(p params) v {
			_, ys := tensor.ScanN([]v{p.s, p.s}, []v{p.x, p.y}, n, false, func(c, x []v) ([]v, []v) {
				return []v{c[0].Add(x[0]), c[1].Add(x[1])}, []v{c[0], c[1], p.s.Exp()}
			})
			return ys[0].Add(ys[2])
		},
	}
	for name, fn := range cases {
		got := Run(traced(t, fn)).String()
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is\n%s, want\n%s", name, got, want)
		}
	}
}

// count returns how many instructions of a kind the lines of a program have.
func count(f *tensor.Func, op string) int { return strings.Count(f.String(), " = "+op+"(") }

// TestGradientsOfElementsBecomeOneConcatenation is the shape that reverse mode gives to x[0], …, x[n-1] used one by one.
func TestGradientsOfElementsBecomeOneConcatenation(t *testing.T) {
	f := Run(traced(t, func(p params) tensor.Value {
		sum := tensor.ZerosLike(p.x)
		for k := range n {
			ct := p.x.At(k).Exp().Reshape(1)
			sum = sum.Add(ct.Pad(0, []int{k}, []int{n - 1 - k}))
		}
		return sum
	}))
	if count(f, "pad") != 0 || count(f, "concat") != 1 || count(f, "add") != 0 {
		t.Errorf("%s", f)
	}
}

// large is a program of about 5,000 instructions like those of a model's gradient.
func large(t testing.TB) *tensor.Func {
	return traced(t, func(p params) tensor.Value {
		x, s := p.x, p.s
		for k := range 500 {
			u := x.Mul(p.y).Add(float64(k))
			s = s.Add(u.Sum()).Mul(0.5)
			x = tensor.Select(p.b, u.Tanh(), x).Sub(s)
		}
		return x
	})
}

func BenchmarkRun(b *testing.B) {
	f := large(b)
	for b.Loop() {
		Run(f)
	}
	b.ReportMetric(float64(len(f.Body.Nodes)), "nodes")
}
