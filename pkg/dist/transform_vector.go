package dist

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Bijectors onto vectors of constrained form.
var (
	// StickBreakingTransform maps K-1 numbers to a simplex of K as Stan does: z_k = sigmoid(u_k - log(K-k)), x_k is the
	// part z_k of what x_1 … x_(k-1) leave. u = 0 is the uniform vector.
	StickBreakingTransform Bijector = stickBreaking{}
	// OrderedTransform maps numbers to an increasing vector: x_1 = u_1, x_k = x_(k-1) + exp u_k.
	OrderedTransform Bijector = ordered{}
	// PositiveOrderedTransform maps numbers to an increasing positive vector: x_1 = exp u_1, x_k = x_(k-1) + exp u_k.
	PositiveOrderedTransform Bijector = positiveOrdered{}
)

// vectors is what bijectors between vectors of one length share.
type vectors struct{}

func (vectors) DomainDim() int                   { return 1 }
func (vectors) CodomainDim() int                 { return 1 }
func (vectors) ConstrainedShape(u []int) []int   { return slices.Clone(u) }
func (vectors) UnconstrainedShape(x []int) []int { return slices.Clone(x) }

type stickBreaking struct{ vectors }

func (stickBreaking) ConstrainedShape(u []int) []int   { return resized(u, u[len(u)-1]+1) }
func (stickBreaking) UnconstrainedShape(x []int) []int { return resized(x, x[len(x)-1]-1) }
func (stickBreaking) Image(Constraint) Constraint      { return Simplex }

func resized(shape []int, last int) []int {
	out := slices.Clone(shape)
	out[len(out)-1] = last
	return out
}

// stickOffsets returns log(K-k) for k = 1 … K-1.
func stickOffsets(n int) tensor.Value {
	rest := make([]float64, n)
	for i := range rest {
		rest[i] = float64(n - i)
	}
	return tensor.Lift(rest).Log()
}

// zeros returns zeros that take the dtype of what they meet.
func zeros(shape []int) tensor.Value { return tensor.Full(0.0, shape...) }

// logSimplex returns log x for x = Forward(u): log z_k plus the sum of log(1-z_j) for j < k.
func logSimplex(u tensor.Value) tensor.Value {
	n := u.Dim(-1)
	if n == 0 {
		return zeros(resized(u.Shape(), 1))
	}
	w := u.Sub(stickOffsets(n))
	left := w.Softplus().Neg().Cumsum(-1) // log of what remains after k parts
	part := w.Neg().Softplus().Neg()      // log z_k
	edge := zeros(resized(u.Shape(), 1))  // log 1
	return tensor.Concat(-1, part, edge).Add(tensor.Concat(-1, edge, left))
}

func (stickBreaking) Forward(u tensor.Value) tensor.Value { return logSimplex(u).Exp() }

// Inverse is u_k = log x_k - log(x_(k+1) + … + x_K) + log(K-k).
func (stickBreaking) Inverse(x tensor.Value) tensor.Value {
	n := x.Dim(-1) - 1
	rest := x.Slice(-1, 1, n+1).ReverseCumsum(-1)
	return x.Slice(-1, 0, n).Log().Sub(rest.Log()).Add(stickOffsets(n))
}

// LogAbsDetJacobian is Σ log x_k over all K: dx_k/du_k = x_k(1-z_k), and the product of the 1-z_k is x_K.
func (stickBreaking) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value { return logSimplex(u).Sum(-1) }

type ordered struct{ vectors }

func (ordered) Forward(u tensor.Value) tensor.Value {
	n := u.Dim(-1)
	return tensor.Concat(-1, u.Slice(-1, 0, 1), u.Slice(-1, 1, n).Exp()).Cumsum(-1)
}

func (ordered) Inverse(x tensor.Value) tensor.Value {
	return tensor.Concat(-1, x.Slice(-1, 0, 1), steps(x).Log())
}

func steps(x tensor.Value) tensor.Value {
	n := x.Dim(-1)
	return x.Slice(-1, 1, n).Sub(x.Slice(-1, 0, n-1))
}

func (ordered) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value {
	return u.Slice(-1, 1, u.Dim(-1)).Sum(-1)
}

func (ordered) Image(Constraint) Constraint { return Ordered }

type positiveOrdered struct{ vectors }

func (positiveOrdered) Forward(u tensor.Value) tensor.Value { return u.Exp().Cumsum(-1) }

func (positiveOrdered) Inverse(x tensor.Value) tensor.Value {
	return tensor.Concat(-1, x.Slice(-1, 0, 1), steps(x)).Log()
}

func (positiveOrdered) LogAbsDetJacobian(u, _ tensor.Value) tensor.Value { return u.Sum(-1) }

func (positiveOrdered) Image(Constraint) Constraint { return PositiveOrdered }
