package stablehlo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// version is the version of the composites that Print writes, and the newest that Parse reads.
const version = 1

// Print returns f as the text of a StableHLO module whose function main takes the parameters of f and returns its
// results. Equal programs print equally. It returns an error for a Func that was not made by package tensor's tracing,
// and for a Reverse that names an axis twice, which StableHLO has no form for.
func Print(f *tensor.Func) (string, error) {
	m := &module{symbols: map[string]string{}}
	main := m.function("public @main", f, false)
	if m.err != nil {
		return "", fmt.Errorf("stablehlo: printing %s: %w", f.Name, m.err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "module @drey attributes {drey.float = %q, drey.name = %s, drey.version = %d : i32} {\n", f.Float, quote(f.Name), version)
	b.WriteString(main)
	for _, t := range m.private {
		b.WriteString(t)
	}
	b.WriteString("}\n")
	return b.String(), nil
}

// module collects the private functions that the functions printed so far refer to.
type module struct {
	private []string
	symbols map[string]string // of decompositions, by what they compute
	counts  map[string]int
	err     error
}

// symbol returns a new name for a private function.
func (m *module) symbol(stem string) string {
	if m.counts == nil {
		m.counts = map[string]int{}
	}
	m.counts[stem]++
	return fmt.Sprintf("@%s.%d", stem, m.counts[stem])
}

func (m *module) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// writer prints the instructions of one function. Regions within it see its names.
type writer struct {
	m      *module
	b      strings.Builder
	indent string
	names  map[*tensor.Node]string
	next   int
	aux    map[string]string // constants that are no instruction of the program: what reductions start from, …
	consts strings.Builder   // their text, at the head of the function
	raw    bool              // a decomposition: every instruction prints as StableHLO's own
}

func newWriter(m *module, raw bool) *writer {
	return &writer{m: m, indent: "    ", names: map[*tensor.Node]string{}, aux: map[string]string{}, raw: raw}
}

// function returns the text of a whole function. head is its visibility and symbol. Names are kept as attributes.
func (m *module) function(head string, f *tensor.Func, raw bool) string {
	w := newWriter(m, raw)
	var b strings.Builder
	b.WriteString("  func.func " + head + "(")
	for i, p := range f.Body.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s%s", w.define(p), typeOf(p), nameAttr(f.In[i].Name))
	}
	b.WriteString(") -> (")
	for i, v := range f.Body.Results {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(typeOf(v) + nameAttr(f.Out[i].Name))
	}
	b.WriteString(") {\n")
	w.body(f.Body)
	w.line("return %s", w.returned(f.Body.Results))
	return b.String() + w.consts.String() + w.b.String() + "  }\n"
}

func nameAttr(name string) string {
	if name == "" {
		return ""
	}
	return " {drey.name = " + quote(name) + "}"
}

// regionFunction prints a private function whose body is the region r on the given parameters, and returns its symbol.
// The region may use what stands around it only through captures: these become parameters after its own.
func (m *module) regionFunction(stem string, r *tensor.Region, captures []tensor.Value) string {
	w := newWriter(m, false)
	params := append(append([]tensor.Value(nil), r.Params...), captures...)
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = w.define(p) + ": " + typeOf(p)
	}
	w.body(r)
	w.line("return %s", w.returned(r.Results))
	symbol := m.symbol(stem)
	m.private = append(m.private, fmt.Sprintf("  func.func private %s(%s) -> (%s) {\n%s%s  }\n",
		symbol, strings.Join(list, ", "), typesOf(r.Results), w.consts.String(), w.b.String()))
	return symbol
}

// returned is the operands and types of a return.
func (w *writer) returned(vs []tensor.Value) string {
	if len(vs) == 0 {
		return ""
	}
	return w.operands(vs) + " : " + typesOf(vs)
}

func (w *writer) line(format string, args ...any) {
	w.b.WriteString(w.indent)
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *writer) fresh() string {
	w.next++
	return "%" + strconv.Itoa(w.next-1)
}

// define names the one result of an instruction, or a parameter.
func (w *writer) define(v tensor.Value) string {
	name := w.fresh()
	w.names[v.Node()] = name
	return name
}

// defineAll names the results of an instruction with regions, and returns the text on the left of its equals sign.
func (w *writer) defineAll(n *tensor.Node) string {
	res := n.Results()
	if len(res) == 0 {
		return ""
	}
	name := w.fresh()
	if len(res) == 1 {
		w.names[res[0].Node()] = name
		return name + " = "
	}
	for i, v := range res {
		w.names[v.Node()] = name + "#" + strconv.Itoa(i)
	}
	return fmt.Sprintf("%s:%d = ", name, len(res))
}

func (w *writer) operand(v tensor.Value) string {
	name, ok := w.names[v.Node()]
	if !ok {
		w.m.fail("a %s (%s) is used before it is made", v.Node().Op, v)
	}
	return name
}

func (w *writer) operands(vs []tensor.Value) string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = w.operand(v)
	}
	return strings.Join(out, ", ")
}

// body prints the instructions of r.
func (w *writer) body(r *tensor.Region) {
	for _, n := range r.Nodes {
		switch {
		case n.Op == tensor.OpGet:
		case n.Op.HasRegions():
			w.control(n)
		case !w.raw && decomposed(n):
			w.composite(n)
		default:
			w.plain(n)
		}
	}
}

// auxiliary returns the name of a scalar constant that is no instruction of the program.
func (w *writer) auxiliary(d tensor.DType, bits uint64) string {
	text := fmt.Sprintf("%s : %s", dense(&tensor.Array{DType: d, Bits: []uint64{bits}}), typeText(d, nil))
	name, ok := w.aux[text]
	if !ok {
		name = "%c" + strconv.Itoa(len(w.aux))
		w.aux[text] = name
		fmt.Fprintf(&w.consts, "    %s = stablehlo.constant {drey.aux} %s\n", name, text)
	}
	return name
}
