package chain

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/drey-sampler/drey/pkg/engine"
)

// tuner adapts chains between windows of warmup. Chains take turns at its one session, which holds the data.
type tuner struct {
	p   *Program
	exe *compiled

	mu      sync.Mutex // guards what follows
	session engine.Session
	word    [8]byte
	lanes   interleaver
}

func newTuner(p *Program, exe *compiled) *tuner {
	return &tuner{p: p, exe: exe, lanes: interleaver{width: p.lanes()}}
}

// Parameters of the tune program.
const (
	tuneSeed = iota
	tuneIndex
	tuneDraw
	tuneOccasion
	tuneChain
)

// tune changes the adaptation state of chains, at most a batch of them, whose state is in their parts.
func (t *tuner) tune(chains []*Chain, occasion int32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session == nil {
		var err error
		if t.session, err = t.exe.session(); err != nil {
			return err
		}
	}
	if err := t.put(chains, occasion); err != nil {
		return err
	}
	if err := t.session.Run(); err != nil {
		return err
	}
	l := t.p.layout
	for k := range l.adapts {
		if err := t.lanes.getPart(t.session, k, l.dtype(l.adapt+k), chains, l.adapt+k); err != nil {
			return err
		}
	}
	return nil
}

func (t *tuner) put(chains []*Chain, occasion int32) error {
	l, s := t.p.layout, t.session
	binary.LittleEndian.PutUint64(t.word[:], t.p.cfg.Seed)
	err := s.Put(tuneSeed, t.word[:])
	binary.LittleEndian.PutUint32(t.word[:4], uint32(occasion))
	err = errors.Join(err, s.Put(tuneOccasion, t.word[:4]), t.lanes.putIndices(s, tuneIndex, chains))
	draw := l.part(l.draw)
	err = errors.Join(err, t.lanes.putPart(s, tuneDraw, l.dtype(draw), chains, draw))
	for k := range l.adapt + l.adapts { // what the program takes of a chain
		err = errors.Join(err, t.lanes.putPart(s, tuneChain+k, l.dtype(k), chains, k))
	}
	return err
}

// free closes the session, whose data can be large; the next occasion makes another.
func (t *tuner) free() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session == nil {
		return nil
	}
	err := t.session.Close()
	t.session = nil
	return err
}

func (t *tuner) close() error { return errors.Join(t.free(), t.exe.close()) }
