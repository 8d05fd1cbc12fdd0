package model

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// noDraws says why there are no predictive programs.
const noDraws = "the model was imported as programs, and none of them draws its sites: draw them where the model was written, given the run's draws"

// compile returns the bundle.
func (k *importer) compile(opts Options) (*Bundle, error) {
	b := &Bundle{
		Manifest: k.described(), LogDensity: k.from.LogDensity, Unconstrain: k.from.Unconstrain, Constrain: k.from.Constrain,
		SiteLogDensity: k.from.SiteLogDensity, Predictive: k.from.Predictive, Prior: k.from.Prior, DataCheck: k.from.DataCheck,
		Digest: k.from.LogDensity.Digest(),
	}
	var err error
	if b.Init, err = k.start(opts); err != nil {
		return nil, err
	}
	// The supports of latent sites are known where the model was written only, as is what a start may be.
	b.StartCheck, err = tensor.Trace("start_check", k.m.Float, b.Init.In, func([]tensor.Value) []tensor.Value { return nil })
	return b, err
}

// described returns the manifest, which says why programs that draw are missing.
func (k *importer) described() Manifest {
	m := k.from.Manifest
	reasons := map[string]string{}
	for name, f := range map[string]*tensor.Func{"predictive": k.from.Predictive, "prior": k.from.Prior} {
		if f == nil {
			reasons[name] = noDraws
			if reason := m.Unavailable[name]; reason != "" {
				reasons[name] = reason
			}
		}
	}
	m.Unavailable = reasons
	return m
}

// compilePrior returns the bundle of CompilePrior.
func (k *importer) compilePrior() (*Bundle, error) {
	m := k.described()
	if k.from.Prior == nil {
		return nil, k.problem("%s", m.Unavailable["prior"])
	}
	return &Bundle{Manifest: m, Prior: k.from.Prior}, nil
}

// draws checks the programs that draw, and gives them the seed as one number.
func (k *importer) draws() error {
	if err := k.drawing(&k.from.Predictive, "predictive", k.position(), Deterministic, Observed); err != nil {
		return err
	}
	return k.drawing(&k.from.Prior, "prior", nil, Latent, Deterministic, Observed)
}

func (k *importer) drawing(program **tensor.Func, name string, lead []tensor.Param, kinds ...Kind) error {
	f := *program
	if f == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, out := range f.Out {
		s := k.from.Manifest.Site(out.Name)
		switch {
		case s == nil || !slices.Contains(kinds, s.Kind) || seen[out.Name]:
			return k.problem("program %s: the result %q is no site that it draws, or one that it draws twice", name, out.Name)
		case out.DType != tensor.ParseDType(s.DType) || !slices.Equal(out.Shape, s.Shape):
			return k.problem("program %s: site %q is %s, want %s of shape %v", name, out.Name, tensor.FormatShape(out.DType, out.Shape), s.DType, s.Shape)
		}
		seen[out.Name] = true
	}
	words := []tensor.Param{{Name: inSeed, DType: tensor.U32, Shape: []int{2}}, {Name: inChain, DType: tensor.U32}, {Name: inDraw, DType: tensor.U32}}
	if err := k.named(program, name, append(slices.Clone(lead), words...), f.Out); err != nil {
		return err
	}
	inner, at := *program, len(lead)
	g, err := tensor.Trace(name, k.m.Float, slices.Concat(lead, keyParams(), k.m.dataParams()), func(args []tensor.Value) []tensor.Value {
		args = slices.Clone(args)
		args[at] = seedWords(args[at])
		return inner.Apply(anys(args)...)
	})
	if err != nil {
		return k.problem("program %s: %v", name, err)
	}
	for i := range g.Out {
		g.Out[i].Name = f.Out[i].Name
	}
	*program = g
	return nil
}

// seedWords returns the words of a seed, u64[], the higher first.
func seedWords(seed tensor.Value) tensor.Value {
	high, low := seed.Shr(uint64(32)), seed.And(uint64(0xffffffff))
	return tensor.Concat(0, high.Convert(tensor.U32).Reshape(1), low.Convert(tensor.U32).Reshape(1))
}

