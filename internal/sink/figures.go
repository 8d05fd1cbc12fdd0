package sink

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// figures are the running diagnostics of a run, over the blocks that the ledger has. They are lost with the process, and made
// again from the store.
type figures struct {
	mu     sync.Mutex   // guards the fields below
	behind bool         // there may be blocks in the store that were not taken
	stream *diag.Stream // nil where there are too many numbers
	seen   []uint64     // blocks of each pack that were taken, warmup's too
	names  []string     // of the parameters
	at     []element
	counts store.RunCounts
	chains []chainFigures
	places *places // nil where there are no statistics
	told   told
	draws  draws // of a chain in a block: scratch of add
}

// draws are those of a chain.
type draws struct {
	parameters [][]float64
	energies   []float64
}

// told is what statuses say of the parameters, which changes when all chains have another block.
type told struct {
	blocks     int // that it is of
	parameters []transport.ParameterStatus
	nestedRHat float64 // the largest
	ess        float64 // the smallest
}

// element is where a parameter is in the columns of a block.
type element struct{ column, offset, width int }

// chainFigures are sums over a chain's draws.
type chainFigures struct {
	draws, acceptance, stepSize float64 // stepSize is that of the last draw
	leapfrogs                   uint64
	worker                      string // who made the last block
}

// Columns of the statistics that figures use, by their place in store.StatSites.
const (
	columnEnergy     = 1
	columnDiverging  = 2
	columnAcceptance = 3
	columnStepSize   = 4
	columnSteps      = 6
)

// mostFigures bounds the numbers that running diagnostics keep: beyond it a run has none, and is judged by what is stored.
const mostFigures = 1 << 22

func newFigures(m *transport.Manifest, schema *store.Schema) *figures {
	f := &figures{behind: true, seen: make([]uint64, m.Packs()), chains: make([]chainFigures, m.Chains)}
	stats := len(schema.Columns()) - len(schema.Sites)
	for i, site := range schema.Sites {
		if site.Kind == store.Auxiliary || site.DType != store.F64 && site.DType != store.F32 {
			continue
		}
		for k, name := range store.FlatNames(site) {
			f.names = append(f.names, name)
			f.at = append(f.at, element{stats + i, k, site.DType.Size()})
		}
	}
	f.draws.parameters = make([][]float64, len(f.at))
	if schema.SampleStats {
		f.places = newPlaces(f.names, f.at, int(m.Chains))
	}
	if schema.SampleStats && len(f.names)*int(m.Chains) <= mostFigures {
		f.stream = diag.NewStream(int(m.Chains), len(f.names), int(m.Chains/m.Super))
	}
	return f
}

// figuresOf returns the figures of a run, which have taken nothing yet where this process has not stored for it.
func (s *Sink) figuresOf(ctx context.Context, l View, run transport.RunID) (*figures, error) {
	s.mu.Lock()
	f := s.figures[run]
	s.mu.Unlock()
	if f != nil {
		return f, nil
	}
	m, err := l.Manifest(ctx, run)
	if err != nil {
		return nil, err
	}
	about, err := describe(m)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.figures[run] == nil {
		s.forget()
		s.figures[run] = newFigures(m, &about.Schema)
	}
	return s.figures[run], nil
}

// forget drops figures of a run that is not under way, where there are many. mu is held.
func (s *Sink) forget() {
	if len(s.figures) < heldFigures {
		return
	}
	for run := range s.figures {
		if s.runs[run] == nil {
			delete(s.figures, run)
			return
		}
	}
}

// doubt notes that the store may get blocks that are not taken.
func (f *figures) doubt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behind = true
}

// take takes a block that the ledger has.
func (f *figures) take(b *store.Block, worker string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(b, worker)
}

// add takes a block of the ledger, unless it was taken before or others come first. mu is held.
func (f *figures) add(b *store.Block, worker string) error {
	if b.Index != f.seen[b.Pack] {
		f.behind = f.behind || b.Index > f.seen[b.Pack]
		return nil
	}
	f.seen[b.Pack]++
	if b.Phase == store.Warmup {
		f.counts.WarmupLeapfrogs += int64(b.Leapfrogs)
		return nil
	}
	f.counts.Leapfrogs += int64(b.Leapfrogs)
	f.counts.Divergences += int64(b.Divergences)
	if f.places != nil {
		f.places.take(b)
	}
	if f.stream == nil {
		return nil
	}
	sum := diag.NewBlock(b.Chain, b.Chains, len(f.names))
	for c := range b.Chains {
		chain := &f.chains[b.Chain+c]
		if worker != "" {
			chain.worker = worker
		}
		f.addChain(sum, b, c)
	}
	return f.stream.Add(sum)
}

// addChain takes what a block has of its chain of an index. mu is held.
func (f *figures) addChain(sum *diag.Block, b *store.Block, c int) {
	first, end := c*b.Draws, (c+1)*b.Draws
	for i, e := range f.at {
		f.draws.parameters[i] = e.read(f.draws.parameters[i], b, first, end)
	}
	f.draws.energies = element{columnEnergy, 0, 8}.read(f.draws.energies, b, first, end)
	divergences := 0
	for _, diverging := range b.Columns[columnDiverging][first:end] {
		divergences += int(diverging)
	}
	sum.Set(c, f.draws.parameters, f.draws.energies, divergences)
	chain := &f.chains[b.Chain+c]
	chain.draws += float64(b.Draws)
	for row := first; row < end; row++ {
		chain.acceptance += float(b.Columns[columnAcceptance][8*row:], 8)
		chain.leapfrogs += uint64(binary.LittleEndian.Uint32(b.Columns[columnSteps][4*row:]))
	}
	chain.stepSize = float(b.Columns[columnStepSize][8*(end-1):], 8)
}

