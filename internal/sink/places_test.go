package sink

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// funnel makes blocks of chains whose draws of tau run through 0 … 99, and of which every tenth trajectory from tau < 10 diverges.
// theta has two elements, the second in f32.
func funnel(first, chains, from, draws int) (*store.Block, []element) {
	b := &store.Block{Chain: first, Chains: chains, First: int64(from), Draws: draws, Phase: store.Sampling, Columns: make([][]byte, columnSteps+3)}
	for c := range chains {
		for d := range draws {
			number := from + d
			tau, before := float64((7*number+first+c)%100), float64((7*(number-1)+first+c)%100)
			b.Columns[columnDiverging] = append(b.Columns[columnDiverging], 0)
			if before < 10 && number > 0 && number%3 == 0 {
				b.Columns[columnDiverging][c*draws+d] = 1
			}
			at := columnSteps + 1
			b.Columns[at] = binary.LittleEndian.AppendUint64(b.Columns[at], math.Float64bits(tau))
			for e := range 2 {
				b.Columns[at+1] = binary.LittleEndian.AppendUint32(b.Columns[at+1], math.Float32bits(float32((e+1)*(number*31%97))))
			}
		}
	}
	return b, []element{{columnSteps + 1, 0, 8}, {columnSteps + 2, 0, 4}, {columnSteps + 2, 1, 4}}
}

// TestPlaces: a status has the latest divergences with the draw before, across blocks, and names the parameter in whose tail they
// gather; blocks of different chains may come in any order.
func TestPlaces(t *testing.T) {
	_, at := funnel(0, 1, 0, 1)
	names := []string{"tau", "theta[0]", "theta[1]"}
	take := func(order ...[2]int) *transport.RunStatus { // first chain and block
		p := newPlaces(names, at, 4)
		for _, x := range order {
			b, _ := funnel(x[0], 2, 600*x[1], 600)
			p.take(b)
		}
		out := &transport.RunStatus{}
		p.describe(out)
		return out
	}
	a := take([2]int{0, 0}, [2]int{2, 0}, [2]int{0, 1}, [2]int{2, 1})
	b := take([2]int{2, 0}, [2]int{2, 1}, [2]int{0, 0}, [2]int{0, 1})
	if len(a.Places) != 1 || a.Places[0].Name != "tau" || 5*a.Places[0].Low < 4*a.Places[0].Count || a.Places[0].Count < 100 || a.Places[0].Median > 0.1 {
		t.Errorf("places %+v", a.Places)
	}
	if !reflect.DeepEqual(a.Places, b.Places) || !slices.Equal(a.Names, names) || len(a.Points) != latestShown {
		t.Errorf("in another order %+v, %d points, names %v", b.Places, len(a.Points), a.Names)
	}
	for _, p := range a.Points {
		number := int(p.Draw) - 1
		want := []float64{float64((7*number + int(p.Chain)) % 100), float64(number * 31 % 97), float64(2 * (number * 31 % 97))}
		if !slices.Equal(p.Position, want) {
			t.Errorf("chain %d, draw %d: from %v, want %v", p.Chain, p.Draw, p.Position, want)
		}
	}
	p := newPlaces(names, at, 4) // a block's first draw has its start in the block before; without one it has none
	for k := range 40 {
		b, _ := funnel(0, 2, 1+k, 1)
		p.take(b)
	}
	if first := slices.IndexFunc(p.latest, func(x transport.DivergencePoint) bool { return x.Position[0] >= 10 }); p.count == 0 || first >= 0 {
		t.Errorf("%d starts, %v", p.count, p.latest)
	}
}

// TestPlacesAreBounded: however many draws and parameters there are, few are kept, from the whole of the run.
func TestPlacesAreBounded(t *testing.T) {
	var names []string
	var at []element
	for i := range 500 {
		names, at = append(names, fmt.Sprintf("theta[%d]", i)), append(at, element{9, i, 8})
	}
	names, at = append(names, "tau"), append(at, element{10, 0, 8})
	p := newPlaces(names, at, 1)
	if n := len(p.names); n != mostFollowed || p.names[n-1] != "tau" || p.names[0] != "theta[0]" {
		t.Errorf("%d are followed, the last %s", n, p.names[n-1])
	}
	s := newSample()
	for i := range uint64(100_000) {
		if s.wants(i) {
			s.add(i, []float64{float64(i)})
		}
	}
	if n := len(s.rows); n > mostSampled || n < mostSampled/4 || s.rows[n-1][0] < 99_000 || s.column(0)[0] != 0 {
		t.Errorf("%d rows, the last %v", n, s.rows[n-1])
	}
}
