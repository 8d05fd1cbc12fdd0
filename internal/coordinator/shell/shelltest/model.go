package shelltest

import (
	"encoding/binary"
	"encoding/json"
	"math"

	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Parameters is the number of parameters of the pretended model.
const Parameters = 10

// NewManifest returns the manifest of a run of so many chains in packs of width, without warmup.
func NewManifest(chains, width uint32) *transport.Manifest {
	return &transport.Manifest{
		Precision: "f64", Seed: 20261121, Chains: chains, Width: width, Super: 1, Block: 10, Draws: 100, Thin: 1, Lease: 15_000,
		Kernel: transport.KernelSpec{Name: "nuts", Metric: "diag"},
		Inits:  []transport.InitSpec{{Program: "init"}}, Starts: []transport.StartSpec{{}}, Keep: []string{"theta"},
	}
}

// About sets a manifest's description of its run, which follows from its other fields.
func About(m *transport.Manifest) *transport.Manifest {
	warmup := 0
	for _, s := range m.Warmup {
		warmup += int(s.Draws)
	}
	text, err := json.Marshal(store.Run{
		Model: "arithmetic", Seed: m.Seed, Created: "2026-01-02T03:04:05Z", State: store.Running,
		Settings: store.Settings{Chains: int(m.Chains), Warmup: warmup, Draws: int(m.Draws), Thin: 1, SaveWarmup: m.Save},
		Schema:   store.Schema{SampleStats: true, Sites: []store.Site{{Name: "theta", Shape: []int{Parameters}, DType: store.F64, Kind: store.Latent}}},
	})
	if err != nil {
		panic(err)
	}
	m.About = text
	return m
}

// chain is the state of a chain: 8 bytes, of which every draw depends.
type chain uint64

func begin(seed uint64, index uint32) chain { return chain(mix(seed ^ uint64(index)<<32)) }

// mix is the finaliser of SplitMix64.
func mix(z uint64) uint64 {
	z += 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// step moves to the next draw.
func (c *chain) step(size float64) { *c = chain(mix(uint64(*c) ^ math.Float64bits(size))) }

// element returns a parameter of the draw, in [-1, 1): uniform.
func (c chain) element(i int) float64 { return float64(int64(mix(uint64(c)+uint64(i)))) / (1 << 63) }

// columns returns those of a block, without data: the statistics, then theta.
func columns() []transport.Column {
	out := []transport.Column{}
	for _, s := range store.StatSites() {
		t := map[store.DType]transport.DType{store.F64: transport.F64, store.Bool: transport.Bool, store.I32: transport.I32}[s.DType]
		out = append(out, transport.Column{Name: s.Name, DType: t, Elements: 1})
	}
	return append(out, transport.Column{Name: "theta", DType: transport.F64, Elements: Parameters})
}

// cursor is the place of a block in its pack, as docs/wire.md has it.
type cursor struct {
	m        *transport.Manifest
	index    uint64
	step     int // of warmup; at its length, sampling
	first    uint64
	decision uint64
	size     float64 // the step size that holds
}

func (c *cursor) sampling() bool { return c.step >= len(c.m.Warmup) }

func (c *cursor) draws() uint32 {
	if c.sampling() {
		return c.m.Block
	}
	return c.m.Warmup[c.step].Draws
}

// advance moves to the next block. After a barrier next returns the decision that follows it.
func (c *cursor) advance(next func(version uint64) (*transport.Decision, error)) error {
	c.index++
	c.first += uint64(c.draws())
	if c.sampling() {
		return nil
	}
	turn := c.step + 1
	if c.m.Warmup[c.step].Barrier {
		d, err := next(c.decision + 1)
		if err != nil {
			return err
		}
		c.decision, c.size, turn = d.Version, d.StepSize, int(d.Next)
	}
	if c.step = turn; c.sampling() {
		c.first = 0
	}
	return nil
}

// content makes the block at the cursor from the states before it, which it moves.
func (c *cursor) content(pack transport.PackID, states []chain) *transport.Content {
	first, chains := c.m.Pack(pack)
	out := &transport.Content{Chain: first, Chains: chains, Warmup: !c.sampling(), First: c.first, Draws: c.draws(), StateVersion: 1}
	keep := c.sampling() || c.m.Save
	if keep {
		out.Columns = columns()
		for i := range out.Columns {
			col := &out.Columns[i]
			col.Data = make([]byte, int(chains)*int(out.Draws)*int(col.Elements)*col.DType.Size())
		}
	}
	row := 0
	for i := range states {
		for range out.Draws {
			states[i].step(c.size)
			if keep {
				put(out.Columns, row, states[i])
			}
			row++
		}
		out.States = append(out.States, transport.EndState{Bytes: binary.LittleEndian.AppendUint64(nil, uint64(states[i]))})
	}
	return out
}

// put writes a draw: theta, and as statistics of it the first element and some of its bits.
func put(cols []transport.Column, row int, c chain) {
	binary.LittleEndian.PutUint64(cols[0].Data[8*row:], math.Float64bits(c.element(0)))
	if c>>20&255 == 0 {
		cols[2].Data[row] = 1
	}
	binary.LittleEndian.PutUint32(cols[6].Data[4*row:], uint32(c>>24)&1023)
	theta := cols[7].Data[8*Parameters*row:]
	for k := range Parameters {
		binary.LittleEndian.PutUint64(theta[8*k:], math.Float64bits(c.element(k)))
	}
}

// Forged returns the content of a block that fits a run and its place, and is none that the run makes.
func Forged(m *transport.Manifest, pack transport.PackID, index uint64) *transport.Content {
	at := &cursor{m: m, index: index, step: int(min(index, uint64(len(m.Warmup)))), size: 0.5}
	_, chains := m.Pack(pack)
	if at.sampling() {
		at.first = (index - uint64(len(m.Warmup))) * uint64(m.Block)
	}
	return at.content(pack, make([]chain, chains))
}

// report is what a pack tells at a barrier: of each chain a number that depends on its state.
func report(c *cursor, states []chain) *transport.Moments {
	m := &transport.Moments{Window: c.m.Warmup[c.step].Window, Round: c.m.Warmup[c.step].Round, Block: c.index, Decision: c.decision}
	for _, s := range states {
		m.LogStepSize, m.Acceptance = append(m.LogStepSize, s.element(3)), append(m.Acceptance, 0.8)
	}
	return m
}

// Adapter takes decisions from the reports of these workers: the step size is the mean of the chains' numbers. Turn, if it is not
// nil, says which block of warmup follows one.
type Adapter struct{ Turn func(step int) int }

var _ shell.Adapter = Adapter{}

// Suspect is the chain that an Adapter suspects at the end of warmup.
const Suspect = 3

// Adapt implements shell.Adapter.
func (a Adapter) Adapt(b *shell.Barrier) (*shell.Adaptation, error) {
	sum, n := 0.0, 0.0
	for _, m := range b.Moments {
		if m == nil { // late
			continue
		}
		for _, x := range m.LogStepSize {
			sum, n = sum+x, n+1
		}
	}
	out := &shell.Adaptation{StepSize: sum / n, Next: b.Step + 1}
	if a.Turn != nil {
		out.Next = a.Turn(b.Step)
	}
	if out.Next >= len(b.Manifest.Warmup) {
		out.Suspects = []int{Suspect}
	}
	return out, nil
}
