package chain

import (
	"encoding/binary"
	"math"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Chain is a chain between slices. One goroutine at a time may use it; Status may be called at any time.
type Chain struct {
	p     *Program
	index int
	start Start

	started bool
	window  int // of warmup; len(c.windows()) while sampling
	// decision is the last one of pooled warmup, nil before the first.
	decision *adapt.Decision
	parts    [][]byte // what layout.state names
	// Totals when warmup ended.
	warmupLeapfrogs, warmupDivergences int64
	// Draws handed to the sink.
	keptWarmup, kept int64
	home             any // the worker whose session holds the same state as parts

	status status
}

// NewChain returns the chain of a global index before its start.
func (p *Program) NewChain(index int, start Start) *Chain {
	c := &Chain{p: p, index: index, start: start, parts: make([][]byte, len(p.layout.state))}
	total := 0
	for _, i := range p.layout.state {
		total += p.layout.size(i)
	}
	memory := make([]byte, total)
	for k, i := range p.layout.state {
		n := p.layout.size(i)
		c.parts[k], memory = memory[:n:n], memory[n:]
	}
	c.status.warmup.Store(int64(c.warmupEnd()))
	return c
}

// Index returns the chain's global index.
func (c *Chain) Index() int { return c.index }

// Warm reports whether warmup is over.
func (c *Chain) Warm() bool { return c.started && c.window == len(c.windows()) }

// Done reports whether a chain outside Advance has made the given number of kept draws.
func (c *Chain) Done(draws int) bool {
	return c.Warm() && c.kept >= int64(draws) && !c.isRunning()
}

// Totals are counts over the transitions of a chain that are done.
type Totals struct {
	WarmupLeapfrogs, Leapfrogs     int64 // Leapfrogs are those of sampling
	WarmupDivergences, Divergences int64 // Divergences are those of sampling
	KeptWarmup, Kept               int64 // draws handed to the sink
	Transitions                    uint64
}

// Totals returns the counts of a chain outside Advance.
func (c *Chain) Totals() Totals {
	t := Totals{
		WarmupLeapfrogs: c.number(c.p.layout.leapfrogs), WarmupDivergences: c.number(c.p.layout.divergences),
		KeptWarmup: c.keptWarmup, Kept: c.kept, Transitions: uint64(c.number(c.p.layout.draw)),
	}
	if c.Warm() {
		t.Leapfrogs, t.WarmupLeapfrogs = t.WarmupLeapfrogs-c.warmupLeapfrogs, c.warmupLeapfrogs
		t.Divergences, t.WarmupDivergences = t.WarmupDivergences-c.warmupDivergences, c.warmupDivergences
	}
	return t
}

// part returns the bytes of a part of the chain's state by its index in layout.params.
func (c *Chain) part(param int) []byte { return c.parts[c.p.layout.part(param)] }

func (c *Chain) number(param int) int64 {
	return integer(c.p.layout.params[param].DType, c.part(param))
}

func (c *Chain) isRunning() bool { return c.part(c.p.layout.running)[0] != 0 }

func integer(d tensor.DType, b []byte) int64 {
	switch d {
	case tensor.I64, tensor.U64:
		return int64(binary.LittleEndian.Uint64(b))
	case tensor.U32:
		return int64(binary.LittleEndian.Uint32(b))
	}
	return int64(int32(binary.LittleEndian.Uint32(b)))
}

func float(d tensor.DType, b []byte) float64 {
	if d == tensor.F32 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

func floatBytes(d tensor.DType, x float64) []byte {
	return engine.Bytes(tensor.ArrayOf(d, nil, []float64{x}))
}

// Status is how far a chain has come.
type Status struct {
	Warm        bool
	Transitions int64         // done, those of warmup included
	Warmup      int64         // transitions of warmup, as planned now
	Divergences int64         // of the phase
	Leapfrogs   int64         // of the phase
	StepSize    float64       // of the next transition
	WarmupTime  time.Duration // spent in slices
	SampleTime  time.Duration
}

// status is a Status that one goroutine writes and others read.
type status struct {
	warm                                        atomic.Bool
	transitions, warmup, divergences, leapfrogs atomic.Int64
	stepSize                                    atomic.Uint64
	warmupTime, sampleTime                      atomic.Int64
}

// Status returns how far the chain has come.
func (c *Chain) Status() Status {
	s := &c.status
	return Status{
		Warm: s.warm.Load(), Transitions: s.transitions.Load(), Warmup: s.warmup.Load(), Divergences: s.divergences.Load(), Leapfrogs: s.leapfrogs.Load(),
		StepSize:   math.Float64frombits(s.stepSize.Load()),
		WarmupTime: time.Duration(s.warmupTime.Load()), SampleTime: time.Duration(s.sampleTime.Load()),
	}
}

// refreshStatus sets the status of a chain outside Advance.
func (c *Chain) refreshStatus() {
	t := c.Totals()
	c.status.transitions.Store(int64(t.Transitions))
	c.status.warmup.Store(int64(c.warmupEnd()))
	c.status.warm.Store(c.Warm())
	if c.Warm() {
		c.status.divergences.Store(t.Divergences)
		c.status.leapfrogs.Store(t.Leapfrogs)
	} else {
		c.status.divergences.Store(t.WarmupDivergences)
		c.status.leapfrogs.Store(t.WarmupLeapfrogs)
	}
	l := c.p.layout
	c.status.stepSize.Store(math.Float64bits(float(l.params[l.stepSize].DType, c.part(l.stepSize))))
}

func (s *status) setStepSize(x float64) { s.stepSize.Store(math.Float64bits(x)) }

// Begun reports whether the chain has a state.
func (c *Chain) Begun() bool { return c.started }

// Window returns the number of the warmup window the chain is in; that after the last one means sampling.
func (c *Chain) Window() int { return c.window }
