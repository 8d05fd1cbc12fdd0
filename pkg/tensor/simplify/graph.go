package simplify

import (
	"encoding/binary"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// graph is a program while it is rewritten: nodes without a fixed place. Equal nodes are one node, wherever they stood;
// which regions they are computed in is decided at the end, by place.
type graph struct {
	nodes  []*node // by seq: operands before their users, bodies before the instruction that has them
	slab   []node  // memory for nodes to come
	table  map[key]*node
	root   *region
	cur    *region // the region that is being read, home of instructions with regions
	env    []*node // by the ID of the original node
	folder *eval.Folder
	buf    []byte

	exact   bool // only rewrites that keep all bits
	inexact int  // rewrites made that may change bits
}

// node is an instruction. It is immutable once made, up to what live and place note in it.
type node struct {
	op    tensor.Op
	attr  *tensor.Attr
	dtype tensor.DType
	shape []int
	in    []*node
	seq   int
	home  *region // the innermost region whose parameters it depends on: it can be computed there and further in

	regions []*region // of While, Cond and Scan
	results []*node   // its OpGet nodes

	live   bool
	demand []*region // regions that use it
	places []placed
}

// placed is a node's copy in a region.
type placed struct {
	region *region
	value  tensor.Value
}

// region is a body of control flow.
type region struct {
	parent  *region
	depth   int
	loop    bool  // runs once or more often per run of its parent as loops go: invariants leave it. Not a branch
	owner   *node // the instruction it belongs to, once that is made
	params  []*node
	results []*node
	order   []*node // what place puts here
}

// key identifies equal instructions. Operands are given by seq + 1; more than three and attributes are in rest.
type key struct {
	op      tensor.Op
	dtype   tensor.DType
	a, b, c int32
	rest    string
}

func newGraph() *graph {
	r := &region{}
	return &graph{table: map[key]*node{}, root: r, cur: r, folder: eval.NewFolder()}
}

// nodesAtOnce is how many nodes are allocated together: there are thousands, gone when the program is emitted.
const nodesAtOnce = 64

// add gives a node its number and its place in memory.
func (g *graph) add(n node) *node {
	if len(g.slab) == 0 {
		g.slab = make([]node, nodesAtOnce)
	}
	at := &g.slab[0]
	g.slab = g.slab[1:]
	n.seq = len(g.nodes)
	*at = n
	g.nodes = append(g.nodes, at)
	return at
}

func (g *graph) param(r *region, i int, like *tensor.Node) *node {
	return g.add(node{op: tensor.OpParam, attr: &tensor.Attr{Index: i}, dtype: like.DType, shape: like.Shape, home: r})
}

// intern returns the node with these contents, an old one if there is one.
func (g *graph) intern(op tensor.Op, attr *tensor.Attr, d tensor.DType, shape []int, in ...*node) *node {
	k := g.key(op, attr, d, in)
	if n, ok := g.table[k]; ok {
		return n
	}
	home := g.root
	for _, x := range in {
		if x.home.depth > home.depth {
			home = x.home
		}
	}
	n := g.add(node{op: op, attr: attr, dtype: d, shape: shape, in: append([]*node(nil), in...), home: home})
	g.table[k] = n
	return n
}

func (g *graph) key(op tensor.Op, attr *tensor.Attr, d tensor.DType, in []*node) key {
	k := key{op: op, dtype: d}
	ids := [3]int32{}
	for i := range min(3, len(in)) {
		ids[i] = int32(in[i].seq) + 1
	}
	if commutes(op) && ids[0] > ids[1] {
		ids[0], ids[1] = ids[1], ids[0]
	}
	k.a, k.b, k.c = ids[0], ids[1], ids[2]
	if op.IsElementwise() { // no attribute but the dtype
		return k
	}
	g.buf = g.buf[:0]
	for _, x := range in[min(3, len(in)):] {
		g.buf = binary.AppendVarint(g.buf, int64(x.seq))
	}
	g.appendAttr(attr)
	k.rest = string(g.buf)
	return k
}

// commutes reports whether op gives the same bits with its operands exchanged.
func commutes(op tensor.Op) bool {
	switch op {
	case tensor.OpAdd, tensor.OpMul, tensor.OpMin, tensor.OpMax, tensor.OpAnd, tensor.OpOr, tensor.OpXor, tensor.OpEq, tensor.OpNe:
		return true
	}
	return false
}

func (g *graph) appendAttr(a *tensor.Attr) {
	flags := 0
	for i, f := range []bool{a.Reverse, a.Lower, a.Transpose} {
		if f {
			flags |= 1 << i
		}
	}
	g.appendInts(a.Axis, a.Axis2, a.Index, a.Length, int(a.Order), flags)
	for _, s := range [][]int{a.Axes, a.Shape, a.Start, a.Limit, a.Step} {
		g.appendInts(len(s))
		g.appendInts(s...)
	}
	if d := a.Dot; d != nil {
		for _, s := range [][]int{d.BatchA, d.BatchB, d.ContractA, d.ContractB} {
			g.appendInts(len(s))
			g.appendInts(s...)
		}
		g.appendInts(int(d.Order))
	}
	if c := a.Array; c != nil {
		g.appendInts(len(c.Shape))
		g.appendInts(c.Shape...)
		for _, b := range c.Bits {
			g.buf = binary.LittleEndian.AppendUint64(g.buf, b)
		}
	}
}

func (g *graph) appendInts(v ...int) {
	for _, x := range v {
		g.buf = binary.AppendVarint(g.buf, int64(x))
	}
}
