package tensor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// TextVersion names the canonical text form that String prints; it changes whenever the same Func would print otherwise.
const TextVersion = "drey-text-1"

// String returns the canonical text of f: equal programs print equally, on every machine.
func (f *Func) String() string {
	p := &printer{ids: map[*Node]int{}}
	fmt.Fprintf(&p.b, "%s func %q float=%s", TextVersion, f.Name, f.Float)
	p.params(f.Body.Params)
	p.b.WriteString(" {\n")
	p.body(f.Body, "  ")
	p.b.WriteString("}\n")
	return p.b.String()
}

// Digest returns the SHA-256 of the canonical text, in hexadecimal.
func (f *Func) Digest() string {
	h := sha256.Sum256([]byte(f.String()))
	return hex.EncodeToString(h[:])
}

type printer struct {
	b   strings.Builder
	ids map[*Node]int
}

func (p *printer) id(n *Node) int {
	i, ok := p.ids[n]
	if !ok {
		i = len(p.ids)
		p.ids[n] = i
	}
	return i
}

func (p *printer) params(vs []Value) {
	p.b.WriteString(" (")
	for i, v := range vs {
		if i > 0 {
			p.b.WriteString(", ")
		}
		fmt.Fprintf(&p.b, "%%%d: %s", p.id(v.n), v)
		if v.n.Attr.Name != "" {
			fmt.Fprintf(&p.b, " %q", v.n.Attr.Name)
		}
	}
	p.b.WriteString(")")
}

func (p *printer) body(r *Region, indent string) {
	for _, n := range r.Nodes {
		if n.Op != OpGet {
			p.node(n, indent)
		}
	}
	p.b.WriteString(indent + "return")
	p.operands(r.Results)
	p.b.WriteByte('\n')
}

func (p *printer) operands(vs []Value) {
	p.b.WriteByte('(')
	for i, v := range vs {
		if i > 0 {
			p.b.WriteString(", ")
		}
		fmt.Fprintf(&p.b, "%%%d", p.id(v.n))
	}
	p.b.WriteByte(')')
}

func (p *printer) node(n *Node, indent string) {
	p.b.WriteString(indent)
	for i, v := range n.Results() {
		if i > 0 {
			p.b.WriteString(", ")
		}
		fmt.Fprintf(&p.b, "%%%d", p.id(v.n))
	}
	fmt.Fprintf(&p.b, " = %s", n.Op)
	p.operands(n.In)
	p.attr(n)
	for i, v := range n.Results() {
		if i > 0 {
			p.b.WriteByte(',')
		}
		fmt.Fprintf(&p.b, " %s", v)
	}
	for _, r := range n.Regions {
		p.b.WriteString(" region")
		p.params(r.Params)
		p.b.WriteString(" {\n")
		p.body(r, indent+"  ")
		p.b.WriteString(indent + "}")
	}
	p.b.WriteByte('\n')
}

// attr prints the attributes that count for the operation of n.
func (p *printer) attr(n *Node) {
	a := n.Attr
	switch {
	case n.Op.IsReduction():
		fmt.Fprintf(&p.b, " axes=%d:%d", a.Axis, a.Axis2)
		if n.Op == OpReduceSum {
			fmt.Fprintf(&p.b, " order=%s", a.Order)
		}
		return
	}
	switch n.Op {
	case OpConst:
		p.constant(a.Array)
	case OpIota, OpTake, OpScatterAdd, OpScatter, OpConcat, OpSort, OpArgsort:
		fmt.Fprintf(&p.b, " axis=%d", a.Axis)
	case OpCumsum:
		fmt.Fprintf(&p.b, " axis=%d reverse=%t", a.Axis, a.Reverse)
	case OpTranspose, OpReverse, OpBroadcast:
		fmt.Fprintf(&p.b, " axes=%v", a.Axes)
	case OpSlice:
		fmt.Fprintf(&p.b, " start=%v limit=%v step=%v", a.Start, a.Limit, a.Step)
	case OpDynamicSlice:
		fmt.Fprintf(&p.b, " sizes=%v", a.Shape)
	case OpPad:
		fmt.Fprintf(&p.b, " low=%v high=%v", a.Start, a.Limit)
	case OpDot:
		d := a.Dot
		fmt.Fprintf(&p.b, " batch=%v,%v contract=%v,%v order=%s", d.BatchA, d.BatchB, d.ContractA, d.ContractB, d.Order)
	case OpTriangularSolve:
		fmt.Fprintf(&p.b, " lower=%t transpose=%t", a.Lower, a.Transpose)
	case OpScan:
		fmt.Fprintf(&p.b, " carries=%d length=%d reverse=%t", a.Index, a.Length, a.Reverse)
	case OpCall:
		fmt.Fprintf(&p.b, " name=%q", a.Name)
		if c := a.Custom; c.VJP != nil {
			fmt.Fprintf(&p.b, " vjp=%s", c.VJP.Digest())
		}
		if c := a.Custom; c.JVP != nil {
			fmt.Fprintf(&p.b, " jvp=%s", c.JVP.Digest())
		}
	}
}

// String returns lanes or index.
func (o SumOrder) String() string {
	if o == SumIndex {
		return "index"
	}
	return "lanes"
}

func (p *printer) constant(a *Array) {
	p.b.WriteString(" [")
	for i, x := range a.Bits {
		if i > 0 {
			p.b.WriteByte(' ')
		}
		switch {
		case a.DType.IsFloat():
			p.float(DecodeFloat(a.DType, x), a.DType.Bits())
		case a.DType == I32:
			fmt.Fprint(&p.b, int32(uint32(x)))
		case a.DType == I64:
			fmt.Fprint(&p.b, int64(x))
		default:
			fmt.Fprint(&p.b, x)
		}
	}
	p.b.WriteByte(']')
}

func (p *printer) float(x float64, bits int) {
	if math.IsNaN(x) {
		p.b.WriteString("nan")
		return
	}
	p.b.WriteString(strconv.FormatFloat(x, 'g', -1, bits))
}
