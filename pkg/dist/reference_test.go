package dist

import (
	"compress/gzip"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/grad"
)

// jsonNumber is a number, or "nan", "inf", "-inf", or null (present false).
type jsonNumber struct {
	v       float64
	present bool
}

func (n *jsonNumber) UnmarshalJSON(b []byte) error {
	switch s := string(b); s {
	case "null":
		return nil
	case `"nan"`:
		*n = jsonNumber{math.NaN(), true}
	case `"inf"`:
		*n = jsonNumber{math.Inf(1), true}
	case `"-inf"`:
		*n = jsonNumber{math.Inf(-1), true}
	default:
		n.present = true
		return json.Unmarshal(b, &n.v)
	}
	return nil
}

type referenceCase struct {
	Params  map[string]any             `json:"params"`
	Value   json.RawMessage            `json:"value"`
	LogProb json.RawMessage            `json:"log_prob"`
	CDF     jsonNumber                 `json:"cdf"`
	LogCDF  jsonNumber                 `json:"log_cdf"`
	LogSF   jsonNumber                 `json:"log_sf"`
	ByValue json.RawMessage            `json:"dlogp_dvalue"`
	RawBy   map[string]json.RawMessage `json:"dlogp_dparams"`
}

type referenceFile struct {
	Cases   []referenceCase `json:"cases"`
	Moments []struct {
		Params   map[string]any
		Mean     json.RawMessage
		Variance json.RawMessage
	}
	Quantiles []struct {
		Params map[string]any
		Q      jsonNumber
		ICDF   jsonNumber `json:"icdf"`
	}
	Outside []struct {
		Params map[string]any
		Value  jsonNumber
	} `json:"outside_support"`
}

func readReference(t *testing.T, name string) referenceFile {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out referenceFile
	if err := json.NewDecoder(z).Decode(&out); err != nil {
		t.Fatal(name, err)
	}
	return out
}

func parseNumber(raw json.RawMessage) jsonNumber {
	var n jsonNumber
	if len(raw) > 0 && n.UnmarshalJSON(raw) != nil {
		return jsonNumber{}
	}
	return n
}

// flatten returns the scalar parameters of a reference row by dotted name, and what else tells rows of different programs
// apart: the base distribution's name and the parameters given.
func flatten(params map[string]any) (string, map[string]float64) {
	sig, out := "", map[string]float64{}
	for _, k := range slices.Sorted(maps.Keys(params)) {
		switch v := params[k].(type) {
		case float64:
			out[k] = v
			sig += k + ","
		case map[string]any:
			sub, values := flatten(v["params"].(map[string]any))
			sig += k + "=" + v["name"].(string) + "(" + sub + "),"
			for name, x := range values {
				out[k+"."+name] = x
			}
		}
	}
	return sig, out
}

// block is a set of reference rows with one signature: one program computes them all, a row an element of the batch.
type block struct {
	sig    string
	names  []string
	params [][]float64 // by name, then row
	rows   []int       // their numbers in the file
}

func blocksOf(n int, params func(i int) map[string]any) []*block {
	bySig := map[string]*block{}
	var out []*block
	for i := range n {
		sig, values := flatten(params(i))
		b := bySig[sig]
		if b == nil {
			b = &block{sig: sig, names: slices.Sorted(maps.Keys(values))}
			b.params = make([][]float64, len(b.names))
			bySig[sig] = b
			out = append(out, b)
		}
		for k, name := range b.names {
			b.params[k] = append(b.params[k], values[name])
		}
		b.rows = append(b.rows, i)
	}
	return out
}

// args are the parameters of a distribution under test, by dotted name.
type args map[string]tensor.Value

// has returns the parameter or nil where the rows do not give it.
func (a args) optional(name string) any {
	if v, ok := a[name]; ok {
		return v
	}
	return nil
}

// run evaluates a program on vectors: x (of dtype d) and the block's parameters.
func (b *block) run(t *testing.T, d tensor.DType, x []float64, withGrad bool, fn func(x tensor.Value, a args) tensor.Value) (out [][]float64) {
	t.Helper()
	n := len(b.rows)
	in := []tensor.Param{{Name: "x", DType: d, Shape: []int{n}}}
	values := []*tensor.Array{tensor.ArrayOf(d, []int{n}, x)}
	for k, name := range b.names {
		in = append(in, tensor.Param{Name: name, DType: tensor.F64, Shape: []int{n}})
		values = append(values, tensor.ArrayOf(tensor.F64, []int{n}, b.params[k]))
	}
	f, err := tensor.Trace("reference", tensor.F64, in, func(v []tensor.Value) []tensor.Value {
		a := args{}
		for k, name := range b.names {
			a[name] = v[k+1]
		}
		r := fn(v[0], a)
		if withGrad {
			return []tensor.Value{r.Sum(), r}
		}
		return []tensor.Value{r}
	})
	if err == nil && withGrad {
		var wrt []int
		for i, p := range in {
			if p.DType.IsFloat() {
				wrt = append(wrt, i)
			}
		}
		f, err = grad.ValueAndGrad(f, wrt...)
	}
	if err != nil {
		t.Fatalf("%s: %v", b.sig, err)
	}
	res, err := eval.Run(f, values)
	if err != nil {
		t.Fatalf("%s: %v", b.sig, err)
	}
	if withGrad {
		res = res[1:]
	}
	for _, r := range res {
		out = append(out, r.Float64s())
	}
	return out
}

