package runner

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// CheckReport is what Check found.
type CheckReport struct {
	Model      string
	Dimension  int     // of unconstrained space
	LogDensity float64 // at the start
	Sites      []SiteCheck
}

// SiteCheck is what Check found about a site.
type SiteCheck struct {
	Name       string
	Kind       model.Kind
	Shape      []int
	Constraint string
	LogDensity float64 // of all elements, without Jacobians; NaN for a site that has none
	// Compared is the number of elements on unconstrained space whose derivative was compared with finite differences, 0 for a
	// site that has no part of the position; Error is the largest deviation, relative to the larger of 1 and the derivative.
	Compared int
	Error    float64
	OK       bool
}

// OK reports whether all sites are.
func (r *CheckReport) OK() bool {
	for _, s := range r.Sites {
		if !s.OK {
			return false
		}
	}
	return true
}

// String returns a line for the site.
func (s *SiteCheck) String() string {
	shape := "scalar"
	if len(s.Shape) > 0 {
		shape = strings.ReplaceAll(strings.Trim(fmt.Sprint(s.Shape), "[]"), " ", "×")
	}
	parts := []string{fmt.Sprintf("%s: %s, %s", s.Name, s.Kind, shape)}
	if s.Constraint != "" {
		parts = append(parts, s.Constraint)
	}
	if !math.IsNaN(s.LogDensity) {
		parts = append(parts, fmt.Sprintf("log density %.6g", s.LogDensity))
	}
	if s.Compared > 0 {
		verdict := "agrees with"
		if !s.OK {
			verdict = "DIFFERS from"
		}
		parts = append(parts, fmt.Sprintf("gradient %s finite differences (%d elements, largest deviation %.1e)", verdict, s.Compared, s.Error))
	}
	return strings.Join(parts, ", ")
}

const (
	checkStarts   = 100 // attempts, as a chain makes
	checkElements = 64  // compared of a site, evenly spread
)

// Check runs a model once: it binds and checks the data, finds a start where the density and its gradient are finite, and
// compares the gradient there with finite differences. Only a model that can't run is an error; a gradient that differs is
// in the report.
func Check(ctx context.Context, m Model, seed uint64) (*CheckReport, error) {
	b, err := model.Compile(m.Model, model.Options{})
	if err != nil {
		return nil, err
	}
	if err := checkData(b, m); err != nil {
		return nil, err
	}
	eng, err := engineOf(EngineAuto)
	if err != nil {
		return nil, err
	}
	k := &checker{ctx: ctx, model: m, bundle: b, engine: eng, narrow: m.Precision() != model.F64}
	if k.density, err = chain.NewEvaluator(eng, b.LogDensity); err != nil {
		return nil, err
	}
	defer k.density.Close()
	for i, c := range m.Columns {
		if err := k.density.Put(1+i, c.Bytes); err != nil {
			return nil, err
		}
	}
	if err := k.start(seed); err != nil {
		return nil, err
	}
	return k.report()
}

// checker is a Check under way.
type checker struct {
	ctx      context.Context
	model    Model
	bundle   *model.Bundle
	engine   engine.Engine
	density  *chain.Evaluator
	narrow   bool // the terms of the density are f32
	position []float64
	value    float64
	gradient []float64
}

// at evaluates the density.
func (k *checker) at(position []float64) (float64, []float64, error) {
	if err := k.ctx.Err(); err != nil {
		return 0, nil, context.Cause(k.ctx)
	}
	if err := k.density.Put(0, k.bytes(position)); err != nil {
		return 0, nil, err
	}
	if err := k.density.Run(); err != nil {
		return 0, nil, err
	}
	out := k.density.Results()
	return out[0].Float64s()[0], out[1].Float64s(), nil
}

func (k *checker) bytes(position []float64) []byte {
	return engine.Bytes(tensor.ArrayOf(k.bundle.LogDensity.Float, []int{len(position)}, position))
}

