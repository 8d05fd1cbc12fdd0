// Package sampling runs chains of a model until their means are precise enough to compare with a reference.
package sampling

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Quantity is one element of a site, by its flat index, or a function of it.
type Quantity struct {
	Name    string // for messages
	Site    string
	Element int
	Of      func(x float64) float64 // nil: x itself
}

// Config says how chains run and when they have run for long enough.
type Config struct {
	Chain  chain.Config
	Chains int // default 4
	Draws  int // kept draws a chain before precision is first looked at; default 1000
	// MostDraws is the number of kept draws a chain at which it is given up; default 64,000.
	MostDraws int
	Needs     Precision
	// WholeWarmup has a pooled warmup go on to its end, whether or not the chains have converged.
	WholeWarmup bool
	// Start gives constrained starting values of sites, for all chains; others start uniformly in (-2, 2) on unconstrained space.
	Start map[string][]float64
}

// Precision is what every quantity must have.
type Precision struct {
	BulkESS, TailESS float64 // at least
	RHat             float64 // below
}

// DefaultConfig returns the defaults with a seed, and the precision that comparisons of means ask for: bulk ESS 2,000, so that
// a bias of 0.2 sd shows, tail ESS 400, R-hat 1.01.
func DefaultConfig(seed uint64) Config {
	c := Config{Chain: chain.DefaultConfig(), Chains: 4, Draws: 1000, MostDraws: 64_000, Needs: Precision{BulkESS: 2000, TailESS: 400, RHat: 1.01}}
	c.Chain.Seed = seed
	return c
}

// Run is what chains have drawn.
type Run struct {
	Draws     [][][]float64 // quantity, chain, draw
	Leapfrogs int64         // of sampling
	// Warmup counts the leapfrogs before.
	Warmup      int64
	Divergences int64 // of sampling
	LeastESS    float64
}

// Sample runs chains on one thread until the quantities have the precision asked for. The error says which has not.
func Sample(m *model.Model, cfg Config, quantities []Quantity) (run *Run, err error) {
	s, err := newSampler(m, cfg, quantities)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for draws := cfg.Draws; ; {
		if run, err = s.extend(draws); err != nil {
			return nil, err
		}
		worst, factor := cfg.Needs.lacking(run, quantities)
		if worst == "" {
			return run, nil
		}
		if draws >= cfg.MostDraws {
			return nil, fmt.Errorf("%s after %d chains of %d draws", worst, cfg.Chains, draws)
		}
		draws = min(cfg.MostDraws, int(math.Ceil(float64(draws)*min(4, max(1.2, 1.1*factor)))))
	}
}

// lacking says what is not precise enough, and estimates how many times the draws would be; "" where nothing lacks.
func (p Precision) lacking(run *Run, quantities []Quantity) (worst string, factor float64) {
	run.LeastESS = math.Inf(1)
	for i, x := range run.Draws {
		bulk := diag.ESSBulk(x)
		run.LeastESS = min(run.LeastESS, bulk)
		for _, need := range []struct {
			what    string
			has     float64
			factor  float64
			reached bool
		}{
			{"bulk ESS", bulk, p.BulkESS / bulk, bulk >= p.BulkESS},
			{"R-hat", diag.RHat(x), 2, diag.RHat(x) < p.RHat},
			{"tail ESS", diag.ESSTail(x), 2, p.TailESS <= 0 || diag.ESSTail(x) >= p.TailESS},
		} {
			if !need.reached && !(need.factor <= factor) {
				worst, factor = fmt.Sprintf("%s of %s is %.4g", need.what, quantities[i].Name, need.has), need.factor
			}
		}
	}
	return worst, factor
}

// sampler holds chains that can go on.
type sampler struct {
	cfg     Config
	program *chain.Program
	worker  *chain.Worker
	chains  []*chain.Chain
	sinks   []*Sink
}

