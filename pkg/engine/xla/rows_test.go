package xla_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestRows: a row of each lane is written where its index says, and nowhere for indices outside of the axis; few and many
// lanes, short and long axes, in front and in the middle, every turn of a loop from what the last one left.
func TestRows(t *testing.T) {
	e := open(t)
	r := rand.New(rand.NewPCG(12, 0))
	for _, lanes := range []int{1, 40} {
		for _, dtype := range []tensor.DType{tensor.F32, tensor.Bool} {
			for axis, shape := range [][]int{{10, 3, lanes}, {2, 16, lanes}, {40, 2, lanes}, {3, 17, lanes}} {
				axis %= 2
				t.Run(fmt.Sprintf("%s/%v", dtype, shape), func(t *testing.T) {
					c := rowCase(t, r, dtype, shape, axis)
					if problem := enginetest.CloseTo(e, c, 0); problem != "" {
						t.Error(problem)
					}
				})
			}
		}
	}
}

// TestAddedRows: rows are added at indices that lanes share, in their order, and dropped outside of the axis.
func TestAddedRows(t *testing.T) {
	e := open(t)
	r := rand.New(rand.NewPCG(13, 0))
	for axis, shape := range [][]int{{5, 3}, {2, 5, 40}, {4, 2, 5}, {2, 2, 2, 0}, {2}} {
		axis %= len(shape)
		t.Run(fmt.Sprint(shape), func(t *testing.T) {
			n := min(30, 30*(len(shape)-1)) // no rows into one axis
			rows := slices.Clone(shape)
			rows[axis] = n
			f, err := tensor.Trace("rows", tensor.F32, []tensor.Param{
				{Name: "x", DType: tensor.F32, Shape: shape}, {Name: "at", DType: tensor.I32, Shape: []int{n}}, {Name: "rows", DType: tensor.F32, Shape: rows},
			}, func(v []tensor.Value) []tensor.Value { return []tensor.Value{v[0].ScatterAdd(axis, v[1], v[2])} })
			if err != nil {
				t.Fatal(err)
			}
			c := enginetest.Case{Func: f, Args: []*tensor.Array{
				tensor.ArrayOf(tensor.F32, shape, numbers(tensor.NumElements(shape), r.NormFloat64)),
				tensor.ArrayOf(tensor.I32, []int{n}, numbers(n, func() float64 { return float64(r.IntN(7) - 1) })),
				tensor.ArrayOf(tensor.F32, rows, numbers(tensor.NumElements(rows), r.NormFloat64)),
			}}
			if problem := enginetest.CloseTo(e, c, 0); problem != "" {
				t.Error(problem)
			}
		})
	}
}

func numbers(n int, draw func() float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = draw()
	}
	return out
}

type rowTurns struct{ I, X tensor.Value }

// rowCase writes three times, at indices from -1 up to the axis' length.
func rowCase(t *testing.T, r *rand.Rand, dtype tensor.DType, shape []int, axis int) enginetest.Case {
	const turns = 3
	lanes, count := shape[2], shape[axis]
	row := append([]int{turns}, shape...)
	row[1+axis] = 1
	params := []tensor.Param{
		{Name: "x", DType: dtype, Shape: shape}, {Name: "at", DType: tensor.I32, Shape: []int{turns, lanes}}, {Name: "rows", DType: dtype, Shape: row},
	}
	f, err := tensor.Trace("rows", tensor.F32, params, func(v []tensor.Value) []tensor.Value {
		end := tensor.While(rowTurns{tensor.In(v[0], 0), v[0]},
			func(l rowTurns) tensor.Value { return l.I.Lt(turns) },
			func(l rowTurns) rowTurns {
				at, rows := v[1].Row(l.I).ExpandDims(0), v[2].Row(l.I)
				return rowTurns{l.I.Add(1), l.X.Scatter(axis, at, rows)}
			})
		return []tensor.Value{end.X}
	})
	if err != nil {
		t.Fatal(err)
	}
	values := 100
	if dtype == tensor.Bool {
		values = 2
	}
	value := func() float64 { return float64(r.IntN(values)) }
	return enginetest.Case{Func: f, Args: []*tensor.Array{
		tensor.ArrayOf(dtype, shape, numbers(tensor.NumElements(shape), value)),
		tensor.ArrayOf(tensor.I32, []int{turns, lanes}, numbers(turns*lanes, func() float64 { return float64(r.IntN(count+2) - 1) })),
		tensor.ArrayOf(dtype, row, numbers(tensor.NumElements(row), value)),
	}}
}
