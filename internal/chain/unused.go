package chain

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// WithoutUnused returns f without those parameters, from the given index on, that it does not use, and the indices of those
// of them that are left. Every session of a program holds all its parameters, and data can be large. f is simplified.
func WithoutUnused(f *tensor.Func, from int) (*tensor.Func, []int, error) {
	used := map[tensor.Value]bool{}
	mark(f.Body, used)
	params := slices.Clone(f.In[:from])
	var kept []int
	for i := from; i < len(f.In); i++ {
		if used[f.Body.Params[i]] {
			kept, params = append(kept, i), append(params, f.In[i])
		}
	}
	if len(params) == len(f.In) {
		return f, kept, nil
	}
	g, err := tensor.Trace(f.Name, f.Float, params, func(v []tensor.Value) []tensor.Value {
		args := make([]tensor.Value, len(f.In))
		copy(args, v[:from])
		for i := from; i < len(f.In); i++ {
			args[i] = tensor.In(v[0], tensor.Zeros(f.In[i].DType, f.In[i].Shape...))
		}
		for i, k := range kept {
			args[k] = v[from+i]
		}
		return f.ApplyWith(nil, args...)
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range g.Out {
		g.Out[i].Name = f.Out[i].Name
	}
	return g, kept, nil
}

// mark marks the Values that a region uses.
func mark(r *tensor.Region, used map[tensor.Value]bool) {
	for _, v := range r.Results {
		used[v] = true
	}
	for _, n := range r.Nodes {
		for _, v := range n.In {
			used[v] = true
		}
		for _, sub := range n.Regions {
			mark(sub, used)
		}
	}
}
