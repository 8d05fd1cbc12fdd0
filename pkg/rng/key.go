package rng

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Purpose says what a key's randomness is for, so that two uses in one transition never share a stream. The values are
// part of every run's bits: new ones are appended, none is changed.
type Purpose uint8

// The purposes.
const (
	PurposeMomentum   Purpose = iota // the momentum of a transition
	PurposeTrajectory                // direction, merge and accept decisions, by leaf
	PurposeInit                      // initial positions
	PurposeSite                      // sampling a model's sites from the prior
	PurposePredictive                // sampling sites given posterior draws
	PurposeStepSize                  // momentum of the step size search
	PurposeJitter                    // jittered trajectory length
	PurposeSubsample                 // subsample indices of a plate
	PurposeProposal                  // proposals of kernels that are not Hamiltonian
	PurposeSwap                      // swaps between temperatures or ensemble members
	PurposeGuide                     // variational guides
	PurposeSimulate                  // simulated data, as in simulation-based calibration
)

// Key names a stream of random blocks. Seed is u64[], Chain and Draw are u32[] (the chain's global index; the number of
// the transition, counted from the first warmup transition). Leaf, u32[] or i32[] below 2^24, is the leaf number in the
// trajectory; absent it is 0.
type Key struct {
	Seed        tensor.Value
	Chain, Draw tensor.Value
	Leaf        tensor.Value
	Purpose     Purpose
	// Rolled makes programs in which the rounds of the generator are turns of a loop instead of instructions one after
	// another: the same bits from a tenth of the text. It is for compilers that repeat instructions for each use of what they
	// compute.
	Rolled bool
}

// With returns the key for another purpose.
func (k Key) With(p Purpose) Key {
	k.Purpose = p
	return k
}

// At returns the key for a leaf of the trajectory, a u32[] or i32[] scalar; its low 24 bits count.
func (k Key) At(leaf tensor.Value) Key {
	k.Leaf = leaf
	return k
}

// Site returns the key for a model's site of the given full name: the seed XOR SiteHash(name).
func (k Key) Site(name string) Key {
	k.Seed = k.Seed.Xor(SiteHash(name))
	return k
}

// SiteHash returns the first 8 bytes, little-endian, of SHA-256(name).
func SiteHash(name string) uint64 {
	h := sha256.Sum256([]byte(name))
	return binary.LittleEndian.Uint64(h[:8])
}

// Increment and multipliers of SplitMix64 (Steele, Lea & Flood 2014, figures 15 and 16, variant 13 of Stafford).
const (
	goldenGamma = 0x9E3779B97F4A7C15
	mixMul1     = 0xBF58476D1CE4E5B9
	mixMul2     = 0x94D049BB133111EB
)

// Fold returns the key of an independent stream for part n ≥ 0 of what k is for: a mixture's component, the normal inside
// a gamma. The new seed is SplitMix64's finaliser of seed + (n+1)·0x9E3779B97F4A7C15, so that nested folds do not commute.
func (k Key) Fold(n int) Key {
	z := k.Seed.Add(foldOffset(n))
	z = z.Xor(z.Shr(30)).Mul(uint64(mixMul1))
	z = z.Xor(z.Shr(27)).Mul(uint64(mixMul2))
	k.Seed = z.Xor(z.Shr(31))
	return k
}

func foldOffset(n int) uint64 {
	if n < 0 {
		panic("rng: Fold of a negative part")
	}
	return (uint64(n) + 1) * goldenGamma
}

func foldSeed(seed uint64, n int) uint64 {
	z := seed + foldOffset(n)
	z = (z ^ z>>30) * mixMul1
	z = (z ^ z>>27) * mixMul2
	return z ^ z>>31
}
