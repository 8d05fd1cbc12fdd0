package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Imported are the programs of a model that was written elsewhere, in NumPyro for example, and their data. Parameters and
// results are as in Bundle, in the same order; their names don't matter, those of SiteLogDensity's results aside.
type Imported struct {
	Manifest Manifest // sites are latent, deterministic and observed; Columns is taken from the field below
	Columns  []Column
	Given    []string // the columns that programs take whatever they hold: WithData replaces them

	LogDensity, Constrain *tensor.Func
	Unconstrain           *tensor.Func // nil: starts can't be given
	SiteLogDensity        *tensor.Func // nil: the log density is not known by site
	// Predictive and Prior take the seed as its two words, u32[2], the higher first. Their results are sites in any order: the
	// observed and deterministic ones, or all. Nil where Manifest.Unavailable says why, or because there are none.
	Predictive, Prior *tensor.Func
	DataCheck         *tensor.Func // of the columns alone; nil: the data are not checked
}

// Import returns a model whose programs are there already: Compile adds what every model has, and handlers can't change it.
// The error joins what does not fit together.
func Import(p Imported) (*Model, error) {
	float := tensor.ParseDType(p.Manifest.Float)
	if float != tensor.F64 && float != tensor.F32 {
		return nil, fmt.Errorf("model %s: precision %q, want f64 or f32", p.Manifest.Model, p.Manifest.Float)
	}
	p.Manifest.Columns = columnInfos(p.Columns)
	m := &Model{Name: p.Manifest.Model, Float: float, Columns: p.Columns}
	m.bind = func([]tensor.Value) Program {
		return func(*Context) { tensor.Fail("import", "handlers can't change a model that was imported as programs") }
	}
	k := &importer{m: m, source: p, from: p}
	if err := errors.Join(k.sites(), k.columns()); err != nil {
		return nil, err
	}
	if err := errors.Join(k.named(&k.from.LogDensity, "log_density", k.position(), k.densityResults()),
		k.named(&k.from.Constrain, "constrain", k.position(), k.keptResults()),
		k.named(&k.from.Unconstrain, "unconstrain", k.latentValues(), k.position()), k.siteDensities(), k.draws(), k.dataCheck()); err != nil {
		return nil, err
	}
	m.imported = k
	return m, nil
}

// importer is a model that was imported.
type importer struct {
	m      *Model
	source Imported // as it was given
	from   Imported // with programs as Bundle has them
}

func (k *importer) problem(format string, args ...any) error {
	return fmt.Errorf("model %s: %s", k.m.Name, fmt.Sprintf(format, args...))
}

// sites checks that the manifest's sites are well formed and that the latent ones tile the position.
func (k *importer) sites() error {
	manifest := &k.from.Manifest
	at, seen := 0, map[string]bool{}
	for i := range manifest.Sites {
		s := &manifest.Sites[i]
		if problem := nameProblem(s.Name); problem != "" {
			return k.problem("site %d: %q %s", i, s.Name, problem)
		}
		if seen[s.Name] {
			return k.problem("the name %q of site %d is used twice", s.Name, i)
		}
		seen[s.Name] = true
		if err := k.site(s); err != nil {
			return err
		}
		if !s.isLatent() {
			continue
		}
		if s.Offset != at || s.UnconstrainedSize < 1 || s.UnconstrainedSize > manifest.Dimension-at {
			return k.problem("site %q has elements %d … %d of a position of length %d, want them from %d on", s.Name, s.Offset, s.Offset+s.UnconstrainedSize-1, manifest.Dimension, at)
		}
		at += s.UnconstrainedSize
	}
	if at != manifest.Dimension || at == 0 {
		return k.problem("the latent sites have %d elements of a position of length %d", at, manifest.Dimension)
	}
	return nil
}

func (k *importer) site(s *SiteInfo) error {
	dtype := tensor.ParseDType(s.DType)
	switch {
	case s.Kind != Latent && s.Kind != Deterministic && s.Kind != Observed:
		return k.problem("site %q has the unknown kind %q", s.Name, s.Kind)
	case dtype == tensor.Invalid || s.Kind == Latent && dtype != k.m.Float:
		return k.problem("the %s site %q has dtype %q in a model of %s", s.Kind, s.Name, s.DType, k.m.Float)
	case len(s.Dims) != len(s.Shape):
		return k.problem("site %q has %d names for %d dimensions", s.Name, len(s.Dims), len(s.Shape))
	}
	for i, dim := range s.Dims {
		if s.Shape[i] < 1 {
			return k.problem("site %q has shape %v: a dimension of a site has at least one element", s.Name, s.Shape)
		}
		if labels, ok := k.from.Manifest.Coords[dim]; ok && len(labels) != s.Shape[i] {
			return k.problem("dimension %q has %d coords and %d elements in site %q", dim, len(labels), s.Shape[i], s.Name)
		}
	}
	return nil
}

