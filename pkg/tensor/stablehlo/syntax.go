package stablehlo

// function is a func.func.
type function struct {
	name    string
	line    int
	params  []parameter
	results []parameter // their types and attributes
	attrs   dict
	body    *block
}

type parameter struct {
	name  string
	typ   tensorType
	attrs dict
	loc   string // the name that its location gives it
}

// block is a region's only block.
type block struct {
	params []parameter
	ops    []*operation
}

// operation is an instruction in any of its forms: generic, or the pretty one of its name.
type operation struct {
	name     string
	line     int
	results  []resultName
	operands []string
	words    []string // bare words of the pretty form
	attrs    dict
	regions  []*block
	in, out  []tensorType
}

type resultName struct {
	name  string
	count int // 0 for a name without a count
}

// parsedModule is a module's functions by name, and its attributes.
type parsedModule struct {
	name  string
	attrs dict
	funcs map[string]*function
	order []string
}

// module reads the whole text.
func (p *parser) module() *parsedModule {
	m := &parsedModule{attrs: dict{}, funcs: map[string]*function{}}
	p.aliases()
	if p.peek().kind == stringToken && p.peek().text == "builtin.module" {
		o := p.operation()
		m.attrs = o.attrs
		if len(o.regions) != 1 {
			failAt(o.line, "a module without a body")
		}
		for _, f := range o.regions[0].ops {
			m.add(genericFunction(f))
		}
		return m
	}
	braces := p.accept("module") || p.accept("builtin.module")
	if braces {
		if p.peek().kind == symbolToken {
			m.name = p.next().text
		}
		if p.accept("attributes") {
			m.attrs = p.dict()
		}
		p.expect("{")
	}
	for !p.is("}") && p.peek().kind != endToken {
		m.add(p.function())
		p.aliases()
	}
	if braces {
		p.expect("}")
		p.location()
	}
	p.aliases()
	if p.peek().kind != endToken {
		p.fail("want the end of the module")
	}
	return m
}

func (m *parsedModule) add(f *function) {
	if m.funcs[f.name] != nil {
		failAt(f.line, "a second function @%s", f.name)
	}
	m.funcs[f.name] = f
	m.order = append(m.order, f.name)
}

// aliases skips definitions #name = …, each on its line.
func (p *parser) aliases() {
	for p.is("#") {
		line := p.peek().line
		for p.peek().kind != endToken && p.peek().line == line {
			p.next()
		}
	}
}

// function reads func.func [visibility] @name(params) -> results [attributes] { … }.
func (p *parser) function() *function {
	f := &function{line: p.peek().line, attrs: dict{}}
	if !p.accept("func.func") {
		p.expect("func")
	}
	if !p.accept("public") && !p.accept("private") {
		p.accept("nested")
	}
	f.name = p.take(symbolToken, "the name of a function").text
	p.expect("(")
	p.list(")", func() { f.params = append(f.params, p.parameter()) })
	if p.accept("->") {
		if p.accept("(") {
			p.list(")", func() { f.results = append(f.results, p.result()) })
		} else {
			f.results = append(f.results, parameter{typ: p.typ()})
		}
	}
	if p.accept("attributes") {
		f.attrs = p.dict()
	}
	if !p.is("{") {
		failAt(f.line, "the function @%s has no body", f.name)
	}
	f.body = p.region()
	f.body.params = f.params
	p.location()
	return f
}

func (p *parser) parameter() parameter {
	name := p.take(valueToken, "a parameter").text
	p.expect(":")
	q := p.result()
	q.name = name
	return q
}

// result reads a type with attributes and a location.
func (p *parser) result() parameter {
	q := parameter{typ: p.typ()}
	if p.is("{") {
		q.attrs = p.dict()
	}
	q.loc = p.location()
	return q
}

// genericFunction is the function that "func.func"() with a region is.
func genericFunction(o *operation) *function {
	if o.name != "func.func" || len(o.regions) != 1 {
		failAt(o.line, "%s in a module: drey reads functions with a body", o.name)
	}
	name, _ := o.attrs["sym_name"].(string)
	f := &function{name: name, line: o.line, attrs: o.attrs, body: o.regions[0], params: o.regions[0].params}
	if n := len(f.body.ops); n > 0 {
		for _, t := range f.body.ops[n-1].in {
			f.results = append(f.results, parameter{typ: t})
		}
	}
	annotate(f.params, o.attrs["arg_attrs"])
	annotate(f.results, o.attrs["res_attrs"])
	return f
}

func annotate(to []parameter, attrs any) {
	list, _ := attrs.([]any)
	for i := range min(len(list), len(to)) {
		to[i].attrs, _ = list[i].(dict)
	}
}

// region reads { … } with one block.
func (p *parser) region() *block {
	defer p.enter()()
	p.expect("{")
	b := &block{}
	if p.accept("^") {
		p.next()
		if p.accept("(") {
			p.list(")", func() { b.params = append(b.params, p.parameter()) })
		}
		p.expect(":")
	}
	for !p.accept("}") {
		if p.is("^") {
			p.fail("a region of several blocks")
		}
		b.ops = append(b.ops, p.operation())
	}
	return b
}