// dataCheck checks the program that checks the data, or makes one that finds nothing wrong.
func (k *importer) dataCheck() error {
	f := k.from.DataCheck
	if f == nil {
		var err error
		k.from.DataCheck, err = tensor.Trace("data_check", k.m.Float, k.from.LogDensity.In, func([]tensor.Value) []tensor.Value { return nil })
		return err
	}
	for i, out := range f.Out {
		j := i / 2 * 2 // of the pair's first
		s := k.from.Manifest.Site(f.Out[j].Name)
		if len(f.Out)%2 != 0 || s == nil || s.Kind != Observed || i == j && out.DType != tensor.Bool || i > j && (out.Name != valuePrefix+s.Name || !slices.Equal(out.Shape, s.Shape)) {
			return k.problem("program data_check: result %d, %q, is not of a pair: an observed site's elements inside its support, then its value", i, out.Name)
		}
		if i > j && !slices.Equal(f.Out[j].Shape, out.Shape[:min(len(f.Out[j].Shape), len(out.Shape))]) {
			return k.problem("program data_check: %v elements of site %q, whose shape is %v, are checked", f.Out[j].Shape, s.Name, out.Shape)
		}
	}
	if err := k.named(&k.from.DataCheck, "data_check", nil, f.Out); err != nil {
		return err
	}
	inner := k.from.DataCheck
	g, err := tensor.Trace("data_check", k.m.Float, k.from.LogDensity.In, func(args []tensor.Value) []tensor.Value { return inner.Apply(anys(args[1:])...) })
	if err != nil {
		return k.problem("program data_check: %v", err)
	}
	for i := range g.Out {
		g.Out[i].Name = f.Out[i].Name
	}
	k.from.DataCheck = g
	return nil
}

// start builds Bundle.Init: uniform starts with the streams that a model written here has, or draws from the prior, and given
// values through the program that unconstrains them.
func (k *importer) start(opts Options) (*tensor.Func, error) {
	if opts.Init == InitMedian || opts.Init == InitMean {
		return nil, k.problem("starts of strategy %q need the prior of each site, which a model that was imported as programs does not have: use %s or %s, or give values", opts.Init, InitUniform, InitPrior)
	}
	if opts.Init == InitPrior && (k.from.Prior == nil || k.from.Unconstrain == nil) {
		return nil, k.problem("starts from the prior need the programs prior and unconstrain: use %s, or give values", InitUniform)
	}
	if len(opts.Given) > 0 && k.from.Unconstrain == nil {
		return nil, k.problem("starts can't be given: the program file has no program unconstrain")
	}
	c := &compiler{m: k.m, manifest: k.from.Manifest}
	given, err := c.valueParams(opts.Given)
	if err != nil {
		return nil, err
	}
	return k.m.traceColumns("init", append(keyParams(), given...), nil, func(lead, columns, _ []tensor.Value) []result {
		position := k.uniform(lead)
		if opts.Init == InitPrior {
			position = k.drawn(lead, columns)
		}
		if len(opts.Given) > 0 {
			position = k.moved(position, columns, opts.Given, lead[3:])
		}
		return []result{{inPosition, position}}
	})
}

// uniform returns a start of InitUniform.
func (k *importer) uniform(lead []tensor.Value) tensor.Value {
	key := keyOf(lead, rng.PurposeInit)
	var parts []any
	for _, s := range k.latent() {
		parts = append(parts, key.Site(s.Name).Uniform(s.UnconstrainedSize).Mul(2*initRadius).Sub(initRadius))
	}
	return tensor.Concat(0, parts...)
}

// drawn returns a start of InitPrior: the attempt is the draw's number.
func (k *importer) drawn(lead, columns []tensor.Value) tensor.Value {
	sites := map[string]tensor.Value{}
	for i, v := range k.from.Prior.Apply(anys(slices.Concat(lead[:3], columns))...) {
		sites[k.from.Prior.Out[i].Name] = v
	}
	var args []tensor.Value
	for _, s := range k.latent() {
		args = append(args, sites[s.Name])
	}
	return k.from.Unconstrain.Apply(anys(append(args, columns...))...)[0]
}

// moved returns the position with the parts of given sites replaced by those of their values. A support may depend on other
// sites, so the given values are unconstrained together with the values that the others have.
func (k *importer) moved(position tensor.Value, columns []tensor.Value, given []string, values []tensor.Value) tensor.Value {
	constrained := map[string]tensor.Value{}
	for i, v := range k.from.Constrain.Apply(anys(append([]tensor.Value{position}, columns...))...) {
		constrained[k.from.Constrain.Out[i].Name] = v
	}
	for i, name := range given {
		constrained[name] = values[i]
	}
	var args []tensor.Value
	for _, s := range k.latent() {
		args = append(args, constrained[s.Name])
	}
	unconstrained := k.from.Unconstrain.Apply(anys(append(args, columns...))...)[0]
	var parts []any
	for _, s := range k.latent() {
		from := position
		if slices.Contains(given, s.Name) {
			from = unconstrained
		}
		parts = append(parts, from.Slice(0, s.Offset, s.Offset+s.UnconstrainedSize))
	}
	return tensor.Concat(0, parts...)
}