// read returns the element of some rows of a block, in dst's memory where it is large enough.
func (e element) read(dst []float64, b *store.Block, first, end int) []float64 {
	dst = slices.Grow(dst[:0], end-first)[:end-first]
	column := b.Columns[e.column]
	width := len(column) / (b.Chains * b.Draws)
	column = column[first*width+e.offset*e.width:]
	for i := range dst {
		dst[i] = float(column[i*width:], e.width)
	}
	return dst
}

func float(b []byte, width int) float64 {
	if width == 4 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// Bounds of what a status lists.
const (
	worstParameters = 20 // by R-hat, and as many by ESS
	listedChains    = 2048
)

// Describe fills in the diagnostics of a run's status: those of the blocks that the ledger has of all chains. What this process
// has not seen it reads from the store.
func (s *Sink) Describe(ctx context.Context, l View, run transport.RunID, out *transport.RunStatus) error {
	if !s.cfg.Figures {
		return nil
	}
	f, err := s.figuresOf(ctx, l, run)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.behind {
		if err := s.Note(ctx, l, run); err != nil {
			return err
		}
		if err := f.catchUp(s.cfg.Path(run)); err != nil {
			return err
		}
		ledger, _, err := l.Ledger(run)
		if err != nil {
			return err
		}
		f.behind = s.cfg.Group != nil && f.misses(&ledger)
	}
	f.describe(out)
	return nil
}

// misses reports whether a ledger has blocks that were not taken. mu is held.
func (f *figures) misses(l *store.Ledger) bool {
	for p := range l.Heads {
		if f.seen[p] < l.Heads[p].Blocks {
			return true
		}
	}
	return false
}

// catchUp takes the blocks that a run directory has and that were not taken. mu is held.
func (f *figures) catchUp(dir string) (err error) {
	r, err := store.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for p := range f.seen {
		for i := int(f.seen[p]); i < r.Blocks(p); i++ {
			b, err := r.Block(p, i)
			if err != nil {
				return err
			}
			if err := f.add(&b, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe writes the figures to a status.
func (f *figures) describe(out *transport.RunStatus) {
	out.Leapfrogs, out.Divergences = uint64(f.counts.Leapfrogs+f.counts.WarmupLeapfrogs), uint64(f.counts.Divergences)
	if f.places != nil {
		f.places.describe(out)
	}
	if f.stream == nil {
		return
	}
	f.describeChains(out)
	if f.stream.Draws() == 0 {
		return // chains lack their first draws: nothing is known of a parameter
	}
	if f.told.parameters == nil || f.told.blocks != f.stream.Blocks() {
		f.told = f.judge()
	}
	out.Parameters, out.NestedRHat = slices.Clone(f.told.parameters), f.told.nestedRHat
	if out.Sampling > 0 {
		out.ESSRate = f.told.ess / out.Sampling
	}
}

// describeChains writes the figures of chains that have draws to a status.
func (f *figures) describeChains(out *transport.RunStatus) {
	for c := range min(len(f.chains), listedChains) {
		x := &f.chains[c]
		if x.draws == 0 {
			continue
		}
		state := f.stream.Chain(c)
		out.Chains = append(out.Chains, transport.ChainStatus{
			Chain: uint32(c), Worker: x.worker, StepSize: x.stepSize, Acceptance: x.acceptance / x.draws, EBFMI: state.EBFMI,
			Leapfrogs: x.leapfrogs, Divergences: uint32(state.Divergences),
		})
	}
}

// judge returns what is to be said of the parameters.
func (f *figures) judge() told {
	t := told{blocks: f.stream.Blocks(), nestedRHat: math.NaN(), ess: math.NaN()}
	all := make([]transport.ParameterStatus, 0, len(f.names))
	for i, name := range f.names {
		x := f.stream.Parameter(i)
		all = append(all, transport.ParameterStatus{Name: name, Mean: x.Mean, SD: x.SD, MCSE: x.MCSE, ESS: x.ESS, RHat: x.RHat, NestedRHat: x.NestedRHat})
		if !(x.NestedRHat <= t.nestedRHat) {
			t.nestedRHat = x.NestedRHat
		}
		if !(t.ess <= x.ESS) {
			t.ess = x.ESS
		}
	}
	t.parameters = worst(all)
	return t
}

// worst returns the parameters with the largest R-hat and those with the smallest ESS, in their own order. What is not known is
// the worst.
func worst(all []transport.ParameterStatus) []transport.ParameterStatus {
	if len(all) <= 2*worstParameters {
		return all
	}
	index := make([]int, len(all))
	for i := range index {
		index[i] = i
	}
	keep := map[int]bool{}
	for _, by := range []func(i int) float64{
		func(i int) float64 { return -all[i].RHat }, func(i int) float64 { return all[i].ESS },
	} {
		slices.SortStableFunc(index, func(i, k int) int { return cmp.Compare(by(i), by(k)) }) // NaN is before all others
		for _, i := range index[:worstParameters] {
			keep[i] = true
		}
	}
	var out []transport.ParameterStatus
	for i := range all {
		if keep[i] {
			out = append(out, all[i])
		}
	}
	return out
}
