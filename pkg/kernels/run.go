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
	key := rng.Key{Seed: ctl.Seed, Chain: ctl.Chain, Draw: x.Counts.Draw}
	params := c.Adapt.Params(x.Adapt)
	old := x.State
	state := tensor.Cond(x.Running,
		func() S { return old },
		func() S { return c.Kernel.Begin(key, c.Target, env, params, old) })
	state, done := c.Kernel.Tick(key, c.Target, env, params, state)
	x.State = state
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
	adapt := tensor.Cond(ctl.Phase.Ne(0),
		func() A {
			return c.Adapt.Update(x.Adapt, ctl.Phase, Transition{info.AcceptanceRate, at})
		},
		func() A { return x.Adapt })
	n := x.Counts
	n.Skipped = n.Skipped.Add(1)
	n.Leapfrogs = n.Leapfrogs.Add(info.Steps.Convert(tensor.I64))
	n.Divergences = n.Divergences.Add(info.Diverging.Convert(tensor.I64))
	kept := tensor.Cond(n.Skipped.Eq(ctl.Every),
		func() keeping { return keep(keeping{x.Buffers, n.Row, n.Skipped}, n.Draw, at.Position, info) },
		func() keeping { return keeping{x.Buffers, n.Row, n.Skipped} })
	n.Draw, n.Row, n.Skipped = n.Draw.Add(1), kept.Row, kept.Skipped
	return Chain[S, A]{state, adapt, tensor.In(n.Row, false), n, kept.Buffers}
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
