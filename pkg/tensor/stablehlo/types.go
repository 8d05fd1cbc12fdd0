package stablehlo

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Limits of a text: what is beyond them is an error, so that no text makes a reader run out of memory or stack.
const (
	maxRank     = 32
	maxElements = 1 << 40
	maxNesting  = 64
	maxOps      = 1 << 20 // instructions, with those of functions counted at each call
)

// tensorType is a parsed tensor type.
type tensorType struct {
	dtype tensor.DType
	shape []int
}

func (t tensorType) String() string { return typeText(t.dtype, t.shape) }

// parseType reads what stands within tensor<…>.
func parseType(tok token) tensorType {
	t := tensorType{shape: []int{}}
	parts := strings.Split(tok.text, "x")
	if i := strings.IndexAny(tok.text, "<,"); i >= 0 { // a complex element type or an encoding holds letters x of its own
		failAt(tok.line, "the type tensor<%s> is none that drey has: real elements, no encoding", tok.text)
	}
	for _, p := range parts[:len(parts)-1] {
		if p == "?" {
			failAt(tok.line, "the type tensor<%s> has a dynamic dimension: export with fixed shapes", tok.text)
		}
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			failAt(tok.line, "the type tensor<%s> has a wrong dimension %q", tok.text, p)
		}
		t.shape = append(t.shape, n)
	}
	checkSize(tok.line, t.shape)
	t.dtype = elementType(tok.line, parts[len(parts)-1])
	return t
}

func elementType(line int, name string) tensor.DType {
	for d, text := range elementTypes {
		if text == name {
			return d
		}
	}
	failAt(line, "elements of type %s: drey has f64, f32, i64, i32, ui64, ui32 and i1", name)
	return tensor.Invalid
}

func checkSize(line int, shape []int) {
	if len(shape) > maxRank {
		failAt(line, "a tensor of rank %d, more than %d", len(shape), maxRank)
	}
	n := 1
	for _, d := range shape {
		if d > maxElements || n*max(d, 1) > maxElements {
			failAt(line, "a tensor of shape %v has more than 2^40 elements", shape)
		}
		n *= max(d, 1)
	}
}

// denseLiteral is the content of dense<…>.
type denseLiteral struct {
	line  int
	items []token // numbers, true and false
	shape []int   // of nested lists, nil for a single element
	bytes string  // of the hexadecimal form
}

// array gives the literal its type; splat is true where one element stands for all.
func (d *denseLiteral) array(t tensorType) (a *tensor.Array, splat bool) {
	n := tensor.NumElements(t.shape)
	if d.bytes != "" {
		return d.fromBytes(t, n)
	}
	if d.shape == nil && len(d.items) == 1 {
		return &tensor.Array{DType: t.dtype, Shape: t.shape, Bits: []uint64{parseElement(d.items[0], t.dtype)}}, true
	}
	if len(d.items) != n || n > 0 && !equalInts(d.shape, t.shape) {
		failAt(d.line, "a constant of shape %v with the type %s", d.shape, t)
	}
	a = &tensor.Array{DType: t.dtype, Shape: t.shape, Bits: make([]uint64, n)}
	for i, item := range d.items {
		a.Bits[i] = parseElement(item, t.dtype)
	}
	return a, false
}

func (d *denseLiteral) fromBytes(t tensorType, n int) (*tensor.Array, bool) {
	data, err := hex.DecodeString(strings.TrimPrefix(d.bytes, "0x"))
	if err != nil || !strings.HasPrefix(d.bytes, "0x") {
		failAt(d.line, "a constant whose string is not hexadecimal")
	}
	a := &tensor.Array{DType: t.dtype, Shape: t.shape}
	switch size := t.dtype.Size(); {
	case t.dtype == tensor.Bool && len(data) == 1: // one value for all, else bits would follow
		if n > 8 || data[0] == 0 || data[0] == 0xff {
			a.Bits = []uint64{uint64(data[0] & 1)}
			return a, true
		}
		fallthrough
	case t.dtype == tensor.Bool && len(data) == (n+7)/8: // eight in a byte
		for i := range n {
			a.Bits = append(a.Bits, uint64(data[i/8]>>(i%8)&1))
		}
		return a, false
	case len(data) == size*n || len(data) == size:
		for ; len(data) > 0; data = data[size:] {
			a.Bits = append(a.Bits, littleEndianElement(data[:size]))
		}
		return a, len(a.Bits) != n
	}
	failAt(d.line, "a constant of %d bytes for the type %s", len(data), t)
	return nil, false
}

func littleEndianElement(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0] & 1)
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// parseElement returns the bits of one element.
func parseElement(t token, d tensor.DType) uint64 {
	bits := 8 * d.Size()
	switch {
	case t.text == "true" || t.text == "false":
		if d == tensor.Bool && t.text == "true" {
			return 1
		}
		if d == tensor.Bool {
			return 0
		}
	case d == tensor.Bool:
		if x, err := strconv.ParseInt(t.text, 10, 8); err == nil && x >= -1 && x <= 1 {
			return uint64(x * x)
		}
	case strings.HasPrefix(t.text, "0x"):
		if x, err := strconv.ParseUint(t.text[2:], 16, bits); err == nil {
			return x
		}
	case d.IsFloat():
		if x, err := strconv.ParseFloat(t.text, bits); err == nil || math.IsInf(x, 0) {
			return tensor.EncodeFloat(d, x)
		}
	case d.IsSigned():
		if x, err := strconv.ParseInt(t.text, 10, bits); err == nil {
			return uint64(x) & (math.MaxUint64 >> (64 - bits))
		}
	default:
		if x, err := strconv.ParseUint(t.text, 10, bits); err == nil {
			return x
		}
	}
	failAt(t.line, "%s is no element of type %s", t.text, elementTypes[d])
	return 0
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
