package kernels

import (
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// turn is the carry of the loop over ticks.
type turn[S, A any] struct {
	Chain Chain[S, A]
	Left  tensor.Value // i32[], ticks
}

// run traces Programs.Run. One turn is a tick of the kernel; before it a step begins where none is on its way, after it the
// step ends where the kernel says so. So a chain waits for nobody, and a run can end and go on anywhere.
func (c Spec[P, S, A]) run(p *Programs[S, A]) (*tensor.Func, error) {
	control := []tensor.Param{
		{Name: "Control.Ticks", DType: tensor.I32}, {Name: "Control.Until", DType: tensor.U32}, {Name: "Control.Every", DType: tensor.I32},
		{Name: "Control.Phase", DType: tensor.I32}, {Name: "Control.Seed", DType: tensor.U64}, {Name: "Control.Chain", DType: tensor.U32},
	}
	chain := paramsOf("", p.proto)
	in := append(append(control, chain...), c.Data...)
	f, err := tensor.Trace(c.Name+"_run", c.Float, in, func(v []tensor.Value) []tensor.Value {
		ctl := Control{v[0], v[1], v[2], v[3], v[4], v[5]}
		data := ControlInputs + len(chain)
		env := c.Env(v[data:])
		start := turn[S, A]{tensor.Unflatten(p.proto, v[ControlInputs:data]), ctl.Ticks}
		end := tensor.While(start,
			func(t turn[S, A]) tensor.Value { return c.goesOn(ctl, t) },
			func(t turn[S, A]) turn[S, A] { return turn[S, A]{c.tick(ctl, env, t.Chain), t.Left.Sub(1)} })
		return tensor.Flatten(end.Chain)
	})
	return named(f, namesOf(chain)), err
}

func (c Spec[P, S, A]) goesOn(ctl Control, t turn[S, A]) tensor.Value {
	n := t.Chain.Counts
	mayBegin := n.Draw.Lt(ctl.Until).And(n.Row.Lt(c.Capacity))
	return t.Left.Gt(0).And(t.Chain.Running.Or(mayBegin))
}

// tick is one turn of the loop.
func (c Spec[P, S, A]) tick(ctl Control, env model.Env, x Chain[S, A]) Chain[S, A] {
	key := rng.Key{Seed: ctl.Seed, Chain: ctl.Chain, Draw: x.Counts.Draw, Rolled: c.Rolled}
	params := c.Adapt.Params(x.Adapt)
	old := x.State
	state := tensor.Cond(x.Running,
		func() S { return old },
		func() S { return c.Kernel.Begin(key, c.Target, env, params, old) })
	state, done := c.Kernel.Tick(key, c.Target, env, params, state)
	x.State = state
	if c.Abreast {
		return c.finishAbreast(ctl, x, done)
	}
	return tensor.Cond(done,
		func() Chain[S, A] { return c.finish(ctl, x) },
		func() Chain[S, A] {
			x.Running = tensor.In(done, true)
			return x
		})
}

// finish ends a step: adaptation, counters, and the draw's row where it is kept.
func (c Spec[P, S, A]) finish(ctl Control, x Chain[S, A]) Chain[S, A] {
	state, info := c.Kernel.End(x.State)
	at := state.Current()
	adapt, n := c.learn(ctl, x, at, info)
	kept := tensor.Cond(n.Skipped.Eq(ctl.Every),
		func() keeping { return keep(keeping{x.Buffers, n.Row, n.Skipped}, n.Draw, at.Position, info) },
		func() keeping { return keeping{x.Buffers, n.Row, n.Skipped} })
	n.Draw, n.Row, n.Skipped = n.Draw.Add(1), kept.Row, kept.Skipped
	return Chain[S, A]{state, adapt, tensor.In(n.Row, false), n, kept.Buffers}
}

// learn returns the state of adaptation and the counters after a step, whose draw is not kept yet.
func (c Spec[P, S, A]) learn(ctl Control, x Chain[S, A], at Point, info Info) (A, Counts) {
	adapt := tensor.Cond(ctl.Phase.Ne(0),
		func() A {
			return c.Adapt.Update(x.Adapt, ctl.Phase, Transition{info.AcceptanceRate, at})
		},
		func() A { return x.Adapt })
	n := x.Counts
	n.Skipped = n.Skipped.Add(1)
	n.Leapfrogs = n.Leapfrogs.Add(info.Steps.Convert(tensor.I64))
	n.Divergences = n.Divergences.Add(info.Diverging.Convert(tensor.I64))
	return adapt, n
}

// nowhere is a row outside of every array: nothing is written to it.
const nowhere = -1

// writeRow returns to with its row, an i32[], replaced.
func writeRow(to, row, v tensor.Value) tensor.Value {
	return to.Scatter(0, row.Reshape(1), v.ExpandDims(0))
}

// ended is what the end of a step changes beside the buffers.
type ended[S, A any] struct {
	State   S
	Adapt   A
	Running tensor.Value
	Counts  Counts
	Place   tensor.Value // i32[], the row of the draw
}

// finishAbreast is what follows a tick for many chains: finish where the step is done.
func (c Spec[P, S, A]) finishAbreast(ctl Control, x Chain[S, A], done tensor.Value) Chain[S, A] {
	state, info := c.Kernel.End(x.State)
	at := state.Current()
	next := tensor.Cond(done,
		func() ended[S, A] {
			adapt, n := c.learn(ctl, x, at, info)
			kept := n.Skipped.Eq(ctl.Every)
			place := tensor.Select(kept, n.Row, nowhere)
			n.Row, n.Skipped = n.Row.Add(kept.Convert(tensor.I32)), tensor.Select(kept, 0, n.Skipped)
			n.Draw = n.Draw.Add(1)
			return ended[S, A]{state, adapt, tensor.In(n.Row, false), n, place}
		},
		func() ended[S, A] {
			return ended[S, A]{x.State, x.Adapt, tensor.In(done, true), x.Counts, tensor.In(done, nowhere)}
		})
	b := x.Buffers
	b.Positions, b.Draws = writeRow(b.Positions, next.Place, at.Position), writeRow(b.Draws, next.Place, x.Counts.Draw)
	stats := tensor.Flatten(b.Stats)
	for i, v := range tensor.Flatten(info) {
		stats[i] = writeRow(stats[i], next.Place, v)
	}
	b.Stats = tensor.Unflatten(b.Stats, stats)
	return Chain[S, A]{next.State, next.Adapt, next.Running, next.Counts, b}
}

// keeping is what keeping a draw changes.
type keeping struct {
	Buffers      Buffers
	Row, Skipped tensor.Value
}

// keep writes a draw into the buffers' next row, in place.
func keep(q keeping, draw, position tensor.Value, info Info) keeping {
	q.Buffers.Positions = q.Buffers.Positions.SetRow(q.Row, position)
	q.Buffers.Draws = q.Buffers.Draws.SetRow(q.Row, draw)
	stats := tensor.Flatten(q.Buffers.Stats)
	for i, v := range tensor.Flatten(info) {
		stats[i] = stats[i].SetRow(q.Row, v)
	}
	q.Buffers.Stats = tensor.Unflatten(q.Buffers.Stats, stats)
	q.Row, q.Skipped = q.Row.Add(1), tensor.ZerosLike(q.Skipped)
	return q
}
