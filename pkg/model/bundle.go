package model

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
	"github.com/drey-sampler/drey/pkg/tensor/mixed"
)

// Bundle is a model as programs: what runs, and what travels to other machines. f is the model's float type, D the
// length of the position, the concatenated latent sites on unconstrained space; "columns" stands for the data columns in
// the order of the manifest. Results are named in Func.Out, by site where they belong to one.
type Bundle struct {
	Manifest Manifest

	// LogDensity: (position f[D], columns…, index i32[rows] of each subsampled plate…) → (log density f[], gradient f[D]),
	// on unconstrained space, Jacobians included.
	LogDensity *tensor.Func
	// Init: (seed u64, chain u32, attempt u32, value of each of Options.Given…, columns…) → position.
	Init *tensor.Func
	// StartCheck takes what Init takes and has three results for each site of Options.Given whose support the data and the
	// given values decide: bool, whether each element of its batch is in the support, bool[], whether all have places on
	// unconstrained space, if that is decided too, and the value. CheckStart reads them.
	StartCheck *tensor.Func
	// Unconstrain: (value of each latent and auxiliary site…, columns…) → position.
	Unconstrain *tensor.Func
	// Constrain: (position, columns…) → values of Manifest.Kept, in its order.
	Constrain *tensor.Func
	// SiteLogDensity: (position, columns…) → the log density of each random site and factor, unsummed, masked and scaled,
	// without Jacobians.
	SiteLogDensity *tensor.Func
	// Predictive: (position, seed u64, chain u32, draw u32, columns…) → drawn values of the sites that Observe declares and
	// the deterministic sites, given the latent ones. Nil where Manifest.Unavailable says why.
	Predictive *tensor.Func
	// Prior: (seed u64, chain u32, draw u32, columns…) → drawn values of all sites of the manifest; observations are drawn
	// whether they have data or not. Nil where Manifest.Unavailable says why.
	Prior *tensor.Func
	// DataCheck: (position, columns…) → two results for each observed site whose support the data alone decide, at any
	// position: bool, whether each element of its batch is in the support, and the observed value. CheckData reads them.
	DataCheck *tensor.Func

	supports map[string]string // what StartCheck checks, in words, by site

	Digest string // SHA-256 of the canonical text of LogDensity, hexadecimal
}

// InitStrategy says where chains start.
type InitStrategy string

// The strategies. Median and mean are taken on unconstrained space, where any average is legal, over 15 prior draws of
// each site given the sites before it (as NumPyro's init_to_median does); a site without a sampler starts as in
// InitUniform.
const (
	InitUniform InitStrategy = "uniform" // each unconstrained coordinate from U(-2, 2), as Stan does
	InitMedian  InitStrategy = "median"
	InitMean    InitStrategy = "mean"
	InitPrior   InitStrategy = "prior" // one draw from the prior
	InitValue   InitStrategy = "value" // Options.Given, other sites as in InitUniform
)

// Options configure Compile.
type Options struct {
	Init InitStrategy // default InitUniform
	// Given names sites whose constrained starting values Init takes as inputs, whatever the strategy: latent or auxiliary
	// sites, or sites that LocScaleReparam or TransformReparam made deterministic.
	Given []string
}

// Validate returns an error for an unknown strategy, or for InitValue without Given.
func (o Options) Validate() error {
	switch o.Init {
	case "", InitUniform, InitMedian, InitMean, InitPrior:
		return nil
	case InitValue:
		if len(o.Given) == 0 {
			return fmt.Errorf("model: start strategy %q needs the names of the sites that have values", o.Init)
		}
		return nil
	}
	return fmt.Errorf("model: unknown start strategy %q (want uniform, median, mean, prior or value)", o.Init)
}

// compiler builds the programs of one bundle.
type compiler struct {
	m        *Model
	opts     Options
	layout   layout
	manifest Manifest
	supports map[string]string // Bundle.supports
}

