package kernels

import (
	"errors"
	"fmt"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// NUTS is the no-U-turn sampler with multinomial weights and biased progressive sampling, as a finite-state machine: one Tick
// is one leapfrog step and what follows from it. Sources: Hoffman & Gelman (2014); Betancourt (2017), appendix A; the
// iterative tree of Phan, Pradhan & Jankowiak (2019), arXiv 1912.11554, algorithm 2; Stan's extra checks across subtrees.
//
// A trajectory grows by doubling: each subtree of 2^depth leaves is built from one end of the tree, leaf by leaf. Only the end
// that moves and the other one are kept; a change of direction swaps them. The U-turn criterion does not tell left from
// right, so nothing else has to know the direction.
type NUTS struct {
	// MaxTreeDepth is the largest number of doublings, 1 to 20. Default 10, as in Stan: at most 1,023 leapfrog steps.
	MaxTreeDepth int
	// Rule chooses the U-turn checks. Default StanRule.
	Rule UTurnRule
	// Abreast makes programs for many chains side by side, with the same draws. U-turn checks go through the rows of Checkpoints
	// in an order that all chains share: upward from row 0, where a chain alone starts with its shortest trajectory. Rows are
	// written outside of branches, or not at all: a branch that only some chains take has no large array to hand on.
	Abreast bool
}

// Default limits: Stan's and NumPyro's.
const (
	defaultMaxTreeDepth = 10
	largestTreeDepth    = 20     // leaf numbers must stay below 2^24
	maxEnergyError      = 1000.0 // a larger one is a divergence
)

// DefaultNUTS returns the defaults.
func DefaultNUTS() NUTS { return NUTS{MaxTreeDepth: defaultMaxTreeDepth} }

// Validate returns an error that joins all problems of the configuration.
func (n NUTS) Validate() error {
	var problems []error
	if n.MaxTreeDepth < 1 || n.MaxTreeDepth > largestTreeDepth {
		problems = append(problems, fmt.Errorf("kernels: max tree depth %d is not in 1 … %d", n.MaxTreeDepth, largestTreeDepth))
	}
	if n.Rule > NumPyroRule {
		problems = append(problems, fmt.Errorf("kernels: unknown U-turn rule %d", n.Rule))
	}
	return errors.Join(problems...)
}

// NUTSState is a chain under NUTS; between steps only Proposal counts.
type NUTSState struct {
	Proposal Point // the tree's; between steps the chain's place
	Subtree  Point // the proposal of the subtree that grows

	Moving, Other Phase        // the ends of the trajectory
	Sum           tensor.Value // f[D], of the momenta of all leaves so far, the start included
	Checkpoints   Checkpoints

	StartEnergy tensor.Value // f[]
	// Reference is the energy whose weight is 1: the weight of a leaf is exp(Reference - energy). It is StartEnergy unless
	// the energy fell so far that weights would overflow.
	Reference     tensor.Value // f[]
	TreeWeight    tensor.Value // f[]
	SubtreeWeight tensor.Value // f[]
	SumAccept     tensor.Value // f[], of min(1, exp(-energy error)) over leaves
	Step          tensor.Value // f[], step size with the sign of the direction
	Leaf          tensor.Value // i32[], leaves in the subtree
	Steps         tensor.Value // i32[], leaves in the trajectory, the start left out
	Depth         tensor.Value // i32[], doublings
	Diverging     tensor.Value // bool[]
}

// Current returns the chain's place.
func (s NUTSState) Current() Point { return s.Proposal }

// Init returns the state of a chain at a position.
func (n NUTS) Init(t Target, e model.Env, position tensor.Value) NUTSState {
	at := arrive(t, e, position)
	zero, none := tensor.ZerosLike(at.LogDensity), tensor.ZerosLike(position)
	z := Phase{position, none, none}
	rows := tensor.ZerosLike(position).ExpandDims(0).BroadcastTo(n.MaxTreeDepth, position.Dim(0))
	count := tensor.In(position, 0)
	return NUTSState{
		Proposal: at, Subtree: at, Moving: z, Other: z, Sum: none, Checkpoints: Checkpoints{rows, rows, rows},
		StartEnergy: zero, Reference: zero, TreeWeight: zero, SubtreeWeight: zero, SumAccept: zero, Step: zero,
		Leaf: count, Steps: count, Depth: count, Diverging: tensor.In(position, false),
	}
}

// Refresh recomputes the log density and gradient.
func (n NUTS) Refresh(t Target, e model.Env, s NUTSState) NUTSState {
	s.Proposal = arrive(t, e, s.Proposal.Position)
	return s
}

// Begin draws a momentum and plants a tree of one leaf. The first subtree grows forward: with a momentum that is as likely as
// its negative this is the same as a random direction.
func (n NUTS) Begin(k rng.Key, t Target, e model.Env, p Params, s NUTSState) NUTSState {
	z, energy := launch(k.With(rng.PurposeMomentum), p.Metric, s.Proposal)
	zero, count := tensor.ZerosLike(energy), tensor.In(energy, 0)
	s.Moving, s.Other, s.Sum = z, z, z.Momentum
	if !n.Abreast {
		s.Checkpoints.Last = s.Checkpoints.Last.SetRow(0, z.Momentum)
	}
	s.Proposal.Energy, s.StartEnergy, s.Reference = energy, energy, energy
	s.TreeWeight, s.SubtreeWeight, s.SumAccept, s.Step = tensor.In(energy, 1.0), zero, zero, p.StepSize
	s.Leaf, s.Steps, s.Depth, s.Diverging = count, count, count, tensor.In(energy, false)
	return s
}

// Tick makes one leapfrog step and what follows from it.
func (n NUTS) Tick(k rng.Key, t Target, e model.Env, p Params, s NUTSState) (NUTSState, tensor.Value) {
	moving, leaf := leapfrog(t, e, p.Metric, s.Step, s.Moving)
	return n.grow(k, s, moving, leaf)
}

// grow adds a leaf to the tree. Its random numbers are one Philox block of the trajectory's key at this leaf: words 0 and 1
// choose the subtree's proposal, 2 and 3 decide over the merge, the lowest bit of word 3 (which no uniform uses) over the next
// direction.
func (n NUTS) grow(k rng.Key, s NUTSState, moving Phase, leaf Point) (NUTSState, tensor.Value) {
	words := k.With(rng.PurposeTrajectory).At(s.Steps).Block(tensor.In(s.Steps, 0))
	before := s.Moving.Momentum
	s.Moving, s.Sum, s.Steps = moving, s.Sum.Add(moving.Momentum), s.Steps.Add(1)
	s, turning := n.check(s, before)
	s = s.weigh(leaf, uniform(leaf.Energy, words[0], words[1]))
	s, done := n.follow(s, turning, words)
	if n.Abreast {
		s.Checkpoints.Last = s.lastOfTree(done)
	}
	return s, done
}

// End returns the state between steps and what the step was like. AcceptanceRate is the mean over all leaves, those of a
// subtree that was dropped included; TreeDepth counts the doublings that were completed, as Stan does.
func (n NUTS) End(s NUTSState) (NUTSState, Info) {
	return s, Info{
		LogDensity:     s.Proposal.LogDensity,
		Energy:         s.Proposal.Energy,
		AcceptanceRate: s.SumAccept.Div(s.Steps.Convert(s.SumAccept.DType())),
		StepSize:       s.Step.Abs(),
		Diverging:      s.Diverging,
		TreeDepth:      s.Depth,
		Steps:          s.Steps,
	}
}