func newSampler(m *model.Model, cfg Config, quantities []Quantity) (*sampler, error) {
	sites := slices.Sorted(maps.Keys(cfg.Start))
	b, err := model.Compile(m, model.Options{Given: sites})
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, q := range quantities {
		wanted[q.Site] = true
	}
	cfg.Chain.Keep = func(site string) bool { return wanted[site] }
	start := chain.Start{Init: b.Init}
	for _, name := range sites {
		x := cfg.Start[name]
		start.Given = append(start.Given, engine.Bytes(tensor.ArrayOf(tensor.F64, []int{len(x)}, x)))
	}
	s := &sampler{cfg: cfg}
	if s.program, err = chain.Compile(wasm.Engine{}, b, m.Columns, cfg.Chain, []chain.Start{start}); err != nil {
		return nil, err
	}
	for i := range cfg.Chains {
		k, err := NewSink(s.program.Sites(), quantities)
		if err != nil {
			return nil, errors.Join(err, s.program.Close())
		}
		s.sinks, s.chains = append(s.sinks, k), append(s.chains, s.program.NewChain(i, start))
	}
	if s.worker, err = s.program.NewWorker(); err != nil {
		return nil, errors.Join(err, s.program.Close())
	}
	return s, nil
}

func (s *sampler) close() error { return errors.Join(s.worker.Close(), s.program.Close()) }

// extend runs all chains to the given number of kept draws.
func (s *sampler) extend(draws int) (*Run, error) {
	run := &Run{Draws: make([][][]float64, len(s.sinks[0].Draws))}
	if err := s.advance(draws); err != nil {
		return nil, err
	}
	for i, c := range s.chains {
		for q, x := range s.sinks[i].Draws {
			run.Draws[q] = append(run.Draws[q], x)
		}
		t := c.Totals()
		run.Leapfrogs, run.Warmup, run.Divergences = run.Leapfrogs+t.Leapfrogs, run.Warmup+t.WarmupLeapfrogs, run.Divergences+t.Divergences
	}
	return run, nil
}

// advance runs all chains to the given number of kept draws. In pooled warmup they wait for each other.
func (s *sampler) advance(draws int) error {
	pooling := s.cfg.Chain.Pooling(s.cfg.Chains)
	pooling.Early = !s.cfg.WholeWarmup
	for {
		waiting := false
		for i, c := range s.chains {
			for !c.Done(draws) && !c.Waiting() {
				if err := s.worker.Advance(c, chain.Goal{Draws: draws, Slice: time.Hour}, s.sinks[i]); err != nil {
					return err
				}
			}
			waiting = waiting || c.Waiting()
		}
		if !waiting {
			return nil
		}
		if err := s.decide(pooling); err != nil {
			return err
		}
	}
}

func (s *sampler) decide(pooling adapt.Pooling) error {
	var reports []adapt.Report
	for _, c := range s.chains {
		reports = append(reports, s.program.Report(c))
	}
	d, err := pooling.Decide(s.chains[0].Decision(), reports)
	if err != nil {
		return err
	}
	for _, c := range s.chains {
		if err := s.program.Decide([]*chain.Chain{c}, d); err != nil {
			return err
		}
	}
	return nil
}

// Sink keeps the draws of quantities of one chain after warmup.
type Sink struct {
	Draws [][]float64 // quantity, draw
	at    []place
	of    []func(float64) float64
}

// place is where a quantity lies in the values of a batch.
type place struct{ site, offset, width int } // bytes

// NewSink returns a sink for batches of the sites given. The error names a quantity that they do not have.
func NewSink(sites []model.SiteInfo, quantities []Quantity) (*Sink, error) {
	k := &Sink{Draws: make([][]float64, len(quantities))}
	for _, q := range quantities {
		i := slices.IndexFunc(sites, func(s model.SiteInfo) bool { return s.Name == q.Site })
		if i < 0 || q.Element >= tensor.NumElements(sites[i].Shape) || sites[i].DType != tensor.F64.String() {
			return nil, fmt.Errorf("sampling: no f64 element %d of site %s", q.Element, q.Site)
		}
		k.at = append(k.at, place{i, 8 * q.Element, 8 * tensor.NumElements(sites[i].Shape)})
		k.of = append(k.of, q.Of)
	}
	return k, nil
}

// Append keeps a batch.
func (k *Sink) Append(b *chain.Batch) error {
	if b.Warmup {
		return nil
	}
	for q, at := range k.at {
		for d := range b.Len {
			bits := binary.LittleEndian.Uint64(b.Values[at.site][d*at.width+at.offset:])
			x := math.Float64frombits(bits)
			if f := k.of[q]; f != nil {
				x = f(x)
			}
			k.Draws[q] = append(k.Draws[q], x)
		}
	}
	return nil
}
