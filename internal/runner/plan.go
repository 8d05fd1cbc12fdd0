package runner

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
)

// plan is a run before its chains exist: the model's bundle and what the configuration means for it.
type plan struct {
	cfg     Config
	model   Model
	engine  engine.Engine
	bundle  *model.Bundle
	starts  []chain.Start
	chain   chain.Config
	batch   int // chains of a pack
	began   time.Time
	seconds store.Seconds
}

// newPlan traces the model and checks data and configuration against it.
func newPlan(cfg Config, m Model) (*plan, error) {
	p := &plan{cfg: cfg, model: m, began: time.Now()}
	traced := p.began
	if !cfg.Began.IsZero() {
		p.began = cfg.Began
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var err error
	if p.engine, err = engineOf(cfg.Engine); err != nil {
		return nil, err
	}
	if p.cfg.Seed == nil {
		if p.cfg.Seed, err = drawSeed(); err != nil {
			return nil, err
		}
	}
	values, err := parseStarts(cfg.Init, cfg.Chains)
	if err != nil {
		return nil, &InputError{err}
	}
	var given []string
	if len(values) > 0 {
		given = values.given(0)
	}
	if p.bundle, err = compileWith(m.Model, cfg, given); err != nil {
		return nil, err
	}
	if err := checkData(p.bundle, m); err != nil {
		return nil, err
	}
	if p.starts, err = chainStarts(m, p.bundle, cfg, values); err != nil {
		return nil, &InputError{err}
	}
	p.chain = cfg.chain(*p.cfg.Seed)
	p.setBatch()
	if p.chain.InverseMass, err = parseInverseMass(cfg.InverseMassMatrix, &p.bundle.Manifest, p.chain.Metric); err != nil {
		return nil, &InputError{err}
	}
	if err := cfg.checkSites(p.bundle.Manifest.Kept()); err != nil {
		return nil, &InputError{err}
	}
	p.seconds.Trace = store.Float(time.Since(traced).Seconds())
	return p, nil
}

// setBatch sets the width of packs, once the engine is known.
func (p *plan) setBatch() {
	p.batch, p.chain.Batch = p.cfg.batch(p.engine.Name(), p.cfg.workers()), 0
	if p.batch > 1 {
		p.chain.Batch = p.batch
	}
}

// compileWith compiles a model whose Init takes the given sites. An error that the model without them does not have is one
// in their names.
func compileWith(m *model.Model, cfg Config, given []string) (*model.Bundle, error) {
	b, err := model.Compile(m, cfg.modelOptions(given))
	if err != nil && len(given) > 0 {
		if _, e := model.Compile(m, cfg.modelOptions(nil)); e == nil {
			err = &InputError{err}
		}
	}
	return b, err
}

func drawSeed() (*uint64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	// 53 bits, so that every reader of run.json has it exactly.
	seed := binary.LittleEndian.Uint64(b[:]) >> 11
	return &seed, nil
}

// uniqueStarts returns a start for each program that starts need.
func (p *plan) uniqueStarts() []chain.Start {
	var out []chain.Start
	for _, s := range p.starts {
		if !slices.ContainsFunc(out, func(t chain.Start) bool { return t.Init == s.Init }) {
			out = append(out, s)
		}
	}
	return out
}

// describe returns the description of the run, as far as it is known before it begins, and the copies of its inputs.
func (p *plan) describe() (store.Run, []store.Copy, error) {
	inputs, copies, err := p.model.copies(p.cfg)
	if err != nil {
		return store.Run{}, nil, err
	}
	schema, err := schemaOf(&p.bundle.Manifest, p.cfg.keeps)
	return store.Run{
		Format: store.FormatVersion, Model: p.model.Name, Program: p.model.Program, Seed: *p.cfg.Seed, Versions: versionsOf(p.engine),
		Files: inputs, Digest: p.bundle.Digest, Settings: p.cfg.settings(p.engine.Name(), string(p.model.Precision()), p.batch),
		Schema: schema, State: store.Running, Created: p.began.UTC().Format(time.RFC3339),
	}, copies, err
}

// schemaOf returns the schema of the sites that are kept, those without elements left out.
func schemaOf(m *model.Manifest, keeps func(string) bool) (store.Schema, error) {
	s := store.Schema{SampleStats: true}
	for _, site := range m.Kept() {
		if keeps(site.Name) {
			s.Sites = append(s.Sites, siteOf(m, site, kindOf(site.Kind)))
		}
	}
	if len(s.Sites) == 0 {
		return s, &InputError{errors.New("no site is left to store: --save and --exclude leave none")}
	}
	return s, nil
}

func siteOf(m *model.Manifest, site model.SiteInfo, kind store.Kind) store.Site {
	out := store.Site{Name: site.Name, Shape: site.Shape, Dims: site.Dims, DType: store.DType(site.DType), Kind: kind}
	for _, dim := range site.Dims {
		if names, ok := m.Coords[dim]; ok {
			if out.Coords == nil {
				out.Coords = map[string][]string{}
			}
			out.Coords[dim] = names
		}
	}
	return out
}

func kindOf(k model.Kind) store.Kind {
	switch k {
	case model.Latent:
		return store.Latent
	case model.Auxiliary:
		return store.Auxiliary
	}
	return store.Deterministic
}
