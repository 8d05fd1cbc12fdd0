package grad

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// JVP returns a program with the parameters of f and a tangent for each listed float parameter. It returns the results
// of f, then the tangents of its float results. Forward mode goes through While.
func JVP(f *tensor.Func, wrt ...int) (*tensor.Func, error) {
	params := slices.Clone(f.In)
	for _, i := range wrt {
		if i >= 0 && i < len(f.In) {
			params = append(params, tensor.Param{Name: "t_" + f.In[i].Name, DType: f.In[i].DType, Shape: f.In[i].Shape})
		}
	}
	g, err := pruned(tensor.Trace(f.Name+".jvp", f.Float, params, func(args []tensor.Value) []tensor.Value {
		checkFloat(f, wrt)
		p := startForward(f, wrt)
		for k, i := range wrt {
			p.tan[f.Body.Params[i]] = p.tangent(f.Body.Params[i]).plus(linOf(args[len(f.In)+k]))
		}
		out := slices.Clone(p.region(f.Body, args[:len(f.In):len(f.In)]))
		for _, v := range f.Body.Results {
			if v.DType().IsFloat() {
				out = append(out, p.tangent(v).value())
			}
		}
		return out
	}))
	if err != nil {
		return nil, err
	}
	k := len(f.Out)
	for i, o := range f.Out {
		g.Out[i].Name = o.Name
		if o.DType.IsFloat() {
			g.Out[k].Name = "t_" + o.Name
			k++
		}
	}
	return g, nil
}

// ForwardGradient returns what ValueAndGrad does, by forward mode: one pass of tangents an element of each parameter.
// It is for programs without a reverse mode, such as a While.
func ForwardGradient(f *tensor.Func, wrt ...int) (*tensor.Func, error) {
	g, err := pruned(tensor.Trace(f.Name+".grad", f.Float, f.In, func(args []tensor.Value) []tensor.Value {
		checkScalar(f)
		checkFloat(f, wrt)
		var out []tensor.Value
		var grads []tensor.Value
		for _, i := range wrt {
			p := startForward(f, []int{i})
			out = p.primal(f.Body, args)
			rows := p.directions(f.Body, i, f.Body.Results[0])
			grads = append(grads, rows.Reshape(f.In[i].Shape...))
		}
		if len(wrt) == 0 {
			out = f.ApplyWith(nil, args...)
		}
		return slices.Concat(out, grads)
	}))
	return named(g, f, wrt, "grad"), err
}

// Hessian returns a program with the parameters of f that returns result 0 of f, a float scalar, its gradient with
// respect to a float parameter of D elements, and the Hessian, of shape [D, D]: forward mode over reverse mode.
func Hessian(f *tensor.Func, wrt int) (*tensor.Func, error) {
	g, err := ValueAndGrad(f, wrt)
	if err != nil {
		return nil, err
	}
	last := len(g.Out) - 1
	h, err := pruned(tensor.Trace(f.Name+".hessian", f.Float, f.In, func(args []tensor.Value) []tensor.Value {
		p := startForward(g, []int{wrt})
		out := p.primal(g.Body, args)
		d := tensor.NumElements(f.In[wrt].Shape)
		rows := p.directions(g.Body, wrt, g.Body.Results[last])
		return []tensor.Value{out[0], out[last], rows.Reshape(d, d)}
	}))
	if err != nil {
		return nil, err
	}
	h.Out[0].Name, h.Out[1].Name, h.Out[2].Name = g.Out[0].Name, g.Out[last].Name, "hessian_"+f.In[wrt].Name
	return h, nil
}

// directions returns the tangents of result along each element of parameter i, stacked along a first axis of that many
// elements: a Scan over basis vectors around the tangents alone, the primal Values stay outside.
func (f *forward) directions(body *tensor.Region, i int, result tensor.Value) tensor.Value {
	param := body.Params[i]
	shape := param.Shape()
	d := tensor.NumElements(shape)
	reach := f.act.reaching(body, []tensor.Value{result})
	if !f.act[result] {
		return tensor.Zeros(result.DType(), append([]int{d}, result.Shape()...)...)
	}
	if d == 1 {
		f.tan[param] = constantLin(param.DType(), shape, 1)
		f.linear(body, reach)
		return f.tangent(result).value().Reshape(append([]int{1}, result.Shape()...)...)
	}
	basis := tensor.Iota(tensor.I32, 0, d, d).Eq(tensor.Iota(tensor.I32, 1, d, d)).Convert(param.DType())
	x := tensor.In(f.env[param], basis)
	_, rows := tensor.ScanN(nil, []tensor.Value{x}, d, false, func(_, e []tensor.Value) ([]tensor.Value, []tensor.Value) {
		f.tan[param] = fullLin(e[0].Reshape(shape...))
		f.linear(body, reach)
		return nil, []tensor.Value{f.tangent(result).value()}
	})
	return rows[0]
}
