package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/mixed"
)

// Precision says in which floats a model computes.
type Precision string

// The precisions.
const (
	F64 Precision = "f64" // the default
	F32 Precision = "f32" // everything, energies and accept decisions too: for models without long sums
	// Mixed: what runs over the rows of the data in f32; sums over rows, positions, momenta, energies, accept decisions and
	// the metric in f64. Package tensor/mixed has the rule. A model without an axis of more than mixed.LongAxis elements
	// computes as in F64.
	Mixed Precision = "mixed"
)

// Precisions returns the names of all precisions.
func Precisions() []string { return []string{string(F64), string(F32), string(Mixed)} }

// Validate returns an error for an unknown precision.
func (p Precision) Validate() error {
	if !slices.Contains(Precisions(), string(p)) {
		return fmt.Errorf("model: unknown precision %q (want %s)", p, strings.Join(Precisions(), ", "))
	}
	return nil
}

// NewIn is New for a precision.
func NewIn[D any](p Precision, name string, fn func(*Context, D), data Data) (*Model, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	m, err := New(name, p.Float(), fn, data)
	if err == nil && p == Mixed {
		return m.Mixed()
	}
	return m, err
}

// Float returns the float type that New takes for the precision: F32 for F32, else F64.
func (p Precision) Float() tensor.DType {
	if p == F32 {
		return tensor.F32
	}
	return tensor.F64
}

// Precision returns that of the model.
func (m *Model) Precision() Precision {
	if m.mixed {
		return Mixed
	}
	return Precision(m.Float.String())
}

// Mixed returns the model in Mixed precision: its long columns are rounded to f32, those aside whose fields name a dtype. The
// model must be one of F64. An error names an imported model, whose programs are what they are, or a number beyond f32.
func (m *Model) Mixed() (*Model, error) {
	switch {
	case m.imported != nil:
		return nil, m.imported.problem("its programs compute in %s: export it anew for another precision", m.Float)
	case m.Float != tensor.F64:
		return nil, fmt.Errorf("model %s: mixed precision of a model that is bound in %s: bind it in f64", m.Name, m.Float)
	}
	out := *m
	out.mixed = true
	out.Columns = slices.Clone(m.Columns)
	var problems []error
	for i, c := range m.Columns {
		if c.DType == tensor.F64 && mixed.Long(c.Shape) && !m.exact[c.Name] {
			var err error
			out.Columns[i], err = c.rounded()
			problems = append(problems, err)
		}
	}
	return &out, errors.Join(problems...)
}

// rounded returns an f64 column in f32.
func (c Column) rounded() (Column, error) {
	out := Column{Name: c.Name, DType: tensor.F32, Shape: c.Shape, Bytes: make([]byte, 0, len(c.Bytes)/2)}
	for i := 0; i < len(c.Bytes); i += 8 {
		x := tensor.DecodeFloat(tensor.F64, readElement(c.Bytes[i:], 8))
		if math.Abs(x) > math.MaxFloat32 && !math.IsInf(x, 0) {
			return c, fmt.Errorf("model: data %q: %s = %v is too large for f32, in which mixed precision has it", c.Name, position(c.Name, c.Shape, i/8), x)
		}
		out.Bytes = appendElement(out.Bytes, 4, tensor.EncodeFloat(tensor.F32, x))
	}
	return out, nil
}

// widened returns columns as the model function takes them: in the model's float type those that Mixed rounded.
func (m *Model) widened(columns []tensor.Value) []tensor.Value {
	if !m.mixed {
		return columns
	}
	out := slices.Clone(columns)
	for i, v := range columns {
		if v.DType() == tensor.F32 && !m.exact[m.Columns[i].Name] {
			out[i] = v.Convert(tensor.F64)
		}
	}
	return out
}
