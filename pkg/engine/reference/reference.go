// Package reference runs programs with tensor/eval: the engine that the others are compared with. It is slow by intent
// and its sessions allocate.
package reference

import (
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// Engine is the reference engine; its zero value is ready.
type Engine struct{}

var _ engine.Engine = Engine{}

// New returns the reference engine.
func New() Engine { return Engine{} }

// Name returns "reference".
func (Engine) Name() string { return "reference" }

// Compile prepares f for evaluation.
func (Engine) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	if err := engine.CheckOptions(f, opt); err != nil {
		return nil, err
	}
	p, err := eval.Compile(f)
	if err != nil {
		return nil, err
	}
	return &executable{f: f, program: p, donate: append([]engine.Donation(nil), opt.Donate...)}, nil
}

type executable struct {
	f       *tensor.Func
	program *eval.Program
	donate  []engine.Donation
}

// NewSession returns a Session with zero parameters.
func (e *executable) NewSession() (engine.Session, error) {
	s := &session{executable: e, in: zeros(e.f.In), out: zeros(e.f.Out)}
	return s, nil
}

// Close does nothing: there is nothing to free.
func (e *executable) Close() error { return nil }

// session keeps the slots as arrays. Arrays are never changed in place, so a donation is an assignment.
type session struct {
	*executable
	in, out []*tensor.Array
}

func zeros(params []tensor.Param) []*tensor.Array {
	out := make([]*tensor.Array, len(params))
	for i, p := range params {
		out[i] = tensor.NewArray(p.DType, p.Shape)
	}
	return out
}

// Put replaces the parameter's array.
func (s *session) Put(param int, data []byte) error {
	if err := engine.CheckPut(s.f, param, len(data)); err != nil {
		return err
	}
	p := s.f.In[param]
	s.in[param] = engine.ArrayOf(p.DType, p.Shape, data)
	return nil
}

// Run evaluates the program.
func (s *session) Run() error {
	out, err := s.program.Run(s.in)
	if err != nil {
		return err
	}
	s.out = out
	for _, d := range s.donate {
		s.in[d.In] = out[d.Out]
	}
	return nil
}

// Get encodes the result.
func (s *session) Get(result int, dst []byte) error {
	if err := engine.CheckGet(s.f, result, len(dst)); err != nil {
		return err
	}
	engine.Encode(dst, s.out[result])
	return nil
}

// Close does nothing: the memory belongs to Go.
func (s *session) Close() error { return nil }