func (k *importer) columns() error {
	seen := map[string]bool{}
	for _, c := range k.from.Columns {
		if c.Name == "" || seen[c.Name] {
			return k.problem("the name %q of a data column is empty or used twice", c.Name)
		}
		seen[c.Name] = true
		if want := c.DType.Size() * tensor.NumElements(c.Shape); len(c.Bytes) != want {
			return k.problem("data %q has %d bytes, want %d", c.Name, len(c.Bytes), want)
		}
	}
	return nil
}

func (k *importer) position() []tensor.Param {
	return []tensor.Param{{Name: inPosition, DType: k.m.Float, Shape: []int{k.from.Manifest.Dimension}}}
}

func (k *importer) densityResults() []tensor.Param {
	return []tensor.Param{{Name: "log_density", DType: k.m.Float}, {Name: "gradient", DType: k.m.Float, Shape: []int{k.from.Manifest.Dimension}}}
}

func (k *importer) keptResults() []tensor.Param {
	var out []tensor.Param
	for _, s := range k.from.Manifest.Kept() {
		out = append(out, tensor.Param{Name: s.Name, DType: tensor.ParseDType(s.DType), Shape: s.Shape})
	}
	return out
}

func (k *importer) latentValues() []tensor.Param {
	var out []tensor.Param
	for _, s := range k.latent() {
		out = append(out, tensor.Param{Name: valuePrefix + s.Name, DType: k.m.Float, Shape: s.Shape})
	}
	return out
}

func (k *importer) latent() []SiteInfo {
	return slices.DeleteFunc(slices.Clone(k.from.Manifest.Sites), func(s SiteInfo) bool { return !s.isLatent() })
}

// named replaces a program, unless it is nil, by one whose parameters, lead and the data, and results have our names, after
// checking their types.
func (k *importer) named(program **tensor.Func, name string, lead, results []tensor.Param) error {
	f := *program
	if f == nil {
		return nil
	}
	params := append(slices.Clone(lead), k.m.dataParams()...)
	if err := sameTypes("parameter", f.In, params); err != nil {
		return k.problem("program %s: %v", name, err)
	}
	if err := sameTypes("result", f.Out, results); err != nil {
		return k.problem("program %s: %v", name, err)
	}
	g, err := tensor.Trace(name, k.m.Float, params, func(args []tensor.Value) []tensor.Value { return f.Apply(anys(args)...) })
	if err != nil {
		return k.problem("program %s: %v", name, err)
	}
	for i := range g.Out {
		g.Out[i].Name = results[i].Name
	}
	*program = g
	return nil
}

func sameTypes(what string, got, want []tensor.Param) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d %ss, want %d", len(got), what, len(want))
	}
	for i := range got {
		if got[i].DType != want[i].DType || !slices.Equal(got[i].Shape, want[i].Shape) {
			return fmt.Errorf("%s %d is %s, want %s (%s)", what, i, tensor.FormatShape(got[i].DType, got[i].Shape), tensor.FormatShape(want[i].DType, want[i].Shape), want[i].Name)
		}
	}
	return nil
}

func anys(values []tensor.Value) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// siteDensities checks the program of the sites' log densities, or makes one of the whole log density where there is none.
func (k *importer) siteDensities() error {
	f := k.from.SiteLogDensity
	if f == nil {
		whole := k.from.LogDensity
		g, err := tensor.Trace("site_log_density", k.m.Float, whole.In, func(args []tensor.Value) []tensor.Value {
			return whole.Apply(anys(args)...)[:1]
		})
		if err != nil {
			return k.problem("program log_density: %v", err)
		}
		g.Out[0].Name = "log_density"
		k.from.SiteLogDensity = g
		return nil
	}
	seen := map[string]bool{}
	for _, out := range f.Out {
		if out.Name == "" || seen[out.Name] || out.DType != k.m.Float {
			return k.problem("program site_log_density: the result %q is %s; want %s and names that differ", out.Name, out.DType, k.m.Float)
		}
		seen[out.Name] = true
	}
	return k.named(&k.from.SiteLogDensity, "site_log_density", k.position(), slices.Clone(f.Out))
}
