package chain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// layout says where the parts of a chain lie among the parameters and results of the run program.
type layout struct {
	params []tensor.Param // of the chain
	state  []int          // those that are state between calls, in order: indices into params
	adapt  int            // the first of the adaptation's among state
	adapts int            // number of the adaptation's
	window []int          // what pooled warmup has observed in a window: indices into params

	draw, row, skipped, leapfrogs, divergences, running, stepSize int // indices into params
	positions, draws                                              int
	stats                                                         [statCount]int // -1: the kernel has none
}

// Statistics of a draw in the order of Batch.
const (
	statLogDensity = iota
	statEnergy
	statAcceptanceRate
	statStepSize
	statDiverging
	statTreeDepth
	statSteps
	statCount
)

var statNames = [statCount]string{"LogDensity", "Energy", "AcceptanceRate", "StepSize", "Diverging", "TreeDepth", "Steps"}

func newLayout(k *traced) (*layout, error) {
	l := &layout{params: k.run.In[kernels.ControlInputs : kernels.ControlInputs+len(k.run.Out)], adapt: -1}
	for i, p := range l.params {
		if strings.HasPrefix(p.Name, bufferPrefix) {
			continue
		}
		if strings.HasPrefix(p.Name, "Adapt.") {
			if l.adapt < 0 {
				l.adapt = len(l.state)
			}
			l.adapts++
		}
		if strings.HasPrefix(p.Name, "Adapt.Window.") {
			l.window = append(l.window, i)
		}
		l.state = append(l.state, i)
	}
	var missing error
	index := func(name string) int {
		i := l.named(name)
		if i < 0 {
			missing = fmt.Errorf("chain: the kernel's program has no %s", name)
		}
		return i
	}
	l.draw, l.row, l.skipped = index("Counts.Draw"), index("Counts.Row"), index("Counts.Skipped")
	l.leapfrogs, l.divergences = index("Counts.Leapfrogs"), index("Counts.Divergences")
	l.running, l.stepSize = index("Running"), index("Adapt.StepSize")
	l.positions, l.draws = index("Buffers.Positions"), index("Buffers.Draws")
	if missing != nil {
		return nil, missing
	}
	for i, name := range statNames {
		l.stats[i] = index(bufferPrefix + "Stats." + name)
	}
	return l, nil
}

// named returns the index in params of a name, -1 for none.
func (l *layout) named(name string) int {
	return slices.IndexFunc(l.params, func(p tensor.Param) bool { return p.Name == name })
}

// donations let all parts of a chain stay where they are between calls.
func (l *layout) donations() []engine.Donation {
	return donateAll(kernels.ControlInputs, len(l.params))
}

// part returns which part of a chain's state an index in params is.
func (l *layout) part(param int) int {
	k := slices.Index(l.state, param)
	if k < 0 {
		panic("chain: no part of the state has this index")
	}
	return k
}

// dtype returns that of part k of a chain's state.
func (l *layout) dtype(k int) tensor.DType { return l.params[l.state[k]].DType }

// size returns the bytes of params[i].
func (l *layout) size(i int) int { return engine.SizeOf(l.params[i]) }
