package xla_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// ticks are the parts of a NUTS transition as programs of their own, for one model. All take the parameters of a tick:
// seed, chain, draw, step size, state, factor, and data columns last.
type ticks struct {
	init  *tensor.Func // (position, data columns…) → state
	begin *tensor.Func // → state
	// tick → state, done, and what the target was at the new leaf: log density, gradient.
	tick *tensor.Func
	// grow takes log density and gradient of the new leaf in the place of the data columns → state, done.
	grow  *tensor.Func
	paths []string // of the parts of the state
}

// Parameters of a tick.
const (
	inSeed = iota
	inChain
	inDraw
	inStepSize
	inState
)

// states is the number of parts of the state.
func (k *ticks) states() int { return len(k.paths) }

// factor is the parameter of the metric; the data columns follow it.
func (k *ticks) factor() int { return inState + k.states() }

// observed is a target that keeps what it was last asked for.
type observed struct {
	kernels.Target
	logDensity, gradient tensor.Value
}

func (o *observed) At(e model.Env, q tensor.Value) (tensor.Value, tensor.Value) {
	o.logDensity, o.gradient = o.Target.At(e, q)
	return o.logDensity, o.gradient
}

// known is a target whose value the environment has.
type known int

func (k known) Dim() int { return int(k) }

func (k known) At(e model.Env, _ tensor.Value) (tensor.Value, tensor.Value) {
	return e.Data["log density"], e.Data["gradient"]
}

// traceTicks traces the programs.
func traceTicks(t testing.TB, s *subject, nuts kernels.NUTS) *ticks {
	t.Helper()
	k := &ticks{}
	var proto kernels.NUTSState
	trace := func(name string, in []tensor.Param, fn func(v []tensor.Value) []tensor.Value) *tensor.Func {
		f, err := tensor.Trace(name, tensor.F64, in, fn)
		if err != nil {
			t.Fatal(err)
		}
		return simplify.Run(f)
	}
	target := &observed{Target: model.Target{LogDensity: s.LogDensity}}
	position := []tensor.Param{{Name: "position", DType: tensor.F64, Shape: []int{s.dim()}}}
	k.init = trace("init", append(position, s.params()...), func(v []tensor.Value) []tensor.Value {
		proto = nuts.Init(target, s.Manifest.DataEnv(v[1:]), v[0])
		return tensor.Flatten(proto)
	})
	k.paths = tensor.Paths(proto)
	in := []tensor.Param{{Name: "seed", DType: tensor.U64}, {Name: "chain", DType: tensor.U32}, {Name: "draw", DType: tensor.U32}, {Name: "step size", DType: tensor.F64}}
	for i, p := range k.init.Out {
		p.Name = k.paths[i]
		in = append(in, p)
	}
	in = append(in, tensor.Param{Name: "factor", DType: tensor.F64, Shape: []int{s.dim()}})
	arguments := func(v []tensor.Value) (rng.Key, kernels.Params, kernels.NUTSState) {
		return rng.Key{Seed: v[inSeed], Chain: v[inChain], Draw: v[inDraw]},
			kernels.Params{StepSize: v[inStepSize], Metric: kernels.Metric{Factor: v[k.factor()]}},
			tensor.Unflatten(proto, v[inState:k.factor()])
	}
	full := slices.Concat(in, s.params())
	k.begin = trace("begin", full, func(v []tensor.Value) []tensor.Value {
		key, p, state := arguments(v)
		return tensor.Flatten(nuts.Begin(key, target, s.Manifest.DataEnv(v[len(in):]), p, state))
	})
	k.tick = trace("tick", full, func(v []tensor.Value) []tensor.Value {
		key, p, state := arguments(v)
		next, done := nuts.Tick(key, target, s.Manifest.DataEnv(v[len(in):]), p, state)
		return append(tensor.Flatten(next), done, target.logDensity, target.gradient)
	})
	leaf := []tensor.Param{{Name: "log density", DType: tensor.F64}, {Name: "gradient", DType: tensor.F64, Shape: []int{s.dim()}}}
	k.grow = trace("grow", slices.Concat(in, leaf), func(v []tensor.Value) []tensor.Value {
		key, p, state := arguments(v)
		e := model.Env{Data: map[string]tensor.Value{"log density": v[len(in)], "gradient": v[len(in)+1]}}
		next, done := nuts.Tick(key, known(s.dim()), e, p, state)
		return append(tensor.Flatten(next), done)
	})
	for i, name := range append(slices.Clone(k.paths), "done", "log density", "gradient") {
		k.tick.Out[i].Name = name
	}
	return k
}

