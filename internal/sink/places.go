package sink

import (
	"cmp"
	"slices"

	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// places follow where the trajectories begin that diverge: at the draw before, of the same chain. A sample of all draws says what is
// usual. Both are functions of the blocks taken, in whatever order those of different chains come.
type places struct {
	names  []string
	at     []element   // the parameters that are followed
	last   [][]float64 // last draw of each chain, nil before the first
	all    sample
	starts sample
	latest []transport.DivergencePoint
	count  uint64                      // of starts
	shown  []transport.DivergencePlace // of so many starts:
	told   uint64
}

// Bounds of places.
const (
	mostFollowed = 100  // parameters
	mostSampled  = 1024 // draws, and starts of divergent trajectories
	latestShown  = 8    // divergences
)

// newPlaces follows the parameters of the smallest sites, where there are many: what others depend on is seldom large.
func newPlaces(names []string, at []element, chains int) *places {
	sizes := map[int]int{}
	for _, e := range at {
		sizes[e.column]++
	}
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[at[a].column], sizes[at[b].column]) })
	order = order[:min(len(order), mostFollowed)]
	slices.Sort(order)
	p := &places{last: make([][]float64, chains), all: newSample(), starts: newSample()}
	for _, i := range order {
		p.names, p.at = append(p.names, names[i]), append(p.at, at[i])
	}
	return p
}

// take takes a block of sampling.
func (p *places) take(b *store.Block) {
	for c := range b.Chains {
		chain := b.Chain + c
		for d := range b.Draws {
			row, draw := c*b.Draws+d, uint64(b.First)+uint64(d)
			if b.Columns[columnDiverging][row] != 0 {
				before := p.last[chain]
				if d > 0 {
					before = p.read(b, row-1)
				}
				p.diverged(uint32(chain), draw, before)
			}
			if number := uint64(chain) + draw; p.all.wants(number) { // all chains alike, whatever their number
				p.all.add(number, p.read(b, row))
			}
		}
		if b.Draws > 0 {
			p.last[chain] = p.read(b, (c+1)*b.Draws-1)
		}
	}
}

// diverged notes a divergent trajectory. That of a chain's first draw began in warmup, where no draw says.
func (p *places) diverged(chain uint32, draw uint64, start []float64) {
	if start == nil {
		return
	}
	if number := uint64(chain) + draw; p.starts.wants(number) {
		p.starts.add(number, start)
	}
	p.count++
	p.latest = append(p.latest, transport.DivergencePoint{Chain: chain, Draw: draw, Position: start})
	p.latest = p.latest[max(0, len(p.latest)-latestShown):]
}

// read returns what a draw of a block has of the parameters that are followed.
func (p *places) read(b *store.Block, row int) []float64 {
	out := make([]float64, len(p.at))
	for i, e := range p.at {
		e.read(out[i:i+1:i+1], b, row, row+1)
	}
	return out
}

// describe writes the latest divergences to a status, and the parameters in whose tails they gather.
func (p *places) describe(out *transport.RunStatus) {
	out.Names, out.Points = p.names, slices.Clone(p.latest)
	if p.told != p.count {
		p.told, p.shown = p.count, p.gathered()
	}
	out.Places = p.shown
}

// mostGathered is how many parameters a status names.
const mostGathered = 8

func (p *places) gathered() (out []transport.DivergencePlace) {
	for i, name := range p.names {
		if x := diag.PlaceAmong(p.starts.column(i), [][]float64{p.all.column(i)}); x.Gathered() {
			out = append(out, transport.DivergencePlace{Name: name, Count: uint32(x.Count), Low: uint32(x.Low), High: uint32(x.High), Median: x.Median})
		}
	}
	slices.SortStableFunc(out, func(a, b transport.DivergencePlace) int { return cmp.Compare(max(b.Low, b.High), max(a.Low, a.High)) })
	return out[:min(len(out), mostGathered)]
}

// sample is rows whose numbers are multiples of a power of two, which grows with them: a sample that does not depend on the order in
// which they come.
type sample struct {
	every   uint64
	numbers []uint64
	rows    [][]float64
}

func newSample() sample { return sample{every: 1} }

func (s *sample) wants(number uint64) bool { return number%s.every == 0 }

func (s *sample) add(number uint64, row []float64) {
	s.numbers, s.rows = append(s.numbers, number), append(s.rows, row)
	for len(s.rows) > mostSampled && s.every < 1<<40 {
		s.every *= 2
		n := 0
		for i, number := range s.numbers {
			if s.wants(number) {
				s.numbers[n], s.rows[n] = number, s.rows[i]
				n++
			}
		}
		clear(s.rows[n:])
		s.numbers, s.rows = s.numbers[:n], s.rows[:n]
	}
}

func (s *sample) column(i int) []float64 {
	out := make([]float64, len(s.rows))
	for k, row := range s.rows {
		out[k] = row[i]
	}
	return out
}
