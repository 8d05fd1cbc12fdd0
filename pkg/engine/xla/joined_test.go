package xla_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestLoopSums: sums over rows of many lanes, of products of arrays, of what is spread along rows or lanes, and of one array among several
// that is taken at a computed place; sums that are computed together and ones that depend on another, inside of a loop and around it.
// Whole numbers: no order of addition rounds.
func TestLoopSums(t *testing.T) {
	e := open(t)
	r := rand.New(rand.NewPCG(14, 0))
	const lanes = 20
	for _, rows := range []int{32, 33, 1025} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			shape := []int{rows, lanes}
			params := []tensor.Param{
				{Name: "x", DType: tensor.F32, Shape: shape}, {Name: "y", DType: tensor.F32, Shape: shape}, {Name: "one", DType: tensor.F32, Shape: []int{rows}},
				{Name: "lane", DType: tensor.F32, Shape: []int{lanes}}, {Name: "all", DType: tensor.F32, Shape: []int{3, rows, lanes}},
			}
			f, err := tensor.Trace("sums", tensor.F32, params, func(v []tensor.Value) []tensor.Value {
				x, y, along, lane, all := v[0], v[1], v[2].ExpandDims(1), v[3], v[4]
				product := x.Mul(y).Sum(0)
				spread := x.Sub(along).Mul(lane).Neg().Sum(0)
				later := tensor.Select(x.Gt(product), y, lane).Sum(0)
				type turns struct{ I, Sum, Other tensor.Value }
				end := tensor.While(turns{tensor.In(x, 0), product, lane},
					func(q turns) tensor.Value { return q.I.Lt(3) },
					func(q turns) turns {
						row := all.Row(q.I)
						sum := row.Mul(x).Sum(0)
						return turns{q.I.Add(1), q.Sum.Add(sum).Add(row.Add(q.Other).Sum(0)), row.Mul(y).Sum(0)}
					})
				cube := all.Add(x).Sum(1)
				return []tensor.Value{product, spread, later, end.Sum, end.Other, cube, x.Sub(later).Sum(0).Add(spread)}
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
				t.Error(problem)
			}
		})
	}
}

// TestJoinedRows: rows of several arrays that are written at the same places, to the same array twice, after what another
// write has made, and in the other order.
func TestJoinedRows(t *testing.T) {
	e := open(t)
	r := rand.New(rand.NewPCG(15, 0))
	for _, count := range []int{5, 40} {
		for _, lanes := range []int{1, 20} {
			t.Run(fmt.Sprint(count, lanes), func(t *testing.T) {
				params := []tensor.Param{
					{Name: "x", DType: tensor.F32, Shape: []int{count, 3, lanes}}, {Name: "y", DType: tensor.I32, Shape: []int{count, lanes}},
					{Name: "at", DType: tensor.I32, Shape: []int{1, lanes}}, {Name: "to", DType: tensor.I32, Shape: []int{1, lanes}},
					{Name: "row", DType: tensor.F32, Shape: []int{1, 3, lanes}}, {Name: "number", DType: tensor.I32, Shape: []int{1, lanes}},
				}
				f, err := tensor.Trace("rows", tensor.F32, params, func(v []tensor.Value) []tensor.Value {
					x, y, at, to, row, number := v[0], v[1], v[2], v[3], v[4], v[5]
					x1 := x.Scatter(0, at, row)
					x2 := x1.Scatter(0, to, row.Mul(2.0))
					y1 := y.Scatter(0, to, number)
					y2 := y1.Scatter(0, at, number.Mul(3))
					twice := x2.Scatter(0, at, row.Neg())
					return []tensor.Value{x1, x2, y1, y2, twice, y.Scatter(0, at, number)}
				})
				if err != nil {
					t.Fatal(err)
				}
				place := func() float64 { return float64(r.IntN(count+2) - 1) }
				c := enginetest.Case{Func: f}
				for i, p := range params {
					draw := place
					if i != 2 && i != 3 {
						draw = func() float64 { return float64(r.IntN(100)) }
					}
					c.Args = append(c.Args, tensor.ArrayOf(p.DType, p.Shape, numbers(tensor.NumElements(p.Shape), draw)))
				}
				if problem := enginetest.CloseTo(e, c, 0); problem != "" {
					t.Error(problem)
				}
			})
		}
	}
}
