package chain

import (
	"fmt"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// Evaluate runs a program once on an engine: in has the elements of each parameter as engines take them.
func Evaluate(eng engine.Engine, f *tensor.Func, in [][]byte) ([]*tensor.Array, error) {
	e, err := NewEvaluator(eng, f)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	for i, b := range in {
		if err := e.Put(i, b); err != nil {
			return nil, err
		}
	}
	if err := e.Run(); err != nil {
		return nil, err
	}
	return e.Results(), nil
}

// Evaluator runs a program many times. One goroutine at a time may use it.
type Evaluator struct {
	f       *tensor.Func
	exe     engine.Executable
	session engine.Session
	raw     [][]byte
}

// NewEvaluator compiles a program.
func NewEvaluator(eng engine.Engine, f *tensor.Func) (*Evaluator, error) {
	exe, err := eng.Compile(simplify.Run(f), engine.Options{})
	if err != nil {
		return nil, err
	}
	s, err := exe.NewSession()
	if err != nil {
		exe.Close()
		return nil, err
	}
	e := &Evaluator{f: f, exe: exe, session: s}
	for _, p := range f.Out {
		e.raw = append(e.raw, make([]byte, engine.SizeOf(p)))
	}
	return e, nil
}

// Put sets the elements of a parameter, little-endian; they stay over calls of Run.
func (e *Evaluator) Put(param int, data []byte) error { return e.session.Put(param, data) }

// Run evaluates the program.
func (e *Evaluator) Run() error {
	if err := e.session.Run(); err != nil {
		return fmt.Errorf("%s: %w", e.f.Name, err)
	}
	for i, b := range e.raw {
		if err := e.session.Get(i, b); err != nil {
			return err
		}
	}
	return nil
}

// Results returns the results of the last Run.
func (e *Evaluator) Results() []*tensor.Array {
	out := make([]*tensor.Array, len(e.raw))
	for i, p := range e.f.Out {
		out[i] = engine.ArrayOf(p.DType, p.Shape, e.raw[i])
	}
	return out
}

// Raw returns the elements of a result of the last Run, little-endian, until the next one.
func (e *Evaluator) Raw(result int) []byte { return e.raw[result] }

// Close frees the program.
func (e *Evaluator) Close() error {
	err := e.session.Close()
	if e2 := e.exe.Close(); err == nil {
		err = e2
	}
	return err
}
