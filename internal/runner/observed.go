package runner

import (
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// checkData returns an error for an observation outside the support of its site. It runs once, on the direct evaluator, with
// the columns that matter to it: a support seldom depends on covariates, which can be most of the data.
func checkData(b *model.Bundle, m Model) error {
	if len(b.DataCheck.Out) == 0 {
		return nil
	}
	f, kept, err := chain.WithoutUnused(simplify.Run(b.DataCheck), 1)
	if err != nil {
		return err
	}
	in := []*tensor.Array{tensor.NewArray(f.In[0].DType, f.In[0].Shape)} // any position will do
	for _, i := range kept {
		in = append(in, m.Columns[i-1].Array())
	}
	out, err := eval.Run(f, in)
	if err != nil {
		return err
	}
	return b.CheckData(out)
}
