package stablehlo

import (
	"strconv"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// An attribute is one of: word, number, symbol, string, bool, []any, dict, *denseValue, tensorType. What has none of these
// forms and no meaning here (locations, layouts, algorithms) is a word.
type (
	word   string
	number string
	symbol string
	dict   map[string]any

	denseValue struct {
		literal *denseLiteral
		typ     tensorType
	}
)

// parser reads tokens.
type parser struct {
	tokens []token
	at     int
	depth  int
	ops    int
}

func (p *parser) peek() token { return p.tokens[p.at] }

// ahead returns the token k places on.
func (p *parser) ahead(k int) token { return p.tokens[min(p.at+k, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

// is reports whether the next token is the given punctuation or identifier.
func (p *parser) is(text string) bool {
	t := p.peek()
	return t.text == text && (t.kind == punctToken || t.kind == identToken)
}

// accept takes the next token if it is the given one.
func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail("want %q", text)
	}
}

func (p *parser) take(kind tokenKind, what string) token {
	if p.peek().kind != kind {
		p.fail("want %s", what)
	}
	return p.next()
}

// fail says what stands where something else was wanted.
func (p *parser) fail(format string, args ...any) {
	t := p.peek()
	found := strconv.Quote(t.text)
	if t.kind == endToken {
		found = "the end of the text"
	}
	failAt(t.line, format+", found %s", append(args, found)...)
}

// enter counts a level of nesting; the caller calls the result at its end.
func (p *parser) enter() func() {
	if p.depth++; p.depth > maxNesting {
		p.fail("nested deeper than %d", maxNesting)
	}
	return func() { p.depth-- }
}

// list reads items separated by commas up to the closing punctuation, which it takes.
func (p *parser) list(closing string, item func()) {
	for !p.accept(closing) {
		item()
		if !p.accept(",") && !p.is(closing) {
			p.fail("want a comma or %q", closing)
		}
	}
}

func (p *parser) attribute() any {
	defer p.enter()()
	switch t := p.peek(); {
	case t.kind == numberToken:
		p.next()
		p.numberType()
		return number(t.text)
	case t.kind == stringToken:
		p.next()
		return t.text
	case t.kind == symbolToken:
		p.next()
		return symbol(t.text)
	case t.kind == typeToken:
		return parseType(p.next())
	case t.text == "[":
		p.next()
		out := []any{}
		p.list("]", func() { out = append(out, p.attribute()) })
		if p.is("x") && p.ahead(1).text == "[" { // [0] x [1]: axes of two operands
			p.next()
			return []any{out, p.attribute()}
		}
		return out
	case t.text == "{":
		return p.dict()
	case t.text == "#":
		p.next()
		return p.dialectAttribute()
	case t.text == "<", t.text == "(":
		p.skipGroup()
		for p.accept("->") {
			p.skipTypes()
		}
		return word("")
	case t.text == "!":
		p.next()
		return p.attribute()
	case t.kind == identToken:
		return p.wordAttribute()
	}
	p.fail("want an attribute")
	return nil
}

// numberType skips the type of a number: 1 : i64.
func (p *parser) numberType() {
	if p.is(":") && p.ahead(1).kind == identToken {
		p.next()
		p.next()
	}
}

func (p *parser) wordAttribute() any {
	t := p.next()
	switch t.text {
	case "true", "false":
		return t.text == "true"
	case "array":
		p.expect("<")
		p.take(identToken, "an element type")
		out := []any{}
		if p.accept(":") {
			p.list(">", func() { out = append(out, p.attribute()) })
		} else {
			p.expect(">")
		}
		return out
	case "dense":
		lit := p.dense()
		p.expect(":")
		return &denseValue{lit, p.typ()}
	case "dense_resource":
		failAt(t.line, "dense_resource: the constant's elements stand outside the text; export with the constants within it, or pass them as arguments")
	}
	if p.is("<") || p.is("(") {
		p.skipGroup()
	}
	return word(t.text)
}

func (p *parser) dict() dict {
	defer p.enter()()
	p.expect("{")
	out := dict{}
	p.list("}", func() { p.entry(out) })
	return out
}

// entry reads key = value, or a key alone, which is true.
func (p *parser) entry(into dict) {
	t := p.next()
	if t.kind != identToken && t.kind != stringToken {
		failAt(t.line, "want the name of an attribute, found %q", t.text)
	}
	into[t.text] = true
	if p.accept("=") {
		into[t.text] = p.attribute()
	}
}

// dialectAttribute reads what follows #: a name and, within < >, entries or words. It returns the entries, or the last word.
func (p *parser) dialectAttribute() any {
	p.take(identToken, "the name of an attribute")
	if !p.accept("<") {
		return word("")
	}
	entries, last := dict{}, word("")
	for !p.accept(">") {
		switch t := p.peek(); {
		case t.kind == identToken && p.ahead(1).text == "=":
			p.entry(entries)
		case t.kind == identToken:
			last = word(p.next().text)
		case t.text == "<" || t.text == "(" || t.text == "[" || t.text == "{":
			p.skipGroup()
		case t.kind == endToken:
			p.fail("want %q", ">")
		default:
			p.next()
		}
	}
	if len(entries) > 0 || last == "" {
		return entries
	}
	return last
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}", "<": ">"}

// skipGroup skips from an opening bracket to the one that closes it.
func (p *parser) skipGroup() {
	defer p.enter()()
	end := closing[p.next().text]
	for !p.accept(end) {
		t := p.peek()
		switch {
		case t.kind == endToken:
			p.fail("want %q", end)
		case t.kind == punctToken && closing[t.text] != "":
			p.skipGroup()
		default:
			p.next()
		}
	}
}

// location skips loc(…) and returns the name it consists of, "" where it is another kind.
func (p *parser) location() string {
	name := ""
	for p.is("loc") && p.ahead(1).text == "(" {
		p.next()
		if p.ahead(1).kind == stringToken && p.ahead(2).text == ")" {
			name = p.ahead(1).text
		}
		p.skipGroup()
	}
	return name
}

// dense reads <…> after the word dense.
func (p *parser) dense() *denseLiteral {
	d := &denseLiteral{line: p.peek().line}
	p.expect("<")
	switch {
	case p.accept(">"):
		return d
	case p.peek().kind == stringToken:
		d.bytes = p.next().text
		if d.bytes == "" {
			p.fail("a constant whose string is empty")
		}
	default:
		if p.is("[") {
			d.shape = []int{}
		}
		p.denseItems(d, 0)
	}
	p.expect(">")
	return d
}

// denseItems reads an element or a list of what stands one level down. Lists of one level have one length.
func (p *parser) denseItems(d *denseLiteral, level int) {
	switch t := p.next(); {
	case t.kind == numberToken, t.text == "true" && t.kind == identToken, t.text == "false" && t.kind == identToken:
		if level != len(d.shape) {
			failAt(t.line, "a ragged constant")
		}
		d.items = append(d.items, t)
	case t.kind == punctToken && t.text == "[":
		if level >= maxRank {
			failAt(t.line, "a constant of more than %d axes", maxRank)
		}
		first := level == len(d.shape)
		if first && len(d.items) > 0 {
			failAt(t.line, "a ragged constant")
		}
		if first {
			d.shape = append(d.shape, -1)
		}
		n := 0
		p.list("]", func() {
			p.denseItems(d, level+1)
			n++
		})
		if d.shape[level] >= 0 && d.shape[level] != n {
			failAt(t.line, "a ragged constant")
		}
		d.shape[level] = n
	case t.text == "(":
		failAt(t.line, "a complex constant: drey has real elements")
	default:
		failAt(t.line, "want an element of a constant, found %q", t.text)
	}
}

// typ reads a tensor type.
func (p *parser) typ() tensorType {
	t := p.peek()
	if t.kind != typeToken {
		p.fail("want a tensor type (drey has no tokens, tuples or buffers)")
	}
	return parseType(p.next())
}

// skipTypes skips a type or a list of them.
func (p *parser) skipTypes() {
	if p.is("(") {
		p.skipGroup()
		return
	}
	p.next()
}

// array returns the constant that an attribute holds; splat is true where one element stands for all.
func (v *denseValue) array() (a *tensor.Array, splat bool) { return v.literal.array(v.typ) }
