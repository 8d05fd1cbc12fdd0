package worker_test

import (
	"fmt"
	"sync"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// sharing is the wasm engine, which compiles each program once for all workers of a process, so that a test may have many.
type sharing struct {
	wasm.Engine
	mu   *sync.Mutex // guards the field below
	held map[string]engine.Executable
}

var engines = sharing{mu: &sync.Mutex{}, held: map[string]engine.Executable{}}

func (s sharing) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(f.Digest(), opt)
	if s.held[key] == nil {
		exe, err := s.Engine.Compile(f, opt)
		if err != nil {
			return nil, err
		}
		s.held[key] = exe
	}
	return kept{s.held[key]}, nil
}

// kept is an executable that outlives who closes it.
type kept struct{ engine.Executable }

func (kept) Close() error { return nil }

// counting counts the programs that it compiles.
type counting struct {
	engine.Engine
	mu       sync.Mutex // guards the field below
	compiled int
}

func (c *counting) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	c.mu.Lock()
	c.compiled++
	c.mu.Unlock()
	return c.Engine.Compile(f, opt)
}
