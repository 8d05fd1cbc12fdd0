package kernels

import "github.com/drey-sampler/drey/pkg/tensor"

// largestFall returns how far the energy may fall below the reference before weights are scaled anew: sums of 2^20 weights
// then stay far from overflow, which exp has at 709 in f64 and 88 in f32.
func largestFall(d tensor.DType) float64 {
	if d == tensor.F32 {
		return 30
	}
	return 300
}

// weigh adds a leaf to the subtree: the acceptance statistic, divergence, weights, and the choice of the subtree's proposal,
// each leaf with probability proportional to its weight. Weights are linear, relative to the reference energy.
func (s NUTSState) weigh(leaf Point, u tensor.Value) NUTSState {
	energyError := leaf.Energy.Sub(s.StartEnergy)
	s.Diverging = energyError.Le(maxEnergyError).Not()
	s = s.rescale(leaf.Energy)
	weight := s.Reference.Sub(leaf.Energy).Exp()
	accept := tensor.Cond(s.Reference.Lt(s.StartEnergy),
		func() tensor.Value { return energyError.Neg().Min(0.0).Exp() },
		func() tensor.Value { return weight.Min(1.0) })
	s.SumAccept = s.SumAccept.Add(accept)
	s.SubtreeWeight = s.SubtreeWeight.Add(weight)
	old := s.Subtree
	s.Subtree = tensor.Cond(u.Mul(s.SubtreeWeight).Lt(weight),
		func() Point { return leaf },
		func() Point { return old })
	return s
}

// weights are the Values that a new reference energy changes.
type weights struct{ Reference, Tree, Subtree tensor.Value }

// rescale makes the leaf's energy the reference where it lies so deep that its weight could overflow: a chain that starts far
// out in the tail. Weights that underflow to zero then are below one part in 10^130 (f32: 10^13) of the leaf's.
func (s NUTSState) rescale(energy tensor.Value) NUTSState {
	fall := s.Reference.Sub(energy)
	w := tensor.Cond(fall.Gt(largestFall(fall.DType())),
		func() weights {
			f := fall.Neg().Exp()
			return weights{energy, s.TreeWeight.Mul(f), s.SubtreeWeight.Mul(f)}
		},
		func() weights { return weights{s.Reference, s.TreeWeight, s.SubtreeWeight} })
	s.Reference, s.TreeWeight, s.SubtreeWeight = w.Reference, w.Tree, w.Subtree
	return s
}

// growth is what follows from a leaf, where it ends a subtree.
type growth struct {
	Proposal                  Point
	Moving, Other             Phase
	Last                      tensor.Value
	TreeWeight, SubtreeWeight tensor.Value
	Step, Leaf, Depth, Done   tensor.Value
}

func (s NUTSState) growth(done tensor.Value) growth {
	return growth{s.Proposal, s.Moving, s.Other, s.Checkpoints.Last, s.TreeWeight, s.SubtreeWeight, s.Step, s.Leaf, s.Depth, done}
}

func (s NUTSState) with(g growth) NUTSState {
	s.Proposal, s.Moving, s.Other, s.Checkpoints.Last = g.Proposal, g.Moving, g.Other, g.Last
	s.TreeWeight, s.SubtreeWeight, s.Step, s.Leaf, s.Depth = g.TreeWeight, g.SubtreeWeight, g.Step, g.Leaf, g.Depth
	return s
}

// follow ends the subtree where the leaf was its last one, made it turn or diverged, and returns the done flag.
func (n NUTS) follow(s NUTSState, turning tensor.Value, words [4]tensor.Value) (NUTSState, tensor.Value) {
	failed := turning.Or(s.Diverging)
	full := s.Leaf.Add(1).Ge(tensor.In(s.Depth, 1).Shl(s.Depth))
	g := tensor.Cond(full.Or(failed),
		func() growth { return n.endSubtree(s, failed, words) },
		func() growth {
			g := s.growth(tensor.In(failed, false))
			g.Leaf = s.Leaf.Add(1)
			return g
		})
	return s.with(g), g.Done
}

// merger is the outcome of joining a subtree to the tree.
type merger struct {
	Proposal                Point
	TreeWeight, Depth, Done tensor.Value
}

// endSubtree joins a subtree to the tree unless it failed, and starts the next one unless the trajectory is done.
func (n NUTS) endSubtree(s NUTSState, failed tensor.Value, words [4]tensor.Value) growth {
	m := tensor.Cond(failed,
		func() merger { return merger{s.Proposal, s.TreeWeight, s.Depth, tensor.In(failed, true)} },
		func() merger { return n.merge(s, uniform(s.TreeWeight, words[2], words[3])) })
	s.Proposal, s.TreeWeight, s.Depth = m.Proposal, m.TreeWeight, m.Depth
	return tensor.Cond(m.Done,
		func() growth { return s.growth(tensor.In(failed, true)) },
		func() growth {
			g := s.turnAround(words[3].And(1).Ne(0)).growth(tensor.In(failed, false))
			if !n.Abreast {
				g.Last = g.Last.SetRow(0, g.Moving.Momentum)
			}
			g.Leaf, g.SubtreeWeight = tensor.In(failed, 0), tensor.ZerosLike(s.SubtreeWeight)
			return g
		})
}

// merge takes the subtree's proposal with probability min(1, subtree weight / tree weight), biased progressive sampling
// (Betancourt 2017, appendix A.3.2), and looks for a U-turn over the doubled tree.
func (n NUTS) merge(s NUTSState, u tensor.Value) merger {
	turning := n.Rule.turningTree(s)
	old := s.Proposal
	proposal := tensor.Cond(u.Mul(s.TreeWeight).Lt(s.SubtreeWeight),
		func() Point { return s.Subtree },
		func() Point { return old })
	depth := s.Depth.Add(1)
	return merger{proposal, s.TreeWeight.Add(s.SubtreeWeight), depth, turning.Or(depth.Ge(n.MaxTreeDepth))}
}

// ends are the two ends of a trajectory and the signed step at the moving one.
type ends struct {
	Moving, Other Phase
	Step          tensor.Value
}

// turnAround swaps the ends where flip is true.
func (s NUTSState) turnAround(flip tensor.Value) NUTSState {
	e := tensor.Cond(flip,
		func() ends { return ends{s.Other, s.Moving, s.Step.Neg()} },
		func() ends { return ends{s.Moving, s.Other, s.Step} })
	s.Moving, s.Other, s.Step = e.Moving, e.Other, e.Step
	return s
}
