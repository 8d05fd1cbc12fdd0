package sbc

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// datasets is an engine whose programs' data can be replaced: one compiled program serves all simulations.
type datasets struct {
	engine.Engine
	replace func(f *tensor.Func) (*tensor.Func, error)

	mu       sync.Mutex // guards what follows
	current  map[string][]byte
	sessions []*session
}

func newDatasets(eng engine.Engine, replace func(f *tensor.Func) (*tensor.Func, error)) *datasets {
	return &datasets{Engine: eng, replace: replace, current: map[string][]byte{}}
}

// put replaces a data column in all sessions, and in those that are made later.
func (d *datasets) put(column string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current[column] = data
	for _, s := range d.sessions {
		if i := slices.Index(s.columns, column); i >= 0 {
			if err := s.Session.Put(i, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// Compile compiles f or what replaces it.
func (d *datasets) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	if d.replace != nil {
		g, err := d.replace(f)
		if err != nil {
			return nil, err
		}
		if g != nil {
			if err := sameInterface(f, g); err != nil {
				return nil, err
			}
			f = simplify.Run(g)
		}
	}
	x, err := d.Engine.Compile(f, opt)
	return &executable{x, d, columnsOf(f)}, err
}

// sameInterface returns an error unless g takes and returns what f does.
func sameInterface(f, g *tensor.Func) error {
	for _, p := range []struct{ f, g []tensor.Param }{{f.In, g.In}, {f.Out, g.Out}} {
		if !slices.EqualFunc(p.f, p.g, func(a, b tensor.Param) bool {
			return a.Name == b.Name && a.DType == b.DType && slices.Equal(a.Shape, b.Shape)
		}) {
			return fmt.Errorf("sbc: the program in the place of %s takes or returns something else", f.Name)
		}
	}
	return nil
}

// columnsOf returns, for each parameter of f, the data column that it is, or "".
func columnsOf(f *tensor.Func) []string {
	out := make([]string, len(f.In))
	for i, p := range f.In {
		if name, ok := strings.CutPrefix(p.Name, "data:"); ok {
			out[i] = name
		}
	}
	return out
}

type executable struct {
	engine.Executable
	d       *datasets
	columns []string
}

func (x *executable) NewSession() (engine.Session, error) {
	s, err := x.Executable.NewSession()
	if err != nil {
		return nil, err
	}
	x.d.mu.Lock()
	defer x.d.mu.Unlock()
	out := &session{s, x.d, x.columns}
	x.d.sessions = append(x.d.sessions, out)
	return out, nil
}

// session is a session that takes its data from the datasets.
type session struct {
	engine.Session
	d       *datasets
	columns []string
}

// Put replaces a data column by the current one.
func (s *session) Put(param int, data []byte) error {
	if name := s.columns[param]; name != "" {
		s.d.mu.Lock()
		if current, ok := s.d.current[name]; ok {
			data = current
		}
		s.d.mu.Unlock()
	}
	return s.Session.Put(param, data)
}

// Close forgets the session.
func (s *session) Close() error {
	s.d.mu.Lock()
	s.d.sessions = slices.DeleteFunc(s.d.sessions, func(x *session) bool { return x == s })
	s.d.mu.Unlock()
	return s.Session.Close()
}