// Compile traces the programs of a model. The error names the site and its place in the model.
func Compile(m *Model, opts Options) (*Bundle, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if m.imported != nil {
		return m.imported.compile(opts)
	}
	k := &compiler{m: m, opts: opts}
	if err := k.lay(false); err != nil {
		return nil, err
	}
	if k.layout.dim == 0 {
		return nil, fmt.Errorf("model %s: no latent sites: there is nothing to infer", m.Name)
	}
	b := &Bundle{}
	for _, p := range []struct {
		program **tensor.Func
		build   func() (*tensor.Func, error)
	}{
		{&b.LogDensity, k.logDensity}, {&b.Init, k.start}, {&b.Unconstrain, k.unconstrain}, {&b.Constrain, k.constrain},
		{&b.SiteLogDensity, k.siteLogDensity}, {&b.DataCheck, k.dataCheck}, {&b.StartCheck, k.startCheck},
	} {
		f, err := p.build()
		if err != nil {
			return nil, err
		}
		*p.program = f
	}
	b.Predictive = k.optional("predictive", k.predictive)
	b.Prior = k.optional("prior", k.prior)
	b.Manifest, b.supports = k.manifest, k.supports
	b.Digest = b.LogDensity.Digest()
	return b, nil
}

// CompilePrior traces the prior predictive program alone, for models whose observations have no data. The other programs
// of the bundle are nil, and its sites have no part of a position.
func CompilePrior(m *Model) (*Bundle, error) {
	if m.imported != nil {
		return m.imported.compilePrior()
	}
	k := &compiler{m: m}
	if err := k.lay(true); err != nil {
		return nil, err
	}
	f, err := k.prior()
	if err != nil {
		return nil, err
	}
	return &Bundle{Manifest: k.manifest, Prior: f}, nil
}

// optional builds a program that some models cannot have, those whose distributions have no sampler for example.
func (k *compiler) optional(name string, build func() (*tensor.Func, error)) *tensor.Func {
	f, err := build()
	if err != nil {
		if k.manifest.Unavailable == nil {
			k.manifest.Unavailable = map[string]string{}
		}
		k.manifest.Unavailable[name] = err.Error()
		return nil
	}
	return f
}

func (k *compiler) positionParam() tensor.Param {
	return tensor.Param{Name: inPosition, DType: k.m.Float, Shape: []int{k.layout.dim}}
}

func keyParams() []tensor.Param {
	return []tensor.Param{{Name: inSeed, DType: tensor.U64}, {Name: inChain, DType: tensor.U32}, {Name: inDraw, DType: tensor.U32}}
}

// keyOf returns the key of keyParams. Starts are few, and rolled take XLA half the time to compile.
func keyOf(v []tensor.Value, p rng.Purpose) rng.Key {
	return rng.Key{Seed: v[0], Chain: v[1], Draw: v[2], Purpose: p, Rolled: p == rng.PurposeInit}
}

// lay runs the model once to find its sites and lay out the position. With prior set, all sites are drawn instead.
func (k *compiler) lay(prior bool) error {
	var t *Trace
	var plates []PlateInfo
	f, err := k.m.trace("layout", keyParams(), nil, func(p Program, key, _ []tensor.Value) []result {
		k.layout = layout{slots: map[string]slot{}, replaced: map[string]bool{}}
		plates = nil
		p = p.With(handle(allRows{found: &plates}))
		if prior {
			p = p.With(handle(redrawing{}), Seed(keyOf(key, rng.PurposeSite)))
		} else {
			p = p.With(handle(laying{layout: &k.layout, anchor: key[0], float: k.m.Float}))
		}
		t = Record(p)
		return siteValues(t, func(s *Site) bool { return s.Kind != FactorSite })
	})
	if err != nil {
		return err
	}
	k.manifest = Manifest{
		Model: k.m.Name, Float: k.m.Float.String(), Dimension: k.layout.dim,
		Columns: columnInfos(k.m.Columns), Statics: k.m.Statics, Plates: uniquePlates(plates),
	}
	return k.describe(t, f)
}

