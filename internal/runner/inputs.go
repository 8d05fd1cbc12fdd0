package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// starts are the starting values of chains: site → JSON value; one for all chains, or one a chain.
type starts []map[string]json.RawMessage

// parseStarts reads Config.Init.
func parseStarts(doc Document, chains int) (starts, error) {
	if len(doc.Text) == 0 {
		return nil, nil
	}
	text := bytes.TrimSpace(doc.Text)
	var out starts
	if len(text) > 0 && text[0] == '[' {
		if err := json.Unmarshal(text, &out); err != nil {
			return nil, fmt.Errorf("init%s: %w", doc.from(), err)
		}
		if len(out) != chains {
			return nil, fmt.Errorf("init%s: %d starts in the list for %d chains", doc.from(), len(out), chains)
		}
		return out, nil
	}
	var one map[string]json.RawMessage
	if err := json.Unmarshal(text, &one); err != nil {
		return nil, fmt.Errorf("init%s: %w (want an object of site names and values, or a list of these)", doc.from(), err)
	}
	return starts{one}, nil
}

func (d Document) from() string {
	if d.Source == "" {
		return ""
	}
	return " " + d.Source
}

// given returns the names of the sites that the i-th start gives, sorted.
func (s starts) given(i int) []string { return slices.Sorted(maps.Keys(s[i])) }

// chainStarts returns the start of each chain. b is the bundle whose Init takes the sites of the first start; where another
// start gives other sites, the model is compiled once more. The error names a start that is none.
func chainStarts(m Model, b *model.Bundle, cfg Config, s starts) ([]chain.Start, error) {
	out := make([]chain.Start, cfg.Chains)
	if len(s) == 0 {
		for i := range out {
			out[i] = chain.Start{Init: b.Init}
		}
		return out, nil
	}
	bundles := map[string]*model.Bundle{strings.Join(s.given(0), "\x00"): b}
	for i := range out {
		k := min(i, len(s)-1)
		if k < i {
			out[i] = out[k]
			continue
		}
		names := s.given(k)
		key := strings.Join(names, "\x00")
		if bundles[key] == nil {
			other, err := model.Compile(m.Model, cfg.modelOptions(names))
			if err != nil {
				return nil, err
			}
			bundles[key] = other
		}
		where := "init" + cfg.Init.from()
		if len(s) > 1 {
			where += fmt.Sprintf(": start %d", k)
		}
		values, err := encodeStart(bundles[key], where, s[k], names)
		if err != nil {
			return nil, err
		}
		if err := checkStart(bundles[key], m, values); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		out[i].Init = bundles[key].Init
		for _, v := range values {
			out[i].Given = append(out[i].Given, engine.Bytes(v))
		}
	}
	return out, nil
}

// modelOptions returns the options that Init is traced with for the given sites.
func (c Config) modelOptions(given []string) model.Options {
	o := model.Options{Init: c.InitStrategy, Given: given}
	if o.Init == model.InitValue && len(given) == 0 {
		o.Init = model.InitUniform
	}
	return o
}

// encodeStart returns the values of the given sites; where says in messages where they come from.
func encodeStart(b *model.Bundle, where string, values map[string]json.RawMessage, names []string) ([]*tensor.Array, error) {
	var out []*tensor.Array
	var problems []error
	for _, name := range names {
		site := b.Manifest.Site(name)
		flat, shape, err := parseNumbers(values[name])
		if err == nil && !slices.Equal(shape, site.Shape) && (len(shape) > 0 || len(site.Shape) > 0) {
			err = fmt.Errorf("shape %v, want %v", shape, site.Shape)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: site %q: %w", where, name, err))
			continue
		}
		out = append(out, tensor.ArrayOf(tensor.ParseDType(site.DType), site.Shape, flat))
	}
	return out, errors.Join(problems...)
}

// parseNumbers reads a JSON number or rectangular nested array of numbers.
func parseNumbers(text json.RawMessage) (flat []float64, shape []int, err error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '[' {
		var x *float64
		if err := json.Unmarshal(text, &x); err != nil || x == nil {
			return nil, nil, fmt.Errorf("%s is no number", shorten(text))
		}
		return []float64{*x}, nil, nil
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, nil, err
	}
	shape = []int{len(rows)}
	for i, row := range rows {
		part, inner, err := parseNumbers(row)
		if err != nil {
			return nil, nil, err
		}
		if i > 0 && !slices.Equal(inner, shape[1:]) {
			return nil, nil, fmt.Errorf("row %d has shape %v, row 0 has %v", i, inner, shape[1:])
		}
		shape = append(shape[:1], inner...)
		flat = append(flat, part...)
	}
	return flat, shape, nil
}

func shorten(text []byte) string {
	if len(text) > 40 {
		return string(text[:40]) + "…"
	}
	return string(text)
}

