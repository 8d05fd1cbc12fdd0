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
}

// Parameters of the tune program.
const (
	tuneSeed = iota
	tuneIndex
	tuneDraw
	tuneOccasion
	tuneChain
)

// tune changes the adaptation state of c, whose state is in c.parts.
func (t *tuner) tune(c *Chain, occasion int32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.p.layout
	n := l.adapt + l.adapts // parts of the chain that the program takes
	if t.session == nil {
		var err error
		if t.session, err = t.exe.session(); err != nil {
			return err
		}
	}
	s := t.session
	binary.LittleEndian.PutUint64(t.word[:], t.p.cfg.Seed)
	err := s.Put(tuneSeed, t.word[:])
	err = errors.Join(err, t.put32(tuneIndex, uint32(c.index)))
	err = errors.Join(err, t.put32(tuneDraw, uint32(c.number(l.draw))))
	err = errors.Join(err, t.put32(tuneOccasion, uint32(occasion)))
	for k := range n {
		err = errors.Join(err, s.Put(tuneChain+k, c.parts[k]))
	}
	if err == nil {
		err = s.Run()
	}
	for k := range l.adapts {
		if err == nil {
			err = s.Get(k, c.parts[l.adapt+k])
		}
	}
	return err
}

func (t *tuner) put32(param int, x uint32) error {
	binary.LittleEndian.PutUint32(t.word[:4], x)
	return t.session.Put(param, t.word[:4])
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
