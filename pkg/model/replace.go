package model

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// WithData returns an imported model with other data in the place of those that data names; the other columns keep theirs.
// Shapes and dtypes stay, for the programs are made for them. The elements of a column that indices are computed from stay
// within the range of those that it had: beyond it a look-up would silently take the last element. The error joins all
// problems: names that are no column's, columns that the programs have as constants, shapes, elements that do not fit, NaN in a
// column that had none.
func (m *Model) WithData(data Data) (*Model, error) {
	if m.imported == nil {
		return nil, fmt.Errorf("model %s: it was not imported: bind its function to other data", m.Name)
	}
	p := m.imported.source
	p.Columns = slices.Clone(p.Columns)
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(data)) {
		i := slices.IndexFunc(p.Columns, func(c Column) bool { return c.Name == name })
		if i < 0 || !slices.Contains(p.Given, name) {
			problems = append(problems, p.notGiven(name, i >= 0))
			continue
		}
		c, err := m.imported.replaced(i, data[name])
		problems = append(problems, err)
		p.Columns[i] = c
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return Import(p)
}

// Replaceable returns the names of the columns that WithData replaces, in order.
func (m *Model) Replaceable() []string {
	if m.imported == nil {
		return nil
	}
	return m.imported.source.Given
}

// notGiven says why there can be no data of a name.
func (p *Imported) notGiven(name string, there bool) error {
	switch near := nearest(name, p.Given); {
	case there:
		return fmt.Errorf("model: data %q can't be replaced: the programs were made for its values; export the model anew with others", name)
	case near != "":
		return fmt.Errorf("model: data %q is not a column of the model; did you mean %q?", name, near)
	case len(p.Given) == 0:
		return fmt.Errorf("model: data %q is not a column of the model, which takes none", name)
	}
	return fmt.Errorf("model: data %q is not a column of the model (columns: %s)", name, strings.Join(p.Given, ", "))
}

// replaced returns column i with the elements of x.
func (k *importer) replaced(i int, x any) (Column, error) {
	old := k.source.Columns[i]
	r, err := readRaw(old.Name, x)
	if err != nil {
		return Column{}, err
	}
	if !slices.Equal(r.shape, old.Shape) {
		return Column{}, fmt.Errorf("model: data %q has shape %v, want %v: the programs are made for it; export the model anew for other shapes", old.Name, r.shape, old.Shape)
	}
	e := encoder{name: old.Name, dtype: old.DType, infinite: true, missing: slices.ContainsFunc(old.Array().Float64s(), math.IsNaN)}
	c, err := e.column(r)
	if err != nil || old.DType.IsFloat() || old.DType == tensor.Bool || !k.indexes(i) {
		return c, err
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, x := range old.Array().Float64s() {
		low, high = min(low, x), max(high, x)
	}
	for e := range r.size() {
		if x := r.at(e); x < low || x > high {
			return c, fmt.Errorf("model: data %q: %s = %v is outside %v … %v, the range of the data that the model was exported with, and indices depend on it", old.Name, r.where(old.Name, e), x, low, high)
		}
	}
	return c, nil
}

// indexes reports whether indices that a program looks up are computed from column i in integers.
func (k *importer) indexes(i int) bool {
	for _, f := range []*tensor.Func{k.from.LogDensity, k.from.Constrain, k.from.Unconstrain, k.from.SiteLogDensity, k.from.Predictive, k.from.Prior} {
		if f != nil && (&indexFinder{column: dataPrefix + k.source.Columns[i].Name}).find(f) {
			return true
		}
	}
	return false
}

// indexFinder follows a column through a program. from marks the values that depend on it, over integers alone: a mask or a
// number that is computed from an index is none.
type indexFinder struct {
	column string
	from   map[*tensor.Node]bool
	grew   bool
	found  bool
}

// find reports whether indices depend on the column. It looks again as long as loops carry the dependence further.
func (x *indexFinder) find(f *tensor.Func) bool {
	x.from = map[*tensor.Node]bool{}
	for i, p := range f.In {
		if p.Name == x.column {
			x.from[f.Body.Params[i].Node()] = true
		}
	}
	for x.grew = true; x.grew && !x.found; {
		x.grew = false
		x.region(f.Body)
	}
	return x.found
}

func (x *indexFinder) region(r *tensor.Region) {
	for _, n := range r.Nodes {
		depends := slices.ContainsFunc(n.In, x.depends)
		x.found = x.found || slices.ContainsFunc(indexOperands(n), x.depends)
		for _, inner := range n.Regions {
			for _, p := range inner.Params {
				x.mark(p.Node(), depends)
			}
			x.region(inner)
			depends = depends || slices.ContainsFunc(inner.Results, x.depends)
		}
		x.mark(n, depends)
	}
}

func (x *indexFinder) depends(v tensor.Value) bool { return x.from[v.Node()] }

// mark notes that a value depends on the column, where it may be an index: nodes of several results have no dtype.
func (x *indexFinder) mark(n *tensor.Node, depends bool) {
	if depends && !x.from[n] && !n.DType.IsFloat() && n.DType != tensor.Bool {
		x.from[n], x.grew = true, true
	}
}

// indexOperands returns the operands of a node that are indices.
func indexOperands(n *tensor.Node) []tensor.Value {
	switch n.Op {
	case tensor.OpTake, tensor.OpScatterAdd:
		return n.In[1:2]
	case tensor.OpDynamicSlice:
		return n.In[1:]
	case tensor.OpDynamicUpdate:
		return n.In[2:]
	case tensor.OpScatter:
		return n.In[1:2]
	}
	return nil
}
