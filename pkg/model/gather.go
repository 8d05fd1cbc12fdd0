package model

import "github.com/drey-sampler/drey/pkg/tensor"

// beforeGathers moves elementwise work with scalars from the rows of the data to the groups they index: mu + tau·z[group]
// becomes (mu + tau·z)[group]. Every element is computed as before, once per group instead of once per row, and the
// gradient's sums over rows become one scatter and sums over groups.
func beforeGathers(f *tensor.Func) (*tensor.Func, error) {
	return tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value { return f.ApplyWith(beforeGather, args...) })
}

func beforeGather(n *tensor.Node, in []tensor.Value) ([]tensor.Value, bool) {
	if !n.Op.IsElementwise() {
		return nil, false
	}
	var take *tensor.Node
	for _, v := range in {
		if m := v.Node(); gathersGroups(m) && take == nil {
			take = m
		}
	}
	if take == nil {
		return nil, false
	}
	groups := take.In[0].Shape()
	small := make([]tensor.Value, len(in))
	for i, v := range in {
		m := v.Node()
		switch {
		case gathersGroups(m) && m.In[1] == take.In[1] && m.In[0].Dim(0) == groups[0]:
			small[i] = m.In[0]
		case m.Op == tensor.OpBroadcast && m.In[0].Size() == 1:
			small[i] = m.In[0].Reshape().BroadcastTo(groups...)
		default:
			return nil, false
		}
	}
	y := tensor.Emit(n.Op, n.Attr, small...)
	return []tensor.Value{y.Take(take.In[1], 0)}, true
}

// gathersGroups reports whether n picks elements of a vector that is shorter than what it makes.
func gathersGroups(n *tensor.Node) bool {
	return n.Op == tensor.OpTake && n.Attr.Axis == 0 && n.In[0].Rank() == 1 && n.In[1].Rank() == 1 && n.In[0].Size() < n.In[1].Size()
}
