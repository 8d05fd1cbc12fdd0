package diag_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/diag"
)

// blocksOf cuts draws [parameter][chain][draw] into blocks of each pack: [pack][k]. Energies are the first parameter's.
func blocksOf(params [][][]float64, pack, size int) [][]*diag.Block {
	chains, n := len(params[0]), len(params[0][0])
	var out [][]*diag.Block
	values := make([][]float64, len(params))
	for first := 0; first < chains; first += pack {
		var mine []*diag.Block
		for at := 0; at < n; at += size {
			width := min(pack, chains-first)
			b := diag.NewBlock(first, width, len(params))
			for c := range width {
				end, divergences := min(at+size, n), 0
				for t := at; t < end; t++ {
					if t%7 == 0 {
						divergences++
					}
				}
				for p := range params {
					values[p] = params[p][first+c][at:end]
				}
				b.Set(c, values, values[0], divergences)
			}
			mine = append(mine, b)
		}
		out = append(out, mine)
	}
	return out
}

// streamed returns a stream of all blocks, pack after pack.
func streamed(t *testing.T, params [][][]float64, superchains, pack, size int) *diag.Stream {
	t.Helper()
	s := diag.NewStream(len(params[0]), len(params), superchains)
	for _, mine := range blocksOf(params, pack, size) {
		for _, b := range mine {
			if err := s.Add(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// figures are all of a stream's, as bits.
func figures(s *diag.Stream, parameters, chains int) string {
	var b strings.Builder
	for i := range parameters {
		p := s.Parameter(i)
		for _, x := range []float64{p.Mean, p.SD, p.ESS, p.MCSE, p.RHat, p.NestedRHat} {
			fmt.Fprintf(&b, "%x ", math.Float64bits(x))
		}
	}
	for c := range chains {
		x := s.Chain(c)
		fmt.Fprintf(&b, "%x %d ", math.Float64bits(x.EBFMI), x.Divergences)
	}
	return b.String()
}

// TestStreamOrder: whatever the order in which packs' blocks come, figures after the same blocks of all chains are the same bits; and
// blocks that went through bytes are the same blocks.
func TestStreamOrder(t *testing.T) {
	const chains, n = 12, 400
	params := [][][]float64{ar1Chains(1, chains, n, 0.5), ar1Chains(2, chains, n, -0.3), normalChains(3, chains, n)}
	packs := blocksOf(params, 4, 10)
	at := func(order *rand.Rand) map[int]string {
		s, next, seen := diag.NewStream(chains, 3, 6), make([]int, len(packs)), map[int]string{}
		for s.Blocks() < len(packs[0]) {
			p := order.IntN(len(packs))
			if next[p] == len(packs[p]) {
				continue
			}
			bytes, err := packs[p][next[p]].MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var b diag.Block
			if err := b.UnmarshalBinary(bytes); err != nil {
				t.Fatal(err)
			}
			before := s.Blocks()
			if err := s.Add(&b); err != nil {
				t.Fatal(err)
			}
			next[p]++
			if s.Blocks() > before+1 || s.Draws() != 10*s.Blocks() {
				t.Fatalf("a block of a pack brings %d blocks of all chains after %d, %d draws", s.Blocks(), before, s.Draws())
			}
			if s.Blocks() > before {
				seen[s.Blocks()] = figures(s, 3, chains)
			}
		}
		return seen
	}
	want := at(rand.New(rand.NewPCG(1, 1)))
	if len(want) != n/10 {
		t.Fatalf("figures after %d numbers of blocks, want %d", len(want), n/10)
	}
	for seed := range uint64(5) {
		for k, got := range at(rand.New(rand.NewPCG(seed, 2))) {
			if got != want[k] {
				t.Errorf("order %d: other figures after %d blocks", seed, k)
			}
		}
	}
}

// TestStreamOfReference: on the series of the exact diagnostics the mean, nested R-hat and E-BFMI of a stream are the exact ones of the
// draws that it is of; split R-hat is that of the halves between batches.
func TestStreamOfReference(t *testing.T) {
	files, err := filepath.Glob("testdata/*x*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json.gz")
		if strings.Contains(name, "loo_") {
			continue
		}
		var ref reference
		load(t, name, &ref)
		draws := floats(ref.Draws)
		n := len(draws[0])
		tolerance := 1e-9
		if name == "large_offset_4x200" {
			tolerance = 1e-6 // an offset of 1e8 leaves half the digits
		}
		same := func(what string, got, want float64) {
			compared++
			if got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want)) {
				return
			}
			t.Errorf("%s: %s is %v, want %v", name, what, got, want)
		}
		whole := slices.Concat(draws...)
		if slices.ContainsFunc(whole, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }) {
			if s := streamed(t, [][][]float64{draws}, len(draws), 1, 10); !math.IsNaN(s.Parameter(0).Mean) && !math.IsInf(s.Parameter(0).Mean, 0) {
				t.Errorf("%s: a mean %v of what is not finite", name, s.Parameter(0).Mean)
			}
			continue
		}
		constant := strings.Contains(name, "constant") || strings.Contains(name, "alternating") // variances zero but for rounding
		for _, size := range []int{1, 7, max(1, n/2)} {
			s := streamed(t, [][][]float64{draws}, len(draws), 2, size)
			p := s.Parameter(0)
			draws, mean, sd := draws, float64(ref.Arviz.Pooled.Mean), float64(ref.Arviz.Pooled.SD)
			if s.Draws() < n { // the last batch is not full
				draws = mapped(draws, func(_, _ int, x float64) float64 { return x })
				for c := range draws {
					draws[c] = draws[c][:s.Draws()]
				}
				mean, sd = meanAndSD(slices.Concat(draws...))
			}
			same("mean", p.Mean, mean)
			same("sd", p.SD, sd)
			if !constant {
				same("nested R-hat", p.NestedRHat, diag.NestedRHat(draws, len(draws)))
				if size == n/2 && n%2 == 0 && n >= 4 {
					same("split R-hat", p.RHat, diag.SplitGelmanRubin(draws))
				}
				for c, want := range diag.EBFMI(draws) {
					same(fmt.Sprint("E-BFMI of chain ", c), s.Chain(c).EBFMI, want)
				}
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d values compared", compared)
	}
}

// TestStreamESS: on AR(1) chains, whose ESS is known, the batches' estimate is what theory says of batches of its length, within five
// standard errors of the runs' mean; and MCSE² is the variance over ESS.
func TestStreamESS(t *testing.T) {
	for _, c := range []struct {
		phi                  float64
		chains, blocks, size int
		batch                float64 // draws of a batch that the estimate uses
	}{
		{0, 4, 40, 25, 25},     // 160 batches of a block: halved there would be 80
		{0.5, 4, 128, 25, 100}, // of 64 blocks, then of 64 of two, neighbours were merged
		{0.9, 8, 100, 20, 80},
		{-0.5, 64, 16, 10, 80}, // two batches a chain
	} {
		const runs = 60
		n := c.blocks * c.size
		var ratios []float64
		used := 0.0
		for run := range runs {
			x := [][][]float64{ar1Chains(uint64(1000*run+7), c.chains, n, c.phi)}
			s := streamed(t, x, c.chains, c.chains, c.size)
			p := s.Parameter(0)
			if math.Abs(p.SD*p.SD/(p.MCSE*p.MCSE)-p.ESS) > 1e-9*p.ESS {
				t.Fatalf("MCSE %v, SD %v, ESS %v", p.MCSE, p.SD, p.ESS)
			}
			used = s.BatchDraws(0)
			ratios = append(ratios, float64(n*c.chains)/p.ESS)
		}
		// b·Var(mean of b draws) of a stationary AR(1) chain of variance 1 (Priestley 1981, equation 5.3.5, summed).
		b := used
		want := (1+c.phi)/(1-c.phi) - 2*c.phi*(1-math.Pow(c.phi, b))/(b*(1-c.phi)*(1-c.phi))
		mean, sd := meanAndSD(ratios)
		if limit := 5 * sd / math.Sqrt(runs); math.Abs(mean-want) > limit {
			t.Errorf("phi %v: draws over ESS %.4f, want %.4f ± %.4f with batches of %v", c.phi, mean, want, limit, b)
		}
		if c.batch != used {
			t.Errorf("phi %v: batches of %v draws, want %v", c.phi, used, c.batch)
		}
	}
}

func meanAndSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, math.Sqrt(sd)
}

// TestStreamFaults: a shifted chain, and a trend that all chains share, show in the streamed R-hat and ESS as in the exact ones.
func TestStreamFaults(t *testing.T) {
	good := normalChains(5, 16, 640)
	figuresOf := func(draws [][]float64) diag.Streamed {
		return streamed(t, [][][]float64{draws}, 16, 4, 20).Parameter(0)
	}
	if p := figuresOf(good); p.RHat > diag.MaxRHat || p.ESS < 6000 || p.NestedRHat > 1.01 {
		t.Errorf("independent draws: %+v", p)
	}
	shifted := mapped(good, func(c, _ int, x float64) float64 { return x + float64(c%2) })
	if p := figuresOf(shifted); p.RHat < 1.05 || p.NestedRHat < 1.05 || p.ESS > 1000 {
		t.Errorf("shifted chains: %+v", p)
	}
	trend := mapped(good, func(_, t int, x float64) float64 { return x + float64(t)/200 })
	if p := figuresOf(trend); p.RHat < 1.05 || p.ESS > 1000 {
		t.Errorf("a trend: %+v", p)
	}
}

// TestStreamSize: what a stream keeps does not grow with the run.
func TestStreamSize(t *testing.T) {
	s := diag.NewStream(2, 1, 2)
	for k := range 10_000 {
		b := diag.NewBlock(0, 2, 1)
		for c := range 2 {
			x := math.Sin(float64(k))
			b.Set(c, [][]float64{{x, x, x}}, []float64{1, 1, 1}, 0)
		}
		if err := s.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Batches(0); n > 64+8 { // full ones, and shorter ones
		t.Errorf("%d batches are kept", n)
	}
	if s.Blocks() < 10_000*31/32 || s.Blocks() > 10_000 || s.Draws() != 3*s.Blocks() {
		t.Errorf("%d draws in %d blocks", s.Draws(), s.Blocks())
	}
}

// TestStreamOfSlowChain: a chain that falls further and further behind costs as many times the batches as it is slower, and changes no
// bit of what is known.
func TestStreamOfSlowChain(t *testing.T) {
	const slow, blocks = 10, 200 // times slower; of the slow one
	block := func(c, k int) *diag.Block {
		b := diag.NewBlock(c, 1, 1)
		x := math.Sin(float64(3*k + c))
		b.Set(0, [][]float64{{x, -x / 2, float64(c)}}, []float64{x, 1, 2}, k%2)
		return b
	}
	add := func(s *diag.Stream, c, k int) {
		t.Helper()
		if err := s.Add(block(c, k)); err != nil {
			t.Fatal(err)
		}
	}
	together, apart := diag.NewStream(2, 1, 2), diag.NewStream(2, 1, 2)
	for k := range blocks {
		add(together, 0, k)
		add(together, 1, k)
		for j := range slow {
			add(apart, 1, slow*k+j)
		}
		add(apart, 0, k)
		if a, b := figures(apart, 1, 2), figures(together, 1, 2); a != b || apart.Blocks() != together.Blocks() {
			t.Fatalf("after %d blocks of the slow chain: %s, and %s where none is slow", k+1, a, b)
		}
	}
	if n := apart.Batches(1); n > slow*64+8 {
		t.Errorf("%d batches of a chain that has %d blocks where the other has %d", n, slow*blocks, blocks)
	}
}

// TestStreamRefuses: blocks of other chains, parameters or draws are refused and change nothing.
func TestStreamRefuses(t *testing.T) {
	block := func(first, chains, parameters, draws int) *diag.Block {
		b := diag.NewBlock(first, chains, parameters)
		values := make([][]float64, parameters)
		for i := range values {
			values[i] = make([]float64, draws)
		}
		for c := range chains {
			b.Set(c, values, make([]float64, draws), 0)
		}
		return b
	}
	s := diag.NewStream(4, 2, 2)
	if err := s.Add(block(0, 2, 2, 5)); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*diag.Block{
		"too many chains": block(3, 2, 2, 5), "other parameters": block(2, 2, 3, 5), "other draws": block(2, 2, 2, 6), "no draws": block(2, 2, 2, 0),
	} {
		if s.Add(b) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := s.Add(block(2, 2, 2, 5)); err != nil || s.Blocks() != 1 {
		t.Errorf("%v, %d blocks", err, s.Blocks())
	}
	for _, p := range []func(){
		func() { diag.NewStream(4, 1, 3) },
		func() { block(0, 1, 2, 0).Set(0, [][]float64{{1}}, []float64{1}, 0) },
		func() { block(0, 1, 1, 0).Set(0, [][]float64{{1, 2}}, []float64{1}, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a caller's mistake does not panic")
				}
			}()
			p()
		}()
	}
}

// TestStreamOfNothing: before there are draws nothing is known.
func TestStreamOfNothing(t *testing.T) {
	s := diag.NewStream(4, 1, 4)
	p := s.Parameter(0)
	for _, x := range []float64{p.Mean, p.SD, p.ESS, p.MCSE, p.RHat, p.NestedRHat, s.Chain(0).EBFMI} {
		if !math.IsNaN(x) {
			t.Errorf("%+v before the first draw", p)
		}
	}
}

// FuzzBlock: what UnmarshalBinary takes marshals to the same bytes.
func FuzzBlock(f *testing.F) {
	b := diag.NewBlock(3, 2, 1)
	b.Set(0, [][]float64{{1.5}}, []float64{2}, 1)
	b.Set(1, [][]float64{{-1}}, []float64{math.NaN()}, 0)
	seed, err := b.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		var b diag.Block
		if b.UnmarshalBinary(data) != nil {
			return
		}
		if back, err := b.MarshalBinary(); err != nil || !bytes.Equal(back, data) {
			t.Errorf("%d bytes came back as %d, %v", len(data), len(back), err)
		}
	})
}

// TestBlockAllocates: filling a block allocates nothing.
func TestBlockAllocates(t *testing.T) {
	b, x := diag.NewBlock(0, 1, 3), []float64{1, 2, 3}
	values := [][]float64{x, x, x}
	if n := testing.AllocsPerRun(100, func() { b.Set(0, values, x, 1) }); n != 0 {
		t.Errorf("%v allocations a chain", n)
	}
}
