package bench

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Gradient evaluates a model's log density and its gradient again and again within one program, so that no call from
// outside, and nothing of the sampler, is in its time. One goroutine at a time may use it.
type Gradient struct {
	loop  *chain.Evaluator
	start []byte // position
}

// Inputs of the loop before the data columns.
const (
	inTurns = iota
	inPosition
	inColumns
)

// nudge is the part of the log density and of the gradient that a turn adds to the position: too little to move it, and
// enough that no turn can be left out or shared with another.
const nudge = 1e-9

// turn is the carry of the loop.
type turn struct{ Left, Position tensor.Value }

// NewGradient compiles the loop of a model, which begins where chain 0 of seed 0 does.
func NewGradient(eng engine.Engine, m *model.Model, b *model.Bundle) (*Gradient, error) {
	columns := make([][]byte, len(m.Columns))
	for i, c := range m.Columns {
		columns[i] = c.Bytes
	}
	zeros := [][]byte{make([]byte, 8), make([]byte, 4), make([]byte, 4)} // seed, chain, attempt
	start, err := chain.Evaluate(eng, b.Init, append(zeros, columns...))
	if err != nil {
		return nil, err
	}
	f, err := traceLoop(b)
	if err != nil {
		return nil, err
	}
	loop, err := chain.NewEvaluator(eng, f)
	if err != nil {
		return nil, err
	}
	g := &Gradient{loop, engine.Bytes(start[0])}
	for i, c := range columns {
		if err := loop.Put(inColumns+i, c); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

// traceLoop traces (turns i32[], position f[D], columns…) → position f[D].
func traceLoop(b *model.Bundle) (*tensor.Func, error) {
	density := b.LogDensity
	target := model.Target{LogDensity: density}
	in := append([]tensor.Param{{Name: "turns", DType: tensor.I32}}, density.In...)
	return tensor.Trace("gradient_loop", density.Float, in, func(v []tensor.Value) []tensor.Value {
		env := b.Manifest.DataEnv(v[inColumns:])
		end := tensor.While(turn{v[inTurns], v[inPosition]},
			func(t turn) tensor.Value { return t.Left.Gt(0) },
			func(t turn) turn {
				value, gradient := target.At(env, t.Position)
				return turn{t.Left.Sub(1), t.Position.Add(gradient.Add(value).Mul(nudge))}
			})
		return []tensor.Value{end.Position}
	})
}

// Run makes n evaluations.
func (g *Gradient) Run(n int) error {
	if err := g.loop.Put(inTurns, binary.LittleEndian.AppendUint32(nil, uint32(n))); err != nil {
		return err
	}
	if err := g.loop.Put(inPosition, g.start); err != nil {
		return err
	}
	return g.loop.Run()
}

// Turns returns a number of evaluations that take at least d.
func (g *Gradient) Turns(d time.Duration) (int, error) {
	for n := 1; ; n *= 2 {
		elapsed, err := g.time(n)
		if err != nil || elapsed >= d {
			return n, err
		}
	}
}

// Micros returns the µs of one evaluation: the least of five runs of at least 50 ms, as the peers measure it.
func (g *Gradient) Micros() (float64, error) {
	n, err := g.Turns(50 * time.Millisecond)
	if err != nil {
		return 0, err
	}
	best := time.Duration(0)
	for i := range 5 {
		elapsed, err := g.time(n)
		if err != nil {
			return 0, err
		}
		if i == 0 || elapsed < best {
			best = elapsed
		}
	}
	return best.Seconds() * 1e6 / float64(n), nil
}

func (g *Gradient) time(n int) (time.Duration, error) {
	begin := time.Now()
	err := g.Run(n)
	return time.Since(begin), err
}

// Close frees the program.
func (g *Gradient) Close() error { return g.loop.Close() }
