// Package lower rewrites a program for a device of XLA's on which some operations are slow or missing: the same values, sums
// in another order.
//
// # Sums into an array by index
//
// The gradient of a look-up x[index] is a scatter-add: rows of updates are added to the elements that they were taken from.
// XLA makes it atomic additions on a GPU, or, deterministic as drey asks for it, a sort and a loop at each step: up to
// thousands of times slower than the sum of as many elements; and a loop of one row after another on a CPU. Choose says,
// by device and shape, which of three forms takes its place:
//
//   - Scatter: it stays.
//   - OneHot: a product with the matrix [rows, targets] of ones where a row belongs to a target. For few targets.
//   - Segments: the rows in order of their targets, by a look-up, and sums over pieces of them. For many targets.
//
// OneHot and Segments need an index that is known before the loop of a sampler, as data are: simplify.Exact moves the
// matrix, or the order and the pieces, out of the loop. NaN and infinities spread to all targets of a lane by OneHot; the
// gradient that has them in one element belongs to a divergence all the same.
//
// # Linear algebra on a CPU
//
// XLA computes a Cholesky factor there by a loop that makes the whole matrix anew for each column: 80 ms for 100 × 100 numbers, some
// hundred times what it takes. Factors, their adjoints and triangular systems become products of blocks; a loop from row to row makes a
// block of a factor's columns, and the inverses of a triangle's blocks on the diagonal.
//
// # Long sums without f64
//
// A TPU computes f64 as pairs of f32, each operation many. A sum in f64 over elements that are f32 becomes one that carries its
// rounding errors along in a second f32, pair by pair, and is put together in f64 at the end.
package lower

import "github.com/drey-sampler/drey/pkg/tensor"

// Platforms that For knows, as XLA's plugins name them.
const (
	CPU  = "cpu"
	CUDA = "cuda"
	TPU  = "tpu"
)

// For returns a Func with the parameters, results and meaning of f for a platform, and whether it differs from f, for
// simplify.Exact to move what it can out of loops. A platform that it does not know gets f.
func For(platform string, f *tensor.Func) (*tensor.Func, bool, error) {
	l := &lowering{platform: platform, known: map[*tensor.Node]bool{}}
	for _, p := range f.Body.Params {
		l.known[p.Node()] = true
	}
	g, err := tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value { return f.ApplyWith(l.rule, args...) })
	if err != nil || !l.changed {
		return f, false, err
	}
	return g, true, nil
}

// lowering is the rewriting of one Func.
type lowering struct {
	platform string
	known    map[*tensor.Node]bool // whether an instruction depends on nothing but the Func's parameters
	changed  bool
}

func (l *lowering) rule(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	var out tensor.Value
	switch n.Op {
	case tensor.OpScatterAdd:
		out = l.scatterAdd(n, in)
	case tensor.OpReduceSum:
		if l.platform == TPU {
			out = compensatedSum(n, in[0])
		}
	case tensor.OpCholesky, tensor.OpCholeskyVJP, tensor.OpTriangularSolve:
		if l.platform == CPU && tensor.NumElements(in[0].Shape()) > 0 {
			out = factorised(n, in)
		}
	}
	if !out.IsValid() {
		return nil, false
	}
	l.changed = true
	return []tensor.Value{out}, true
}

// isKnown reports whether v is computed from the Func's parameters outside of every loop.
func (l *lowering) isKnown(v tensor.Value) bool {
	n := v.Node()
	if known, ok := l.known[n]; ok {
		return known
	}
	known := n.Op != tensor.OpParam && n.Op != tensor.OpGet && !n.Op.HasRegions()
	for _, in := range n.In {
		known = known && l.isKnown(in)
	}
	l.known[n] = known
	return known
}
