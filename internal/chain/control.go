package chain

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/drey-sampler/drey/pkg/engine"
)

// pace is the number of ticks a call makes, at most most, so that it takes about the given time.
type pace struct {
	ticks, most int32
	longest     time.Duration
}

const (
	mostTicks  = 1 << 20
	tickGrowth = 8 // at most, from one call to the next
)

// measure sets the number of ticks from the time of a call; early says that it returned before they were spent.
func (p *pace) measure(d time.Duration, early bool) {
	if early && d < p.longest {
		return
	}
	next := float64(p.ticks) * float64(p.longest) / float64(max(d, 1))
	p.ticks = int32(max(1, min(next, float64(p.ticks)*tickGrowth, float64(p.most))))
}

// Parameters of the run program: what the host tells it.
const (
	controlSeed  = 4
	controlChain = 5 // index of the chain
)

// control is what the host tells the run program.
type control struct {
	words [6][8]byte
	last  [4]uint32 // that were put
	valid bool
}

// put sets ticks, until, every and phase, those that have changed.
func (k *control) put(s engine.Session, ticks int32, until uint32, every, phase int32) error {
	for i, x := range [4]uint32{uint32(ticks), until, uint32(every), uint32(phase)} {
		if k.valid && k.last[i] == x {
			continue
		}
		binary.LittleEndian.PutUint32(k.words[i][:], x)
		if err := s.Put(i, k.words[i][:4]); err != nil {
			return err
		}
		k.last[i] = x
	}
	k.valid = true
	return nil
}

// putChain sets the seed and the chain's index.
func (k *control) putChain(s engine.Session, seed uint64, index uint32) error {
	binary.LittleEndian.PutUint64(k.words[4][:], seed)
	binary.LittleEndian.PutUint32(k.words[5][:], index)
	return errors.Join(s.Put(controlSeed, k.words[4][:]), s.Put(controlChain, k.words[5][:4]))
}

// counters are a chain's counters after a call.
type counters struct {
	draw                   uint32
	row                    int
	running                bool
	leapfrogs, divergences int64
	stepSize               float64
	word                   [8]byte
}

// set takes the counters from a chain's saved state.
func (n *counters) set(c *Chain) {
	l := c.p.layout
	n.draw, n.row, n.running = uint32(c.number(l.draw)), int(c.number(l.row)), c.isRunning()
	n.leapfrogs, n.divergences = c.number(l.leapfrogs), c.number(l.divergences)
	n.stepSize = float(l.params[l.stepSize].DType, c.part(l.stepSize))
}

func (n *counters) get(s engine.Session, l *layout) error {
	var err error
	read := func(i int) []byte {
		b := n.word[:l.size(i)]
		if e := s.Get(i, b); e != nil {
			err = e
		}
		return b
	}
	n.draw = binary.LittleEndian.Uint32(read(l.draw))
	n.row = int(binary.LittleEndian.Uint32(read(l.row)))
	n.running = read(l.running)[0] != 0
	n.leapfrogs = int64(binary.LittleEndian.Uint64(read(l.leapfrogs)))
	n.divergences = int64(binary.LittleEndian.Uint64(read(l.divergences)))
	n.stepSize = float(l.params[l.stepSize].DType, read(l.stepSize))
	return err
}
