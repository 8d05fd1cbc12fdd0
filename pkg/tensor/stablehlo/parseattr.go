package stablehlo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The attributes of an operation, with failures that name them.

func (o *operation) fail(format string, args ...any) {
	failAt(o.line, "%s: %s", o.name, fmt.Sprintf(format, args...))
}

// integer returns an attribute that must be there.
func (o *operation) integer(name string) int { return o.toInt(name, o.attrs[name]) }

func (o *operation) toInt(name string, x any) int {
	if v, ok := x.(*denseValue); ok {
		if list := o.denseInts(name, v); len(list) == 1 {
			return list[0]
		}
	}
	n, ok := x.(number)
	i, err := strconv.Atoi(string(n))
	if !ok || err != nil || i > maxElements || i < -maxElements {
		o.fail("the attribute %s is no integer or out of range", name)
	}
	return i
}

// boolean returns an attribute, or the value it has where it is left out.
func (o *operation) boolean(name string, otherwise bool) bool {
	x, there := o.attrs[name]
	if !there {
		return otherwise
	}
	b, ok := x.(bool)
	if !ok {
		o.fail("the attribute %s is neither true nor false", name)
	}
	return b
}

func (o *operation) denseInts(name string, v *denseValue) []int {
	if !v.typ.dtype.IsInt() || len(v.literal.items) > 4*maxRank && v.literal.shape != nil {
		o.fail("the attribute %s is no list of integers", name)
	}
	a, splat := v.array()
	n := len(a.Bits)
	if splat {
		n = 1
		for _, d := range v.typ.shape {
			n = min(n*d, 4*maxRank)
		}
	}
	out := make([]int, n)
	for i := range out {
		if splat {
			out[i] = int(int64(a.Bits[0]))
		} else {
			out[i] = int(int64(a.Bits[i]))
		}
	}
	return out
}

// integers returns a list, empty where the attribute is left out.
func (o *operation) integers(name string) []int { return o.toInts(name, o.attrs[name]) }

func (o *operation) toInts(name string, x any) []int {
	switch x := x.(type) {
	case nil:
		return nil
	case *denseValue:
		return o.denseInts(name, x)
	case []any:
		out := make([]int, len(x))
		for i, e := range x {
			out[i] = o.toInt(name, e)
		}
		return out
	}
	o.fail("the attribute %s is no list of integers", name)
	return nil
}

// axes returns a list of distinct axes of a tensor of the given rank.
func (o *operation) axes(name string, x any, rank int) []int {
	out := o.toInts(name, x)
	for i, a := range out {
		if a < 0 || a >= rank || slices.Contains(out[:i], a) {
			o.fail("the attribute %s names axis %d twice, or outside a tensor of rank %d", name, a, rank)
		}
	}
	return out
}

// enum returns an attribute that is one word: of the generic form #stablehlo<… WORD> or of the pretty one.
func (o *operation) enum(name string) string {
	if w, ok := o.attrs[name].(word); ok {
		return strings.ToUpper(string(w))
	}
	return ""
}

// numbers returns the entries of an attribute #stablehlo.gather<…> or of its kind.
func (o *operation) numbers(name string) dict {
	d, ok := o.attrs[name].(dict)
	if !ok {
		o.fail("the attribute %s is missing", name)
	}
	return d
}

// only returns the only region.
func (o *operation) only() *block {
	if len(o.regions) != 1 {
		o.fail("%d regions, want one", len(o.regions))
	}
	return o.regions[0]
}
