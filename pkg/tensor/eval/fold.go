package eval

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Folder evaluates single instructions on constants. It keeps the expansions it has made; it is for one goroutine.
type Folder struct{ expansions *expansions }

// NewFolder returns a Folder.
func NewFolder() *Folder { return &Folder{newExpansions()} }

// Fold evaluates one operation without regions. Operands are as for tensor.Emit: elementwise ones have one shape. An
// operation that does not accept them gives an error.
func Fold(op tensor.Op, attr tensor.Attr, in []*tensor.Array) (*tensor.Array, error) {
	return NewFolder().Fold(op, attr, in)
}

// Fold is the function Fold with the expansions kept.
func (f *Folder) Fold(op tensor.Op, attr tensor.Attr, in []*tensor.Array) (out *tensor.Array, err error) {
	if op.HasRegions() || op == tensor.OpParam || op == tensor.OpGet || op == tensor.OpInvalid {
		return nil, fmt.Errorf("eval: fold: %s is not an operation on constants", op)
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*tensor.Error)
			if !ok {
				panic(r)
			}
			out, err = nil, fmt.Errorf("eval: fold: %w", e)
		}
	}()
	vals := make([]tensor.Value, len(in))
	args := make([]*tensor.Array, len(in))
	for i, a := range in {
		vals[i], args[i] = tensor.Lift(a), canonical(a)
	}
	n := tensor.Emit(op, attr, vals...).Node() // infers the result and checks the operands
	k, err := newKernel(n, f.expansions)
	if err != nil {
		return nil, fmt.Errorf("eval: fold: %w", err)
	}
	out = tensor.NewArray(n.DType, n.Shape)
	k(out, args)
	return out, nil
}
