package model

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Model is a model with its data bound: what Compile takes.
type Model struct {
	Name    string
	Float   tensor.DType   // of the programs' positions and results: F64 or F32
	Columns []Column       // the data, parameters of every program in this order
	Statics map[string]int // the int fields of the data struct, part of the programs

	bind     func(columns []tensor.Value) Program
	imported *importer       // nil for a model that bind runs
	exact    map[string]bool // columns whose dtype the data struct names
	mixed    bool
}

// New binds data to the model function fn: D is a struct whose fields name the columns (see Bind); struct{} for a model
// without data. float is the model's float type.
func New[D any](name string, float tensor.DType, fn func(*Context, D), data Data) (*Model, error) {
	var proto D
	b, err := bind(reflect.ValueOf(&proto).Elem(), data, float)
	if err != nil {
		return nil, err
	}
	return &Model{
		Name: name, Float: float, Columns: b.columns, Statics: b.statics, exact: b.exact(),
		bind: func(columns []tensor.Value) Program {
			d := proto
			b.fill(reflect.ValueOf(&d).Elem(), columns)
			return func(c *Context) { fn(c, d) }
		},
	}, nil
}

// With returns the model under handlers, the first one innermost.
func (m *Model) With(handlers ...Handler) *Model {
	out := *m
	out.imported = nil
	out.bind = func(columns []tensor.Value) Program { return m.bind(columns).With(handlers...) }
	return &out
}

// Names of parameters of programs. Data columns, parameters of the model, discrete sites and plate indices are prefixed,
// so that no name of the model meets another.
const (
	inPosition = "position"
	inSeed     = "seed"
	inChain    = "chain"
	inDraw     = "draw"
	inBeta     = "beta"

	dataPrefix     = "data:"
	paramPrefix    = "param:"
	discretePrefix = "discrete:"
	indexPrefix    = "index:"
)

func (m *Model) dataParams() []tensor.Param {
	out := make([]tensor.Param, len(m.Columns))
	for i, c := range m.Columns {
		out[i] = c.Param()
		out[i].Name = dataPrefix + c.Name
	}
	return out
}

// result is a named result of a program.
type result struct {
	name  string
	value tensor.Value
}

// trace records a program of the model: its parameters are lead, the data columns and trail. fn gets the model bound to
// the columns. A panic of the model comes back as an error with its place.
func (m *Model) trace(name string, lead, trail []tensor.Param, fn func(p Program, lead, trail []tensor.Value) []result) (*tensor.Func, error) {
	return m.traceColumns(name, lead, trail, func(lead, columns, trail []tensor.Value) []result {
		return fn(m.bind(columns), lead, trail)
	})
}

// traceColumns is trace with the columns themselves.
func (m *Model) traceColumns(name string, lead, trail []tensor.Param, fn func(lead, columns, trail []tensor.Value) []result) (f *tensor.Func, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, panicError(r)
		}
	}()
	params := append(append(append([]tensor.Param(nil), lead...), m.dataParams()...), trail...)
	var names []string
	f, err = tensor.Trace(name, m.Float, params, func(args []tensor.Value) []tensor.Value {
		nl, nd := len(lead), len(m.Columns)
		out := fn(args[:nl], m.widened(args[nl:nl+nd]), args[nl+nd:])
		values := make([]tensor.Value, len(out))
		for i, r := range out {
			names = append(names, r.name)
			values[i] = r.value
		}
		return values
	})
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	for i := range f.Out {
		f.Out[i].Name = names[i]
	}
	return f, nil
}

// panicError describes a panic of a model's own code, which is still on the stack, without a stack trace.
func panicError(r any) error {
	file, line := tensor.CallerOutside()
	msg := strings.TrimPrefix(fmt.Sprint(r), "runtime error: ")
	if file == "" {
		return fmt.Errorf("model panicked: %s", msg)
	}
	return fmt.Errorf("model panicked at %s:%d: %s", file, line, msg)
}
