package model

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// field is one field of a data struct: a column of the data, or a static int.
type field struct {
	name     string
	index    []int // of reflect.Value.FieldByIndex
	static   bool
	optional bool
	infinite bool
	dtype    tensor.DType // Invalid: the model's float type
	bound    string       // index=: a number or the name of an int field; "" for none
}

// SchemaError is a mistake in a model's data struct: no data can be bound to it.
type SchemaError struct{ msg string }

func (e *SchemaError) Error() string { return "model: " + e.msg }

func schemaError(format string, args ...any) error {
	return &SchemaError{fmt.Sprintf(format, args...)}
}

// schemaOf reads the drey tags of a data struct; Bind says what they mean. Errors are *SchemaError.
func schemaOf(t reflect.Type) ([]field, error) {
	if t.Kind() != reflect.Struct {
		return nil, schemaError("data type %s is not a struct", t)
	}
	var fields []field
	seen := map[string]bool{}
	for _, sf := range reflect.VisibleFields(t) {
		if !sf.IsExported() || sf.Anonymous || sf.Tag.Get("drey") == "-" {
			continue
		}
		f, err := parseField(sf)
		if err != nil {
			return nil, schemaError("field %s of %s: %v", sf.Name, t, err)
		}
		if seen[f.name] {
			return nil, schemaError("field %s of %s: the name %q is used twice", sf.Name, t, f.name)
		}
		seen[f.name] = true
		fields = append(fields, f)
	}
	for _, f := range fields {
		_, err := strconv.Atoi(f.bound)
		static := func(g field) bool { return g.static && g.name == f.bound }
		if f.bound != "" && err != nil && !slices.ContainsFunc(fields, static) {
			return nil, schemaError("field %s of %s: index=%s is neither a number nor the name of an int field", t.FieldByIndex(f.index).Name, t, f.bound)
		}
	}
	return fields, nil
}

func parseField(sf reflect.StructField) (field, error) {
	parts := strings.Split(sf.Tag.Get("drey"), ",")
	f := field{name: parts[0], index: sf.Index}
	switch {
	case f.name == "":
		return f, fmt.Errorf("no drey tag (want `drey:\"name\"`)")
	case sf.Type.Kind() == reflect.Int:
		f.static = true
	case sf.Type != reflect.TypeFor[tensor.Value]():
		return f, fmt.Errorf("its Go type is %s, want tensor.Value or int", sf.Type)
	}
	for _, opt := range parts[1:] {
		if err := f.option(opt); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *field) option(opt string) error {
	key, value, _ := strings.Cut(strings.TrimSpace(opt), "=")
	switch {
	case key == "optional" && value == "":
		f.optional = true
	case f.static:
		return fmt.Errorf("option %q does not apply to an int field", opt)
	case key == "infinite" && value == "":
		f.infinite = true
	case key == "dtype":
		if f.dtype = tensor.ParseDType(value); f.dtype == tensor.Invalid {
			return fmt.Errorf("unknown dtype %q", value)
		}
	case key == "index" && value != "":
		f.bound = value
		if f.dtype == tensor.Invalid {
			f.dtype = tensor.I32
		}
	default:
		return fmt.Errorf("unknown option %q (want optional, infinite, dtype=… or index=…)", opt)
	}
	return nil
}

// limit returns the number of legal values of an index field.
func (f *field) limit(statics map[string]int) int {
	if n, err := strconv.Atoi(f.bound); err == nil {
		return n
	}
	return statics[f.bound]
}
