package dist

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
)

// leaf is a numeric parameter of a reference row, by its path in the row.
type leaf struct {
	path  string
	shape []int
	data  []float64
}

// numeric reads a number or nested list of numbers.
func numeric(x any) (shape []int, data []float64, ok bool) {
	switch v := x.(type) {
	case float64:
		return nil, []float64{v}, true
	case []any:
		for i, e := range v {
			s, d, good := numeric(e)
			if !good {
				return nil, nil, false
			}
			if i == 0 {
				shape = append([]int{len(v)}, s...)
			}
			data = append(data, d...)
		}
		return shape, data, len(v) > 0
	}
	return nil, nil, false
}

// static are parameters that are not numbers of the density.
var static = []string{"dimension", "event_dim", "reinterpreted_batch_ndims", "batch_shape", "event_shape"}

func leavesOf(prefix string, x any) (out []leaf) {
	if shape, data, ok := numeric(x); ok {
		return []leaf{{prefix, shape, data}}
	}
	switch v := x.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			if !slices.Contains(static, k) {
				out = append(out, leavesOf(prefix+"/"+k, v[k])...)
			}
		}
	case []any:
		for i, e := range v {
			out = append(out, leavesOf(fmt.Sprint(prefix, "/", i), e)...)
		}
	}
	return out
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// row is a reference row whose numbers are Values of a trace.
type row struct {
	params map[string]any
	values map[string]tensor.Value
}

func (r row) get(path string) tensor.Value { return r.values["/"+path] }

// dist builds a scalar distribution named in the row.
func (r row) dist(path, name string) Distribution {
	p := func(n string) tensor.Value { return r.get(path + "/params/" + n) }
	return scalarByName(name, p)
}

func scalarByName(name string, p func(string) tensor.Value) Distribution {
	switch name {
	case "Normal":
		return Normal(p("loc"), p("scale"))
	case "Gamma":
		return Gamma(p("concentration"), p("rate"))
	case "Poisson":
		return Poisson(p("rate"))
	case "Logistic":
		return Logistic(p("loc"), p("scale"))
	case "Exponential":
		return Exponential(p("rate"))
	}
	panic("no distribution " + name)
}

func (r row) base() Distribution {
	return r.dist("base", r.params["base"].(map[string]any)["name"].(string))
}

// arrayReferences are the files whose rows hold vectors, matrices or distributions.
var arrayReferences = map[string]func(r row) Distribution{
	"CategoricalProbs":  func(r row) Distribution { return Categorical(r.get("probs")) },
	"CategoricalLogits": func(r row) Distribution { return CategoricalLogits(r.get("logits")) },
	"Dirichlet":         func(r row) Distribution { return Dirichlet(r.get("concentration")) },
	"LKJCholesky": func(r row) Distribution {
		return LKJCholesky(int(r.params["dimension"].(float64)), r.get("concentration"))
	},
	"MultivariateNormal": func(r row) Distribution {
		switch loc := r.get("loc"); {
		case r.get("covariance_matrix").IsValid():
			return MultivariateNormal(loc, r.get("covariance_matrix"))
		case r.get("precision_matrix").IsValid():
			return MultivariateNormalPrecision(loc, r.get("precision_matrix"))
		default:
			return MultivariateNormalTril(loc, r.get("scale_tril"))
		}
	},
	"Delta": func(r row) Distribution {
		dim, _ := r.params["event_dim"].(float64)
		return DeltaWith(r.get("v"), r.get("log_density"), int(dim))
	},
	"MixtureSameFamily": func(r row) Distribution {
		parts := r.params["components"].([]any)
		name := parts[0].(map[string]any)["name"].(string)
		return MixtureSameFamily(Categorical(r.get("probs")), scalarByName(name, func(p string) tensor.Value {
			var all []any
			for i := range parts {
				v := r.get(fmt.Sprintf("components/%d/params/%s", i, p))
				if !v.IsValid() {
					return v
				}
				all = append(all, v)
			}
			return tensor.Stack(0, all...)
		}))
	},
	"ImproperUniform": func(r row) Distribution {
		var event []int
		for _, n := range r.params["event_shape"].([]any) {
			event = append(event, int(n.(float64)))
		}
		return ImproperUniform(map[string]Constraint{"real": Real, "positive": Positive}[r.params["support"].(string)], nil, event)
	},
	"Independent": func(r row) Distribution {
		return ToEvent(r.base(), int(r.params["reinterpreted_batch_ndims"].(float64)))
	},
	"MaskedDistribution": func(r row) Distribution {
		var mask []bool
		for _, m := range r.params["mask"].([]any) {
			mask = append(mask, m.(bool))
		}
		return Mask(r.base(), mask)
	},
	"ExpandedDistribution": func(r row) Distribution {
		return Expand(r.base(), int(r.params["batch_shape"].([]any)[0].(float64)))
	},
	"TransformedDistribution": func(r row) Distribution {
		var ts []Bijector
		for i, t := range r.params["transforms"].([]any) {
			at := fmt.Sprintf("transforms/%d/", i)
			ts = append(ts, map[string]func() Bijector{
				"affine": func() Bijector {
					// The sign of the scale has to be known for the image of a half-line.
					return AffineTransform(r.get(at+"loc"), t.(map[string]any)["scale"].(float64))
				},
				"exp":      func() Bijector { return ExpTransform },
				"sigmoid":  func() Bijector { return SigmoidTransform },
				"softplus": func() Bijector { return SoftplusTransform },
				"power":    func() Bijector { return PowerTransform(r.get(at + "exponent")) },
			}[t.(map[string]any)["name"].(string)]())
		}
		return Transformed(r.base(), ts...)
	},
}

