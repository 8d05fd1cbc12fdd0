package diag

import (
	"math"
	"slices"
)

// pool is the draws of all chains in one slice, with their order once it is asked for: what R-hat, ESS and the
// quantiles of one parameter share.
type pool struct {
	chains, draws int
	flat          []float64 // chain after chain
	hasNaN        bool
	sorted        []float64 // flat in ascending order, NaNs last; nil until sortValues or rank
	order         []int32   // flat[order[i]] = sorted[i]; nil until rank
}

// newPool copies the draws. It panics if the chains' lengths differ.
func newPool(draws [][]float64) *pool {
	p := &pool{}
	p.chains, p.draws = shape(draws)
	p.flat = make([]float64, 0, p.chains*p.draws)
	for _, chain := range draws {
		p.flat = append(p.flat, chain...)
	}
	p.hasNaN = slices.ContainsFunc(p.flat, math.IsNaN)
	return p
}

// estimable reports whether there are the chains and draws that R-hat, ESS and MCSE need, and no NaN.
func (p *pool) estimable(minChains int) bool {
	return p.chains >= minChains && p.draws >= minDraws && !p.hasNaN
}

// sortValues fills sorted.
func (p *pool) sortValues() {
	if p.sorted != nil {
		return
	}
	p.sorted = slices.Clone(p.flat)
	slices.Sort(p.sorted)
	nans := 0
	for nans < len(p.sorted) && math.IsNaN(p.sorted[nans]) {
		nans++
	}
	p.sorted = append(p.sorted[nans:], p.sorted[:nans]...)
}

// rank fills sorted and order. The draws hold no NaN.
func (p *pool) rank() {
	if p.order != nil {
		return
	}
	keys := make([]uint64, len(p.flat))
	for i, v := range p.flat {
		keys[i] = sortKey(v)
	}
	p.order = sortedOrder(keys)
	p.sorted = make([]float64, len(p.flat))
	for i, at := range p.order {
		p.sorted[i] = p.flat[at]
	}
}

// rows returns x, laid out as flat is, as one row a chain. The rows are views of x.
func (p *pool) rows(x []float64) [][]float64 {
	rows := make([][]float64, p.chains)
	for c := range rows {
		rows[c] = x[c*p.draws : (c+1)*p.draws]
	}
	return rows
}

// halves returns x, laid out as flat is, as two rows a chain, its first and its last half; the middle draw of an odd
// number belongs to neither. The rows are views of x.
func (p *pool) halves(x []float64) [][]float64 {
	half := p.draws / 2
	rows := make([][]float64, 0, 2*p.chains)
	for _, row := range p.rows(x) {
		rows = append(rows, row[:half], row[p.draws-half:])
	}
	return rows
}

// inHalves returns order without the draws that halves leaves out. rank has been called.
func (p *pool) inHalves() []int32 {
	if p.draws%2 == 0 {
		return p.order
	}
	kept := make([]int32, 0, p.chains*(p.draws-1))
	for _, at := range p.order {
		if int(at)%p.draws != p.draws/2 {
			kept = append(kept, at)
		}
	}
	return kept
}
