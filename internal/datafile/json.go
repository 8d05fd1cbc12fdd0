package datafile

import (
	"bytes"
	"encoding/json"
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