func TestArrayReference(t *testing.T) {
	for _, name := range sortedNames(arrayReferences) {
		t.Run(name, func(t *testing.T) {
			ref := readReference(t, name)
			for _, c := range ref.Cases {
				checkArrayCase(t, c, arrayReferences[name], strings.HasPrefix(name, "Categorical"))
			}
			for _, m := range ref.Moments {
				checkArrayMoments(t, m.Params, arrayReferences[name], [2]json.RawMessage{m.Mean, m.Variance})
			}
		})
	}
}

func sortedNames(m map[string]func(row) Distribution) []string {
	var names []string
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func decode(t *testing.T, raw json.RawMessage) (shape []int, data []float64) {
	t.Helper()
	var x any
	if n := parseNumber(raw); n.present {
		return nil, []float64{n.v}
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		t.Fatal(err)
	}
	shape, data, ok := numeric(x)
	if !ok {
		t.Fatalf("not numeric: %s", raw)
	}
	return shape, data
}

func checkArrayCase(t *testing.T, c referenceCase, build func(row) Distribution, discrete bool) {
	t.Helper()
	leaves := leavesOf("", c.Params)
	shape, value := decode(t, c.Value)
	d := tensor.F64
	if discrete {
		d = tensor.I32
	}
	in := []tensor.Param{{Name: "x", DType: d, Shape: shape}}
	args := []*tensor.Array{tensor.ArrayOf(d, shape, value)}
	for _, l := range leaves {
		in = append(in, tensor.Param{Name: l.path, DType: tensor.F64, Shape: l.shape})
		args = append(args, tensor.ArrayOf(tensor.F64, l.shape, l.data))
	}
	f, err := tensor.Trace("array", tensor.F64, in, func(v []tensor.Value) []tensor.Value {
		values := map[string]tensor.Value{}
		for i, l := range leaves {
			values[l.path] = v[i+1]
		}
		lp := build(row{c.Params, values}).LogProb(v[0])
		return []tensor.Value{lp.Sum(), lp}
	})
	if err != nil {
		t.Fatalf("%v: %v", c.Params, err)
	}
	_, want := decode(t, c.LogProb)
	got := evaluate(t, f, args)[1].Float64s()
	_, slope := []int(nil), []float64(nil)
	if len(c.ByValue) > 0 {
		_, slope = decode(t, c.ByValue)
	}
	allow := 0.0
	for i, s := range slope {
		allow += 4 * epsilon * math.Abs(value[i]*s)
	}
	for i, w := range want {
		if !agree(got[i], w, allow) {
			t.Errorf("%v x=%s: log_prob %v, want %v", c.Params, c.Value, got[i], w)
		}
	}
	checkGradients(t, f, args, slope)
}

// checkArrayMoments compares mean and variance where the reference has them.
func checkArrayMoments(t *testing.T, params map[string]any, build func(row) Distribution, want [2]json.RawMessage) {
	t.Helper()
	leaves := leavesOf("", params)
	var in []tensor.Param
	var args []*tensor.Array
	for _, l := range leaves {
		in = append(in, tensor.Param{Name: l.path, DType: tensor.F64, Shape: l.shape})
		args = append(args, tensor.ArrayOf(tensor.F64, l.shape, l.data))
	}
	known := false
	f, err := tensor.Trace("moments", tensor.F64, in, func(v []tensor.Value) []tensor.Value {
		values := map[string]tensor.Value{}
		for i, l := range leaves {
			values[l.path] = v[i]
		}
		mean, variance, ok := MomentsOf(build(row{params, values}))
		if known = ok; !ok {
			return nil
		}
		return []tensor.Value{mean, variance}
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if !known || string(w) == "null" || len(w) == 0 {
			continue
		}
		_, numbers := decode(t, w)
		got := evaluate(t, f, args)[i].Float64s()
		for j, x := range numbers {
			if !agree(got[j], x, 0) {
				t.Errorf("%v: moment %d: %v, want %v", params, i+1, got, numbers)
				break
			}
		}
	}
}

func evaluate(t *testing.T, f *tensor.Func, args []*tensor.Array) []*tensor.Array {
	t.Helper()
	out, err := eval.Run(f, args)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkGradients compares the derivatives of result 0 with reference values for argument 0 where there are some, and
// elsewhere, where they are finite, with central differences after one Richardson step, of relative step 1e-5: good to
// 1e-6 even where a density varies on a few thousandths of its argument, and to 64 epsilons of the log density over the
// step.
func checkGradients(t *testing.T, f *tensor.Func, args []*tensor.Array, slope []float64) {
	t.Helper()
	var wrt []int
	for i, p := range f.In {
		if p.DType.IsFloat() {
			wrt = append(wrt, i)
		}
	}
	g, err := grad.ValueAndGrad(f, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	got := evaluate(t, g, args)[len(f.Out):]
	p, err := eval.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	density := func(i, j int, x float64) float64 {
		out, err := p.Run(moved(args, i, j, x))
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Float64s()[0]
	}
	lp := evaluate(t, f, args)[0].Float64s()[0]
	for k, i := range wrt {
		grads := got[k].Float64s()
		if i == 0 && slope != nil {
			for j := range slope {
				largest := math.Abs(slices.MaxFunc(slope, func(a, b float64) int { return int(math.Copysign(1, math.Abs(a)-math.Abs(b))) }))
				if math.Abs(grads[j]-slope[j]) > tolerance*math.Max(1, largest) {
					t.Errorf("%v: derivative by the value %v, want %v", args[0].Float64s(), grads[j], slope[j])
				}
			}
			continue
		}
		scale := math.Max(1, math.Abs(lp))
		for _, x := range grads {
			scale = math.Max(scale, math.Abs(x))
		}
		for j, x := range args[i].Float64s() {
			h := 1e-5 * math.Abs(x)
			if x == 0 {
				h = 1e-5
			}
			central := func(h float64) float64 { return (density(i, j, x+h) - density(i, j, x-h)) / (2 * h) }
			diff := (4*central(h/2) - central(h)) / 3
			if isFinite(diff) && math.Abs(grads[j]-diff) > 1e-6*scale+64*epsilon*math.Abs(lp)/h {
				t.Errorf("%s[%d] = %v: derivative %v, by differences %v", f.In[i].Name, j, x, grads[j], diff)
			}
		}
	}
}

func moved(args []*tensor.Array, i, j int, x float64) []*tensor.Array {
	out := slices.Clone(args)
	data := args[i].Float64s()
	data[j] = x
	out[i] = tensor.ArrayOf(args[i].DType, args[i].Shape, data)
	return out
}
