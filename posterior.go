package drey

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/drey-sampler/drey/internal/cli/report"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
)

// Posterior are draws: of a posterior, or predictive ones. Its methods may be called from several goroutines.
type Posterior struct {
	draws runner.Draws
	model runner.Model // without a Model where the draws were opened from a directory

	mu  sync.Mutex // guards what follows
	err error
}

func newPosterior(d runner.Draws, m runner.Model) *Posterior { return &Posterior{draws: d, model: m} }

// Open opens the draws of a run directory.
func Open(dir string) (*Posterior, error) {
	d, err := runner.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return newPosterior(d, runner.Model{}), nil
}

// Close frees the draws; their Arrays can't be used after it. Draws in memory need no Close.
func (p *Posterior) Close() error { return p.draws.Close() }

// Err returns the first error that was met in reading draws from disk. Draws in memory have none.
func (p *Posterior) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *Posterior) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("drey: %w", err)
	}
}

// Sites returns the names of the sites that have draws.
func (p *Posterior) Sites() []string {
	var names []string
	for _, s := range p.draws.Run().Schema.Sites {
		names = append(names, s.Name)
	}
	return names
}

// Seed returns the seed of the draws.
func (p *Posterior) Seed() uint64 { return p.draws.Run().Seed }

// Divergences returns the number of divergent transitions after warmup.
func (p *Posterior) Divergences() int { return int(p.draws.Run().Counts.Divergences) }

// Draws returns the draws of a site. It panics if there is no such site.
func (p *Posterior) Draws(site string) Array { return p.site(site, store.Sampling) }

// WarmupDraws returns the draws of a site in warmup, which the option SaveWarmup keeps. It panics if there is no such site.
func (p *Posterior) WarmupDraws(site string) Array { return p.site(site, store.Warmup) }

func (p *Posterior) site(name string, phase store.Phase) Array {
	a, err := p.draws.Site(name, phase)
	if err != nil {
		panic(fmt.Sprintf("drey: no site %q among the draws; there are %s", name, strings.Join(p.Sites(), ", ")))
	}
	return Array{a, p}
}

// SampleStats returns a statistic of the sampler for each draw, by ArviZ's name: lp, energy, diverging, acceptance_rate,
// step_size, tree_depth or n_steps. It panics if there is no such statistic.
func (p *Posterior) SampleStats(name string) Array {
	a, err := p.draws.Stat(name, store.Sampling)
	if err != nil {
		panic(fmt.Sprintf("drey: no sample statistic %q: %v", name, err))
	}
	return Array{a, p}
}

// Predict draws the model's observations given each draw of the posterior: the posterior predictive distribution. The
// draws must have been made by Sample.
func (p *Posterior) Predict(ctx context.Context) (*Posterior, error) {
	if p.model.Model == nil {
		return nil, fmt.Errorf("drey: draws opened from a directory have no model to predict with: its program has the command predict")
	}
	d, err := runner.PosteriorPredictive(ctx, p.draws, p.model)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return newPosterior(d, p.model), nil
}

// Array is the draws of one site: chains × draws × the site's shape. Draws on disk are read when they are asked for.
type Array struct {
	array runner.Array
	from  *Posterior
}

// Shape returns the number of chains, of draws a chain, and the site's shape.
func (a Array) Shape() []int { return a.array.Shape() }

// Dims names the dimensions of the site: the plates' names, or NAME_dim_0 and so on.
func (a Array) Dims() []string { return a.array.Site().Dims }

// At returns one element by chain, draw and position in the site. It panics if an index is out of range; an element that
// can't be read is NaN, and Posterior.Err says why.
func (a Array) At(index ...int) float64 {
	x := a.array.At(index...)
	if e, ok := a.array.(interface{ Err() error }); ok && math.IsNaN(x) {
		a.from.note(e.Err())
	}
	return x
}

// Chains returns all draws of one element of the site, a slice a chain. It panics if the position is out of range; where
// draws can't be read it returns nil, and Posterior.Err says why.
func (a Array) Chains(position ...int) [][]float64 {
	shape := a.Shape()[2:]
	if len(position) != len(shape) {
		panic(fmt.Sprintf("drey: Chains of %s with %d indices for shape %v", a.array.Site().Name, len(position), shape))
	}
	element := 0
	for k, i := range position {
		if i < 0 || i >= shape[k] {
			panic(fmt.Sprintf("drey: Chains of %s: position %v is outside shape %v", a.array.Site().Name, position, shape))
		}
		element = element*shape[k] + i
	}
	out, err := a.array.Element(element)
	a.from.note(err)
	return out
}

// Summary returns the summary of the draws, with 90 % intervals. Where draws can't be read it has no parameters, and Err
// says why.
func (p *Posterior) Summary() *Summary { return p.SummaryWith(0.9) }

// SummaryWith returns the summary with intervals of another probability, in (0, 1). It panics for others.
func (p *Posterior) SummaryWith(prob float64) *Summary {
	if !(prob > 0 && prob < 1) {
		panic(fmt.Sprintf("drey: a summary with intervals of probability %v: want more than 0 and less than 1", prob))
	}
	s, err := runner.Summarise(p.draws, prob)
	if err != nil {
		p.note(err)
		return &Summary{source: &runner.Summary{Run: p.draws.Run(), Prob: prob}}
	}
	return newSummary(s)
}

// Summary says what draws are like. It prints as the table of the command line.
type Summary struct {
	Draws       int // a chain
	Divergences int
	EBFMI       []float64   // of each chain: energy's Bayesian fraction of missing information
	Parameters  []Parameter // the sites' elements; auxiliary ones of a reparametrisation only where Save names them
	Advice      []string    // a sentence for each thing that is wrong, and what to do

	source *runner.Summary
}

// Parameter is the summary of one element of a site.
type Parameter struct {
	Name              string // flat: theta[0,1]
	Mean, SD, Median  float64
	Low, High         float64 // quantiles at the ends of the central interval: 5 % and 95 % unless asked otherwise
	HPDILow, HPDIHigh float64 // the highest posterior density interval of the same probability
	MCSEMean, MCSESD  float64 // Monte Carlo standard errors of Mean and SD
	ESSBulk, ESSTail  float64 // effective sample sizes
	RHat              float64 // rank-normalised and split, the larger of bulk and folded; NaN for one chain
}

func newSummary(s *runner.Summary) *Summary {
	out := &Summary{Draws: s.Draws, Divergences: int(s.Divergences), EBFMI: s.EBFMI, Advice: report.Advice(s), source: s}
	for i := range s.Parameters {
		p := &s.Parameters[i]
		out.Parameters = append(out.Parameters, Parameter{
			Name: p.Name, Mean: p.Mean, SD: p.SD, Median: p.Median, Low: p.QLow, High: p.QHigh, HPDILow: p.HPDILow, HPDIHigh: p.HPDIHigh,
			MCSEMean: p.MCSEMean, MCSESD: p.MCSESD, ESSBulk: p.ESSBulk, ESSTail: p.ESSTail, RHat: p.RHat,
		})
	}
	return out
}

// Parameter returns the summary of an element by its flat name (mu, theta[0]), or nil.
func (s *Summary) Parameter(name string) *Parameter {
	for i := range s.Parameters {
		if s.Parameters[i].Name == name {
			return &s.Parameters[i]
		}
	}
	return nil
}

// String returns the table.
func (s *Summary) String() string {
	var b strings.Builder
	_ = report.Table(&b, s.source) // a strings.Builder takes everything
	return b.String()
}

// MarshalJSON returns the object that the command line prints with --json.
func (s *Summary) MarshalJSON() ([]byte, error) { return s.source.MarshalJSON() }
