package runner

import "github.com/drey-sampler/drey/pkg/tensor"

// What an elementary operation takes wasm at most, in seconds: several times what it does on the processors that this was
// measured on (docs/engine.md), for slower ones and programs that do not fit into caches.
const (
	plainSeconds  = 2e-9
	expandSeconds = 40e-9 // of those that pkg/tensor/expand makes of polynomials: exp, log, lgamma
)

// mostSeconds returns a bound on the time of one run of a program on wasm; ok is false for a program whose loops tell no
// number of turns.
func mostSeconds(r *tensor.Region) (seconds float64, ok bool) {
	for _, n := range r.Nodes {
		each := 1.0
		switch {
		case n.Op == tensor.OpWhile:
			return 0, false
		case n.Op == tensor.OpScan:
			each = float64(n.Attr.Length)
		case n.Op >= tensor.OpExp && n.Op <= tensor.OpSoftplus || n.Op == tensor.OpPow || n.Op == tensor.OpAtan2 || n.Op == tensor.OpLogAddExp:
			seconds += expandSeconds * size(n.Shape)
		default:
			seconds += plainSeconds * elementary(n)
		}
		for _, inner := range n.Regions {
			s, ok := mostSeconds(inner)
			if !ok {
				return 0, false
			}
			seconds += each * s
		}
	}
	return seconds, true
}

// elementary returns a bound on the operations on single elements that an instruction is.
func elementary(n *tensor.Node) float64 {
	most := size(n.Shape)
	for _, in := range n.In {
		most = max(most, size(in.Shape()))
	}
	switch n.Op {
	case tensor.OpDot: // each element of the result is a sum over what is contracted
		products := size(n.Shape)
		for _, axis := range n.Attr.Dot.ContractA {
			products *= float64(n.In[0].Shape()[axis])
		}
		return max(most, products)
	case tensor.OpCholesky, tensor.OpCholeskyVJP, tensor.OpTriangularSolve:
		a := n.In[0].Shape()
		most *= float64(a[len(a)-1])
	case tensor.OpSort, tensor.OpArgsort:
		most *= 32 // comparisons of an element
	}
	return most
}

func size(shape []int) float64 { return float64(tensor.NumElements(shape)) }