const (
	tolerance = 1e-10
	epsilon   = 0x1p-52
)

// agree reports |a-b| ≤ tolerance·max(1, |b|) + allowance, infinities and NaN by equality.
func agree(a, b, allowance float64) bool {
	if math.IsNaN(b) || math.IsInf(b, 0) {
		return a == b || math.IsNaN(a) && math.IsNaN(b)
	}
	return math.Abs(a-b) <= tolerance*math.Max(1, math.Abs(b))+allowance
}

// scalarReference is a family whose reference rows have scalar values and parameters.
type scalarReference struct {
	file     string
	discrete bool
	build    func(sig string, a args) Distribution // nil: rows of that signature are not this package's
}

func (r scalarReference) dtype() tensor.DType {
	if r.discrete {
		return tensor.I32
	}
	return tensor.F64
}

func TestReference(t *testing.T) {
	for _, r := range scalarReferences {
		t.Run(r.file, func(t *testing.T) {
			ref := readReference(t, r.file)
			r.checkDensity(t, ref)
			r.checkOutside(t, ref)
			r.checkCDF(t, ref)
			r.checkQuantiles(t, ref)
			r.checkMoments(t, ref)
		})
	}
}

func (r scalarReference) blocks(n int, params func(i int) map[string]any) []*block {
	return slices.DeleteFunc(blocksOf(n, params), func(b *block) bool {
		return strings.Contains(b.sig, "SoftLaplace") || strings.Contains(b.sig, "StudentT")
	})
}

func (r scalarReference) checkDensity(t *testing.T, ref referenceFile) {
	for _, b := range r.blocks(len(ref.Cases), func(i int) map[string]any { return ref.Cases[i].Params }) {
		x := make([]float64, len(b.rows))
		for k, i := range b.rows {
			x[k] = parseNumber(ref.Cases[i].Value).v
		}
		density := func(x tensor.Value, a args) tensor.Value { return r.build(b.sig, a).LogProb(x) }
		got := b.run(t, r.dtype(), x, true, density)
		condition := r.gradientCondition(t, b, x, density)
		for k, i := range b.rows {
			c := ref.Cases[i]
			slope := parseNumber(c.ByValue)
			lp := parseNumber(c.LogProb)
			allow := 4 * epsilon * math.Abs(x[k]*slope.v)
			if !agree(got[0][k], lp.v, allow) {
				t.Errorf("%v x=%v: log_prob %v, want %v", c.Params, x[k], got[0][k], lp.v)
			}
			grads, conditions := got[1:], condition
			if !r.discrete {
				if slope.present && !agree(grads[0][k], slope.v, 4*epsilon*conditions[0][k]) {
					t.Errorf("%v x=%v: d log_prob/dvalue %v, want %v", c.Params, x[k], grads[0][k], slope.v)
				}
				grads, conditions = grads[1:], conditions[1:]
			}
			for j, name := range b.names {
				want := parseNumber(c.RawBy[name])
				if want.present && !agree(grads[j][k], want.v, 4*epsilon*conditions[j][k]) {
					t.Errorf("%v x=%v: d log_prob/d%s %v, want %v", c.Params, x[k], name, grads[j][k], want.v)
				}
			}
		}
	}
}

// gradientCondition returns |x·dg/dx| for each component g of the gradient, by a difference of relative step 1e-6: what a
// relative change of x by one epsilon changes g by, in epsilons. Differences across the edge of the support are one-sided.
func (r scalarReference) gradientCondition(t *testing.T, b *block, x []float64, density func(tensor.Value, args) tensor.Value) [][]float64 {
	const step = 1e-6
	at := func(factor float64) [][]float64 {
		moved := make([]float64, len(x))
		for i := range x {
			moved[i] = x[i] * factor
		}
		return b.run(t, r.dtype(), moved, true, density)
	}
	mid, up, down := at(1), at(1+step), at(1-step)
	out := make([][]float64, len(mid)-1)
	for j := range out {
		out[j] = make([]float64, len(x))
		for k := range x {
			hi, lo, width := up, down, 2*step
			if math.IsInf(up[0][k], 0) {
				hi, width = mid, step
			} else if math.IsInf(down[0][k], 0) {
				lo, width = mid, step
			}
			if !r.discrete {
				out[j][k] = math.Abs(hi[j+1][k]-lo[j+1][k]) / width
			}
		}
	}
	return out
}

