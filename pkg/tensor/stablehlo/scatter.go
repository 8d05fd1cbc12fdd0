package stablehlo

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// takeNumbers are the dimension numbers of a gather of whole rows: the indices' axes take the place of the axis.
func takeNumbers(n *tensor.Node) string {
	x, idx, axis := n.In[0], n.In[1], n.Attr.Axis
	offset := append(axesRange(0, axis), axesRange(axis+idx.Rank(), x.Rank()-1+idx.Rank())...)
	return fmt.Sprintf("#stablehlo.gather<offset_dims = [%s], collapsed_slice_dims = [%d], start_index_map = [%d], index_vector_dim = %d>", ints(offset), axis, axis, idx.Rank())
}

func takeSizes(n *tensor.Node) []int {
	s := slices.Clone(n.In[0].Shape())
	s[n.Attr.Axis] = 1
	return s
}

// scatter prints a scatter of whole rows; with lanes the last axes are batching dimensions.
func (w *writer) scatter(n *tensor.Node) {
	x, idx, axis := n.In[0], n.In[1], n.Attr.Axis
	r, lanes := x.Rank(), idx.Rank()-1
	window := append(axesRange(0, axis), axesRange(axis+1, r-lanes)...)
	batching := ""
	if lanes > 0 {
		batching = fmt.Sprintf("input_batching_dims = [%s], scatter_indices_batching_dims = [%s], ", ints(axesRange(r-lanes, r)), ints(axesRange(1, 1+lanes)))
	}
	// A Scatter stands in the decomposition that has dropped all but one of equal indices.
	sorted, unique := ordered(idx)
	replace, t, in := n.Op == tensor.OpScatter, typeText(n.DType, nil), w.operands(n.In)
	w.line(`%s = "stablehlo.scatter"(%s) <{indices_are_sorted = %t, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [%s], inserted_window_dims = [%d], %s`+
		`scatter_dims_to_operand_dims = [%d], index_vector_dim = %d>, unique_indices = %t}> ({`, w.define(n.Results()[0]), in, sorted && !replace, ints(window), axis, batching, axis, idx.Rank(), unique || replace)
	if replace {
		a, b := w.fresh(), w.fresh()
		w.line("^bb0(%s: %s, %s: %s):", a, t, b, t)
		w.line("  stablehlo.return %s : %s", b, t)
	} else {
		w.fold("stablehlo.add", t)
	}
	w.line("}) : %s", w.types(n))
}

// ordered reports whether v is a constant vector of indices in ascending order, and whether no two of them are equal: XLA
// then need not guard against writing one place twice.
func ordered(v tensor.Value) (sorted, unique bool) {
	n := v.Node()
	if n.Op != tensor.OpConst || v.Rank() != 1 {
		return false, false
	}
	sorted, unique = true, true
	for i := 1; i < len(n.Attr.Array.Bits); i++ {
		before, at := int32(uint32(n.Attr.Array.Bits[i-1])), int32(uint32(n.Attr.Array.Bits[i]))
		sorted = sorted && before <= at
		unique = unique && before < at
	}
	return sorted, unique
}
