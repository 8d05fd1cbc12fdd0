package model

import (
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Target is the log density that a kernel samples.
type Target struct {
	// LogDensity: (position f[D], more inputs named in Func.In) → (log density f[], gradient f[D]).
	LogDensity *tensor.Func
}

// Env holds what is fixed within a step: the data columns, the model's parameters without a prior, the values of discrete
// sites, the indices of subsampled plates, each by name, and the inverse temperature.
type Env struct {
	Data, Params, Discrete, Index map[string]tensor.Value
	Beta                          tensor.Value
}

// Dim returns the length of the position.
func (t Target) Dim() int { return t.LogDensity.In[0].Shape[0] }

// Float returns the float type of the position.
func (t Target) Float() tensor.DType { return t.LogDensity.Float }

// At computes, in the current trace, the log density f[] at a position f[D] and its gradient f[D]. It panics with
// *tensor.Error where e lacks an input.
func (t Target) At(e Env, position tensor.Value) (logDensity, gradient tensor.Value) {
	args := []any{position}
	for _, p := range t.LogDensity.In[1:] {
		v := e.input(p.Name)
		if !v.IsValid() {
			tensor.Fail(t.LogDensity.Name, "the environment has no %s", p.Name)
		}
		args = append(args, v)
	}
	out := t.LogDensity.Apply(args...)
	return out[0], out[1]
}

// input returns the value of an input of the program, absent where e has none.
func (e Env) input(name string) tensor.Value {
	if name == inBeta {
		return e.Beta
	}
	for _, source := range []struct {
		prefix string
		values map[string]tensor.Value
	}{{dataPrefix, e.Data}, {paramPrefix, e.Params}, {discretePrefix, e.Discrete}, {indexPrefix, e.Index}} {
		if rest, ok := strings.CutPrefix(name, source.prefix); ok {
			return source.values[rest]
		}
	}
	return tensor.Value{}
}

// DataEnv returns the environment whose data are values, one for each column of the manifest in order.
func (m *Manifest) DataEnv(values []tensor.Value) Env {
	e := Env{Data: map[string]tensor.Value{}}
	for i, c := range m.Columns {
		e.Data[c.Name] = values[i]
	}
	return e
}
