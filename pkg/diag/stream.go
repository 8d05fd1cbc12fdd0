package diag

import (
	"fmt"
	"math"
	"slices"
)

// Stream computes diagnostics of a run while its draws are made, from Blocks. Its figures are those of the blocks that all chains
// have, without those of a batch that is not full: what the foremost chains have beyond waits. So they are a function of the ledger, to
// the bit: blocks of different chains may come in any order; those of one chain come in the order of its draws.
//
// It keeps the moments of at most longest batches of each chain and parameter, neighbours merged where there are more, so that its
// size does not grow with the run; of a chain that is ahead of the last, as many more as it is further.
type Stream struct {
	parameters, superchains int
	longest                 int // batches of a chain before neighbours are merged
	blocks                  int // that all chains have
	level                   int // a full batch has 1<<level blocks
	chains                  [][]batch
	places                  []place // of blocks that some chains have and others lack, in order
}

// place is a block that waits for the same of other chains.
type place struct{ draws, chains int } // draws of each chain; chains that have it

// batch is 1<<level blocks of a chain that follow one another, the first of them at a multiple of their number: merged in halves, so
// that its bits do not depend on when full batches became longer. A chain has full ones, then shorter and shorter ones.
type batch struct {
	BlockChain
	level int
}

// Bounds on the batches of a chain: enough of all chains together that the variance of their means is known to a tenth.
const (
	fewestBatches  = 16
	mostBatches    = 64
	batchesWanted  = 512
	batchesForESS  = 100 // of all chains; as long ones as leave so many
	fewestForChain = 2   // of them
)

// NewStream returns a stream of no draws for chains in superchains of equal size. It panics if these do not divide them.
func NewStream(chains, parameters, superchains int) *Stream {
	if chains < 1 || superchains < 1 || chains%superchains != 0 {
		panic(fmt.Sprintf("diag: %d chains do not make %d superchains of equal size", chains, superchains))
	}
	s := &Stream{parameters: parameters, superchains: superchains, longest: fewestBatches, chains: make([][]batch, chains)}
	for s.longest < mostBatches && s.longest*chains < batchesWanted {
		s.longest *= 2
	}
	return s
}

// Add takes a block, which the caller leaves as it is from then on. The chains of a block have one number of draws, and so have the
// blocks of all chains in one place. The error says that the block is of other chains, parameters or draws; it is then
// as if it had not come.
func (s *Stream) Add(b *Block) error {
	if b.First < 0 || len(b.Chains) == 0 || b.First+len(b.Chains) > len(s.chains) || b.Parameters != s.parameters {
		return fmt.Errorf("diag: a block of chains %d to %d with %d parameters in a stream of %d chains with %d", b.First, b.First+len(b.Chains)-1, b.Parameters, len(s.chains), s.parameters)
	}
	for i := range b.Chains {
		if n := b.Chains[i].Draws; n < 1 || n != b.Chains[0].Draws {
			return fmt.Errorf("diag: a block has %d draws of chain %d and %d of chain %d", n, b.First+i, b.Chains[0].Draws, b.First)
		}
		if at := s.ahead(b.First + i); at < len(s.places) && s.places[at].draws != b.Chains[0].Draws {
			return fmt.Errorf("diag: block %d of chain %d has %d draws, those of other chains %d", s.blocks+at, b.First+i, b.Chains[0].Draws, s.places[at].draws)
		}
	}
	for i := range b.Chains {
		at := s.ahead(b.First + i)
		if at == len(s.places) {
			s.places = append(s.places, place{draws: b.Chains[i].Draws})
		}
		s.places[at].chains++
		s.chains[b.First+i] = join(append(s.chains[b.First+i], batch{b.Chains[i], 0}), s.level)
	}
	s.settle()
	return nil
}

// ahead returns how many blocks a chain has that others lack.
func (s *Stream) ahead(chain int) int {
	n := -s.blocks
	for i := range s.chains[chain] {
		n += 1 << s.chains[chain][i].level
	}
	return n
}

// settle counts the blocks that all chains have.
func (s *Stream) settle() {
	for len(s.places) > 0 && s.places[0].chains == len(s.chains) {
		s.places = slices.Delete(s.places, 0, 1) // in its memory: it may never be empty
		s.blocks++
		if s.blocks == s.longest<<s.level {
			s.level++
			for c := range s.chains {
				s.chains[c] = double(s.chains[c], s.level)
			}
		}
	}
}

// join merges the last batches as long as two are of one length, up to that of full ones.
func join(b []batch, full int) []batch {
	for n := len(b); n > 1 && b[n-1].level < full && b[n-1].level == b[n-2].level; n-- {
		b[n-2].merge(&b[n-1])
		b[n-1] = batch{}
		b = b[:n-1]
	}
	return b
}

// double merges neighbours that were full before full ones became twice as long.
func double(b []batch, full int) []batch {
	n := 0
	for i := 0; i < len(b); n, i = n+1, i+1 {
		b[n] = b[i]
		if i+1 < len(b) && b[i].level == full-1 && b[i+1].level == full-1 {
			b[n].merge(&b[i+1])
			i++
		}
	}
	clear(b[n:])
	return b[:n]
}

// merge adds the batch that follows, of the same length.
func (b *batch) merge(next *batch) {
	for i := range b.Mean {
		m := mergeMoments(b.moments(i), next.moments(i))
		b.Mean[i], b.M2[i] = m.mean, m.m2
	}
	b.Draws += next.Draws
	b.Energy.merge(next.Energy)
	b.Divergences += next.Divergences
	b.level++
}

