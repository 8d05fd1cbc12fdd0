package xla_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// fixed gives a chain the parameters it begins with for ever.
type fixed struct{ dim int }

// chosen are the parameters.
type chosen struct{ StepSize, Factor tensor.Value }

func (f fixed) Inputs() []tensor.Param {
	return []tensor.Param{{Name: "step_size", DType: tensor.F64}, {Name: "factor", DType: tensor.F64, Shape: []int{f.dim}}}
}

func (fixed) Init(_ kernels.Point, in []tensor.Value) chosen { return chosen{in[0], in[1]} }

func (fixed) Params(c chosen) kernels.Params {
	return kernels.Params{StepSize: c.StepSize, Metric: kernels.Metric{Factor: c.Factor}}
}

func (fixed) Update(c chosen, _ tensor.Value, _ kernels.Transition) chosen { return c }

// firstDraws is the number of draws that are compared, and the capacity of the buffers.
const firstDraws = 3

// programs builds a sampler without adaptation.
func programs(t testing.TB, s *subject) *kernels.Programs[kernels.NUTSState, chosen] {
	t.Helper()
	spec := kernels.Spec[kernels.Params, kernels.NUTSState, chosen]{
		Name: "fixed", Kernel: kernels.DefaultNUTS(), Target: model.Target{LogDensity: s.LogDensity}, Adapt: fixed{s.dim()}, Float: tensor.F64,
		Data: s.params(), Env: s.Manifest.DataEnv, Capacity: firstDraws,
	}
	p, err := spec.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Parameters of kernels.Programs.Run before the chain's.
const (
	inTicks = iota
	inUntil
	inEvery
	inPhase
	inRunSeed
	inRunChain
)

// begin sets what the host controls: draws up to a number, of which every so many-th is kept.
func begin(p *program, until, every uint64) {
	p.put(inTicks, scalar(tensor.I32, 1<<30), scalar(tensor.U32, until), scalar(tensor.I32, every), scalar(tensor.I32, 0), scalar(tensor.U64, 5))
}

// TestFirstDraws runs chains with a fixed step size and metric from one state each on XLA, all at once, and on the wasm engine,
// one after the other. Rounding grows along trajectories, so a chain may take another way now and then: one of a hundred.
func TestFirstDraws(t *testing.T) {
	const width, tolerance, share = 128, 1e-6, 0.99
	e := open(t)
	each(t, func(t *testing.T, s *subject) {
		p := programs(t, s)
		run := simplify.Run(p.Run)
		states, want := alone(t, s, p, run, width)
		isChain := func(i int) bool { return i >= inRunChain && i < kernels.ControlInputs+len(run.Out) }
		all := compile(t, e, lanes(t, run, width, isChain))
		begin(all, burnedDraws+firstDraws, 1)
		for i := inRunChain; i < kernels.ControlInputs+len(run.Out); i++ {
			of := make([][]byte, width)
			for lane, state := range states {
				of[lane] = state[i-inRunChain]
			}
			all.put(i, interleave(of, run.In[i].DType.Size()))
		}
		for i, c := range s.Columns {
			all.put(kernels.ControlInputs+len(run.Out)+i, c.Bytes)
		}
		out := run.Out[positionsOf(run)]
		got := all.run()[positionsOf(run)]
		same, problem := 0, ""
		for i, w := range want {
			if p := agree(out, lane(got, out.DType.Size(), i, width), w, tolerance); p == "" {
				same++
			} else {
				problem = p
			}
		}
		t.Logf("%d of %d chains have the same %d draws", same, width, firstDraws)
		if float64(same) < share*width {
			t.Errorf("%d of %d chains have the same %d draws, want %g of all; of the last one %s", same, width, firstDraws, share, problem)
		}
	})
}

// alone runs chains on the wasm engine and returns what each is before its draws are compared, its number first, and these
// draws.
func alone(t testing.TB, s *subject, p *kernels.Programs[kernels.NUTSState, chosen], run *tensor.Func, n int) (states [][][]byte, draws [][]byte) {
	t.Helper()
	init, host := compile(t, wasm.Engine{}, simplify.Run(p.Init)), compile(t, wasm.Engine{}, run)
	init.put(1, vector(s.stepSize), factorOf(s))
	for i, c := range s.Columns {
		init.put(3+i, c.Bytes)
		host.put(kernels.ControlInputs+len(run.Out)+i, c.Bytes)
	}
	skipped := slices.IndexFunc(run.Out, func(p tensor.Param) bool { return p.Name == "Counts.Skipped" })
	r := rand.New(rand.NewPCG(6, 7))
	for i := range n {
		init.put(0, vector(startOf(r, s.dim())...))
		begin(host, burnedDraws, 0)
		host.put(inRunChain, append([][]byte{scalar(tensor.U32, uint64(i))}, init.run()...)...)
		chain := host.run()
		chain[skipped] = make([]byte, engine.SizeOf(run.Out[skipped]))
		begin(host, burnedDraws+firstDraws, 1)
		host.put(kernels.ControlInputs, chain...)
		states = append(states, append([][]byte{scalar(tensor.U32, uint64(i))}, chain...))
		draws = append(draws, host.run()[positionsOf(run)])
	}
	return states, draws
}

// positionsOf returns which result has the draws.
func positionsOf(run *tensor.Func) int {
	return slices.IndexFunc(run.Out, func(p tensor.Param) bool { return p.Name == "Buffers.Positions" })
}
