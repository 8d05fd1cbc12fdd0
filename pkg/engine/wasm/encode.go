package wasm

import "math"

// valType is a WebAssembly value type.
type valType byte

const (
	tI32  valType = 0x7f
	tI64  valType = 0x7e
	tF32  valType = 0x7d
	tF64  valType = 0x7c
	tV128 valType = 0x7b
)

// local is the index of a WebAssembly local.
type local int

const noLocal local = -1

// asm writes the body of one WebAssembly function. Locals are handed out by newLocal and written into the header last.
type asm struct {
	code   []byte
	params int
	types  []valType // of the locals after the parameters
	base   local     // always zero: every static access goes through it, so that one bounds proof covers many
	bounds bounds
}

func (a *asm) newLocal(t valType) local {
	a.types = append(a.types, t)
	return local(a.params + len(a.types) - 1)
}

// get pushes a local. The base is proved first where no proof of it holds.
func (a *asm) get(l local) {
	if l == a.base && !a.bounds.proved {
		a.prove(l)
		a.bounds.proved = true
	}
	a.getLocal(l)
}

func (a *asm) getLocal(l local) { a.op(0x20); a.uleb(uint64(l)) }

// typeOf returns the type of a local that newLocal made.
func (a *asm) typeOf(l local) valType { return a.types[int(l)-a.params] }

func (a *asm) op(bytes ...byte)      { a.code = append(a.code, bytes...) }
func (a *asm) set(l local)           { a.op(0x21); a.uleb(uint64(l)) }
func (a *asm) tee(l local)           { a.op(0x22); a.uleb(uint64(l)) }
func (a *asm) drop()                 { a.op(0x1a) }
func (a *asm) sel()                  { a.op(0x1b) }
func (a *asm) block()                { a.op(0x02, 0x40); a.bounds.enter(aBlock) }
func (a *asm) loop()                 { a.op(0x03, 0x40); a.bounds.enter(aLoop) }
func (a *asm) ifThen()               { a.op(0x04, 0x40); a.bounds.enter(aBranch) }
func (a *asm) els()                  { a.op(0x05); a.bounds.restart() }
func (a *asm) br(depth int)          { a.op(0x0c); a.uleb(uint64(depth)) }
func (a *asm) brIf(depth int)        { a.op(0x0d); a.uleb(uint64(depth)) }
func (a *asm) ret()                  { a.op(0x0f) }
func (a *asm) i32c(v int)            { a.op(0x41); a.sleb(int64(int32(v))) }
func (a *asm) i64c(v int64)          { a.op(0x42); a.sleb(v) }
func (a *asm) uleb(v uint64)         { a.code = appendULEB(a.code, v) }
func (a *asm) sleb(v int64)          { a.code = appendSLEB(a.code, v) }
func (a *asm) setI32(l local, v int) { a.i32c(v); a.set(l) }

func (a *asm) f32c(v float32) {
	a.op(0x43)
	b := math.Float32bits(v)
	for i := range 4 {
		a.op(byte(b >> (8 * i)))
	}
}

// simd writes a SIMD instruction without immediates.
func (a *asm) simd(op int) { a.op(0xfd); a.uleb(uint64(op)) }

// simdMem writes a SIMD memory instruction with a byte offset.
func (a *asm) simdMem(op, offset int) { a.simd(op); a.memarg(0, offset) }

func (a *asm) memarg(align, offset int) { a.uleb(uint64(align)); a.uleb(uint64(offset)) }

// mem writes a scalar memory instruction with a byte offset; the address is on the stack.
func (a *asm) mem(op byte, offset int) { a.op(op); a.memarg(0, offset) }

// end ends a block, loop or branch. A branch gets its other path written out, if empty: wazero forgets the proofs before
// a branch without one. Where paths meet, wazero gives the first use of a local the value that it had before, with its
// proofs, and every later use a new name without them, unless the local has been set there: so the base is set to itself,
// which makes no instruction.
func (a *asm) end() {
	if a.bounds.oneSided() {
		a.els()
	}
	a.op(0x0b)
	a.bounds.leave()
	a.getLocal(a.base)
	a.set(a.base)
}

// addI32 adds a constant to a local.
func (a *asm) addI32(l local, v int) {
	a.get(l)
	a.i32c(v)
	a.op(opI32Add)
	a.set(l)
}

func appendULEB(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendSLEB(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// body returns the function body with its local declarations.
func (a *asm) body() []byte {
	var groups []byte
	n := uint64(0)
	for i := 0; i < len(a.types); {
		j := i
		for j < len(a.types) && a.types[j] == a.types[i] {
			j++
		}
		groups = appendULEB(groups, uint64(j-i))
		groups = append(groups, byte(a.types[i]))
		n++
		i = j
	}
	b := appendULEB(nil, n)
	b = append(b, groups...)
	b = append(b, a.code...)
	return append(b, 0x0b)
}

// module returns a WebAssembly binary with one memory of exactly pages pages (exported "m") and one function without
// parameters and results (exported "run").
func module(body []byte, pages int) []byte {
	b := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	b = appendSection(b, 1, []byte{1, 0x60, 0, 0})
	b = appendSection(b, 3, []byte{1, 0})
	mem := appendULEB([]byte{1, 1}, uint64(pages))
	b = appendSection(b, 5, appendULEB(mem, uint64(pages)))
	b = appendSection(b, 7, []byte{2, 1, 'm', 2, 0, 3, 'r', 'u', 'n', 0, 0})
	code := appendULEB([]byte{1}, uint64(len(body)))
	b = appendSection(b, 10, append(code, body...))
	return b
}

func appendSection(b []byte, id byte, content []byte) []byte {
	b = append(b, id)
	b = appendULEB(b, uint64(len(content)))
	return append(b, content...)
}
