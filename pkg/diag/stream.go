package diag

import (
	"fmt"
	"math"
)

// Stream computes diagnostics of a run while its draws are made, from Blocks. Its figures are those of the blocks that all chains
// have: what the foremost chains have beyond waits. So they are a function of the ledger, to the bit: blocks of different chains may
// come in any order; those of one chain come in the order of its draws.
//
// It keeps the moments of at most longest batches of each chain and parameter, neighbours merged where there are more, so that its
// size does not grow with the run.
type Stream struct {
	parameters, superchains int
	longest                 int // batches of a chain before neighbours are merged
	draws                   int // of each chain
	blocks                  int // that all chains have
	size                    int // blocks of a batch
	chains                  []streamChain
	places                  []place // of blocks that some chains have and others lack, in order
}

// place is a block that waits for the same of other chains.
type place struct{ draws, chains int } // draws of each chain; chains that have it

// streamChain is a chain of a Stream.
type streamChain struct {
	batches     [][]moments // of each parameter: full ones, then the last, which may be short
	whole       []moments   // of each parameter
	energy      Energies
	divergences int
	ahead       []BlockChain // blocks that other chains lack
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
	s := &Stream{parameters: parameters, superchains: superchains, longest: fewestBatches, size: 1, chains: make([]streamChain, chains)}
	for s.longest < mostBatches && s.longest*chains < batchesWanted {
		s.longest *= 2
	}
	for c := range s.chains {
		s.chains[c] = streamChain{batches: make([][]moments, parameters), whole: make([]moments, parameters)}
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
		if at := len(s.chains[b.First+i].ahead); at < len(s.places) && s.places[at].draws != b.Chains[0].Draws {
			return fmt.Errorf("diag: block %d of chain %d has %d draws, those of other chains %d", s.blocks+at, b.First+i, b.Chains[0].Draws, s.places[at].draws)
		}
	}
	for i := range b.Chains {
		c := &s.chains[b.First+i]
		at := len(c.ahead)
		if at == len(s.places) {
			s.places = append(s.places, place{draws: b.Chains[i].Draws})
		}
		s.places[at].chains++
		c.ahead = append(c.ahead, b.Chains[i])
	}
	s.settle()
	return nil
}

// settle takes the blocks that all chains have.
func (s *Stream) settle() {
	for len(s.places) > 0 && s.places[0].chains == len(s.chains) {
		s.draws += s.places[0].draws
		s.places = s.places[1:]
		fresh := s.blocks%s.size == 0
		for c := range s.chains {
			s.chains[c].take(fresh)
		}
		s.blocks++
		if s.blocks == s.longest*s.size {
			for c := range s.chains {
				s.chains[c].halve()
			}
			s.size *= 2
		}
	}
}

// take merges the first block that waits; fresh says that it begins a batch.
func (c *streamChain) take(fresh bool) {
	b := c.ahead[0]
	c.ahead = c.ahead[1:]
	for i := range c.whole {
		m := moments{float64(b.Draws), b.Mean[i], b.M2[i]}
		c.whole[i] = mergeMoments(c.whole[i], m)
		if k := len(c.batches[i]) - 1; fresh {
			c.batches[i] = append(c.batches[i], m)
		} else {
			c.batches[i][k] = mergeMoments(c.batches[i][k], m)
		}
	}
	c.energy.merge(b.Energy)
	c.divergences += b.Divergences
}

// halve merges neighbouring batches, whose number is even.
func (c *streamChain) halve() {
	for i, x := range c.batches {
		c.batches[i] = pairs(x, x)
	}
}

// pairs merges neighbours of from, an even number or with the last left out, into dst, which may be from.
func pairs(dst, from []moments) []moments {
	n := len(from) / 2
	for k := range n {
		dst[k] = mergeMoments(from[2*k], from[2*k+1])
	}
	return dst[:n]
}

// Draws returns the number of draws of each chain that the figures are of.
func (s *Stream) Draws() int { return s.draws }

// Blocks returns the number of blocks of each chain that the figures are of. A call of Add with the blocks of one pack adds at most one
// to it, so that a rule about the first k blocks of all chains can be evaluated when it becomes k.
func (s *Stream) Blocks() int { return s.blocks }

// StreamChain is the state of a chain.
type StreamChain struct {
	EBFMI       float64 // as EBFMI
	Divergences int
}

// Chain returns the figures of a chain.
func (s *Stream) Chain(chain int) StreamChain {
	c := &s.chains[chain]
	return StreamChain{c.energy.ebfmi(), c.divergences}
}

// Streamed are the figures of a parameter. What can't be estimated yet is NaN.
type Streamed struct {
	Mean, SD float64
	// ESS and MCSE of the mean are from the means of batches (Flegal & Jones 2010, "Batch means and spectral variance estimators in
	// Markov chain Monte Carlo"): MCSE² is the variance of the batches' means about the mean of all over their number, and ESS =
	// SD²/MCSE². With n batches the relative error of ESS is about √(2/n), n ≥ 100 where the blocks allow it; and it is too large
	// by about τ/b, for batches of b draws and an integrated autocorrelation time τ. Chains that disagree make it small.
	ESS, MCSE float64
	// RHat is SplitGelmanRubin's value, the chains cut between batches: of an odd number of batches the middle one is left out,
	// as is a last batch that is not full.
	RHat       float64
	NestedRHat float64 // NestedRHat's value
}

// Parameter returns the figures of a parameter. It merges in the order of chains: the same blocks give the same bits.
func (s *Stream) Parameter(i int) Streamed {
	if nan := math.NaN(); s.draws == 0 {
		return Streamed{nan, nan, nan, nan, nan, nan}
	}
	means, variances := make([]float64, len(s.chains)), make([]float64, len(s.chains))
	var all moments
	for c := range s.chains {
		w := s.chains[c].whole[i]
		means[c], variances[c] = w.mean, w.m2/(w.count-1)
		all = mergeMoments(all, w)
	}
	if s.draws == 1 {
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

// full returns the full batches of a chain.
func (s *Stream) full(c, i int) []moments {
	return s.chains[c].batches[i][:s.blocks/s.size]
}

// errorVariance returns the variance of the mean over all draws.
func (s *Stream) errorVariance(i int) float64 {
	scatter, length := s.scatter(i)
	if scatter.count < fewestForChain {
		return math.NaN()
	}
	return scatter.m2 / (scatter.count - 1) * length / (float64(s.draws) * float64(len(s.chains)))
}

// scatter returns the moments of the means of as long batches as leave batchesForESS of them, and their mean length in draws: blocks may
// differ in theirs.
func (s *Stream) scatter(i int) (scatter moments, length float64) {
	n, halvings := s.blocks/s.size, 0
	for n/2 >= fewestForChain && n/2*len(s.chains) >= batchesForESS {
		n, halvings = n/2, halvings+1
	}
	buffer := make([]moments, s.longest)
	for c := range s.chains {
		batches := s.full(c, i)
		for range halvings {
			batches = pairs(buffer, batches)
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
	half := s.blocks / s.size / 2
	if half < 1 {
		return math.NaN()
	}
	means, variances := make([]float64, 0, 2*len(s.chains)), make([]float64, 0, 2*len(s.chains))
	count := 0.0
	for c := range s.chains {
		b := s.full(c, i)
		for _, part := range [][]moments{b[:half], b[len(b)-half:]} {
			var m moments
			for _, x := range part {
				m = mergeMoments(m, x)
			}
			means, variances, count = append(means, m.mean), append(variances, m.m2/(m.count-1)), m.count
		}
	}
	if count < 2 {
		return math.NaN()
	}
	return scaleReduction(means, variances, count)
}
