package model

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// raw is a data value read from Go: its shape and its elements, as integers where all of them are, else as floats.
type raw struct {
	shape  []int
	floats []float64
	ints   []int64 // nil unless every element is an integer or a bool
	place  func(i int) string
}

// Array is a data value as a file gives it: elements in row-major order, in one of the slices. Place, if it is not nil,
// names element i for messages: the file, line or row.
type Array struct {
	Shape []int
	F64   []float64
	I64   []int64
	Bool  []bool
	Place func(i int) string
}

// raw returns the elements of a, sharing them where it can.
func (a Array) raw(name string) (*raw, error) {
	r := &raw{shape: a.Shape, floats: a.F64, ints: a.I64, place: a.Place}
	if a.Bool != nil {
		r.ints = make([]int64, len(a.Bool))
		for i, b := range a.Bool {
			if b {
				r.ints[i] = 1
			}
		}
	}
	if _, err := nonEmpty(name, r); err != nil {
		return nil, err
	}
	if n := max(len(r.floats), len(r.ints)); n != r.size() || len(r.floats) > 0 && len(r.ints) > 0 {
		return nil, fmt.Errorf("model: data %q has %d elements for shape %v", name, n, a.Shape)
	}
	return r, nil
}

// where names element i for messages.
func (r *raw) where(name string, i int) string {
	if r.place != nil {
		return r.place(i)
	}
	return position(name, r.shape, i)
}

func (r *raw) size() int { return tensor.NumElements(r.shape) }

// at returns element i as a float64.
func (r *raw) at(i int) float64 {
	if r.ints != nil {
		return float64(r.ints[i])
	}
	return r.floats[i]
}

// readRaw reads a number, a bool, a nested slice of them (of any element type, []any as JSON gives included), a
// *tensor.Array, an Array or a Column. A nil element, JSON's null, reads as NaN.
func readRaw(name string, x any) (*raw, error) {
	switch x := x.(type) {
	case nil:
		return nil, fmt.Errorf("model: data %q is null", name)
	case *tensor.Array:
		return rawFromArray(x), nil
	case Column:
		return rawFromArray(x.Array()), nil
	case Array:
		return x.raw(name)
	case []float64:
		return nonEmpty(name, &raw{shape: []int{len(x)}, floats: x})
	}
	v := reflect.ValueOf(x)
	r := &raw{}
	for s := indirect(v); s.Kind() == reflect.Slice || s.Kind() == reflect.Array; s = indirect(s.Index(0)) {
		r.shape = append(r.shape, s.Len())
		if s.Len() == 0 {
			break
		}
	}
	if _, err := nonEmpty(name, r); err != nil {
		return nil, err
	}
	c := collector{raw: r, integral: true}
	if err := c.collect(v, 0); err != nil {
		return nil, fmt.Errorf("model: data %q: %s: %w", name, position(name, r.shape, len(c.raw.floats)), err)
	}
	if !c.integral {
		r.ints = nil
	}
	return r, nil
}

func nonEmpty(name string, r *raw) (*raw, error) {
	if r.size() == 0 {
		return nil, fmt.Errorf("model: data %q is empty (shape %v)", name, r.shape)
	}
	return r, nil
}

func rawFromArray(a *tensor.Array) *raw {
	r := &raw{shape: a.Shape}
	if a.DType.IsFloat() {
		r.floats = a.Float64s()
		return r
	}
	for _, b := range a.Bits {
		switch a.DType {
		case tensor.I32:
			r.ints = append(r.ints, int64(int32(uint32(b))))
		default:
			r.ints = append(r.ints, int64(b))
		}
	}
	return r
}

func indirect(v reflect.Value) reflect.Value {
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

// collector appends the elements of nested slices to a raw, floats always and integers as long as all are.
type collector struct {
	raw      *raw
	integral bool
}

func (c *collector) collect(v reflect.Value, depth int) error {
	v = indirect(v)
	shape := c.raw.shape
	if depth == len(shape) {
		return c.element(v)
	}
	if !v.IsValid() || v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return errors.New("a number where a row is expected")
	}
	if v.Len() != shape[depth] {
		return fmt.Errorf("a row of %d elements among rows of %d", v.Len(), shape[depth])
	}
	if row, ok := v.Interface().([]float64); ok && depth == len(shape)-1 {
		c.raw.floats = append(c.raw.floats, row...)
		c.integral = false
		return nil
	}
	for i := range v.Len() {
		if err := c.collect(v.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) element(v reflect.Value) error {
	switch {
	case !v.IsValid():
		c.float(math.NaN())
	case v.Kind() == reflect.Bool:
		n := int64(0)
		if v.Bool() {
			n = 1
		}
		c.integer(n)
	case v.CanInt():
		c.integer(v.Int())
	case v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return fmt.Errorf("%d is too large", v.Uint())
		}
		c.integer(int64(v.Uint()))
	case v.CanFloat():
		c.float(v.Float())
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		return errors.New("a row where a number is expected")
	default:
		return c.number(v)
	}
	return nil
}

// number reads the decimal literals of encoding/json (json.Number), which keep integers exact.
func (c *collector) number(v reflect.Value) error {
	n, ok := v.Interface().(interface {
		Int64() (int64, error)
		Float64() (float64, error)
	})
	if !ok {
		return fmt.Errorf("%#v (%s) is not a number", v.Interface(), v.Type())
	}
	if i, err := n.Int64(); err == nil {
		c.integer(i)
		return nil
	}
	x, err := n.Float64()
	if err != nil {
		return fmt.Errorf("%v is not a number", v.Interface())
	}
	c.float(x)
	return nil
}

func (c *collector) integer(n int64) {
	c.raw.floats = append(c.raw.floats, float64(n))
	if c.integral {
		c.raw.ints = append(c.raw.ints, n)
	}
}

func (c *collector) float(x float64) {
	c.raw.floats = append(c.raw.floats, x)
	c.integral = false
}
