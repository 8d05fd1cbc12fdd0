package chain

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/kernels"
)

// laneCounters are the counters of all lanes after a call, as the session has them.
type laneCounters struct {
	l                                                             *layout
	draws, rows, running, leapfrogs, divergences, stepSizes, zero []byte
}

func (n *laneCounters) init(p *Program) {
	n.l = p.layout
	for _, b := range n.all() {
		*b.bytes = make([]byte, p.lanes()*n.l.size(b.param))
	}
	n.zero = make([]byte, len(n.rows))
}

// counter is an array of a counter of all lanes.
type counter struct {
	param int
	bytes *[]byte
}

func (n *laneCounters) all() [6]counter {
	l := n.l
	return [6]counter{
		{l.draw, &n.draws}, {l.row, &n.rows}, {l.running, &n.running}, {l.leapfrogs, &n.leapfrogs}, {l.divergences, &n.divergences}, {l.stepSize, &n.stepSizes},
	}
}

func (n *laneCounters) get(s engine.Session, l *layout) error {
	for _, c := range n.all() {
		if err := s.Get(c.param, *c.bytes); err != nil {
			return err
		}
	}
	return nil
}

// set takes the counters from the saved states of chains.
func (n *laneCounters) set(chains []*Chain, width int) {
	for _, k := range n.all() {
		for lane := range width {
			from := first(chains)
			if lane < len(chains) && chains[lane] != nil {
				from = chains[lane]
			}
			spread(*k.bytes, from.part(k.param), lane, width, n.l.params[k.param].DType.Size())
		}
	}
}

// idle keeps lanes without a chain from drawing: the number of their next draw is beyond all others.
func (n *laneCounters) idle(s engine.Session, l *layout, chains []*Chain) error {
	for lane := range len(n.running) {
		if lane >= len(chains) || chains[lane] == nil {
			binary.LittleEndian.PutUint32(n.draws[4*lane:], math.MaxUint32)
			n.running[lane] = 0
		}
	}
	return errors.Join(s.Put(kernels.ControlInputs+l.draw, n.draws), s.Put(kernels.ControlInputs+l.running, n.running))
}

// empty sets the rows of all lanes to 0.
func (n *laneCounters) empty(s engine.Session, l *layout) error {
	clear(n.rows)
	return s.Put(kernels.ControlInputs+l.row, n.zero)
}

func (n *laneCounters) draw(lane int) uint32    { return binary.LittleEndian.Uint32(n.draws[4*lane:]) }
func (n *laneCounters) row(lane int) int        { return int(binary.LittleEndian.Uint32(n.rows[4*lane:])) }
func (n *laneCounters) isRunning(lane int) bool { return n.running[lane] != 0 }
func (n *laneCounters) count(b []byte, i int) int64 {
	return int64(binary.LittleEndian.Uint64(b[8*i:]))
}

// mostRows returns the largest number of rows that a lane has in use.
func (n *laneCounters) mostRows() int {
	most := 0
	for lane := range len(n.running) {
		most = max(most, n.row(lane))
	}
	return most
}

// tell sets the status of a lane's chain.
func (n *laneCounters) tell(lane int, c *Chain) {
	c.status.transitions.Store(int64(n.draw(lane)))
	c.status.leapfrogs.Store(n.count(n.leapfrogs, lane) - c.warmupLeapfrogs)
	c.status.divergences.Store(n.count(n.divergences, lane) - c.warmupDivergences)
	d := n.l.params[n.l.stepSize].DType
	c.status.setStepSize(float(d, n.stepSizes[d.Size()*lane:]))
}
