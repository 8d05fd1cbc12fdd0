package store

import (
	"encoding/binary"
	"math"
	"testing"
)

// testSchema has a site of every dtype and of 0, 1 and 2 axes.
func testSchema() Schema {
	return Schema{SampleStats: true, Sites: []Site{
		{Name: "mu", DType: F64, Kind: Latent},
		{Name: "theta", Shape: []int{3}, Dims: []string{"school"}, Coords: map[string][]string{"school": {"a", "b", "c"}}, DType: F64, Kind: Latent},
		{Name: "energy", Shape: []int{2, 2}, DType: F32, Kind: Deterministic}, // a statistic's name
		{Name: "k", DType: I32, Kind: Deterministic},
		{Name: "big", DType: I64, Kind: Deterministic},
		{Name: "count", DType: U32, Kind: Deterministic},
		{Name: "word", Shape: []int{2}, DType: U64, Kind: Deterministic},
		{Name: "flag", Shape: []int{5}, DType: Bool, Kind: Deterministic},
		{Name: "theta_base", Shape: []int{3}, DType: F64, Kind: Auxiliary},
	}}
}

func testRun(chains, warmup, draws int) Run {
	return Run{Model: "test", Seed: math.MaxUint64, Schema: testSchema(), Created: "2026-01-02T03:04:05Z",
		Settings: Settings{Chains: chains, Warmup: warmup, Draws: draws, Thin: 1, SaveWarmup: true}}
}

// fakeFloat is a number that depends on all its arguments, and sometimes a NaN or an infinity.
func fakeFloat(chain int, phase Phase, draw int64, site, i int) float64 {
	h := uint64(chain)*1_000_003 + uint64(phase)*7919 + uint64(draw)*104_729 + uint64(site)*1299_709 + uint64(i)
	h ^= h >> 7
	h *= 0x9e3779b97f4a7c15
	switch h >> 58 {
	case 0:
		return math.Float64frombits(0x7ff8000000000000 | h>>20) // a NaN that is not canonical
	case 1:
		return math.Inf(1)
	case 2:
		return math.Inf(-1)
	}
	return float64(int64(h)) / (1 << 40)
}

// fakeRow is the draw that the pretended sampler makes.
func fakeRow(s *Schema, chain int, phase Phase, draw int64) *Row {
	x := func(i int) float64 { return fakeFloat(chain, phase, draw, 99, i) }
	r := &Row{Chain: chain, Phase: phase, Draw: draw, Stats: Stats{LogDensity: x(0), Energy: x(1), Diverging: draw%7 == 3,
		AcceptanceRate: x(2), StepSize: x(3), TreeDepth: int32(draw % 11), Steps: int32(draw%1023) + 1}}
	for k := range s.Sites {
		var b []byte
		for i := range s.Sites[k].Size() {
			v := fakeFloat(chain, phase, draw, k, i)
			word := math.Float64bits(v)
			switch s.Sites[k].DType {
			case F64, I64, U64:
				b = binary.LittleEndian.AppendUint64(b, word)
			case F32:
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
			case I32, U32:
				b = binary.LittleEndian.AppendUint32(b, uint32(word>>11))
			case Bool:
				b = append(b, byte(word>>30)&1)
			}
		}
		r.Values = append(r.Values, b)
	}
	return r
}

// wantBits is what Array.Bits gives for an element of fakeRow.
func wantBits(s *Schema, site int, r *Row, i int) uint64 {
	st := &s.Sites[site]
	canon := make([]byte, len(r.Values[site]))
	copyCanonical(st.DType, canon, r.Values[site])
	switch st.DType {
	case F64, I64, U64:
		return binary.LittleEndian.Uint64(canon[8*i:])
	case I32:
		return uint64(int32(binary.LittleEndian.Uint32(canon[4*i:])))
	case F32, U32:
		return uint64(binary.LittleEndian.Uint32(canon[4*i:]))
	}
	return uint64(canon[i])
}

// fakeSampler drives a Writer: chains go on in turn at unequal pace, and every so often it flushes.
type fakeSampler struct {
	warmup, draws int64
	flush         int // appends between flushes
}

func (f fakeSampler) run(w *Writer) error {
	run := w.Run()
	done := make([]int64, run.Settings.Chains)
	for n, all := 0, false; !all; {
		all = true
		for c := range done {
			for range 1 + c%2 { // odd chains are twice as fast
				if done[c] == f.warmup+f.draws {
					continue
				}
				all = false
				phase, draw := Warmup, done[c]
				if draw >= f.warmup {
					phase, draw = Sampling, draw-f.warmup
				}
				done[c]++
				if err := w.Append(fakeRow(&run.Schema, c, phase, draw)); err != nil {
					return err
				}
				if n++; n%f.flush == 0 {
					if err := w.Flush(); err != nil {
						return err
					}
				}
			}
		}
	}
	return w.Finish(Done, nil, nil)
}

// checkDraws compares everything that dir holds with what the pretended sampler makes and returns the lengths.
func checkDraws(t *testing.T, dir string) [phases][]int {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lengths [phases][]int
	for p := range Phase(phases) {
		lengths[p] = r.Lengths(p)
		for k, site := range r.Run().Schema.Sites {
			a, err := r.Draws(site.Name, p)
			if err != nil {
				t.Fatal(err)
			}
			for c := range lengths[p] {
				for e := range site.Size() {
					bits, err := a.Bits(nil, c, e)
					if err != nil {
						t.Fatal(err)
					}
					if len(bits) != r.Len(p) {
						t.Fatalf("%s: %d draws, common length %d", site.Name, len(bits), r.Len(p))
					}
					for d, got := range bits {
						if want := wantBits(&r.run.Schema, k, fakeRow(&r.run.Schema, c, p, int64(d)), e); got != want {
							t.Fatalf("%s chain %d %s draw %d element %d: %x, want %x", site.Name, c, p, d, e, got, want)
						}
					}
				}
			}
		}
	}
	return lengths
}