func (r scalarReference) checkOutside(t *testing.T, ref referenceFile) {
	for _, b := range r.blocks(len(ref.Outside), func(i int) map[string]any { return ref.Outside[i].Params }) {
		x := make([]float64, len(b.rows))
		for k, i := range b.rows {
			x[k] = ref.Outside[i].Value.v
		}
		// Values such as 0.5 of a discrete distribution need a float.
		got := b.run(t, tensor.F64, x, false, func(x tensor.Value, a args) tensor.Value { return r.build(b.sig, a).LogProb(x) })
		for k, i := range b.rows {
			if got[0][k] != math.Inf(-1) {
				t.Errorf("%v x=%v outside the support: log_prob %v", ref.Outside[i].Params, x[k], got[0][k])
			}
		}
	}
}

func (r scalarReference) checkCDF(t *testing.T, ref referenceFile) {
	for _, b := range r.blocks(len(ref.Cases), func(i int) map[string]any { return ref.Cases[i].Params }) {
		x := make([]float64, len(b.rows))
		for k, i := range b.rows {
			x[k] = parseNumber(ref.Cases[i].Value).v
		}
		truncated := strings.Contains(r.file, "Truncated")
		mass := b.run(t, tensor.F64, x, false, func(x tensor.Value, a args) tensor.Value {
			if d, ok := r.build(b.sig, a).(TruncatedDist); ok {
				return d.logMass.Exp()
			}
			return x
		})
		for name, of := range map[string]func(CDF, tensor.Value) tensor.Value{"cdf": CDF.CDF, "log_cdf": CDF.LogCDF, "log_sf": CDF.LogSF} {
			ok := true
			got := b.run(t, r.dtype(), x, false, func(x tensor.Value, a args) tensor.Value {
				var d CDF
				if d, ok = r.build(b.sig, a).(CDF); ok {
					return of(d, x)
				}
				return x
			})
			for k, i := range b.rows {
				c := ref.Cases[i]
				want := map[string]jsonNumber{"cdf": c.CDF, "log_cdf": c.LogCDF, "log_sf": c.LogSF}[name]
				// d log F/dx = f/F
				over := map[string]float64{"cdf": 0, "log_cdf": c.LogCDF.v, "log_sf": c.LogSF.v}[name]
				allow := 4 * epsilon * math.Abs(x[k]) * math.Exp(parseNumber(c.LogProb).v-over)
				good := agree(got[0][k], want.v, allow)
				if name != "cdf" && truncated {
					// A difference of the base's distribution function over the mass between the bounds.
					good = good || math.Abs(math.Exp(got[0][k])-math.Exp(want.v)) <= 8*epsilon/mass[0][k]
				}
				if ok && want.present && !good {
					t.Errorf("%v x=%v: %s %v, want %v", c.Params, x[k], name, got[0][k], want.v)
				}
			}
		}
	}
}

func (r scalarReference) checkQuantiles(t *testing.T, ref referenceFile) {
	for _, b := range r.blocks(len(ref.Quantiles), func(i int) map[string]any { return ref.Quantiles[i].Params }) {
		q := make([]float64, len(b.rows))
		for k, i := range b.rows {
			q[k] = ref.Quantiles[i].Q.v
		}
		ok := true
		got := b.run(t, tensor.F64, q, false, func(q tensor.Value, a args) tensor.Value {
			var d ICDF
			if d, ok = r.build(b.sig, a).(ICDF); ok {
				return d.ICDF(q)
			}
			return q
		})
		for k, i := range b.rows {
			want := ref.Quantiles[i].ICDF.v
			allow := 4 * epsilon / (1 - q[k]) * math.Abs(want)
			if ok && !agree(got[0][k], want, allow) {
				t.Errorf("%v q=%v: icdf %v, want %v", ref.Quantiles[i].Params, q[k], got[0][k], want)
			}
		}
	}
}

func (r scalarReference) checkMoments(t *testing.T, ref referenceFile) {
	for _, b := range r.blocks(len(ref.Moments), func(i int) map[string]any { return ref.Moments[i].Params }) {
		for _, name := range []string{"mean", "variance"} {
			ok := true
			got := b.run(t, tensor.F64, make([]float64, len(b.rows)), false, func(x tensor.Value, a args) tensor.Value {
				var d Moments
				if d, ok = r.build(b.sig, a).(Moments); !ok {
					return x
				}
				if name == "mean" {
					return d.Mean()
				}
				return d.Variance()
			})
			for k, i := range b.rows {
				want := parseNumber(map[string]json.RawMessage{"mean": ref.Moments[i].Mean, "variance": ref.Moments[i].Variance}[name])
				if ok && want.present && !agree(got[0][k], want.v, 0) {
					t.Errorf("%v: %s %v, want %v", ref.Moments[i].Params, name, got[0][k], want.v)
				}
			}
		}
	}
}