// pair is a tick that was recorded: the key, step size and state it began with, and what came of it.
type pair struct{ in, out [][]byte }

// tape records ticks of chains on the wasm engine.
type tape struct {
	*ticks
	begin, tick *program
	chains      []*taped
}

// taped is a chain on the tape: the parameters of its next tick up to the state.
type taped struct {
	in      [][]byte
	running bool
}

func (c *taped) draw() uint32 { return binary.LittleEndian.Uint32(c.in[inDraw]) }

// A tape has so many chains, which begin at different places, have step sizes from half the model's to the whole, and are
// recorded after so many draws: on the way from a far place energies have more digits than agree.
const (
	tapeChains  = 16
	burnedDraws = 20
)

func newTape(t testing.TB, s *subject, k *ticks) *tape {
	t.Helper()
	init := compile(t, wasm.Engine{}, k.init)
	a := &tape{ticks: k, begin: compile(t, wasm.Engine{}, k.begin), tick: compile(t, wasm.Engine{}, k.tick)}
	for i, c := range s.Columns {
		init.put(1+i, c.Bytes)
		a.begin.put(k.factor()+1+i, c.Bytes)
		a.tick.put(k.factor()+1+i, c.Bytes)
	}
	a.begin.put(k.factor(), factorOf(s))
	a.tick.put(k.factor(), factorOf(s))
	r := rand.New(rand.NewPCG(3, 4))
	for i := range tapeChains {
		init.put(0, vector(startOf(r, s.dim())...))
		stepSize := s.stepSize * (0.5 + 0.5*float64(i)/(tapeChains-1))
		lead := [][]byte{scalar(tensor.U64, 11), scalar(tensor.U32, uint64(i)), scalar(tensor.U32, 0), vector(stepSize)}
		c := &taped{in: append(lead, init.run()...)}
		for c.draw() < burnedDraws {
			a.next(c)
		}
		a.chains = append(a.chains, c)
	}
	return a
}

// startOf returns a random position.
func startOf(r *rand.Rand, dim int) []float64 {
	q := make([]float64, dim)
	for i := range q {
		q[i] = 0.3 * r.NormFloat64()
	}
	return q
}

// factorOf returns a metric that is not the unit one.
func factorOf(s *subject) []byte {
	f := make([]float64, s.dim())
	for i := range f {
		f[i] = 0.8 + 0.2*float64(i%3)
	}
	return vector(f...)
}

// next records a tick of a chain.
func (a *tape) next(c *taped) pair {
	if !c.running {
		a.begin.put(0, c.in...)
		c.in = append(slices.Clone(c.in[:inState]), a.begin.run()...)
	}
	a.tick.put(0, c.in...)
	p := pair{in: c.in, out: a.tick.run()}
	c.running = p.out[a.states()][0] == 0
	c.in = append(slices.Clone(c.in[:inState]), p.out[:a.states()]...)
	if !c.running {
		c.in[inDraw] = binary.LittleEndian.AppendUint32(nil, c.draw()+1)
	}
	return p
}

// record returns n ticks of the chains in turn.
func (a *tape) record(n int) []pair {
	out := make([]pair, n)
	for i := range out {
		out[i] = a.next(a.chains[i%len(a.chains)])
	}
	return out
}

// batched is the program of a tick over lanes on XLA.
type batched struct {
	*program
	of    *ticks
	width int
}

