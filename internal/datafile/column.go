// Package datafile reads the files that users keep their data in (JSON, CSV, Parquet, Arrow, NumPy) into named columns,
// with errors that name the file and the place.
package datafile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Column is one named array of a data file, row-major. Exactly one of the slices is not nil.
type Column struct {
	Name    string
	Shape   []int // empty for a scalar
	F64     []float64
	I64     []int64
	Bool    []bool
	Strings []string

	File string // the path it was read from, for messages
	Line int    // where it begins, from 1; 0 in binary files

	place func(i int) string // names an element, nil for its index
}

// Columns are the columns of one file in its order, with names that differ.
type Columns []Column

// Get returns the column of that name, or nil.
func (cs Columns) Get(name string) *Column {
	for i := range cs {
		if cs[i].Name == name {
			return &cs[i]
		}
	}
	return nil
}

// Names returns the columns' names in order.
func (cs Columns) Names() []string {
	names := make([]string, len(cs))
	for i := range cs {
		names[i] = cs[i].Name
	}
	return names
}

// Len returns the number of elements.
func (c *Column) Len() int { return len(c.F64) + len(c.I64) + len(c.Bool) + len(c.Strings) }

// Kind says what the elements are, in words for messages: numbers, integers, booleans or text.
func (c *Column) Kind() string {
	switch {
	case c.I64 != nil:
		return "integers"
	case c.Bool != nil:
		return "booleans"
	case c.Strings != nil:
		return "text"
	}
	return "numbers"
}

// Place names the i-th element for a message: "schools.csv: column y, row 3 (line 4)", "schools.json: y[2]".
func (c *Column) Place(i int) string {
	if c.place != nil {
		return c.File + ": " + c.place(i)
	}
	name := c.Name + Index(c.Shape, i)
	if c.File == "" {
		return name
	}
	return c.File + ": " + name
}

// Index returns the index of the i-th element of a row-major array as text, [2,0], or "" for a scalar.
func Index(shape []int, i int) string {
	if len(shape) == 0 {
		return ""
	}
	idx := make([]string, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		idx[k] = strconv.Itoa(i % shape[k])
		i /= shape[k]
	}
	return "[" + strings.Join(idx, ",") + "]"
}

// Float64s returns the elements as numbers; booleans are 0 and 1, integers round beyond 2^53. Text is an error that
// names its first element that is no number.
func (c *Column) Float64s() ([]float64, error) {
	switch {
	case c.F64 != nil:
		return c.F64, nil
	case c.Strings != nil:
		return nil, c.notNumeric()
	}
	out := make([]float64, 0, c.Len())
	for _, x := range c.I64 {
		out = append(out, float64(x))
	}
	for _, b := range c.Bool {
		if b {
			out = append(out, 1)
		} else {
			out = append(out, 0)
		}
	}
	return out, nil
}

// Int64s returns the elements as integers; booleans are 0 and 1. A number with a fraction, and text, are errors that
// name the element.
func (c *Column) Int64s() ([]int64, error) {
	switch {
	case c.I64 != nil:
		return c.I64, nil
	case c.Strings != nil:
		return nil, c.notNumeric()
	}
	out := make([]int64, 0, c.Len())
	for i, x := range c.F64 {
		if x != math.Trunc(x) || x < -1<<63 || x >= 1<<63 { // NaN differs from itself
			return nil, fmt.Errorf("%s: %v is not an integer, and %s has to hold integers", c.Place(i), x, c.Name)
		}
		out = append(out, int64(x))
	}
	for _, b := range c.Bool {
		if b {
			out = append(out, 1)
		} else {
			out = append(out, 0)
		}
	}
	return out, nil
}

func (c *Column) notNumeric() error {
	for i, s := range c.Strings {
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return fmt.Errorf("%s: %s is not a number, and %s has to hold numbers: correct it, or leave the column out", c.Place(i), quote(s), c.Name)
		}
	}
	return fmt.Errorf("%s: %s holds text that looks like numbers: write it without quotes", c.File, c.Name)
}

// quote shortens a cell for a message.
func quote(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}

// canonicalNaN is the bits that every NaN has in a digest and in a copy: those of machines differ.
const canonicalNaN = 0x7ff8000000000000

func canonicalBits(x float64) uint64 {
	if x != x {
		return canonicalNaN
	}
	return math.Float64bits(x)
}

// Digest returns the SHA-256, in hex, over the columns in the order of their names: for each the length of its name and
// the name, its kind (f, i, b or s), the number of axes and the axes (8 bytes each), then the raw little-endian elements
// with NaN made canonical, booleans one byte each, texts with their lengths. Files that hold the same data in another
// format or order have the same digest.
func (cs Columns) Digest() string {
	sorted := slices.Clone(cs)
	slices.SortFunc(sorted, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	var buf []byte
	number := func(x uint64) {
		if buf = binary.LittleEndian.AppendUint64(buf, x); len(buf) > 1<<15 {
			sum.Write(buf)
			buf = buf[:0]
		}
	}
	text := func(s string) {
		number(uint64(len(s)))
		buf = append(buf, s...)
	}
	for i := range sorted {
		c := &sorted[i]
		text(c.Name)
		buf = append(buf, c.tag())
		number(uint64(len(c.Shape)))
		for _, d := range c.Shape {
			number(uint64(d))
		}
		for _, x := range c.F64 {
			number(canonicalBits(x))
		}
		for _, x := range c.I64 {
			number(uint64(x))
		}
		for _, b := range c.Bool {
			buf = append(buf, boolByte(b))
		}
		for _, s := range c.Strings {
			text(s)
		}
	}
	sum.Write(buf)
	return hex.EncodeToString(sum.Sum(nil))
}

func (c *Column) tag() byte {
	switch {
	case c.I64 != nil:
		return 'i'
	case c.Bool != nil:
		return 'b'
	case c.Strings != nil:
		return 's'
	}
	return 'f'
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
