package runner

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Predict draws from the posterior predictive distribution, a draw for each draw of the run in dir, or from the prior
// predictive one, as many, and stores them in a run directory inside dir, in the place of earlier ones. The draws are the
// same whenever they are made, and those of a run that was extended begin with those of the run before.
func Predict(ctx context.Context, dir string, m Model, prior bool) (*Result, error) {
	posterior, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer posterior.Close()
	p, name := (*predictor)(nil), store.PosteriorPredictive
	if prior {
		s := &posterior.Run().Settings
		p, err = newPrior(m, s.Engine, s.Chains, s.Draws, posterior.Run().Seed)
		name = store.PriorPredictive
	} else {
		p, err = newPosterior(posterior, m)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	run := p.describe(m)
	run.Program, run.Files = posterior.Run().Program, nil
	w, err := store.Create(filepath.Join(dir, name), run, nil, true, store.Options{})
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	cause := p.run(ctx, diskTarget{w})
	state := store.Done
	if cause != nil {
		state = store.Failed
	}
	finished := w.Finish(state, cause, func(r *store.Run) { r.Seconds.Total = store.Float(time.Since(begin).Seconds()) })
	if err := errors.Join(cause, finished, w.Close()); err != nil {
		return nil, err
	}
	draws, err := Open(w.Dir())
	return &Result{draws, state}, err
}

// PosteriorPredictive returns predictive draws in memory, a draw for each draw of d.
func PosteriorPredictive(ctx context.Context, d Draws, m Model) (Draws, error) {
	p, err := newPosterior(d, m)
	if err != nil {
		return nil, err
	}
	return p.inMemory(ctx, m)
}

// PriorPredictive returns draws of all sites of a model from its prior, in memory.
func PriorPredictive(ctx context.Context, m Model, chains, draws int, seed uint64) (Draws, error) {
	p, err := newPrior(m, EngineAuto, chains, draws, seed)
	if err != nil {
		return nil, err
	}
	return p.inMemory(ctx, m)
}

func (p *predictor) inMemory(ctx context.Context, m Model) (Draws, error) {
	mem := newMemory(p.describe(m))
	if err := p.run(ctx, mem); err != nil {
		return nil, err
	}
	mem.run.State = store.Done
	return mem, nil
}

// predictor makes predictive draws: program is model.Bundle.Predictive, with the posterior's draws as positions, or Prior.
type predictor struct {
	engine    engine.Engine
	bundle    *model.Bundle
	program   *tensor.Func
	columns   []model.Column
	sites     []store.Site
	posterior []Array // of the latent sites; nil for the prior
	from      store.Settings
	seed      uint64
	first     int // transition number of draw 0
	step      int // transitions a draw
}

func newPosterior(d Draws, m Model) (*predictor, error) {
	run := d.Run()
	eng, err := engineOf(run.Settings.Engine)
	if err != nil {
		return nil, err
	}
	b, err := model.Compile(m.Model, model.Options{})
	if err != nil {
		return nil, err
	}
	if err := m.checkAgainst(run, b.Digest, versionsOf(eng)); err != nil {
		return nil, fmt.Errorf("predictive draws can't be made: %w", err)
	}
	if b.Predictive == nil {
		return nil, fmt.Errorf("predictive draws can't be made: %s", b.Manifest.Unavailable["predictive"])
	}
	p := &predictor{engine: eng, bundle: b, program: b.Predictive, columns: m.Columns, from: run.Settings, seed: run.Seed}
	p.from.Draws = d.Len(store.Sampling)
	p.first, p.step = run.Settings.Warmup+run.Settings.Thin-1, run.Settings.Thin
	for _, site := range b.Manifest.Sites {
		if site.Kind != model.Latent && site.Kind != model.Auxiliary {
			continue
		}
		a, err := d.Site(site.Name, store.Sampling)
		if err != nil {
			return nil, fmt.Errorf("predictive draws need the latent site %q, which the run did not store", site.Name)
		}
		p.posterior = append(p.posterior, a)
	}
	return p, p.describeSites()
}

func newPrior(m Model, engineName string, chains, draws int, seed uint64) (*predictor, error) {
	if chains < 1 || draws < 0 {
		return nil, fmt.Errorf("%d chains of %d prior draws", chains, draws)
	}
	eng, err := engineOf(engineName)
	if err != nil {
		return nil, err
	}
	b, err := model.CompilePrior(m.Model)
	if err != nil {
		return nil, err
	}
	p := &predictor{engine: eng, bundle: b, program: b.Prior, columns: m.Columns, seed: seed, step: 1}
	p.from = store.Settings{Chains: chains, Draws: draws, Thin: 1}
	return p, p.describeSites()
}

// describeSites lists the sites that are stored, which are all results of the program.
func (p *predictor) describeSites() error {
	for _, out := range p.program.Out {
		site := p.bundle.Manifest.Site(out.Name)
		kind := store.Predictive
		if site.Kind != model.Observed {
			kind = kindOf(site.Kind)
		}
		info := *site
		info.Shape, info.DType = out.Shape, out.DType.String()
		p.sites = append(p.sites, siteOf(&p.bundle.Manifest, info, kind))
	}
	if len(p.sites) == 0 {
		return errors.New("the model observes nothing: there is nothing to predict")
	}
	return nil
}

// describe returns the description of the predictive draws as a run.
func (p *predictor) describe(m Model) store.Run {
	return store.Run{
		Format: store.FormatVersion, Model: m.Name, Program: m.Program, Seed: p.seed, Versions: versionsOf(p.engine), Digest: p.program.Digest(),
		Settings: store.Settings{
			Chains: p.from.Chains, Draws: p.from.Draws, Thin: p.from.Thin, Precision: string(m.Precision()), Engine: p.engine.Name(),
		},
		Schema: store.Schema{Sites: p.sites}, State: store.Running, Created: time.Now().UTC().Format(time.RFC3339),
	}
}

// run makes the draws, chains on all cores.
func (p *predictor) run(ctx context.Context, to target) error {
	return forEach(p.from.Chains, func(i int) error {
		t, err := p.newThread()
		if err != nil {
			return err
		}
		return errors.Join(t.chain(ctx, i, to.writer()), t.close())
	})
}

// predictBatch is the number of draws handed over at a time.
const predictBatch = 256

// predictThread makes the draws of a chain.
type predictThread struct {
	p           *predictor
	draw        *chain.Evaluator
	unconstrain *chain.Evaluator // nil for the prior
	values      [][]float64      // of the latent sites
	bytes       [][]byte         // the same, as the program takes them
	batch       chain.Batch
}

func (p *predictor) newThread() (*predictThread, error) {
	t := &predictThread{p: p}
	var err error
	if t.draw, err = chain.NewEvaluator(p.engine, p.program); err != nil {
		return nil, err
	}
	put := func(e *chain.Evaluator, first int) {
		for i, c := range p.columns {
			err = errors.Join(err, e.Put(first+i, c.Bytes))
		}
	}
	put(t.draw, len(p.program.In)-len(p.columns))
	if p.posterior != nil {
		var compileErr error
		if t.unconstrain, compileErr = chain.NewEvaluator(p.engine, p.bundle.Unconstrain); compileErr != nil {
			return nil, errors.Join(compileErr, t.close())
		}
		put(t.unconstrain, len(p.posterior))
		for i := range p.posterior {
			in := p.bundle.Unconstrain.In[i]
			t.values = append(t.values, make([]float64, tensor.NumElements(in.Shape)))
			t.bytes = append(t.bytes, make([]byte, engine.SizeOf(in)))
		}
	}
	for i := range p.sites {
		t.batch.Values = append(t.batch.Values, make([]byte, 0, predictBatch*p.sites[i].Size()*p.sites[i].DType.Size()))
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *predictThread) close() error {
	err := t.draw.Close()
	if t.unconstrain != nil {
		err = errors.Join(err, t.unconstrain.Close())
	}
	return err
}

// chain makes the draws of chain c.
func (t *predictThread) chain(ctx context.Context, c int, to chain.Sink) error {
	b := &t.batch
	b.Chain = c
	for d := range t.p.from.Draws {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := t.one(c, d); err != nil {
			return err
		}
		for i := range b.Values {
			b.Values[i] = append(b.Values[i], t.draw.Raw(i)...)
		}
		if b.Len++; b.Len < predictBatch && d < t.p.from.Draws-1 {
			continue
		}
		if err := to.Append(b); err != nil {
			return err
		}
		b.First, b.Len = b.First+int64(b.Len), 0
		for i := range b.Values {
			b.Values[i] = b.Values[i][:0]
		}
	}
	return nil
}

// one makes draw d of chain c.
func (t *predictThread) one(c, d int) error {
	key := 0 // parameter of the key's seed
	if t.unconstrain != nil {
		if err := t.position(c, d); err != nil {
			return err
		}
		key = 1
	}
	var words [16]byte
	binary.LittleEndian.PutUint64(words[:], t.p.seed)
	binary.LittleEndian.PutUint32(words[8:], uint32(c))
	binary.LittleEndian.PutUint32(words[12:], uint32(t.p.first+d*t.p.step))
	err := errors.Join(t.draw.Put(key, words[:8]), t.draw.Put(key+1, words[8:12]), t.draw.Put(key+2, words[12:]))
	if err == nil {
		err = t.draw.Run()
	}
	return err
}

// position puts the posterior's draw on unconstrained space into the program.
func (t *predictThread) position(c, d int) error {
	for i, a := range t.p.posterior {
		if err := a.Draw(t.values[i], c, d); err != nil {
			return err
		}
		in := t.p.bundle.Unconstrain.In[i]
		size := in.DType.Size()
		for k, x := range t.values[i] {
			bits := tensor.EncodeFloat(in.DType, x)
			if size == 4 {
				binary.LittleEndian.PutUint32(t.bytes[i][4*k:], uint32(bits))
			} else {
				binary.LittleEndian.PutUint64(t.bytes[i][8*k:], bits)
			}
		}
		if err := t.unconstrain.Put(i, t.bytes[i]); err != nil {
			return err
		}
	}
	if err := t.unconstrain.Run(); err != nil {
		return err
	}
	return t.draw.Put(0, t.unconstrain.Raw(0))
}