func newBatched(t testing.TB, e engine.Engine, s *subject, k *ticks, width int) *batched {
	t.Helper()
	b := &batched{compile(t, e, lanes(t, k.tick, width, func(i int) bool { return i < k.factor() })), k, width}
	b.put(k.factor(), factorOf(s))
	for i, c := range s.Columns {
		b.put(k.factor()+1+i, c.Bytes)
	}
	return b
}

// compare runs the ticks of pairs, of which there are as many as lanes, and describes by pair what differs.
func (b *batched) compare(pairs []pair) map[int]string {
	of := make([][]byte, b.width)
	for i := range b.of.factor() {
		for k, p := range pairs {
			of[k] = p.in[i]
		}
		b.put(i, interleave(of, b.of.tick.In[i].DType.Size()))
	}
	problems := map[int]string{}
	for i, all := range b.run() {
		out := b.of.tick.Out[i]
		for k, p := range pairs {
			if problem := agree(out, lane(all, out.DType.Size(), k, b.width), p.out[i], tolerance); problem != "" && problems[k] == "" {
				problems[k] = problem
			}
		}
	}
	return problems
}

// How far floats may be off, and how close to its threshold a decision may fall out either way: relative to 1 + |x|.
const tolerance = 1e-10

// widths are the numbers of lanes that run all ticks.
var widths = []int{64, 7, 1}

// A test has so many rounds of so many ticks, a number that all widths divide: 10,304 ticks.
const (
	rounds     = 23
	roundTicks = 7 * 64
)

// TestTick compares ticks on XLA with those of the wasm engine from the same states and keys. Floats agree within rounding,
// integers and booleans exactly, but where a number of a decision is as good as its threshold. Such ticks are counted,
// whether they differ or not.
func TestTick(t *testing.T) {
	e := open(t)
	n := rounds
	if testing.Short() {
		n = 1
	}
	each(t, func(t *testing.T, s *subject) {
		k := traceTicks(t, s, kernels.DefaultNUTS())
		tape, judge := newTape(t, s, k), newJudge(t, s, k)
		var engines []*batched
		for _, w := range widths {
			engines = append(engines, newBatched(t, e, s, k, w))
		}
		var c comparison
		for range n {
			c.record(tape, judge)
			for _, b := range engines {
				c.compare(t, b)
			}
		}
		c.verdict(t)
	})
}

// comparison is what a test has found out.
type comparison struct {
	pairs    []pair // of the round
	isClose  []bool
	recorded int
	close    int // ticks with a decision by a hair
	compared int // over all widths
	differ   int
	leaves   int // of the largest trajectory
}

// record makes a round of ticks.
func (c *comparison) record(a *tape, j *judge) {
	c.pairs, c.isClose = a.record(roundTicks), make([]bool, roundTicks)
	steps := slices.Index(a.paths, "Steps")
	for i, p := range c.pairs {
		if c.isClose[i] = j.close(p); c.isClose[i] {
			c.close++
		}
		c.leaves = max(c.leaves, int(binary.LittleEndian.Uint32(p.out[steps])))
	}
	c.recorded += roundTicks
}

// compare runs the round over lanes.
func (c *comparison) compare(t *testing.T, b *batched) {
	for first := 0; first < roundTicks; first += b.width {
		for i, problem := range b.compare(c.pairs[first : first+b.width]) {
			if c.differ++; !c.isClose[first+i] {
				t.Fatalf("width %d, lane %d: %s", b.width, i, problem)
			}
		}
	}
	c.compared += roundTicks
}

// closeShare is the share of ticks that may have a decision by a hair.
const closeShare = 1e-4

func (c *comparison) verdict(t *testing.T) {
	t.Logf("%d ticks, %d comparisons, trajectories of up to %d leaves: %d decisions by a hair, %d ticks differ", c.recorded, c.compared, c.leaves, c.close, c.differ)
	if allowed := max(1, int(closeShare*float64(c.recorded))); c.close > allowed {
		t.Errorf("%d of %d ticks have a decision within %g of its threshold, want at most %d", c.close, c.recorded, tolerance, allowed)
	}
	if c.leaves < 7 {
		t.Errorf("trajectories have up to %d leaves, want some of several subtrees", c.leaves)
	}
}