// describe fills in the manifest from the trace t whose values are the results of f.
func (k *compiler) describe(t *Trace, f *tensor.Func) (err error) {
	defer func() { // a site with too many names of dimensions
		if r := recover(); r != nil {
			err = fmt.Errorf("model %s: %w", k.m.Name, r.(*tensor.Error))
		}
	}()
	for _, out := range f.Out {
		s := t.Site(out.Name)
		info := SiteInfo{Name: s.Name, Kind: s.Kind, DType: out.DType.String(), Shape: out.Shape}
		if s.Kind == Observed {
			info.Shape = s.shape()
		}
		info.Dims = s.dimNames(info.Shape)
		if s.Kind.random() {
			info.Distribution, info.Constraint = s.distribution(), s.Dist.Support().String()
		}
		if l, ok := k.layout.slots[s.Name]; ok {
			info.Offset, info.UnconstrainedSize = l.offset, l.size()
		}
		k.manifest.Sites = append(k.manifest.Sites, info)
	}
	for _, p := range t.Plates {
		if p.Coords != nil {
			if k.manifest.Coords == nil {
				k.manifest.Coords = map[string][]string{}
			}
			k.manifest.Coords[p.Name] = p.Coords
		}
	}
	return nil
}

func uniquePlates(all []PlateInfo) []PlateInfo {
	var out []PlateInfo
	seen := map[string]bool{}
	for _, p := range all {
		if !seen[p.Name] {
			seen[p.Name] = true
			out = append(out, p)
		}
	}
	return out
}

// siteValues returns the values of the sites that keep holds for, in order.
func siteValues(t *Trace, keep func(*Site) bool) []result {
	var out []result
	for _, s := range t.Sites {
		if keep(s) {
			out = append(out, result{s.Name, s.Value})
		}
	}
	return out
}

func (k *compiler) logDensity() (*tensor.Func, error) {
	var subsampled []string
	var index []tensor.Param
	for _, p := range k.manifest.Plates {
		if p.Rows < p.Size {
			subsampled = append(subsampled, p.Name)
			index = append(index, tensor.Param{Name: indexPrefix + p.Name, DType: tensor.I32, Shape: []int{p.Rows}})
		}
	}
	f, err := k.m.trace("log_density", []tensor.Param{k.positionParam()}, index, func(p Program, lead, trail []tensor.Value) []result {
		rows := map[string]tensor.Value{}
		for i, name := range subsampled {
			rows[name] = trail[i]
		}
		t := Record(p.With(handle(givenRows{index: rows}), handle(positioned{layout: &k.layout, position: lead[0], jacobians: true})))
		return []result{{"log_density", t.logDensity(lead[0])}}
	})
	if err != nil {
		return nil, err
	}
	if f, err = beforeGathers(f); err != nil {
		return nil, err
	}
	differentiate := grad.ValueAndGrad
	if k.m.mixed {
		differentiate = mixed.ValueAndGrad
	}
	g, err := differentiate(f, 0)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", k.m.Name, err)
	}
	g.Name = f.Name
	g.Out[0].Name, g.Out[1].Name = "log_density", "gradient"
	return g, nil
}

func (k *compiler) constrain() (*tensor.Func, error) {
	return k.m.trace("constrain", []tensor.Param{k.positionParam()}, nil, func(p Program, lead, _ []tensor.Value) []result {
		t := record(p.With(handle(allRows{}), handle(positioned{layout: &k.layout, position: lead[0]})), false)
		return siteValues(t, func(s *Site) bool { return s.Kind == Latent || s.Kind == Auxiliary || s.Kind == Deterministic })
	})
}

func (k *compiler) siteLogDensity() (*tensor.Func, error) {
	return k.m.trace("site_log_density", []tensor.Param{k.positionParam()}, nil, func(p Program, lead, _ []tensor.Value) []result {
		t := Record(p.With(handle(allRows{}), handle(positioned{layout: &k.layout, position: lead[0]})))
		var out []result
		for _, s := range t.Sites {
			if s.logProb.IsValid() {
				out = append(out, result{s.Name, s.LogDensity()})
			}
		}
		return out
	})
}
