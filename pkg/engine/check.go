package engine

import (
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// CheckOptions returns an error where opt does not fit f: a donation whose parameter or result does not exist, stands in
// another donation too, or differs in dtype or shape.
func CheckOptions(f *tensor.Func, opt Options) error {
	in, out := map[int]bool{}, map[int]bool{}
	for _, d := range opt.Donate {
		if d.In < 0 || d.In >= len(f.In) || d.Out < 0 || d.Out >= len(f.Out) {
			return fmt.Errorf("engine: %s: donation of parameter %d to result %d: the program has %d parameters and %d results", f.Name, d.In, d.Out, len(f.In), len(f.Out))
		}
		p, r := f.In[d.In], f.Out[d.Out]
		if in[d.In] || out[d.Out] {
			return fmt.Errorf("engine: %s: parameter %s or result %d is donated twice", f.Name, describe(d.In, p), d.Out)
		}
		if p.DType != r.DType || !slices.Equal(p.Shape, r.Shape) {
			return fmt.Errorf("engine: %s: parameter %s can not hold result %d, %s", f.Name, describe(d.In, p), d.Out, tensor.FormatShape(r.DType, r.Shape))
		}
		in[d.In], out[d.Out] = true, true
	}
	return nil
}

// CheckPut returns an error, naming the parameter, where f has no such parameter or it does not have size bytes.
func CheckPut(f *tensor.Func, param, size int) error {
	if param < 0 || param >= len(f.In) {
		return fmt.Errorf("engine: %s: put: no parameter %d, the program has %d", f.Name, param, len(f.In))
	}
	if p := f.In[param]; size != SizeOf(p) {
		return fmt.Errorf("engine: %s: put: %d bytes for parameter %s, want %d", f.Name, size, describe(param, p), SizeOf(p))
	}
	return nil
}

// CheckGet returns an error, naming the result, where f has no such result or it does not have size bytes.
func CheckGet(f *tensor.Func, result, size int) error {
	if result < 0 || result >= len(f.Out) {
		return fmt.Errorf("engine: %s: get: no result %d, the program has %d", f.Name, result, len(f.Out))
	}
	if p := f.Out[result]; size != SizeOf(p) {
		return fmt.Errorf("engine: %s: get: %d bytes for result %s, want %d", f.Name, size, describe(result, p), SizeOf(p))
	}
	return nil
}

func describe(i int, p tensor.Param) string {
	s := fmt.Sprintf("%d, %s", i, tensor.FormatShape(p.DType, p.Shape))
	if p.Name != "" {
		s = fmt.Sprintf("%d %q, %s", i, p.Name, tensor.FormatShape(p.DType, p.Shape))
	}
	return s
}
