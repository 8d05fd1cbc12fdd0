package wasm

// bounds knows where a proof of the base holds. wazero checks the bounds of an access unless an earlier one from the same
// index went as far; it knows an index as a value of its SSA form, and a loop gives the base another one: behind a loop,
// and where paths meet one of which has a loop, earlier proofs are worth nothing.
type bounds struct {
	proved bool
	open   []blockBounds
	proofs []int // where in the code the extent of static memory is still to be written
}

// Kinds of blocks.
type blockKind int

const (
	aBlock blockKind = iota
	aLoop
	aBranch // on its first path
	aBranchBothWays
)

// blockBounds are a block that is open.
type blockBounds struct {
	kind   blockKind
	before bool // a proof held where it began
	loops  bool // it is a loop or has one inside
}

func (b *bounds) enter(kind blockKind) {
	b.open = append(b.open, blockBounds{kind, b.proved, kind == aLoop})
	if kind == aLoop {
		b.proved = false
	}
}

// oneSided reports whether the innermost block is a branch whose other path is not written.
func (b *bounds) oneSided() bool { return b.open[len(b.open)-1].kind == aBranch }

// restart begins the other path of a branch.
func (b *bounds) restart() {
	x := &b.open[len(b.open)-1]
	x.kind = aBranchBothWays
	b.proved = x.before
}

func (b *bounds) leave() {
	last := len(b.open) - 1
	x := b.open[last]
	b.open = b.open[:last]
	b.proved = x.before && !x.loops
	if last > 0 && x.loops {
		b.open[last-1].loops = true
	}
}

// prove writes a load beyond all static memory from the given index and drops it: the bounds check stays and covers
// later accesses from the same index.
func (a *asm) prove(index local) {
	a.getLocal(index)
	a.op(opF64Load, 0)
	a.bounds.proofs = append(a.bounds.proofs, len(a.code))
	a.op(0x80, 0x80, 0x80, 0x80, 0x00)
	a.drop()
}

// finishProofs writes the extent of static memory, which is known last.
func (a *asm) finishProofs(top int) {
	for _, at := range a.bounds.proofs {
		v := top
		for i := range 5 {
			b := byte(v & 0x7f)
			v >>= 7
			if i < 4 {
				b |= 0x80
			}
			a.code[at+i] = b
		}
	}
}
