package sbc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// compiled is the wasm engine; it compiles each program once for all workers and runs.
type compiled struct {
	wasm.Engine
	mu   sync.Mutex // guards the field below
	held map[string]engine.Executable
}

// Compile returns f's program.
func (c *compiled) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprint(f.Digest(), opt)
	if c.held[key] == nil {
		x, err := c.Engine.Compile(f, opt)
		if err != nil {
			return nil, err
		}
		c.held[key] = x
	}
	return kept{c.held[key]}, nil
}

// kept is a program that outlives who closes it.
type kept struct{ engine.Executable }

func (kept) Close() error { return nil }

// paced is the engine of a computer on which each leapfrog takes some time.
type paced struct {
	*compiled
	leapfrog time.Duration
}

// Compile returns f's program, paced if it moves chains.
func (p paced) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	x, err := p.compiled.Compile(f, opt)
	in, out := named(f.In), named(f.Out)
	if err != nil || in < 0 || out < 0 {
		return x, err
	}
	return pacedProgram{x, in, out, p.leapfrog}, nil
}

// named returns the place of a chain's leapfrogs so far, -1 if there is none.
func named(params []tensor.Param) int {
	return slices.IndexFunc(params, func(p tensor.Param) bool { return p.Name == "Counts.Leapfrogs" })
}

type pacedProgram struct {
	engine.Executable
	in, out  int // where the chain's leapfrogs so far are
	leapfrog time.Duration
}

func (p pacedProgram) NewSession() (engine.Session, error) {
	s, err := p.Executable.NewSession()
	return &pacedSession{Session: s, pacedProgram: p}, err
}

// pacedSession lets time pass when the number of leapfrogs is asked for: a call of the program should take none, for its length is
// what the number of ticks of the next one comes from.
type pacedSession struct {
	engine.Session
	pacedProgram
	before int64 // leapfrogs whose time has passed
}

func (s *pacedSession) Put(param int, data []byte) error {
	if param == s.in {
		s.before = int64(binary.LittleEndian.Uint64(data))
	}
	return s.Session.Put(param, data)
}

func (s *pacedSession) Get(result int, dst []byte) error {
	err := s.Session.Get(result, dst)
	if err == nil && result == s.out {
		now := int64(binary.LittleEndian.Uint64(dst))
		time.Sleep(time.Duration(now-s.before) * s.leapfrog)
		s.before = now
	}
	return err
}

// Close closes the session.
func (s *pacedSession) Close() error { return s.Session.Close() }
