package model

import (
	"fmt"
	"math"
	"strconv"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// dataCheck builds the program that checks observations against their supports. It checks a site where data and constants
// alone decide; a support that depends on latent values cannot be checked before sampling.
func (k *compiler) dataCheck() (*tensor.Func, error) {
	return k.m.trace("data_check", []tensor.Param{k.positionParam()}, nil, func(p Program, lead, _ []tensor.Value) []result {
		t := record(p.With(handle(allRows{}), handle(positioned{layout: &k.layout, position: lead[0]})), false)
		var out []result
		known := map[*tensor.Node]bool{}
		for _, s := range t.Sites {
			if s.Kind != Observed {
				continue
			}
			if ok := s.Dist.Support().Check(s.Value); !dependsOn(ok, lead[0], known) {
				out = append(out, result{s.Name, ok}, result{valuePrefix + s.Name, s.Value})
			}
		}
		return out
	})
}

// CheckData returns an error for the first observation outside the support of its site, given the results of DataCheck.
// It panics if results are not those of DataCheck.
func (b *Bundle) CheckData(results []*tensor.Array) error {
	for i := 0; i < len(b.DataCheck.Out); i += 2 {
		name, ok, y := b.DataCheck.Out[i].Name, results[i], results[i+1]
		site := b.Manifest.Site(name)
		for e, bit := range ok.Bits {
			if bit != 0 {
				continue
			}
			return fmt.Errorf("model %s: observation %s%s is outside the support of %s (%s)",
				b.Manifest.Model, position(name, ok.Shape, e), elementText(y, len(ok.Bits), e), site.Distribution, site.Constraint)
		}
	}
	return nil
}

// startCheck builds the program that checks given starts against the supports of their sites. A support that depends on a
// start that is drawn can't be checked before it is.
func (k *compiler) startCheck() (*tensor.Func, error) {
	if len(k.opts.Given) == 0 {
		return k.m.trace("start_check", keyParams(), nil, func(Program, []tensor.Value, []tensor.Value) []result { return nil })
	}
	return k.traceStart("start_check", func(p Program, h starting) []result {
		var out []result
		k.supports = map[string]string{}
		known := map[*tensor.Node]bool{}
		h.check = func(s *Site, x, u tensor.Value) {
			inside, finite := s.Dist.Support().Check(x), u.IsFinite().All()
			if dependsOn(inside, h.key.Seed, known) {
				return
			}
			if dependsOn(finite, h.key.Seed, known) {
				finite = tensor.Lift(true)
			}
			k.supports[s.Name] = fmt.Sprintf("%s (%s)", s.distribution(), s.Dist.Support())
			out = append(out, result{s.Name, inside}, result{s.Name, finite}, result{valuePrefix + s.Name, x})
		}
		k.collect(p, h)
		return out
	})
}

// CheckStart returns an error for the first given starting value that is no start, given the results of StartCheck. It
// panics if results are not those of StartCheck.
func (b *Bundle) CheckStart(results []*tensor.Array) error {
	for i := 0; i < len(b.StartCheck.Out); i += 3 {
		name, inside, finite, x := b.StartCheck.Out[i].Name, results[i], results[i+1], results[i+2]
		for e, bit := range inside.Bits {
			if bit == 0 {
				return fmt.Errorf("site %q: the start %s%s is outside the support of %s",
					name, position(name, inside.Shape, e), elementText(x, len(inside.Bits), e), b.supports[name])
			}
		}
		if finite.Bits[0] == 0 {
			return fmt.Errorf("site %q: the start lies on the edge of the support of %s, where unconstrained space has no point: give one inside",
				name, b.supports[name])
		}
	}
	return nil
}

// elementText writes " = x" for element e of n where y has one number for each.
func elementText(y *tensor.Array, n, e int) string {
	if len(y.Bits) != n {
		return ""
	}
	return " = " + strconv.FormatFloat(tensor.DecodeFloat(y.DType, y.Bits[e]), 'g', -1, 64)
}

// NonFinite names the first element of the results of SiteLogDensity that is not finite, with its value ("obs[3] = -Inf"),
// or returns "" where all are finite: for a position whose log density is not.
func (b *Bundle) NonFinite(results []*tensor.Array) string {
	for i, out := range b.SiteLogDensity.Out {
		for e, x := range results[i].Float64s() {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Sprintf("%s = %v", position(out.Name, out.Shape, e), x)
			}
		}
	}
	return ""
}