// moments returns those of a parameter.
func (b *batch) moments(i int) moments { return moments{float64(b.Draws), b.Mean[i], b.M2[i]} }

// full returns the full batches of a chain that all chains have.
func (s *Stream) full(c int) []batch { return s.chains[c][:s.blocks>>s.level] }

// pairs merges neighbours of from, an even number or with the last left out, into dst, which may be from.
func pairs(dst, from []moments) []moments {
	n := len(from) / 2
	for k := range n {
		dst[k] = mergeMoments(from[2*k], from[2*k+1])
	}
	return dst[:n]
}

// Draws returns the number of draws of each chain that the figures are of.
func (s *Stream) Draws() int {
	n := 0
	for _, b := range s.full(0) {
		n += b.Draws
	}
	return n
}

// Blocks returns the number of blocks of each chain that the figures are of: those that all chains have up to a multiple of a batch,
// which is of one block for the first longest ones.
func (s *Stream) Blocks() int { return s.blocks >> s.level << s.level }

// StreamChain is the state of a chain.
type StreamChain struct {
	EBFMI       float64 // as EBFMI
	Divergences int
}

// Chain returns the figures of a chain.
func (s *Stream) Chain(chain int) StreamChain {
	var energy Energies
	divergences := 0
	for _, b := range s.full(chain) {
		energy.merge(b.Energy)
		divergences += b.Divergences
	}
	return StreamChain{energy.ebfmi(), divergences}
}

// Streamed are the figures of a parameter. What can't be estimated yet is NaN.
type Streamed struct {
	Mean, SD float64
	// ESS and MCSE of the mean are from the means of batches (Flegal & Jones 2010, "Batch means and spectral variance estimators in
	// Markov chain Monte Carlo"): MCSE² is the variance of the batches' means about the mean of all over their number, and ESS =
	// SD²/MCSE². With n batches the relative error of ESS is about √(2/n), n ≥ 100 where the blocks allow it; and it is too large
	// by about τ/b, for batches of b draws and an integrated autocorrelation time τ. Chains that disagree make it small.
	ESS, MCSE float64
	// RHat is SplitGelmanRubin's value, the chains cut between batches: of an odd number of batches the middle one is left out.
	RHat       float64
	NestedRHat float64 // NestedRHat's value
}

// Parameter returns the figures of a parameter. It merges in the order of chains: the same blocks give the same bits.
func (s *Stream) Parameter(i int) Streamed {
	draws := s.Draws()
	if nan := math.NaN(); draws == 0 {
		return Streamed{nan, nan, nan, nan, nan, nan}
	}
	means, variances := make([]float64, len(s.chains)), make([]float64, len(s.chains))
	var all moments
	for c := range s.chains {
		var w moments
		for _, b := range s.full(c) {
			w = mergeMoments(w, b.moments(i))
		}
		means[c], variances[c] = w.mean, w.m2/(w.count-1)
		all = mergeMoments(all, w)
	}
	if draws == 1 {
		variances = nil
	}
	out := Streamed{
		Mean: all.mean, SD: math.Sqrt(all.m2 / (all.count - 1)), ESS: math.NaN(), MCSE: math.Sqrt(s.errorVariance(i)), RHat: s.splitRHat(i),
		NestedRHat: NestedRHatOf(means, variances, s.superchains),
	}
	if ess := out.SD / out.MCSE; ess > 0 {
		out.ESS = ess * ess
	}
	return out
}

// errorVariance returns the variance of the mean over all draws.
func (s *Stream) errorVariance(i int) float64 {
	scatter, length := s.scatter(i)
	if scatter.count < fewestForChain {
		return math.NaN()
	}
	return scatter.m2 / (scatter.count - 1) * length / (float64(s.Draws()) * float64(len(s.chains)))
}

// scatter returns the moments of the means of as long batches as leave batchesForESS of them, and their mean length in draws: blocks may
// differ in theirs.
func (s *Stream) scatter(i int) (scatter moments, length float64) {
	n, halvings := s.blocks>>s.level, 0
	for n/2 >= fewestForChain && n/2*len(s.chains) >= batchesForESS {
		n, halvings = n/2, halvings+1
	}
	buffer := make([]moments, s.longest)
	for c := range s.chains {
		batches := buffer[:0]
		for _, b := range s.full(c) {
			batches = append(batches, b.moments(i))
		}
		for range halvings {
			batches = pairs(batches, batches)
		}
		for _, b := range batches {
			scatter = mergeMoments(scatter, moments{1, b.mean, 0})
			length += b.count
		}
	}
	return scatter, length / scatter.count
}

// splitRHat returns the split R-hat from the halves of the full batches of each chain.
func (s *Stream) splitRHat(i int) float64 {
	half := s.blocks >> s.level / 2
	if half < 1 {
		return math.NaN()
	}
	means, variances := make([]float64, 0, 2*len(s.chains)), make([]float64, 0, 2*len(s.chains))
	count := 0.0
	for c := range s.chains {
		full := s.full(c)
		for _, part := range [][]batch{full[:half], full[len(full)-half:]} {
			var m moments
			for _, b := range part {
				m = mergeMoments(m, b.moments(i))
			}
			means, variances, count = append(means, m.mean), append(variances, m.m2/(m.count-1)), m.count
		}
	}
	if count < 2 {
		return math.NaN()
	}
	return scaleReduction(means, variances, count)
}