// parseInverseMass reads Config.InverseMassMatrix for a model and the metric that begins with it: D variances or D² elements,
// which a diagonal metric does not take. The others take both: dense adapts them, unit keeps them.
func parseInverseMass(doc Document, m *model.Manifest, metric adapt.MetricKind) ([]float64, error) {
	if len(doc.Text) == 0 {
		return nil, nil
	}
	var sites map[string]json.RawMessage
	if err := json.Unmarshal(doc.Text, &sites); err != nil {
		return nil, fmt.Errorf("inverse mass matrix%s: %w", doc.from(), err)
	}
	var out []float64
	var err error
	switch _, full := sites["dense"]; {
	case full && metric != adapt.MetricDense && metric != adapt.MetricUnit:
		err = fmt.Errorf("it is a full matrix, which --metric %s has no room for: --metric %s adapts it, --metric %s keeps it", metric, adapt.MetricDense, adapt.MetricUnit)
	case full:
		out, err = denseMass(sites, m)
	default:
		out, err = diagonalMass(sites, m)
	}
	if err != nil {
		return nil, fmt.Errorf("inverse mass matrix%s: %w", doc.from(), err)
	}
	return out, nil
}

// diagonalMass reads {site: [variances]}; sites that are not named have variances of 1.
func diagonalMass(sites map[string]json.RawMessage, m *model.Manifest) ([]float64, error) {
	out := make([]float64, m.Dimension)
	for i := range out {
		out[i] = 1
	}
	for _, name := range slices.Sorted(maps.Keys(sites)) {
		s, err := positionOf(m, name)
		if err != nil {
			return nil, err
		}
		flat, _, err := parseNumbers(sites[name])
		if err != nil {
			return nil, fmt.Errorf("site %q: %w", name, err)
		}
		if len(flat) != s.UnconstrainedSize {
			return nil, fmt.Errorf("site %q has %d variances, want %d: one an element on unconstrained space", name, len(flat), s.UnconstrainedSize)
		}
		for i, x := range flat {
			if !(x > 0) {
				return nil, fmt.Errorf("site %q: variance %v is not positive", name, x)
			}
			out[s.Offset+i] = x
		}
	}
	return out, nil
}

// denseMass reads {"sites": […], "dense": [[…]]}: rows and columns are the elements of the sites in the order of the list;
// other sites have variances of 1.
func denseMass(doc map[string]json.RawMessage, m *model.Manifest) ([]float64, error) {
	var names []string
	if err := json.Unmarshal(doc["sites"], &names); err != nil || len(doc) != 2 {
		return nil, errors.New(`want {"sites": [names], "dense": [[rows]]}`)
	}
	flat, shape, err := parseNumbers(doc["dense"])
	if err != nil {
		return nil, err
	}
	var elements []int
	for _, name := range names {
		s, err := positionOf(m, name)
		if err != nil {
			return nil, err
		}
		for i := range s.UnconstrainedSize {
			if slices.Contains(elements, s.Offset+i) {
				return nil, fmt.Errorf("site %q is listed twice", name)
			}
			elements = append(elements, s.Offset+i)
		}
	}
	n, dim := len(elements), m.Dimension
	if !slices.Equal(shape, []int{n, n}) {
		return nil, fmt.Errorf("dense has shape %v, want [%d %d]: the sites have %d elements on unconstrained space", shape, n, n, n)
	}
	out := make([]float64, dim*dim)
	for i := range dim {
		out[i*dim+i] = 1
	}
	for i, a := range elements {
		for k, b := range elements {
			if flat[i*n+k] != flat[k*n+i] {
				return nil, fmt.Errorf("dense is not symmetric: [%d][%d] and [%d][%d] differ", i, k, k, i)
			}
			out[a*dim+b] = flat[i*n+k]
		}
	}
	if !positiveDefinite(flat, n) {
		return nil, errors.New("dense is not positive definite: it is no covariance matrix")
	}
	return out, nil
}

// positiveDefinite reports whether the lower triangle of an n × n matrix has a Cholesky factor.
func positiveDefinite(a []float64, n int) bool {
	l := make([]float64, n*n)
	for i := range n {
		for k := range i + 1 {
			rest := a[i*n+k]
			for j := range k {
				rest -= l[i*n+j] * l[k*n+j]
			}
			switch {
			case k < i:
				l[i*n+k] = rest / l[k*n+k]
			case rest > 0:
				l[i*n+i] = math.Sqrt(rest)
			default:
				return false
			}
		}
	}
	return true
}

// positionOf returns a site that has a part of the position.
func positionOf(m *model.Manifest, name string) (*model.SiteInfo, error) {
	if s := m.Site(name); s != nil && (s.Kind == model.Latent || s.Kind == model.Auxiliary) {
		return s, nil
	}
	var names []string
	for _, s := range m.Sites {
		if s.Kind == model.Latent || s.Kind == model.Auxiliary {
			names = append(names, s.Name)
		}
	}
	return nil, fmt.Errorf("%q is no latent site (latent: %s)", name, strings.Join(names, ", "))
}
