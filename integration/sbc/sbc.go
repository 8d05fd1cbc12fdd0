// Package sbc is simulation-based calibration: parameters and data are drawn from a model, and the rank of a parameter among
// draws of its posterior must be uniform.
//
// Source: Talts, Betancourt, Simpson, Vehtari and Gelman (2018), "Validating Bayesian inference algorithms with simulation-based
// calibration", arXiv 1804.06788, algorithms 1 and 2.
package sbc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/drey-sampler/drey/integration/internal/sampling"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Draws of a posterior that a parameter is ranked among, and the bins of the χ² test: five ranks each.
const (
	ranked = 99
	bins   = 20
)

// Case is a model under a kernel.
type Case struct {
	// Model's data columns have the names of the sites that observe them; their values are placeholders.
	Model      *model.Model
	Chain      chain.Config
	Quantities []sampling.Quantity
	// Simulations of parameters and data; default 1,000.
	Simulations int
	// Thin is the number of draws for each that is ranked, to begin with: where the draws' bulk ESS is below their number after
	// thinning, it doubles. Default 10.
	Thin int
	// Seed of the simulations; that of the chains is in Chain.
	Seed uint64
	// Chains is the number of chains that adapt together where Chain.Pooled is set; their draws are ranked together.
	Chains int
	// Late, which may be nil, says which of such chains are left out, from the leapfrogs that each has made: a planted bug.
	Late func(leapfrogs []int64) []bool
	// Replace, which may be nil, returns the program that runs in the place of one, or nil: a planted bug.
	Replace func(f *tensor.Func) (*tensor.Func, error)
}

// Calibration is the outcome of a Case.
type Calibration struct {
	P         []float64 // by quantity: p-value of Pearson's χ² test of uniform ranks
	Leapfrogs int64
	Longest   int // draws of the longest chain
}