// start finds a start as chain 0 does.
func (k *checker) start(seed uint64) error {
	e, err := chain.NewEvaluator(k.engine, k.bundle.Init)
	if err != nil {
		return err
	}
	defer e.Close()
	for i, c := range k.model.Columns {
		err = errors.Join(err, e.Put(3+i, c.Bytes))
	}
	err = errors.Join(err, e.Put(0, binary.LittleEndian.AppendUint64(nil, seed)))
	for attempt := range uint32(checkStarts) {
		err = errors.Join(err, e.Put(2, binary.LittleEndian.AppendUint32(nil, attempt)))
		if err != nil {
			return err
		}
		if err = e.Run(); err != nil {
			return err
		}
		k.position = e.Results()[0].Float64s()
		if k.value, k.gradient, err = k.at(k.position); err != nil {
			return err
		}
		if finite(k.value) && !containsNonFinite(k.gradient) {
			return nil
		}
	}
	sites, err := k.sites()
	if err != nil {
		return err
	}
	where := k.bundle.NonFinite(sites)
	if where == "" {
		where = "a derivative"
	}
	return fmt.Errorf("the log density or its gradient is not finite at any of %d starting points: at the last one %s", checkStarts, where)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func containsNonFinite(x []float64) bool {
	for _, v := range x {
		if !finite(v) {
			return true
		}
	}
	return false
}

// sites returns the sites' log densities at the position.
func (k *checker) sites() ([]*tensor.Array, error) {
	in := [][]byte{k.bytes(k.position)}
	for _, c := range k.model.Columns {
		in = append(in, c.Bytes)
	}
	return chain.Evaluate(k.engine, k.bundle.SiteLogDensity, in)
}

func (k *checker) report() (*CheckReport, error) {
	manifest := &k.bundle.Manifest
	r := &CheckReport{Model: manifest.Model, Dimension: manifest.Dimension, LogDensity: k.value}
	arrays, err := k.sites()
	if err != nil {
		return nil, err
	}
	densities := map[string]float64{}
	for i, out := range k.bundle.SiteLogDensity.Out {
		sum := 0.0
		for _, x := range arrays[i].Float64s() {
			sum += x
		}
		densities[out.Name] = sum
	}
	for _, s := range manifest.Sites {
		c := SiteCheck{Name: s.Name, Kind: s.Kind, Shape: s.Shape, Constraint: s.Constraint, LogDensity: math.NaN(), OK: true}
		if d, ok := densities[s.Name]; ok {
			c.LogDensity = d
		}
		if s.Kind == model.Latent || s.Kind == model.Auxiliary {
			if err := k.compare(&c, s.Offset, s.UnconstrainedSize); err != nil {
				return nil, err
			}
		}
		r.Sites = append(r.Sites, c)
	}
	return r, nil
}

// compare compares derivatives with respect to n elements of the position from offset on.
func (k *checker) compare(c *SiteCheck, offset, n int) error {
	c.Compared = min(n, checkElements)
	for i := range c.Compared {
		deviation, allowed, err := k.deviation(offset + i*n/c.Compared)
		if err != nil {
			return err
		}
		c.Error = math.Max(c.Error, deviation)
		if !(deviation <= allowed) {
			c.OK = false
		}
	}
	return nil
}

// deviation compares one derivative with central differences of three step sizes, and returns the smallest deviation,
// relative to the larger of 1 and the derivative, and what rounding allows. A step of the cube root of the unit roundoff
// balances rounding and truncation where derivatives are of the order of 1; smaller ones help where the density bends more.
func (k *checker) deviation(i int) (least, allowed float64, err error) {
	epsilon, tolerance := 0x1p-52, 1e-4
	if k.narrow {
		epsilon, tolerance = 0x1p-23, 2e-2
	}
	g := k.gradient[i]
	scale := math.Max(1, math.Abs(g))
	x := append([]float64(nil), k.position...)
	least = math.Inf(1)
	for _, shrink := range []float64{1, 8, 64} {
		h := math.Cbrt(epsilon) * math.Max(1, math.Abs(k.position[i])) / shrink
		x[i] = k.position[i] + h
		up, _, err := k.at(x)
		if err != nil {
			return 0, 0, err
		}
		x[i] = k.position[i] - h
		down, _, err := k.at(x)
		if err != nil {
			return 0, 0, err
		}
		rounding := 8 * epsilon * math.Max(math.Abs(up), math.Abs(down)) / h / scale
		if d := math.Abs((up-down)/(2*h)-g) / scale; d-rounding < least-allowed {
			least, allowed = d, rounding
		}
	}
	return least, tolerance + allowed, nil
}
