package datafile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxAxes bounds how deep arrays may be nested.
const maxAxes = 32

// parseJSON reads an object of columns. It scans the text itself: encoding/json knows no NaN, gives no lines, and makes
// an interface value of every number of what can be a matrix of a million rows.
func parseJSON(path string, data []byte) (Columns, error) {
	p := &jsonParser{path: path, data: bytes.TrimPrefix(data, []byte("\ufeff"))}
	return p.object()
}

type jsonParser struct {
	path string
	data []byte
	pos  int
	cols Columns

	counted, lines int // the newlines before counted
}

// line returns the line of the position, from 1.
func (p *jsonParser) line() int {
	to := min(p.pos, len(p.data))
	p.lines += bytes.Count(p.data[p.counted:to], []byte{'\n'})
	p.counted = to
	return 1 + p.lines
}

func (p *jsonParser) fail(format string, args ...any) error {
	return atLine(p.path, p.line(), format, args...)
}

func (p *jsonParser) peek() byte {
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; c {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

// found names what stands at the position, for messages.
func (p *jsonParser) found() string {
	if p.peek(); p.pos >= len(p.data) {
		return "the end of the file"
	}
	r, _ := utf8.DecodeRune(p.data[p.pos:])
	return strconv.QuoteRune(r)
}

func (p *jsonParser) object() (Columns, error) {
	if p.peek() != '{' {
		return nil, p.fail(`a JSON data file is an object of columns, {"y": [1, 2]}, but this begins with %s`, p.found())
	}
	p.pos++
	for first := true; ; first = false {
		switch c := p.peek(); {
		case c == '}':
			p.pos++
			if p.peek(); p.pos < len(p.data) {
				return nil, p.fail("%s after the end of the object", p.found())
			}
			return p.cols, nil
		case first:
		case c == ',':
			p.pos++
			if p.peek() == '}' {
				return nil, p.fail("a comma before the end of the object: remove it")
			}
		default:
			return nil, p.fail("expected , or } after a column, found %s", p.found())
		}
		if err := p.member(); err != nil {
			return nil, err
		}
	}
}

func (p *jsonParser) member() error {
	if p.peek() != '"' {
		return p.fail("expected a column's name in double quotes, found %s", p.found())
	}
	line := p.line()
	name, err := p.text()
	if err != nil {
		return err
	}
	if p.peek() != ':' {
		return p.fail("expected : after the name %s, found %s", quote(name), p.found())
	}
	p.pos++
	if strings.HasPrefix(name, "_") {
		return p.skip(0)
	}
	if name == "" {
		return p.fail("a column has the empty name")
	}
	if first := p.cols.Get(name); first != nil {
		return p.fail("the name %s is there twice, first in line %d: remove one", quote(name), first.Line)
	}
	b := &jsonBuilder{name: name}
	if err := p.value(b, 0); err != nil {
		return err
	}
	c := b.column()
	c.Line = line
	p.cols = append(p.cols, c)
	return nil
}

// text reads a string.
func (p *jsonParser) text() (string, error) {
	start := p.pos
	for p.pos++; p.pos < len(p.data); p.pos++ {
		switch p.data[p.pos] {
		case '\\':
			p.pos++
		case '"':
			p.pos++
			var s string
			if err := json.Unmarshal(p.data[start:p.pos], &s); err != nil {
				return "", p.fail("a string that is not JSON: %v", err)
			}
			return s, nil
		case '\n':
			return "", p.fail("a string without its closing quote")
		}
	}
	p.pos = len(p.data)
	return "", p.fail("a string without its closing quote")
}

// word reads a number or a bare word; it is empty if none stands here.
func (p *jsonParser) word() string {
	start := p.pos
	for ; p.pos < len(p.data); p.pos++ {
		switch p.data[p.pos] {
		case ',', ']', '}', ':', ' ', '\t', '\r', '\n', '"', '[', '{':
			return string(p.data[start:p.pos])
		}
	}
	return string(p.data[start:])
}

// value reads a scalar or a nested array into b.
func (p *jsonParser) value(b *jsonBuilder, depth int) error {
	switch c := p.peek(); {
	case c == '[':
		return p.array(b, depth)
	case c == '{':
		return p.fail("%s is an object: a column is a number, or an array of numbers", b.here())
	case p.pos >= len(p.data):
		return p.fail("the file ends inside %s", b.here())
	}
	if err := b.leaf(depth); err != nil {
		return p.wrap(err)
	}
	if p.data[p.pos] == '"' {
		s, err := p.text()
		if err != nil {
			return err
		}
		return p.wrap(b.addText(s))
	}
	w := p.word()
	if w == "" {
		return p.fail("%s: expected a value, found %s", b.here(), p.found())
	}
	return p.wrap(b.addWord(w))
}

func (p *jsonParser) wrap(err error) error {
	if err == nil {
		return nil
	}
	return p.fail("%v", err)
}

func (p *jsonParser) array(b *jsonBuilder, depth int) error {
	if depth >= maxAxes {
		return p.fail("%s is nested more than %d deep", b.here(), maxAxes)
	}
	if err := b.enter(depth); err != nil {
		return p.wrap(err)
	}
	p.pos++
	for n := 0; ; n++ {
		b.index[depth] = n
		switch c := p.peek(); {
		case c == ']':
			p.pos++
			b.index = b.index[:depth]
			return p.wrap(b.leave(depth, n))
		case n == 0:
		case c == ',':
			p.pos++
			if p.peek() == ']' {
				return p.fail("%s: a comma before the end of the array: remove it", b.name)
			}
		default:
			return p.fail("%s: expected , or ] in an array, found %s", b.here(), p.found())
		}
		if err := p.value(b, depth+1); err != nil {
			return err
		}
	}
}

// skip reads any value and forgets it.
func (p *jsonParser) skip(depth int) error {
	if depth > maxAxes {
		return p.fail("a comment is nested more than %d deep", maxAxes)
	}
	open := p.peek()
	switch open {
	case '"':
		_, err := p.text()
		return err
	case '[', '{':
	default:
		if p.word() == "" {
			return p.fail("expected a value, found %s", p.found())
		}
		return nil
	}
	p.pos++
	for {
		switch c := p.peek(); c {
		case ']', '}':
			if c != open+2 { // in ASCII a closing bracket stands two after its opening one
				return p.fail("%c closes %c", c, open)
			}
			p.pos++
			return nil
		case ',', ':':
			p.pos++
		default:
			if err := p.skip(depth + 1); err != nil {
				return err
			}
		}
	}
}

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
