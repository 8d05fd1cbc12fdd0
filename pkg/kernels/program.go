package kernels

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Adapter is the traced side of adaptation as a program needs it; A is its state, a struct of Values.
type Adapter[P, A any] interface {
	// Inputs describes what Init takes besides the chain's place: a first step size, for example.
	Inputs() []tensor.Param
	// Init returns the state at the start of warmup.
	Init(at Point, in []tensor.Value) A
	// Params returns the parameters of the next step.
	Params(a A) P
	// Update returns the state after a step of warmup. phase, i32[], is Control.Phase.
	Update(a A, phase tensor.Value, t Transition) A
}

// Transition is what adaptation sees of a step: the acceptance rate f[], and where it ended.
type Transition struct {
	AcceptanceRate tensor.Value
	Point
}

// Spec describes the programs of one chain under one kernel with parameters P, state S and adaptation state A.
type Spec[P any, S Located, A any] struct {
	Name   string
	Kernel Kernel[P, S, Info]
	Target Target
	Adapt  Adapter[P, A]
	Float  tensor.DType
	Data   []tensor.Param                 // inputs that every program takes last
	Env    func([]tensor.Value) model.Env // makes the environment of them
	// Abreast makes programs for many chains side by side: draws are written outside of branches.
	Abreast bool
	// Rolled makes programs with rng.Key.Rolled.
	Rolled bool
	// Capacity is the number of rows of the buffers; Run returns when they are full.
	Capacity int
}

// Control is what the host sets before each run of Programs.Run.
type Control struct {
	Ticks tensor.Value // i32[]: return after so many ticks
	Until tensor.Value // u32[]: do not begin the draw of this number
	Every tensor.Value // i32[]: keep every so many-th draw; none for 0
	Phase tensor.Value // i32[]: 0 while sampling; else adaptation runs and is told the number
	Seed  tensor.Value // u64[]
	Chain tensor.Value // u32[]: global index of the chain
}

// Chain is a chain on its way. All of it can stay in the engine's memory between runs.
type Chain[S, A any] struct {
	State   S
	Adapt   A
	Running tensor.Value // bool[]: a step has begun and is not done
	Counts  Counts
	Buffers Buffers
}

// Counts are the chain's counters. The host sets Row to 0 once it has read the buffers, and Skipped to 0 where sampling begins.
type Counts struct {
	Draw        tensor.Value // u32[]: number of the current or next draw, counted from the first one of warmup
	Row         tensor.Value // i32[]: rows of the buffers in use
	Skipped     tensor.Value // i32[]: draws since the last one that was kept
	Leapfrogs   tensor.Value // i64[]: of all draws that are done
	Divergences tensor.Value // i64[]: of all draws that are done
}

// Buffers hold the kept draws, one a row.
type Buffers struct {
	Positions tensor.Value // f[capacity, D], unconstrained
	Draws     tensor.Value // u32[capacity], their numbers
	Stats     Info         // [capacity] each
}

// Programs are the traced programs of a Spec. A Go struct among inputs or results stands for its Values in field order, named
// by their paths: "State.Proposal.Position".
type Programs[S, A any] struct {
	// Init: (position f[D], Adapter.Inputs…, Data…) → Chain, between steps, buffers empty and counters zero.
	Init *tensor.Func
	// Run: (Control, Chain, Data…) → Chain. It runs until Control.Ticks ticks are spent, or the draw Control.Until would
	// begin, or the buffers are full. Result i replaces input ControlInputs+i: all of them can be donated.
	Run *tensor.Func
	// Refresh: (Chain.State, Data…) → Chain.State, after the data have changed.
	Refresh *tensor.Func

	proto Chain[S, A] // says which Values exist
}

// ControlInputs is the number of inputs of Programs.Run before those of the Chain.
const ControlInputs = 6

// Build traces the programs.
func (c Spec[P, S, A]) Build() (*Programs[S, A], error) {
	if c.Capacity < 1 {
		return nil, fmt.Errorf("kernels: %s: buffers of %d rows, want at least 1", c.Name, c.Capacity)
	}
	p := &Programs[S, A]{}
	var err error
	if p.Init, err = c.init(p); err != nil {
		return nil, err
	}
	if p.Run, err = c.run(p); err != nil {
		return nil, err
	}
	p.Refresh, err = c.refresh(p)
	return p, err
}

