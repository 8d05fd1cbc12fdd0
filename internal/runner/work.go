package runner

import "github.com/drey-sampler/drey/pkg/tensor"

// What an elementary operation takes wasm at most, in seconds: several times what it does on the processors that this was
// measured on (docs/engine.md), for slower ones and programs that do not fit into caches.
const (
	plainSeconds  = 2e-9
	expandSeconds = 40e-9 // of those that pkg/tensor/expand makes of polynomials: exp, log, lgamma
)

// work is bounds on the time of one run of a program on wasm, in seconds.
type work struct {
	all     float64
	algebra float64 // of it, of linear algebra on matrices so small that XLA is no faster on a processor
}

// smallMatrix is the most rows of a matrix whose factor takes XLA as long as wasm, or longer: its products pay for larger ones.
const smallMatrix = 256

// workOf returns bounds on the time of one run of a program on wasm; ok is false for a program whose loops tell no number of turns.
func workOf(r *tensor.Region) (w work, ok bool) {
	for _, n := range r.Nodes {
		each := 1.0
		switch {
		case n.Op == tensor.OpWhile:
			return work{}, false
		case n.Op == tensor.OpScan:
			each = float64(n.Attr.Length)
		case isAlgebra(n.Op):
			seconds := plainSeconds * elementary(n)
			if w.all += seconds; n.In[0].Shape()[len(n.In[0].Shape())-1] <= smallMatrix {
				w.algebra += seconds
			}
		case n.Op >= tensor.OpExp && n.Op <= tensor.OpSoftplus || n.Op == tensor.OpPow || n.Op == tensor.OpAtan2 || n.Op == tensor.OpLogAddExp:
			w.all += expandSeconds * size(n.Shape)
		default:
			w.all += plainSeconds * elementary(n)
		}
		for _, region := range n.Regions {
			inner, ok := workOf(region)
			if !ok {
				return work{}, false
			}
			w.all, w.algebra = w.all+each*inner.all, w.algebra+each*inner.algebra
		}
	}
	return w, true
}

func isAlgebra(op tensor.Op) bool {
	return op == tensor.OpCholesky || op == tensor.OpCholeskyVJP || op == tensor.OpTriangularSolve
}

// elementary returns a bound on the operations on single elements that an instruction is.
func elementary(n *tensor.Node) float64 {
	most := size(n.Shape)
	for _, in := range n.In {
		most = max(most, size(in.Shape()))
	}
	switch {
	case n.Op == tensor.OpDot: // each element of the result is a sum over what is contracted
		products := size(n.Shape)
		for _, axis := range n.Attr.Dot.ContractA {
			products *= float64(n.In[0].Shape()[axis])
		}
		return max(most, products)
	case isAlgebra(n.Op):
		a := n.In[0].Shape()
		most *= float64(a[len(a)-1])
	case n.Op == tensor.OpSort || n.Op == tensor.OpArgsort:
		most *= 32 // comparisons of an element
	}
	return most
}

func size(shape []int) float64 { return float64(tensor.NumElements(shape)) }
