package chain

import (
	"fmt"
	"strings"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// traced are the programs of a chain. "columns" stands for the data columns.
type traced struct {
	// init is kernels.Programs.Init: (position, step size, factor, columns…) → chain.
	init *tensor.Func
	// run is kernels.Programs.Run: (control, chain, columns…) → chain.
	run *tensor.Func
	// tune: (seed, chain, draw, occasion i32, State, Adapt, columns…) → Adapt.
	tune *tensor.Func
}

// tracer makes the programs of a bundle under a configuration.
type tracer struct {
	bundle   *model.Bundle
	cfg      Config
	capacity int
	columns  []tensor.Param
	rolled   bool // see kernels.Spec
}

func newTracer(b *model.Bundle, cfg Config, columns, capacity int, rolled bool) (*tracer, error) {
	in := b.LogDensity.In[1:]
	if len(in) > columns {
		return nil, fmt.Errorf("chain: model %s: the kernel %s needs all rows of a plate, and %s takes a subsample", b.Manifest.Model, cfg.Kernel, strings.TrimPrefix(in[columns].Name, "index:"))
	}
	if len(in) < columns {
		return nil, fmt.Errorf("chain: model %s: %d data columns for a program that takes %d", b.Manifest.Model, columns, len(in))
	}
	return &tracer{bundle: b, cfg: cfg, capacity: capacity, columns: in, rolled: rolled}, nil
}

// kernel traces the programs of the configured kernel.
func (t *tracer) kernel() (*traced, error) {
	if t.cfg.Kernel == HMC {
		return traceKernel(t, t.cfg.hmc())
	}
	return traceKernel(t, t.cfg.nuts())
}

func traceKernel[S kernels.Located](t *tracer, k kernels.Kernel[kernels.Params, S, kernels.Info]) (*traced, error) {
	target := model.Target{LogDensity: t.bundle.LogDensity}
	a := adapter{t.cfg.adaptation(), target.Float(), target.Dim(), t.cfg.dense(target.Dim()), t.cfg.StepSize > 0, t.cfg.steep()}
	spec := kernels.Spec[kernels.Params, S, adapt.State]{
		Name: string(t.cfg.Kernel), Kernel: k, Target: target, Adapt: a, Float: target.Float(),
		Data: t.columns, Env: t.bundle.Manifest.DataEnv, Capacity: t.capacity, Abreast: t.cfg.Batch > 0, Rolled: t.rolled,
	}
	p, err := spec.Build()
	if err != nil {
		return nil, err
	}
	occasion := []tensor.Param{{Name: "occasion", DType: tensor.I32}}
	tune, err := spec.Between(p, "tune", occasion, func(key rng.Key, e model.Env, s S, x adapt.State, in []tensor.Value) adapt.State {
		return a.tune(key, target, e, s.Current(), x, in[0])
	})
	if err != nil {
		return nil, err
	}
	return &traced{p.Init, p.Run, tune}, nil
}

// Results of the start program before those of the chain.
const (
	startOK = iota
	startPosition
	startChain
)

// bufferPrefix begins the names of the parts of a chain that hold draws; the others are its state between calls.
const bufferPrefix = "Buffers."

// start traces the program that makes a chain: (seed u64, chain u32, attempt u32, given values…, step size f[], inverse mass
// matrix, columns…) → (whether the density and its gradient are finite, position, chain without buffers). begin is
// model.Bundle.Init.
func (t *tracer) start(begin, init *tensor.Func) (*tensor.Func, error) {
	lead := append([]tensor.Param(nil), begin.In[:len(begin.In)-len(t.columns)]...)
	stepSize, inverseMass := init.In[1], init.In[2]
	inverseMass.Name = "inverse_mass"
	n := len(lead)
	params := append(append(lead, stepSize, inverseMass), t.columns...)
	names := []string{"ok", "position"}
	f, err := tensor.Trace("start", init.Float, params, func(v []tensor.Value) []tensor.Value {
		columns := values(v[n+2:])
		position := begin.Apply(append(values(v[:n]), columns...)...)[0]
		density := t.bundle.LogDensity.Apply(append([]any{position}, columns...)...)
		ok := density[0].IsFinite().And(density[1].IsFinite().All())
		chain := init.Apply(append([]any{position, v[n], adapt.Factor(v[n+1])}, columns...)...)
		out := []tensor.Value{ok, position}
		for i, p := range init.Out {
			if !strings.HasPrefix(p.Name, bufferPrefix) {
				out, names = append(out, chain[i]), append(names, p.Name)
			}
		}
		return out
	})
	if err == nil && t.rolled {
		f, err = once(f)
	}
	if err != nil {
		return nil, err
	}
	for i := range f.Out {
		f.Out[i].Name = names[i]
	}
	return f, nil
}

// transform traces the program that maps positions to values of sites: (positions f[capacity, D], rows i32, earlier values
// [capacity, shape…] of each site…, columns…) → values of each site, whose first rows are new. keep are the results of
// Bundle.Constrain that are wanted.
func (t *tracer) transform(keep []int) (*tensor.Func, error) {
	constrain := t.bundle.Constrain
	params := []tensor.Param{
		{Name: "positions", DType: constrain.Float, Shape: []int{t.capacity, constrain.In[0].Shape[0]}}, {Name: "rows", DType: tensor.I32},
	}
	for _, i := range keep {
		p := constrain.Out[i]
		params = append(params, tensor.Param{Name: "value:" + p.Name, DType: p.DType, Shape: append([]int{t.capacity}, p.Shape...)})
	}
	n := len(params)
	f, err := tensor.Trace("transform", constrain.Float, append(params, t.columns...), func(v []tensor.Value) []tensor.Value {
		positions, rows, columns := v[transformPositions], v[transformRows], values(v[n:])
		carry := append([]tensor.Value{tensor.In(rows, int32(0))}, v[transformValues:n]...)
		out := tensor.WhileN(carry,
			func(c []tensor.Value) tensor.Value { return c[0].Lt(rows) },
			func(c []tensor.Value) []tensor.Value {
				row := constrain.Apply(append([]any{positions.Row(c[0])}, columns...)...)
				next := []tensor.Value{c[0].Add(int32(1))}
				for k, i := range keep {
					next = append(next, c[k+1].SetRow(c[0], row[i]))
				}
				return next
			})
		return out[1:]
	})
	if err != nil {
		return nil, err
	}
	for k, i := range keep {
		f.Out[k].Name = constrain.Out[i].Name
	}
	return f, nil
}

func values(v []tensor.Value) []any {
	out := make([]any, len(v))
	for i, x := range v {
		out[i] = x
	}
	return out
}

// once returns f in a loop of one turn: XLA for CPUs makes one kernel of a loop, and else one of each few instructions, which
// takes it longer to compile.
func once(f *tensor.Func) (*tensor.Func, error) {
	return tensor.TraceLike(f, func(args []tensor.Value) []tensor.Value {
		carry := []tensor.Value{tensor.In(args[0], true)}
		for _, p := range f.Out {
			carry = append(carry, tensor.In(args[0], tensor.Zeros(p.DType, p.Shape...)))
		}
		end := tensor.WhileN(carry,
			func(c []tensor.Value) tensor.Value { return c[0] },
			func(c []tensor.Value) []tensor.Value {
				return append([]tensor.Value{tensor.In(args[0], false)}, f.Apply(values(args)...)...)
			})
		return end[1:]
	})
}
