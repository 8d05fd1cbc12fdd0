package kernels

import "github.com/drey-sampler/drey/pkg/tensor"

// UTurnRule says which U-turn checks are made when two halves join. With u the whitened momenta at the ends of a trajectory
// and ρ a sum of momenta, a check finds a U-turn unless u·ρ > 0 at both ends (Betancourt 2017, appendix A.4.2).
type UTurnRule uint8

// The rules.
const (
	// StanRule checks each joined trajectory, ρ over all its leaves, and both halves extended by the nearest leaf of the
	// other half: without those two, trajectories of nearly independent normal targets miss U-turns and run twice too long
	// (Stan 2.21 release notes).
	StanRule UTurnRule = iota
	// NumPyroRule checks the joined trajectory alone, ρ less half the momenta at its ends.
	NumPyroRule
)

// Checkpoints hold what later U-turn checks need of earlier leaves, f[max tree depth, D] each. Leaf n of a subtree, if even,
// owns row popcount(n/2) until a later even leaf takes it: its momentum, the sum of momenta up to and including it, and the
// momentum of the leaf before it. Rows are changed in place.
type Checkpoints struct {
	Momentum, Sum, Last tensor.Value
}

// rows returns the rows of the first leaves of the joined trajectories that end at leaf n, i32: from high, of the shortest
// trajectory, down to low; an even leaf ends none and owns row high. Source: Phan, Pradhan & Jankowiak (2019), algorithm 2.
func rows(n tensor.Value) (low, high tensor.Value) {
	high = n.Shr(1).Popcount()
	trailingOnes := n.And(n.Add(1).Not()).Popcount()
	return high.Sub(trailingOnes).Add(1), high
}

// checked is what check changes.
type checked struct {
	Checkpoints Checkpoints
	Turning     tensor.Value
}

// check looks for U-turns in the trajectories inside the subtree that end at the newest leaf, if it is odd, and keeps what
// later checks need. before is the momentum of the leaf before it.
func (n NUTS) check(s NUTSState, before tensor.Value) (NUTSState, tensor.Value) {
	low, high := rows(s.Leaf)
	if n.Abreast {
		return n.checkAbreast(s, before, low, high)
	}
	c := tensor.Cond(s.Leaf.And(1).Ne(0),
		func() checked {
			turning := n.Rule.turningWithin(s, low, high)
			c := s.Checkpoints
			_, next := rows(s.Leaf.Add(1))
			c.Last = c.Last.SetRow(next, s.Moving.Momentum)
			return checked{c, turning}
		},
		func() checked {
			c := s.Checkpoints
			c.Momentum, c.Sum = c.Momentum.SetRow(high, s.Moving.Momentum), c.Sum.SetRow(high, s.Sum)
			return checked{c, tensor.In(s.Leaf, false)}
		})
	s.Checkpoints = c.Checkpoints
	return s, c.Turning
}

// checkAbreast is check for many chains. At a trajectory's first leaf it also keeps the momentum that Begin has drawn.
func (n NUTS) checkAbreast(s NUTSState, before, low, high tensor.Value) (NUTSState, tensor.Value) {
	odd, first := s.Leaf.And(1).Ne(0), s.Steps.Eq(1)
	turning := tensor.Cond(odd,
		func() tensor.Value { return n.Rule.turningAbreast(s, before, low, high) },
		func() tensor.Value { return tensor.In(s.Leaf, false) })
	odd = odd.Or(turning) // the same, and known when the rows have been read: XLA copies arrays that are written before
	_, next := rows(s.Leaf.Add(1))
	even := tensor.Select(odd, nowhere, high)
	c := &s.Checkpoints
	c.Momentum, c.Sum = writeRow(c.Momentum, even, s.Moving.Momentum), writeRow(c.Sum, even, s.Sum)
	last := tensor.Select(first, 0, tensor.Select(odd, next, nowhere))
	c.Last = writeRow(c.Last, last, tensor.Select(first, before, s.Moving.Momentum))
	return s, turning
}