func (c Spec[P, S, A]) init(p *Programs[S, A]) (*tensor.Func, error) {
	in := []tensor.Param{{Name: "position", DType: c.Float, Shape: []int{c.Target.Dim()}}}
	in = append(append(in, c.Adapt.Inputs()...), c.Data...)
	f, err := tensor.Trace(c.Name+"_init", c.Float, in, func(v []tensor.Value) []tensor.Value {
		data := len(in) - len(c.Data)
		s := c.Kernel.Init(c.Target, c.Env(v[data:]), v[0])
		zero := func(d tensor.DType) tensor.Value { return tensor.In(v[0], tensor.Zeros(d)) }
		p.proto = Chain[S, A]{
			State: s, Adapt: c.Adapt.Init(s.Current(), v[1:data]), Running: tensor.In(v[0], false),
			Counts: Counts{
				Draw: zero(tensor.U32), Row: zero(tensor.I32), Skipped: zero(tensor.I32),
				Leapfrogs: zero(tensor.I64), Divergences: zero(tensor.I64),
			},
			Buffers: c.buffers(s),
		}
		return tensor.Flatten(p.proto)
	})
	return named(f, tensor.Paths(p.proto)), err
}

// buffers returns empty buffers for the draws of a state.
func (c Spec[P, S, A]) buffers(s S) Buffers {
	at := s.Current().Position
	_, info := c.Kernel.End(s)
	stats := tensor.Flatten(info)
	for i, v := range stats {
		stats[i] = tensor.In(at, tensor.Zeros(v.DType(), c.Capacity))
	}
	return Buffers{
		Positions: tensor.In(at, tensor.Zeros(c.Float, c.Capacity, at.Dim(0))),
		Draws:     tensor.In(at, tensor.Zeros(tensor.U32, c.Capacity)),
		Stats:     tensor.Unflatten(info, stats),
	}
}

func (c Spec[P, S, A]) refresh(p *Programs[S, A]) (*tensor.Func, error) {
	state := paramsOf("State", p.proto.State)
	f, err := tensor.Trace(c.Name+"_refresh", c.Float, append(state, c.Data...), func(v []tensor.Value) []tensor.Value {
		s := tensor.Unflatten(p.proto.State, v[:len(state)])
		return tensor.Flatten(c.Kernel.Refresh(c.Target, c.Env(v[len(state):]), s))
	})
	return named(f, namesOf(state)), err
}

// Between traces a program that the host runs between steps, such as the end of a warmup window: (seed u64[], chain u32[],
// draw u32[], in…, Chain.State, Chain.Adapt, Data…) → Chain.Adapt. The key's draw is the number of the next one; body gets
// the values of in.
func (c Spec[P, S, A]) Between(p *Programs[S, A], name string, in []tensor.Param, body func(k rng.Key, e model.Env, s S, a A, in []tensor.Value) A) (*tensor.Func, error) {
	params := []tensor.Param{{Name: "seed", DType: tensor.U64}, {Name: "chain", DType: tensor.U32}, {Name: "draw", DType: tensor.U32}}
	state, adapt := paramsOf("State", p.proto.State), paramsOf("Adapt", p.proto.Adapt)
	a := len(params) + len(in)
	b := a + len(state)
	d := b + len(adapt)
	params = append(append(append(append(params, in...), state...), adapt...), c.Data...)
	f, err := tensor.Trace(c.Name+"_"+name, c.Float, params, func(v []tensor.Value) []tensor.Value {
		k := rng.Key{Seed: v[0], Chain: v[1], Draw: v[2], Rolled: c.Rolled}
		out := body(k, c.Env(v[d:]), tensor.Unflatten(p.proto.State, v[a:b]), tensor.Unflatten(p.proto.Adapt, v[b:d]), v[3:a])
		return tensor.Flatten(out)
	})
	return named(f, namesOf(adapt)), err
}

// paramsOf describes the Values of a struct as inputs.
func paramsOf(prefix string, x any) []tensor.Param {
	values, paths := tensor.Flatten(x), tensor.Paths(x)
	out := make([]tensor.Param, len(values))
	for i, v := range values {
		name := paths[i]
		if prefix != "" && name != "" {
			name = prefix + "." + name
		} else if prefix != "" {
			name = prefix
		}
		out[i] = tensor.Param{Name: name, DType: v.DType(), Shape: v.Shape()}
	}
	return out
}

func namesOf(params []tensor.Param) []string {
	out := make([]string, len(params))
	for i, p := range params {
		out[i] = p.Name
	}
	return out
}

// named gives the results of f, nil after an error, their names.
func named(f *tensor.Func, names []string) *tensor.Func {
	if f != nil {
		for i := range f.Out {
			f.Out[i].Name = names[i]
		}
	}
	return f
}
