package xla_test

import (
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestNestedLoops: a loop within another one reads what the outer one carries, whose next value comes from arithmetic, from another
// inner loop, or from a sum, before or after in the program. XLA's region analysis has the next value written too soon in some of these.
func TestNestedLoops(t *testing.T) {
	e := open(t)
	r := rand.New(rand.NewPCG(14, 0))
	const rows, lanes = 33, 20
	params := []tensor.Param{
		{Name: "lane", DType: tensor.F32, Shape: []int{lanes}}, {Name: "all", DType: tensor.F32, Shape: []int{3, rows, lanes}},
	}
	type turns struct{ I, Sum, Other tensor.Value }
	inner := func(start tensor.Value, term func(k tensor.Value) tensor.Value) tensor.Value {
		return tensor.WhileN([]tensor.Value{tensor.In(start, 0), tensor.ZerosLike(start)},
			func(c []tensor.Value) tensor.Value { return c[0].Lt(rows) },
			func(c []tensor.Value) []tensor.Value { return []tensor.Value{c[0].Add(1), c[1].Add(term(c[0]))} })[1]
	}
	rowAt := func(x, k tensor.Value) tensor.Value { return x.Row(k) }
	for name, body := range map[string]func(q turns, all tensor.Value) turns{
		"arithmetic": func(q turns, all tensor.Value) turns {
			m := all.Row(q.I)
			return turns{q.I.Add(1), q.Sum.Add(inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Add(q.Other) })), q.Other.Mul(2.0).Add(1.0)}
		},
		"arithmetic before": func(q turns, all tensor.Value) turns {
			m := all.Row(q.I)
			next := q.Other.Mul(2.0).Add(1.0)
			return turns{q.I.Add(1), q.Sum.Add(inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Add(q.Other) })), next}
		},
		"a loop": func(q turns, all tensor.Value) turns {
			m := all.Row(q.I)
			return turns{q.I.Add(1), q.Sum.Add(inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Add(q.Other) })), inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k) })}
		},
		"a loop before": func(q turns, all tensor.Value) turns {
			m := all.Row(q.I)
			next := inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k) })
			return turns{q.I.Add(1), q.Sum.Add(inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Add(q.Other) })), next}
		},
		"one for the other": func(q turns, all tensor.Value) turns {
			m := all.Row(q.I)
			return turns{q.I.Add(1), inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Add(q.Other) }), inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Sub(q.Sum) })}
		},
		"a loop that goes on from it": func(q turns, all tensor.Value) turns {
			m := all.Row(q.I)
			acc := tensor.WhileN([]tensor.Value{tensor.In(q.Sum, 0), q.Other}, func(c []tensor.Value) tensor.Value { return c[0].Lt(rows) },
				func(c []tensor.Value) []tensor.Value { return []tensor.Value{c[0].Add(1), c[1].Add(rowAt(m, c[0]))} })[1]
			return turns{q.I.Add(1), q.Sum.Add(inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Add(q.Other) })), acc}
		},
		"a sum": func(q turns, all tensor.Value) turns {
			m := all.Row(q.I)
			s := q.Sum.Add(m.Mul(q.Sum).Sum(0)).Add(inner(q.Sum, func(k tensor.Value) tensor.Value { return rowAt(m, k).Add(q.Other) }))
			return turns{q.I.Add(1), s, m.Slice(0, 0, 20).Sum(0)}
		},
	} {
		f, err := tensor.Trace("f", tensor.F32, params, func(v []tensor.Value) []tensor.Value {
			end := tensor.While(turns{tensor.In(v[0], 0), v[0].Add(1.0), v[0]}, func(q turns) tensor.Value { return q.I.Lt(3) }, func(q turns) turns { return body(q, v[1]) })
			return []tensor.Value{end.Sum, end.Other}
		})
		if err != nil {
			t.Fatal(err)
		}
		value := func() float64 { return float64(r.IntN(7) - 3) }
		c := enginetest.Case{Func: f}
		for _, p := range params {
			c.Args = append(c.Args, tensor.ArrayOf(p.DType, p.Shape, numbers(tensor.NumElements(p.Shape), value)))
		}
		if problem := enginetest.CloseTo(e, c, 0); problem != "" {
			t.Errorf("%s: %.300s", name, problem)
		}
	}
}
