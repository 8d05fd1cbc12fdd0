package stablehlo

import "strings"

// operation reads an instruction with its results and location.
func (p *parser) operation() *operation {
	if p.ops++; p.ops > maxOps {
		p.fail("more than %d operations", maxOps)
	}
	o := &operation{attrs: dict{}}
	if p.peek().kind == valueToken {
		for {
			r := resultName{name: p.next().text}
			if p.accept(":") {
				r.count = p.count()
			}
			o.results = append(o.results, r)
			if !p.accept(",") {
				break
			}
			if p.peek().kind != valueToken {
				p.fail("want the name of a result")
			}
		}
		p.expect("=")
	}
	t := p.next()
	o.line, o.name = t.line, t.text
	switch t.kind {
	case stringToken:
		p.generic(o)
	case identToken:
		p.pretty(o)
	default:
		failAt(t.line, "want an operation, found %q", t.text)
	}
	p.location()
	return o
}

func (p *parser) count() int {
	t := p.take(numberToken, "a number of results")
	if len(t.text) > 4 {
		failAt(t.line, "%s results", t.text)
	}
	n := 0
	for _, c := range t.text {
		if c < '0' || c > '9' {
			failAt(t.line, "%s results", t.text)
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// generic reads (operands) <{properties}> ({regions}) {attributes} : types.
func (p *parser) generic(o *operation) {
	p.expect("(")
	p.list(")", func() { o.operands = append(o.operands, p.take(valueToken, "an operand").text) })
	if p.accept("<") {
		for k, v := range p.dict() {
			o.attrs[k] = v
		}
		p.expect(">")
	}
	if p.accept("(") {
		p.list(")", func() { o.regions = append(o.regions, p.region()) })
	}
	p.attrDict(o)
	p.expect(":")
	p.types(o)
}

func (p *parser) attrDict(o *operation) {
	if p.is("{") {
		for k, v := range p.dict() {
			o.attrs[k] = v
		}
	}
}

// types reads (T, …) -> U, (T, …) -> (U, …), T, … or T, … -> U.
func (p *parser) types(o *operation) {
	read := func() (out []tensorType) {
		if p.accept("(") {
			p.list(")", func() { out = append(out, p.typ()); p.location() })
			return out
		}
		for {
			out = append(out, p.typ())
			if !p.accept(",") {
				return out
			}
		}
	}
	o.in = read()
	o.out = o.in
	if p.accept("->") {
		o.out = read()
	}
}

// shortNames are the names that functions' bodies may drop their dialect from.
var shortNames = map[string]string{"call": "func.call", "return": "func.return"}

func (p *parser) pretty(o *operation) {
	if long, ok := shortNames[o.name]; ok {
		o.name = long
	}
	if !strings.Contains(o.name, ".") {
		failAt(o.line, "unknown operation %q", o.name)
	}
	switch o.name {
	case "stablehlo.reduce":
		p.reduce(o)
	case "stablehlo.while":
		p.while(o)
	case "stablehlo.convolution":
		failAt(o.line, "drey reads no stablehlo.convolution: write it as a product with a matrix of shifted rows")
	default:
		p.items(o)
		if p.accept(":") {
			p.types(o)
		}
	}
}

// items reads the operands, words and attributes that stand between the name of an operation and its types.
func (p *parser) items(o *operation) {
	for {
		switch t := p.peek(); {
		case t.kind == valueToken:
			o.operands = append(o.operands, p.next().text)
		case t.kind == symbolToken:
			o.attrs["callee"] = symbol(p.next().text)
		case t.kind == stringToken:
			o.attrs["name"] = p.next().text
		case t.kind == identToken && p.ahead(1).text == "=" && p.ahead(1).kind == punctToken:
			p.entry(o.attrs)
		case t.kind == identToken && t.text == "dense":
			p.next()
			v := &denseValue{literal: p.dense()}
			p.expect(":")
			v.typ = p.typ()
			o.attrs["value"], o.out = v, []tensorType{v.typ}
			return
		case t.kind == identToken && t.text == "dense_resource":
			p.attribute() // says why not
		case t.text == "loc" && p.ahead(1).text == "(":
			return
		case t.kind == identToken && t.line == o.line:
			o.words = append(o.words, p.next().text)
		case t.text == "[":
			o.attrs["ranges"] = p.ranges()
		case t.text == "{":
			p.attrDict(o)
		case t.text == "(":
			p.next()
			p.list(")", func() { p.parenthesised(o) })
		case t.text == ",":
			p.next()
		default:
			return
		}
	}
}

// parenthesised reads one item of a list such as (%0, k = 2).
func (p *parser) parenthesised(o *operation) {
	if p.peek().kind == valueToken {
		o.operands = append(o.operands, p.next().text)
		return
	}
	p.entry(o.attrs)
}

// ranges reads [start:limit:step, …]; a step of one may be left out. It returns starts, limits and steps in turn.
func (p *parser) ranges() []any {
	p.expect("[")
	out := []any{}
	p.list("]", func() {
		triple := [3]any{nil, nil, number("1")}
		for i := range triple {
			triple[i] = number(p.take(numberToken, "a bound").text)
			if i == 2 || !p.accept(":") {
				if i == 0 {
					p.fail("want a range start:limit")
				}
				if i == 1 {
					triple[2] = number("1")
				}
				break
			}
		}
		out = append(out, triple[:]...)
	})
	return out
}

// reduce reads (%x init: %c), … applies OP across dimensions = […] : types, or the form with a reducer's block.
func (p *parser) reduce(o *operation) {
	var inits []string
	for p.accept("(") {
		o.operands = append(o.operands, p.take(valueToken, "an operand").text)
		p.expect("init")
		p.expect(":")
		inits = append(inits, p.take(valueToken, "an initial value").text)
		p.expect(")")
		p.accept(",")
	}
	o.operands = append(o.operands, inits...)
	applies := ""
	if p.accept("applies") {
		applies = p.take(identToken, "an operation").text
	}
	p.expect("across")
	p.entry(o.attrs)
	p.attrDict(o)
	p.expect(":")
	p.types(o)
	if applies != "" {
		o.regions = []*block{appliedBlock(o, applies)}
		return
	}
	p.location()
	p.expect("reducer")
	var left, right []parameter
	for p.accept("(") {
		left = append(left, p.parameter())
		p.expect(",")
		right = append(right, p.parameter())
		p.expect(")")
	}
	b := p.region()
	b.params = append(left, right...)
	o.regions = []*block{b}
}

// appliedBlock is the block of a reduction that applies one operation.
func appliedBlock(o *operation, name string) *block {
	if len(o.in) != 2 {
		failAt(o.line, "a reduction that applies %s to %d operands", name, len(o.in))
	}
	t := o.in[1]
	types := []tensorType{t}
	return &block{
		params: []parameter{{name: "%a", typ: t}, {name: "%b", typ: t}},
		ops: []*operation{
			{name: name, line: o.line, results: []resultName{{name: "%r"}}, operands: []string{"%a", "%b"}, attrs: dict{}, in: types, out: types},
			{name: "stablehlo.return", line: o.line, operands: []string{"%r"}, attrs: dict{}, in: types},
		},
	}
}

// while reads (%a = %0, …) : types [attributes] cond { … } do { … }.
func (p *parser) while(o *operation) {
	var names []string
	p.expect("(")
	p.list(")", func() {
		names = append(names, p.take(valueToken, "a carried value").text)
		p.expect("=")
		o.operands = append(o.operands, p.take(valueToken, "an initial value").text)
	})
	if p.accept(":") {
		p.types(o)
	}
	if len(o.in) != len(names) {
		failAt(o.line, "a while with %d values and %d types", len(names), len(o.in))
	}
	if p.accept("attributes") {
		p.attrDict(o)
	}
	for _, what := range []string{"cond", "do"} {
		p.location()
		p.expect(what)
		b := p.region()
		for i, name := range names {
			b.params = append(b.params, parameter{name: name, typ: o.in[i]})
		}
		o.regions = append(o.regions, b)
	}
}
