package dist

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

const (
	goodnessDraws = 1_000_000 // ten times as many on the second seed, where the first fails; a tenth with -short
	goodnessBlock = 20_000    // draws in one run of the program
	goodnessP     = 1e-4
)

var goodnessSeeds = [2]uint64{20260114, 977}

// drawer runs a program that draws blocks of a distribution.
type drawer struct {
	s     engine.Session
	dtype tensor.DType
	width int
	buf   []byte
}

func newDrawer(t *testing.T, build func() Distribution) *drawer {
	t.Helper()
	in := []tensor.Param{{Name: "seed", DType: tensor.U64}, {Name: "draw", DType: tensor.U32}}
	f, err := tensor.Trace("sample", tensor.F64, in, func(a []tensor.Value) []tensor.Value {
		k := rng.Key{Seed: a[0], Chain: tensor.In(a[0], uint32(3)).Convert(tensor.U32), Draw: a[1], Purpose: rng.PurposeSite}
		return []tensor.Value{build().Sample(k, goodnessBlock)}
	})
	if err != nil {
		t.Fatal(err)
	}
	exe, err := wasm.Engine{}.Compile(f, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := exe.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); exe.Close() })
	out := f.Out[0]
	return &drawer{s: s, dtype: out.DType, width: tensor.NumElements(out.Shape) / goodnessBlock, buf: make([]byte, engine.SizeOf(out))}
}

// draw returns n draws, each of width numbers, by column.
func (d *drawer) draw(t *testing.T, seed uint64, n int) [][]float64 {
	t.Helper()
	columns := make([][]float64, d.width)
	for i := range columns {
		columns[i] = make([]float64, 0, n)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.s.Put(0, binary.LittleEndian.AppendUint64(nil, seed)))
	for block := range n / goodnessBlock {
		must(d.s.Put(1, binary.LittleEndian.AppendUint32(nil, uint32(block))))
		must(d.s.Run())
		must(d.s.Get(0, d.buf))
		for e := range goodnessBlock * d.width {
			columns[e%d.width] = append(columns[e%d.width], d.number(e))
		}
	}
	return columns
}

func (d *drawer) number(e int) float64 {
	if d.dtype == tensor.I32 {
		return float64(int32(binary.LittleEndian.Uint32(d.buf[4*e:])))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(d.buf[8*e:]))
}

// judge fails t where the p-value of one of the tests is too small on both seeds. A test gets the columns of all draws.
func judge(t *testing.T, d *drawer, tests ...func(columns [][]float64) float64) {
	t.Helper()
	n := goodnessDraws
	if testing.Short() {
		n /= 10
	}
	draws := d.draw(t, goodnessSeeds[0], n)
	for i, p := range tests {
		first := p(draws)
		if first > goodnessP {
			continue
		}
		t.Logf("test %d: p = %.3g with seed %d; repeating with ten times the draws", i, first, goodnessSeeds[0])
		if second := p(d.draw(t, goodnessSeeds[1], 10*n)); !(second > goodnessP) {
			t.Errorf("test %d: draws do not follow the distribution: p = %.3g, then %.3g with seed %d", i, first, second, goodnessSeeds[1])
		}
	}
}

// kolmogorovStride is the distance of the order statistics at which the distribution function is evaluated: it changes
// the statistic by at most this over the number of draws, a fortieth of what the test finds at 10^6.
const kolmogorovStride = 50

// kolmogorov returns the asymptotic p-value of the Kolmogorov–Smirnov statistic of x, which it sorts.
func kolmogorov(x []float64, cdf func(float64) float64) float64 {
	slices.Sort(x)
	n := float64(len(x))
	worst := 0.0
	for i := 0; i < len(x); i += kolmogorovStride {
		f := cdf(x[i])
		if math.IsNaN(f) {
			return 0
		}
		worst = max(worst, float64(i+1)/n-f, f-float64(i)/n)
	}
	lambda := worst * (math.Sqrt(n) + 0.12 + 0.11/math.Sqrt(n)) // Stephens 1970
	sum, sign := 0.0, 2.0
	for j := 1; j <= 100; j++ {
		sum += sign * math.Exp(-2*float64(j*j)*lambda*lambda)
		sign = -sign
	}
	if lambda < 0.2 {
		return 1
	}
	return min(1, max(0, sum))
}

// chiSquare returns the p-value of the counts of x against a probability mass function, with values pooled until at
// least 20 are expected.
func chiSquare(x []float64, pmf func(k float64) float64) float64 {
	counts := map[float64]int{}
	for _, v := range x {
		counts[v]++
	}
	n := float64(len(x))
	stat, bins, expected, got, left := 0.0, 0, 0.0, 0.0, 1.0
	seen := 0
	for k := 0.0; left*n > 20 && k < 1e6; k++ {
		p := pmf(k)
		expected, got, left = expected+p*n, got+float64(counts[k]), left-p
		seen += counts[k]
		if expected >= 20 && left*n > 20 {
			stat += (got - expected) * (got - expected) / expected
			bins++
			expected, got = 0, 0
		}
	}
	expected, got = expected+left*n, got+float64(len(x)-seen) // the tail, and what is no value at all
	if expected < 1e-6 {
		if got > 0 {
			return 0
		}
	} else {
		stat += (got - expected) * (got - expected) / expected
		bins++
	}
	if bins < 2 {
		return 1
	}
	return distuv.ChiSquared{K: float64(bins - 1)}.Survival(stat)
}