// Calibrate simulates and ranks. The result is a function of c alone.
func Calibrate(c Case) (out *Calibration, err error) {
	s, err := newSimulator(c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	counts := make([][bins]int, len(c.Quantities))
	out = &Calibration{}
	for i := range c.Simulations {
		truth, err := s.simulate(uint32(i))
		if err != nil {
			return nil, err
		}
		draws, err := s.posterior(i, out)
		if err != nil {
			return nil, err
		}
		for q, x := range truth {
			counts[q][rank(x, draws[q])*bins/(ranked+1)]++
		}
	}
	for _, k := range counts {
		out.P = append(out.P, uniformity(k))
	}
	return out, nil
}

// rank counts the draws below x among so many evenly spaced ones.
func rank(x float64, draws []float64) int {
	thin := len(draws) / ranked
	below := 0
	for k := range ranked {
		if draws[(k+1)*thin-1] < x {
			below++
		}
	}
	return below
}

// uniformity is the p-value of Pearson's χ² test of equal probabilities.
func uniformity(counts [bins]int) float64 {
	n := 0
	for _, k := range counts {
		n += k
	}
	expected, chi2 := float64(n)/bins, 0.0
	for _, k := range counts {
		chi2 += (float64(k) - expected) * (float64(k) - expected) / expected
	}
	return distuv.ChiSquared{K: bins - 1}.Survival(chi2)
}

// simulator holds the compiled programs of a case; data are put into them for each simulation.
type simulator struct {
	c       Case
	data    *datasets
	start   chain.Start
	prior   *chain.Evaluator
	truth   []place // where the prior's results have the quantities
	results map[string]int
	program *chain.Program
	worker  *chain.Worker
}

// place is an element of a result.
type place struct{ result, offset int }

func newSimulator(c Case) (*simulator, error) {
	b, err := model.Compile(c.Model, model.Options{})
	if err != nil {
		return nil, err
	}
	if b.Prior == nil {
		return nil, fmt.Errorf("sbc: %s", b.Manifest.Unavailable["prior"])
	}
	s := &simulator{c: c, data: newDatasets(wasm.Engine{}, c.Replace), start: chain.Start{Init: b.Init}, results: map[string]int{}}
	for i, p := range b.Prior.Out {
		s.results[p.Name] = i
	}
	for _, q := range c.Quantities {
		s.truth = append(s.truth, place{s.results[q.Site], 8 * q.Element})
	}
	if s.prior, err = chain.NewEvaluator(wasm.Engine{}, b.Prior); err != nil {
		return nil, err
	}
	for i, column := range c.Model.Columns {
		if err := s.prior.Put(priorColumns+i, column.Bytes); err != nil {
			return nil, err
		}
	}
	wanted := map[string]bool{}
	for _, q := range c.Quantities {
		wanted[q.Site] = true
	}
	c.Chain.Keep = func(site string) bool { return wanted[site] }
	if s.program, err = chain.Compile(s.data, b, c.Model.Columns, c.Chain, []chain.Start{s.start}); err != nil {
		return nil, errors.Join(err, s.prior.Close())
	}
	if s.worker, err = s.program.NewWorker(); err != nil {
		return nil, errors.Join(err, s.program.Close(), s.prior.Close())
	}
	return s, nil
}

func (s *simulator) close() error {
	return errors.Join(s.worker.Close(), s.program.Close(), s.prior.Close())
}

// Parameters of model.Bundle.Prior.
const (
	priorSeed = iota
	priorChain
	priorDraw
	priorColumns
)

// simulate draws parameters and data, puts the data into the chains' programs and returns the quantities.
func (s *simulator) simulate(i uint32) ([]float64, error) {
	err := errors.Join(
		s.prior.Put(priorSeed, binary.LittleEndian.AppendUint64(nil, s.c.Seed)),
		s.prior.Put(priorChain, binary.LittleEndian.AppendUint32(nil, i)),
		s.prior.Put(priorDraw, make([]byte, 4)))
	if err != nil {
		return nil, err
	}
	if err := s.prior.Run(); err != nil {
		return nil, err
	}
	for _, column := range s.c.Model.Columns {
		result, ok := s.results[column.Name]
		if !ok || len(s.prior.Raw(result)) != len(column.Bytes) {
			return nil, fmt.Errorf("sbc: no site simulates column %s", column.Name)
		}
		if err := s.data.put(column.Name, slices.Clone(s.prior.Raw(result))); err != nil {
			return nil, err
		}
	}
	truth := make([]float64, len(s.truth))
	for q, at := range s.truth {
		truth[q] = math.Float64frombits(binary.LittleEndian.Uint64(s.prior.Raw(at.result)[at.offset:]))
	}
	return truth, nil
}

// posterior returns draws of the quantities under the data put last, as many as their ESS asks for.
func (s *simulator) posterior(i int, out *Calibration) ([][]float64, error) {
	if s.c.Chain.Pooled {
		return s.together(i, out)
	}
	k, err := sampling.NewSink(s.program.Sites(), s.c.Quantities)
	if err != nil {
		return nil, err
	}
	c := s.program.NewChain(i, s.start)
	for n := ranked * s.c.Thin; ; n *= 2 {
		for !c.Done(n) {
			if err := s.worker.Advance(c, chain.Goal{Draws: n, Slice: time.Hour}, k); err != nil {
				return nil, err
			}
		}
		if n >= mostThin*ranked || !slices.ContainsFunc(k.Draws, func(x []float64) bool { return diag.ESSBulk([][]float64{x}) < ranked }) {
			out.count(c, n)
			return k.Draws, nil
		}
	}
}

// count adds a chain that has made n draws.
func (out *Calibration) count(c *chain.Chain, n int) {
	t := c.Totals()
	out.Leapfrogs += t.WarmupLeapfrogs + t.Leapfrogs
	out.Longest = max(out.Longest, n)
}

// mostThin bounds the chains of samplers that do not mix: planted bugs.
const mostThin = 20
