package grad

import (
	"github.com/drey-sampler/drey/pkg/tensor"
)

// ValueAndGrad returns a program with the parameters of f that returns the results of f, then the gradient of result 0,
// a float scalar, with respect to each listed float parameter.
func ValueAndGrad(f *tensor.Func, wrt ...int) (*tensor.Func, error) {
	g, err := pruned(tensor.Trace(f.Name+".grad", f.Float, f.In, func(args []tensor.Value) []tensor.Value {
		checkScalar(f)
		checkFloat(f, wrt)
		r := start(f, wrt)
		out := r.forward(f.Body, args)
		ct := r.frame()
		res := f.Body.Results[0]
		ct.add(res, constantLin(res.DType(), res.Shape(), 1))
		return append(out, ct.gradients(f, wrt)...)
	}))
	return named(g, f, wrt, "grad"), err
}

// VJP returns a program with the parameters of f and a cotangent for each float result of f. It returns the results of
// f, then the cotangents of the listed float parameters.
func VJP(f *tensor.Func, wrt ...int) (*tensor.Func, error) {
	params := append([]tensor.Param(nil), f.In...)
	for _, o := range f.Out {
		if o.DType.IsFloat() {
			params = append(params, tensor.Param{Name: "ct_" + o.Name, DType: o.DType, Shape: o.Shape})
		}
	}
	g, err := pruned(tensor.Trace(f.Name+".vjp", f.Float, params, func(args []tensor.Value) []tensor.Value {
		checkFloat(f, wrt)
		n := len(f.In)
		out, back := pullback(f, args[:n:n], wrt)
		return append(out, back(args[n:])...)
	}))
	return named(g, f, wrt, "ct"), err
}

// pullback applies f in the current trace and returns its results and the function that maps cotangents of its float
// results to cotangents of the wrt parameters.
func pullback(f *tensor.Func, args []tensor.Value, wrt []int) ([]tensor.Value, func(cts []tensor.Value) []tensor.Value) {
	r := start(f, wrt)
	out := r.forward(f.Body, args)
	return out, func(cts []tensor.Value) []tensor.Value {
		ct := r.frame()
		i := 0
		for _, v := range f.Body.Results {
			if v.DType().IsFloat() {
				ct.add(v, linOf(cts[i]))
				i++
			}
		}
		return ct.gradients(f, wrt)
	}
}

// start prepares a reverse pass over f.
func start(f *tensor.Func, wrt []int) *reverse {
	r := newReverse()
	for _, i := range wrt {
		r.act.mark(f.Body.Params[i])
	}
	r.act.region(f.Body)
	return r
}

// gradients visits f in reverse and returns the cotangents of the wrt parameters.
func (f *frame) gradients(fn *tensor.Func, wrt []int) []tensor.Value {
	f.region(fn.Body)
	made := map[int]tensor.Value{}
	out := make([]tensor.Value, len(wrt))
	for k, i := range wrt {
		if _, ok := made[i]; !ok {
			made[i] = f.take(fn.Body.Params[i]).value()
		}
		out[k] = made[i]
	}
	return out
}

func checkScalar(f *tensor.Func) {
	if len(f.Out) == 0 || !f.Out[0].DType.IsFloat() || len(f.Out[0].Shape) > 0 {
		tensor.Fail("grad", "result 0 of %q is not a float scalar", f.Name)
	}
}

func checkFloat(f *tensor.Func, wrt []int) {
	for _, i := range wrt {
		if i < 0 || i >= len(f.In) {
			tensor.Fail("grad", "with respect to parameter %d of %q, which has %d", i, f.Name, len(f.In))
		}
		if p := f.In[i]; !p.DType.IsFloat() {
			tensor.Fail("grad", "with respect to parameter %d %q of %q, which is %s", i, p.Name, f.Name, tensor.FormatShape(p.DType, p.Shape))
		}
	}
}

// named gives the results of g the names of f's, then those of the parameters with a prefix.
func named(g, f *tensor.Func, wrt []int, prefix string) *tensor.Func {
	if g == nil {
		return nil
	}
	for i := range f.Out {
		g.Out[i].Name = f.Out[i].Name
	}
	for k, i := range wrt {
		g.Out[len(f.Out)+k].Name = prefix + "_" + f.In[i].Name
	}
	return g
}