// lastOfTree returns Checkpoints.Last with the momentum at the end from which a new subtree is about to grow.
func (s NUTSState) lastOfTree(done tensor.Value) tensor.Value {
	grows := s.Leaf.Eq(0).And(done.Not())
	return writeRow(s.Checkpoints.Last, tensor.Select(grows, 0, nowhere), s.Moving.Momentum)
}

// search is the carry of the loop over rows.
type search struct{ Row, Turning tensor.Value }

// turningWithin checks the trajectories whose first leaves are in rows high down to low, until one turns. The shortest has two
// leaves, for which all checks and rules are one.
func (r UTurnRule) turningWithin(s NUTSState, low, high tensor.Value) tensor.Value {
	end := s.Moving.Momentum
	first := s.Checkpoints.Momentum.Row(high)
	both := first.Add(end)
	found := tensor.While(search{high.Sub(1), straight(both, first, end).Not()},
		func(q search) tensor.Value { return q.Row.Ge(low).And(q.Turning.Not()) },
		func(q search) search {
			return search{q.Row.Sub(1), r.turningFrom(s, q.Row)}
		})
	return found.Turning
}

// turningFrom checks the trajectory from the leaf in a row, not the last one that counts, to the newest leaf.
func (r UTurnRule) turningFrom(s NUTSState, row tensor.Value) tensor.Value {
	c, inner := s.Checkpoints, row.Add(1)
	first := c.Momentum.Row(row)
	return r.turning(join{
		first: first, middle: c.Momentum.Row(inner), beforeMiddle: c.Last.Row(inner), end: s.Moving.Momentum,
		upTo: s.Sum, before: c.Sum.Row(row).Sub(first), upToMiddle: c.Sum.Row(inner),
	})
}

// turningAbreast is turningWithin for many chains: their rows are read together, as the number of a turn does not depend on
// the chain. The leaf in row high is the one before the newest.
func (r UTurnRule) turningAbreast(s NUTSState, before, low, high tensor.Value) tensor.Value {
	end := s.Moving.Momentum
	found := tensor.While(search{tensor.In(low, 0), straight(before.Add(end), before, end).Not()},
		func(q search) tensor.Value { return q.Row.Lt(high).And(q.Turning.Not()) },
		func(q search) search {
			return search{q.Row.Add(1), r.turningFrom(s, q.Row).And(q.Row.Ge(low))}
		})
	return found.Turning
}

// turningTree checks the tree joined with the subtree that is full. The tree's half runs from the other end to the leaf where
// the subtree began, which is the leaf before the subtree's row 0.
func (r UTurnRule) turningTree(s NUTSState) tensor.Value {
	c := s.Checkpoints
	return r.turning(join{
		first: s.Other.Momentum, middle: c.Momentum.Row(0), beforeMiddle: c.Last.Row(0), end: s.Moving.Momentum,
		upTo: s.Sum, before: tensor.ZerosLike(s.Sum), upToMiddle: c.Sum.Row(0),
	})
}

// join is a trajectory made of two halves. Momenta f[D]: of its first leaf, of the first leaf of its second half, of the leaf
// before that one, of its last leaf. Running sums f[D] of momenta: up to its last leaf, before its first, up to and including
// the first leaf of its second half.
type join struct {
	first, middle, beforeMiddle, end tensor.Value
	upTo, before, upToMiddle         tensor.Value
}

func (r UTurnRule) turning(j join) tensor.Value {
	all := j.upTo.Sub(j.before)
	if r == NumPyroRule {
		return straight(all.Sub(j.first.Add(j.end).Mul(0.5)), j.first, j.end).Not()
	}
	firstHalf := j.upToMiddle.Sub(j.before)
	secondHalf := j.upTo.Sub(j.upToMiddle).Add(j.middle).Add(j.beforeMiddle)
	return straight(all, j.first, j.end).
		And(straight(firstHalf, j.first, j.middle)).
		And(straight(secondHalf, j.beforeMiddle, j.end)).Not()
}

// straight reports that a trajectory with momenta u, v at its ends and the sum rho has not turned. Sums of products, unlike Dot,
// share one loop with what makes rho.
func straight(rho, u, v tensor.Value) tensor.Value {
	return rho.Mul(u).Sum().Min(rho.Mul(v).Sum()).Gt(0.0)
}
