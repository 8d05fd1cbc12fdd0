package model

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Data maps the names of columns to their values: a number, a bool, a nested slice of them, an Array, a *tensor.Array or
// a Column.
type Data map[string]any

// Bind checks data against the tags of the data struct D and converts them: it returns a D whose int fields are set and
// whose Values are still absent, and the columns for its Values, in field order; columns of optional fields without data
// are left out. float is the model's float type. The error joins all problems: columns that are missing, misspelt or not
// asked for, elements that are NaN or do not fit, indices out of range.
//
// A field's tag is the name of its column, then options separated by commas:
//
//	Y      tensor.Value `drey:"y,optional"`          // may be missing: the field is then the zero Value
//	Floor  tensor.Value `drey:"floor,dtype=i32"`     // bool, i32, i64, u32, u64, f32 or f64; without it the float type
//	County tensor.Value `drey:"county,index=J"`      // legal values 0 … J-1; J: a number or an int field; dtype i32
//	Low    tensor.Value `drey:"low,infinite"`        // ±Inf is allowed, for bounds; NaN never is
//	J      int          `drey:"J"`                   // static: known while the model is traced
//
// Embedded structs contribute their fields; unexported fields and those tagged "-" are left alone.
func Bind[D any](data Data, float tensor.DType) (D, []Column, error) {
	var proto D
	b, err := bind(reflect.ValueOf(&proto).Elem(), data, float)
	if err != nil {
		return proto, nil, err
	}
	return proto, b.columns, nil
}

// binding is data bound to a struct: fields[i] takes columns[i].
type binding struct {
	fields  []field
	columns []Column
	statics map[string]int
}

func bind(proto reflect.Value, data Data, float tensor.DType) (*binding, error) {
	fields, err := schemaOf(proto.Type())
	if err != nil {
		return nil, err
	}
	problems := checkNames(fields, data)
	b := &binding{statics: map[string]int{}}
	for _, f := range fields {
		if x, ok := data[f.name]; ok && f.static {
			n, err := readStatic(f.name, x)
			problems = append(problems, err)
			b.statics[f.name] = n
			proto.FieldByIndex(f.index).SetInt(int64(n))
		} else if f.static {
			b.statics[f.name] = 0
		}
	}
	for _, f := range fields {
		x, ok := data[f.name]
		if !ok || f.static {
			continue
		}
		c, err := b.column(f, x, float)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		b.fields, b.columns = append(b.fields, f), append(b.columns, c)
	}
	return b, errors.Join(problems...)
}

func (b *binding) column(f field, x any, float tensor.DType) (Column, error) {
	r, err := readRaw(f.name, x)
	if err != nil {
		return Column{}, err
	}
	dtype := f.dtype
	if dtype == tensor.Invalid {
		dtype = float
	}
	c, err := encoder{name: f.name, dtype: dtype, infinite: f.infinite}.column(r)
	if err != nil || f.bound == "" {
		return c, err
	}
	return c, b.checkIndex(f, r)
}

// exact returns the names of the columns whose fields ask for a dtype.
func (b *binding) exact() map[string]bool {
	out := map[string]bool{}
	for _, f := range b.fields {
		out[f.name] = f.dtype != tensor.Invalid
	}
	return out
}

// checkIndex refuses indices out of range: a gather clamps them, so that one too large would silently give a wrong
// posterior.
func (b *binding) checkIndex(f field, r *raw) error {
	n := f.limit(b.statics)
	bad, lowest, highest := -1, r.at(0), r.at(0)
	for i := range r.size() {
		x := r.at(i)
		lowest, highest = min(lowest, x), max(highest, x)
		if bad < 0 && (x < 0 || x >= float64(n)) {
			bad = i
		}
	}
	if bad < 0 {
		return nil
	}
	hint := ""
	if lowest == 1 && highest == float64(n) {
		hint = "; the indices seem to count from 1: subtract 1"
	}
	return fmt.Errorf("model: data %q: %s = %v is outside 0 … %d (index=%s)%s",
		f.name, r.where(f.name, bad), r.at(bad), n-1, f.bound, hint)
}

func readStatic(name string, x any) (int, error) {
	r, err := readRaw(name, x)
	if err != nil {
		return 0, err
	}
	if len(r.shape) != 0 {
		return 0, fmt.Errorf("model: data %q has shape %v, want one integer", name, r.shape)
	}
	bits, problem := encoder{name: name, dtype: tensor.I32}.element(r, 0)
	if problem != "" {
		return 0, fmt.Errorf("model: data %q: %s %s", name, r.where(name, 0), problem)
	}
	return int(int32(uint32(bits))), nil
}

// checkNames reports columns that are missing and columns that no field asks for.
func checkNames(fields []field, data Data) []error {
	var problems []error
	known := map[string]bool{}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
		known[f.name] = true
	}
	for _, f := range fields {
		if _, ok := data[f.name]; !ok && !f.optional {
			problems = append(problems, fmt.Errorf("model: data %q is missing", f.name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if known[name] {
			continue
		}
		if near := nearest(name, names); near != "" {
			problems = append(problems, fmt.Errorf("model: data %q is not a column of the model; did you mean %q?", name, near))
		} else {
			problems = append(problems, fmt.Errorf("model: data %q is not a column of the model (columns: %s)", name, strings.Join(names, ", ")))
		}
	}
	return problems
}

// fill returns a setter of the bound fields of a copy of the data struct.
func (b *binding) fill(d reflect.Value, columns []tensor.Value) {
	for i, f := range b.fields {
		d.FieldByIndex(f.index).Set(reflect.ValueOf(columns[i]))
	}
}

// nearest returns the candidate that name most likely misspells, or "": at most a third of its letters differ, whatever
// their case.
func nearest(name string, candidates []string) string {
	best, bestDistance := "", 1+max(1, len(name)/3)
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(name), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// editDistance returns the Levenshtein distance of a and b in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
