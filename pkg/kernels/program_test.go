package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

var _ kernels.Target = model.Target{}

// engineUnderTest runs the heavier tests.
func engineUnderTest() engine.Engine { return wasm.Engine{} }

// nutsSpec is a spec of NUTS on a density.
func nutsSpec(d density, capacity int, a adapt.Adaptation) kernels.Spec[kernels.Params, kernels.NUTSState, adapt.State] {
	return kernels.Spec[kernels.Params, kernels.NUTSState, adapt.State]{
		Name: "nuts", Kernel: kernels.DefaultNUTS(), Target: d, Adapt: adapter{a, d.dim, tensor.F64}, Float: tensor.F64, Env: noEnv, Capacity: capacity,
	}
}

// host drives a Run program as internal/chain does.
type host struct {
	t       testing.TB
	run     *tensor.Func
	session engine.Session
}

// newHost compiles a Run program.
func newHost[S, A any](t testing.TB, p *kernels.Programs[S, A]) *host {
	t.Helper()
	var donate []engine.Donation
	for i := range p.Run.Out {
		donate = append(donate, engine.Donation{In: kernels.ControlInputs + i, Out: i})
	}
	return &host{t, p.Run, load(t, p.Run, nil, donate).s}
}

// start puts the chain that an Init program makes of its inputs.
func (h *host) start(init *tensor.Func, in ...*tensor.Array) {
	h.t.Helper()
	for i, a := range runFunc(h.t, init, in) {
		h.put(kernels.ControlInputs+i, a)
	}
}

func (h *host) put(i int, a *tensor.Array) {
	h.t.Helper()
	if err := h.session.Put(i, engine.Bytes(a)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) set(name string, a *tensor.Array) {
	h.t.Helper()
	h.put(slices.IndexFunc(h.run.In, func(p tensor.Param) bool { return p.Name == name }), a)
}

func (h *host) get(name string) *tensor.Array {
	h.t.Helper()
	i := slices.IndexFunc(h.run.Out, func(p tensor.Param) bool { return p.Name == name })
	if i < 0 {
		h.t.Fatalf("no result %q", name)
	}
	p := h.run.Out[i]
	b := make([]byte, tensor.NumElements(p.Shape)*p.DType.Size())
	if err := h.session.Get(i, b); err != nil {
		h.t.Fatal(err)
	}
	return engine.ArrayOf(p.DType, p.Shape, b)
}

func (h *host) number(name string) float64 { return h.get(name).Float64s()[0] }

// advance runs until the draw of number until would begin, ticks at a time, and returns the rows that were kept.
func (h *host) advance(ticks, until, every, phase int) (rows [][]float64, stats []step) {
	h.t.Helper()
	h.set("Control.Ticks", i32(int32(ticks)))
	h.set("Control.Until", u32(uint32(until)))
	h.set("Control.Every", i32(int32(every)))
	h.set("Control.Phase", i32(int32(phase)))
	for int(h.number("Counts.Draw")) < until || h.number("Running") != 0 {
		h.set("Counts.Row", i32(0))
		if err := h.session.Run(); err != nil {
			h.t.Fatal(err)
		}
		n := int(h.number("Counts.Row"))
		if n == 0 {
			continue
		}
		column := func(name string) []float64 { return h.get("Buffers." + name).Float64s() }
		x, lp, energy, accept := column("Positions"), column("Stats.LogDensity"), column("Stats.Energy"), column("Stats.AcceptanceRate")
		size, diverging, steps := column("Stats.StepSize"), column("Stats.Diverging"), column("Stats.Steps")
		dim := len(x) / len(lp)
		for i := range n {
			q := x[i*dim : (i+1)*dim]
			rows = append(rows, q)
			stats = append(stats, step{position: q, logDensity: lp[i], energy: energy[i], accept: accept[i], size: size[i],
				diverging: diverging[i] == 1, steps: int(steps[i])})
		}
	}
	return rows, stats
}

// TestRunIsStepAfterStep: the draws of the program are those of whole steps taken one after another, whatever the number of
// ticks in a run, the size of the buffers and the thinning.
func TestRunIsStepAfterStep(t *testing.T) {
	d := normal(0.5, 1, 2)
	start, factor, eps := []float64{0.3, -0.4, 0.5}, []float64{0.6, 1, 1.5}, 0.7
	const seed, chain, draws = 12345, 3, 24
	program := stepper(t, kernels.DefaultNUTS(), d, []*tensor.Array{u64(0), u32(0), u32(0), vector(start...), scalar(0), vector(factor...)})
	var want []step
	q, leapfrogs := start, 0
	for i := range draws {
		s := take(t, program, []*tensor.Array{u64(seed), u32(chain), u32(uint32(i)), vector(q...), scalar(eps), vector(factor...)})
		want = append(want, s)
		q = s.position
		leapfrogs += s.steps
	}
	for _, c := range []struct{ ticks, capacity, every int }{{1, 3, 1}, {5, 2, 1}, {1000, 100, 1}, {7, 4, 2}, {1000, 4, 3}, {9, 1, 0}} {
		p, err := nutsSpec(d, c.capacity, adapt.DefaultAdaptation()).Build()
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, p)
		h.start(p.Init, vector(start...), scalar(eps), vector(factor...))
		h.set("Control.Seed", u64(seed))
		h.set("Control.Chain", u32(chain))
		_, stats := h.advance(c.ticks, draws, c.every, 0)
		rows := 0
		if c.every > 0 {
			rows = draws / c.every
		}
		if len(stats) != rows {
			t.Fatalf("%+v: %d rows, want %d", c, len(stats), rows)
		}
		for i, s := range stats {
			w := want[(i+1)*c.every-1]
			if !slices.Equal(s.position, w.position) || s.logDensity != w.logDensity || s.energy != w.energy || s.accept != w.accept || s.steps != w.steps {
				t.Fatalf("%+v: row %d is %+v, want %+v", c, i, s, w)
			}
		}
		if got := h.number("Counts.Leapfrogs"); got != float64(leapfrogs) {
			t.Errorf("%+v: %v leapfrog steps, want %d", c, got, leapfrogs)
		}
	}
}

// TestRefresh recomputes what the state caches of data that have changed, and nothing else.
func TestRefresh(t *testing.T) {
	p, err := schoolsSpec(kernels.DefaultNUTS(), 1).Build()
	if err != nil {
		t.Fatal(err)
	}
	y, precision := schoolsData()
	init := func(y *tensor.Array) []*tensor.Array {
		q := vector(1, 0.5, 0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8)
		return runFunc(t, p.Init, []*tensor.Array{q, scalar(1), vector(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), y, precision})
	}
	other := vector(1, 2, 3, 4, 5, 6, 7, 8)
	before, want := init(y), init(other)
	n := len(p.Refresh.Out)
	got := runFunc(t, p.Refresh, append(append(before[:n:n], other), precision))
	changed := 0
	for i, o := range p.Refresh.Out {
		inProposal := strings.HasPrefix(o.Name, "State.Proposal.")
		if inProposal && !slices.Equal(got[i].Bits, want[i].Bits) || !inProposal && !slices.Equal(got[i].Bits, before[i].Bits) {
			t.Errorf("%s: %v", o.Name, got[i].Float64s())
		}
		if !slices.Equal(got[i].Bits, before[i].Bits) {
			changed++
		}
	}
	if changed != 2 {
		t.Errorf("%d Values changed, want the log density and the gradient", changed)
	}
}
