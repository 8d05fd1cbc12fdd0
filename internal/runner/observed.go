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
	anywhere := tensor.NewArray(b.DataCheck.In[0].DType, b.DataCheck.In[0].Shape)
	out, err := onHost(b.DataCheck, []*tensor.Array{anywhere}, m)
	if err != nil {
		return err
	}
	return b.CheckData(out)
}

// checkStart returns an error for given starting values, one for each of the sites that b was compiled with, that are
// outside the supports of their sites.
func checkStart(b *model.Bundle, m Model, given []*tensor.Array) error {
	if len(b.StartCheck.Out) == 0 {
		return nil
	}
	var lead []*tensor.Array // any key will do
	for _, in := range b.StartCheck.In[:len(b.StartCheck.In)-len(m.Columns)-len(given)] {
		lead = append(lead, tensor.NewArray(in.DType, in.Shape))
	}
	out, err := onHost(b.StartCheck, append(lead, given...), m)
	if err != nil {
		return err
	}
	return b.CheckStart(out)
}

// onHost evaluates a program of a model's bundle for lead, what it takes before the data columns.
func onHost(f *tensor.Func, lead []*tensor.Array, m Model) ([]*tensor.Array, error) {
	f, kept, err := chain.WithoutUnused(simplify.Run(f), len(lead))
	if err != nil {
		return nil, err
	}
	in := lead
	for _, i := range kept {
		in = append(in, m.Columns[i-len(lead)].Array())
	}
	return eval.Run(f, in)
}
