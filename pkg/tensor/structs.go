package tensor

import (
	"fmt"
	"reflect"
)

// layout is the shape of a struct of Values: the paths of its valid Values, in field order.
type layout struct {
	typ   reflect.Type
	paths []string
}

var valueType = reflect.TypeFor[Value]()

// visit calls f with a settable reflect.Value of each Value in x: exported struct fields, arrays and slices, in order.
// With settable true, slices are copied first so that the original is left alone.
func visit(x reflect.Value, path string, f func(path string, v reflect.Value)) {
	switch {
	case x.Type() == valueType:
		f(path, x)
	case x.Kind() == reflect.Struct:
		for i := range x.NumField() {
			if x.Type().Field(i).IsExported() {
				visit(x.Field(i), path+"."+x.Type().Field(i).Name, f)
			}
		}
	case x.Kind() == reflect.Array:
		for i := range x.Len() {
			visit(x.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	case x.Kind() == reflect.Slice && holdsValues(x.Type().Elem()):
		if x.CanSet() {
			c := reflect.MakeSlice(x.Type(), x.Len(), x.Len())
			reflect.Copy(c, x)
			x.Set(c)
		}
		for i := range x.Len() {
			visit(x.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	}
}

func holdsValues(t reflect.Type) bool {
	switch {
	case t == valueType:
		return true
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() && holdsValues(t.Field(i).Type) {
				return true
			}
		}
	case t.Kind() == reflect.Array || t.Kind() == reflect.Slice:
		return holdsValues(t.Elem())
	}
	return false
}

func layoutOf(op Op, x any) *layout {
	s := &layout{typ: reflect.TypeOf(x)}
	if s.typ == nil || !holdsValues(s.typ) && s.typ.Kind() != reflect.Struct {
		fail(op, "a carry of Go type %T has no Values (want a Value, a struct of Values or an array of them)", x)
	}
	visit(reflect.ValueOf(x), "", func(p string, v reflect.Value) {
		if v.Interface().(Value).IsValid() {
			s.paths = append(s.paths, p)
		}
	})
	return s
}

func (s *layout) values(x any) []Value {
	var out []Value
	visit(reflect.ValueOf(x), "", func(_ string, v reflect.Value) {
		if t := v.Interface().(Value); t.IsValid() {
			out = append(out, t)
		}
	})
	return out
}

// sameAs returns the Values of x after checking that x has the layout s and the static fields it was built with.
func (s *layout) sameAs(op Op, x any, what string) []Value {
	t := layoutOf(op, x)
	if len(t.paths) != len(s.paths) {
		fail(op, "the %s sets %d Values of %T, want %d (%v against %v)", what, len(t.paths), x, len(s.paths), t.paths, s.paths)
	}
	for i, p := range t.paths {
		if p != s.paths[i] {
			fail(op, "the %s sets %s of %T, want %s", what, p, x, s.paths[i])
		}
	}
	return t.values(x)
}

// build returns proto with its valid Values replaced by vals, in order.
func build[T any](s *layout, proto T, vals []Value) T {
	out := proto
	i := 0
	visit(reflect.ValueOf(&out).Elem(), "", func(_ string, v reflect.Value) {
		if v.Interface().(Value).IsValid() {
			v.Set(reflect.ValueOf(vals[i]))
			i++
		}
	})
	return out
}

// Flatten returns the valid Values of x (a Value, struct, array or slice of them) in field order.
func Flatten(x any) []Value { return (*layout)(nil).values(x) }

// Unflatten returns proto with its valid Values replaced, in order, by vals. It panics if the numbers differ.
func Unflatten[T any](proto T, vals []Value) T {
	if n := len(Flatten(proto)); n != len(vals) {
		Fail("unflatten", "%d values for the %d of %T", len(vals), n, proto)
	}
	return build(nil, proto, vals)
}

// Paths returns the field paths of the valid Values of x, in the order of Flatten: "Position", "Tree.Left[0]".
func Paths(x any) []string {
	var out []string
	visit(reflect.ValueOf(x), "", func(p string, v reflect.Value) {
		if v.Interface().(Value).IsValid() {
			if len(p) > 0 && p[0] == '.' {
				p = p[1:]
			}
			out = append(out, p)
		}
	})
	return out
}
