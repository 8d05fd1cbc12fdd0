package worker

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/transport"
)

// batch returns draws of a chain, each of whose numbers says where it belongs.
func batch(index int, first, n int64) *chain.Batch {
	b := &chain.Batch{Chain: index, First: first, Len: int(n), Values: make([][]byte, 1)}
	for k := first; k < first+n; k++ {
		x := float64(1000*index) + float64(k)
		b.LogDensity, b.Energy = append(b.LogDensity, x), append(b.Energy, x+0.1)
		b.AcceptanceRate, b.StepSize = append(b.AcceptanceRate, x+0.2), append(b.StepSize, x+0.3)
		b.Diverging = append(b.Diverging, k%3 == 0)
		b.TreeDepth, b.Steps = append(b.TreeDepth, int32(k)), append(b.Steps, int32(index))
		for e := range 2 {
			b.Values[0] = binary.LittleEndian.AppendUint64(b.Values[0], math.Float64bits(x+float64(e)/2))
		}
	}
	return b
}

// TestCollector: draws that come in pieces, of one chain after another or of several in turn, are where those are that come at once.
func TestCollector(t *testing.T) {
	columns := columnsOf([]model.SiteInfo{{Name: "x", DType: "f64", Shape: []int{2}}})
	fresh := func() *collector {
		return collect(&transport.Content{Chain: 4, Chains: 3, First: 50, Draws: 20}, columns)
	}
	whole := fresh()
	for i := range 3 {
		if err := whole.Append(batch(4+i, 50, 20)); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	pieces := fresh()
	next := [3]int64{50, 50, 50}
	for !pieces.whole() {
		i := random.IntN(3)
		n := min(1+random.Int64N(6), 70-next[i])
		if err := pieces.Append(batch(4+i, next[i], n)); err != nil {
			t.Fatal(err)
		}
		next[i] += n
	}
	for i, c := range pieces.Columns {
		if !bytes.Equal(c.Data, whole.Columns[i].Data) {
			t.Errorf("column %s differs", c.Name)
		}
	}
	x := whole.Columns[len(statistics)].Data
	if got := math.Float64frombits(binary.LittleEndian.Uint64(x[8*(2*(1*20+7)+1):])); got != 5057.5 {
		t.Errorf("element 1 of draw 7 of chain 5 is %v", got)
	}
	for name, b := range map[string]*chain.Batch{
		"another chain": batch(7, 50, 1), "a gap": batch(4, 51, 1), "too many": batch(4, 50, 21), "warmup": {Chain: 4, Warmup: true, First: 50},
	} {
		if fresh().Append(b) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
