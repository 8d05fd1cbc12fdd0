package stablehlo

import (
	"fmt"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

func (w *writer) control(n *tensor.Node) {
	switch n.Op {
	case tensor.OpWhile:
		w.while(n)
	case tensor.OpCond:
		w.cond(n)
	case tensor.OpScan:
		w.scan(n)
	case tensor.OpCall:
		w.call(n)
	}
}

func (w *writer) while(n *tensor.Node) {
	in := w.operands(n.In)
	w.b.WriteString(w.indent + w.defineAll(n) + `"stablehlo.while"(` + in + ") ")
	for i, r := range n.Regions {
		if i == 0 {
			w.b.WriteString("(")
		} else {
			w.b.WriteString(", ")
		}
		w.block(r)
	}
	w.b.WriteString(") : " + w.types(n) + "\n")
}

// block prints a region of the program.
func (w *writer) block(r *tensor.Region) {
	w.b.WriteString("{\n")
	if len(r.Params) > 0 {
		list := make([]string, len(r.Params))
		for i, p := range r.Params {
			list[i] = w.define(p) + ": " + typeOf(p)
		}
		w.b.WriteString(w.indent + "^bb0(" + strings.Join(list, ", ") + "):\n")
	}
	outer := w.indent
	w.indent += "  "
	w.body(r)
	w.line("stablehlo.return %s", w.returned(r.Results))
	w.indent = outer
	w.b.WriteString(w.indent + "}")
}

func (w *writer) cond(n *tensor.Node) {
	in := w.operands(n.In)
	w.b.WriteString(w.indent + w.defineAll(n) + `"stablehlo.if"(` + in + ") (")
	w.block(n.Regions[0])
	w.b.WriteString(", ")
	w.block(n.Regions[1])
	w.b.WriteString(") : " + w.types(n) + "\n")
}

// scan prints a composite of the initial carry, the series and what the body captures. Its attributes name the function
// of one step; its decomposition calls that in a loop.
func (w *writer) scan(n *tensor.Node) {
	captures := n.Regions[0].Captures()
	step := w.m.regionFunction("drey.scan_step", n.Regions[0], captures)
	symbol := w.m.scanLoop(n, step, captures)
	in := append(append([]tensor.Value(nil), n.In...), captures...)
	attrs := fmt.Sprintf("body = %s, carries = %d : i64, captures = %d : i64, length = %d : i64, reverse = %t", step, n.Attr.Index, len(captures), n.Attr.Length, n.Attr.Reverse)
	operands := w.operands(in)
	w.compositeLine(w.defineAll(n), "drey.scan", symbol, operands, attrs, signature(in, n.Results()))
}

// call prints a composite whose decomposition is the function's body and whose attributes name its derivatives.
func (w *writer) call(n *tensor.Node) {
	attrs := "name = " + quote(n.Attr.Name)
	if c := n.Attr.Custom; c != nil {
		attrs += w.m.derivative("vjp", c.VJP) + w.m.derivative("jvp", c.JVP)
	}
	symbol := w.m.regionFunction("drey.call", n.Regions[0], nil)
	in := w.operands(n.In)
	w.compositeLine(w.defineAll(n), "drey.call", symbol, in, attrs, w.types(n))
}

// derivative prints a derivative as a private function and returns the attribute that names it.
func (m *module) derivative(kind string, f *tensor.Func) string {
	if f == nil {
		return ""
	}
	symbol := m.symbol("drey." + kind)
	text := m.function("private "+symbol, f, false)
	// The attributes stand between the results and the body.
	head, body, _ := strings.Cut(text, " {\n")
	m.private = append(m.private, fmt.Sprintf("%s attributes {drey.float = %q, drey.name = %s} {\n%s", head, f.Float, quote(f.Name), body))
	return fmt.Sprintf(", %s = %s", kind, symbol)
}

// scanLoop prints the decomposition of a scan.
func (m *module) scanLoop(n *tensor.Node, step string, captures []tensor.Value) string {
	symbol := m.symbol("drey.scan")
	l := &scanPrinter{n: n, nc: n.Attr.Index, step: step, captures: captures}
	m.private = append(m.private, l.text(symbol))
	return symbol
}

// scanPrinter writes a loop over t = 0 … length-1 whose carry is t, the scan's carry and the stacked results.
type scanPrinter struct {
	n        *tensor.Node
	nc       int
	step     string
	captures []tensor.Value
	b        strings.Builder
}

func (l *scanPrinter) text(symbol string) string {
	var params, carried, types, names []string
	carried, types, names = []string{"%zero"}, []string{"tensor<i32>"}, []string{"%t"}
	add := func(init, typ, name string) {
		carried, types, names = append(carried, init), append(types, typ), append(names, name)
	}
	for i, v := range append(append([]tensor.Value(nil), l.n.In...), l.captures...) {
		params = append(params, fmt.Sprintf("%%p%d: %s", i, typeOf(v)))
		if i < l.nc {
			add(fmt.Sprintf("%%p%d", i), typeOf(v), fmt.Sprintf("%%c%d", i))
		}
	}
	fmt.Fprintf(&l.b, "  func.func private %s(%s) -> (%s) {\n", symbol, strings.Join(params, ", "), typesOf(l.n.Results()))
	l.line("%%zero = stablehlo.constant dense<0> : tensor<i32>")
	l.line("%%one = stablehlo.constant dense<1> : tensor<i32>")
	l.line("%%length = stablehlo.constant dense<%d> : tensor<i32>", l.n.Attr.Length)
	l.line("%%last = stablehlo.constant dense<%d> : tensor<i32>", l.n.Attr.Length-1)
	for i, v := range l.n.Results()[l.nc:] {
		zero := element(v.DType(), 0)
		l.line("%%z%d = stablehlo.constant dense<%s> : %s", i, zero, typeText(v.DType(), nil))
		l.line("%%e%d = stablehlo.broadcast_in_dim %%z%d, dims = [] : (%s) -> %s", i, i, typeText(v.DType(), nil), typeOf(v))
		add(fmt.Sprintf("%%e%d", i), typeOf(v), fmt.Sprintf("%%y%d", i))
	}
	args := make([]string, len(names))
	for i := range args {
		args[i] = names[i] + ": " + types[i]
	}
	list := strings.Join(types, ", ")
	l.line(`%%out:%d = "stablehlo.while"(%s) ({`, len(names), strings.Join(carried, ", "))
	l.line("^bb0(%s):", strings.Join(args, ", "))
	l.line("  %%more = stablehlo.compare LT, %%t, %%length, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>")
	l.line("  stablehlo.return %%more : tensor<i1>")
	l.line("}, {")
	l.line("^bb0(%s):", strings.Join(args, ", "))
	l.body(list)
	l.line("}) : (%s) -> (%s)", list, list)
	var results []string
	for i := range l.n.Results() {
		results = append(results, fmt.Sprintf("%%out#%d", i+1))
	}
	l.line("return %s : %s", strings.Join(results, ", "), typesOf(l.n.Results()))
	l.b.WriteString("  }\n")
	return l.b.String()
}

func (l *scanPrinter) line(format string, args ...any) {
	fmt.Fprintf(&l.b, "    "+format+"\n", args...)
}

// body prints one step: rows of the series, the call, rows of the results put in place.
func (l *scanPrinter) body(types string) {
	at := "%t"
	if l.n.Attr.Reverse {
		l.line("  %%r = stablehlo.subtract %%last, %%t : tensor<i32>")
		at = "%r"
	}
	args, next := []string{}, []string{"%u"}
	for i := range l.nc {
		args = append(args, fmt.Sprintf("%%c%d", i))
	}
	for i, x := range l.n.In[l.nc:] {
		args = append(args, fmt.Sprintf("%%x%d", i))
		sizes := append([]int{1}, x.Shape()[1:]...)
		block := typeText(x.DType(), sizes)
		l.line("  %%b%d = stablehlo.dynamic_slice %%p%d, %s, sizes = [%s] : (%s%s) -> %s", i, l.nc+i, starts(at, x), ints(sizes), typeOf(x), startTypes(x), block)
		l.line("  %%x%d = stablehlo.reshape %%b%d : (%s) -> %s", i, i, block, typeText(x.DType(), x.Shape()[1:]))
	}
	for i := range l.captures {
		args = append(args, fmt.Sprintf("%%p%d", len(l.n.In)+i))
	}
	r := l.n.Regions[0]
	in := append(append([]tensor.Value(nil), r.Params...), l.captures...)
	l.line("  %%s:%d = func.call %s(%s) : (%s) -> (%s)", len(r.Results), l.step, strings.Join(args, ", "), typesOf(in), typesOf(r.Results))
	name := func(i int) string {
		if len(r.Results) == 1 {
			return "%s"
		}
		return fmt.Sprintf("%%s#%d", i)
	}
	for i := range l.nc {
		next = append(next, name(i))
	}
	for i, y := range l.n.Results()[l.nc:] {
		row := typeText(y.DType(), append([]int{1}, y.Shape()[1:]...))
		l.line("  %%w%d = stablehlo.reshape %s : (%s) -> %s", i, name(l.nc+i), typeText(y.DType(), y.Shape()[1:]), row)
		l.line("  %%v%d = stablehlo.dynamic_update_slice %%y%d, %%w%d, %s : (%s, %s%s) -> %s", i, i, i, starts(at, y), typeOf(y), row, startTypes(y), typeOf(y))
		next = append(next, fmt.Sprintf("%%v%d", i))
	}
	l.line("  %%u = stablehlo.add %%t, %%one : tensor<i32>")
	l.line("  stablehlo.return %s : %s", strings.Join(next, ", "), types)
}

// starts are the start indices of row t of x.
func starts(t string, x tensor.Value) string { return t + strings.Repeat(", %zero", x.Rank()-1) }

func startTypes(x tensor.Value) string { return strings.Repeat(", tensor<i32>", x.Rank()) }
