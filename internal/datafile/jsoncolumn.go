package datafile

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// jsonBuilder collects the elements of one column.
type jsonBuilder struct {
	name  string
	index []int // of the element being read
	shape []int // the length of each axis, -1 until the first array of it is closed
	axes  int   // the depth of the elements plus 1, 0 before the first
	col   Column
}

// here names the element being read.
func (b *jsonBuilder) here() string {
	if len(b.index) == 0 {
		return b.name
	}
	return b.name + strings.ReplaceAll(fmt.Sprint(b.index), " ", ",")
}

// enter begins an array whose elements are at depth+1.
func (b *jsonBuilder) enter(depth int) error {
	if b.axes != 0 && depth >= b.axes-1 {
		return fmt.Errorf("%s is an array where the elements before it are single values: the arrays of a column must be of one shape", b.here())
	}
	if depth == len(b.shape) {
		b.shape = append(b.shape, -1)
	}
	b.index = append(b.index, 0)
	return nil
}

// leave ends an array of n elements at depth.
func (b *jsonBuilder) leave(depth, n int) error {
	if b.shape[depth] == -1 {
		b.shape[depth] = n
	}
	if b.shape[depth] != n {
		return fmt.Errorf("%s has %d elements where the arrays before it have %d: the arrays of a column must be of one shape", b.here(), n, b.shape[depth])
	}
	return nil
}

// leaf checks that an element may stand at depth.
func (b *jsonBuilder) leaf(depth int) error {
	if b.axes == 0 {
		b.axes = depth + 1
	}
	if b.axes != depth+1 || len(b.shape) > depth {
		return fmt.Errorf("%s is a single value where other elements are arrays: the arrays of a column must be of one shape", b.here())
	}
	return nil
}

func (b *jsonBuilder) column() Column {
	c := b.col
	c.Name, c.Shape = b.name, b.shape
	if c.F64 == nil && c.I64 == nil && c.Bool == nil && c.Strings == nil {
		c.F64 = []float64{}
	}
	return c
}

func (b *jsonBuilder) mixed(what string) error {
	return fmt.Errorf("%s is %s, but the column holds %s: a column is of one kind", b.here(), what, b.col.Kind())
}

// addText adds a string; among numbers those that stand for numbers JSON has no words for are accepted.
func (b *jsonBuilder) addText(s string) error {
	c := &b.col
	switch {
	case c.Bool != nil:
		return b.mixed("the text " + quote(s))
	case c.F64 == nil && c.I64 == nil:
		c.Strings = append(c.Strings, s)
		return nil
	}
	x, ok := special(s)
	if !ok {
		return b.mixed("the text " + quote(s))
	}
	b.float(x)
	return nil
}

// special returns the number that "nan", "inf" or "-inf" stands for.
func special(s string) (float64, bool) {
	switch strings.ToLower(strings.TrimPrefix(s, "+")) {
	case "nan":
		return math.NaN(), true
	case "inf", "infinity":
		return math.Inf(1), true
	case "-inf", "-infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// addWord adds a number, true or false.
func (b *jsonBuilder) addWord(w string) error {
	c := &b.col
	switch w {
	case "null":
		return fmt.Errorf("%s is null: data can't be missing; leave it out, or model it as a parameter", b.here())
	case "true", "false":
		if c.F64 != nil || c.I64 != nil || c.Strings != nil {
			return b.mixed(w)
		}
		c.Bool = append(c.Bool, w == "true")
		return nil
	}
	x, integer, isInt, err := jsonNumber(w)
	if err != nil {
		return fmt.Errorf("%s: %w", b.here(), err)
	}
	if c.Bool != nil {
		return b.mixed("the number " + w)
	}
	if c.Strings != nil && !b.textToNumbers() {
		return b.mixed("the number " + w)
	}
	if isInt && c.F64 == nil {
		c.I64 = append(c.I64, integer)
		return nil
	}
	b.float(x)
	return nil
}

// float adds a number that is no integer; integers before it become numbers too.
func (b *jsonBuilder) float(x float64) {
	c := &b.col
	if c.F64 == nil {
		c.F64 = make([]float64, 0, max(8, 2*len(c.I64)))
		for _, i := range c.I64 {
			c.F64 = append(c.F64, float64(i))
		}
		c.I64 = nil
	}
	c.F64 = append(c.F64, x)
}

// textToNumbers turns "nan" and the like that came before the first number into numbers.
func (b *jsonBuilder) textToNumbers() bool {
	if slices.ContainsFunc(b.col.Strings, func(s string) bool { _, ok := special(s); return !ok }) {
		return false
	}
	for _, s := range b.col.Strings {
		x, _ := special(s)
		b.float(x)
	}
	b.col.Strings = nil
	return true
}

// jsonNumber parses a number by JSON's grammar, NaN and Infinity included.
func jsonNumber(w string) (x float64, integer int64, isInt bool, err error) {
	switch w {
	case "NaN", "Infinity", "-Infinity":
		x, _ = special(w)
		return x, 0, false, nil
	}
	digits := strings.TrimPrefix(w, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || strings.ContainsAny(w, "xXpP_iInN") || len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return 0, 0, false, fmt.Errorf("%s is not a JSON value", quote(w))
	}
	if !strings.ContainsAny(w, ".eE") {
		if integer, err = strconv.ParseInt(w, 10, 64); err != nil {
			return 0, 0, false, fmt.Errorf("the integer %s has more than 64 bits: write it as a number with a point or an exponent", w)
		}
		if w == "-0" { // an integer has no sign of zero
			return math.Copysign(0, -1), 0, false, nil
		}
		return float64(integer), integer, true, nil
	}
	if x, err = strconv.ParseFloat(w, 64); err != nil {
		return 0, 0, false, fmt.Errorf("%s is not a number that 64 bits can hold", quote(w))
	}
	return x, 0, false, nil
}
