package stablehlo

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/pkg/tensor"
)

var elementTypes = map[tensor.DType]string{
	tensor.Bool: "i1", tensor.I32: "i32", tensor.I64: "i64", tensor.U32: "ui32", tensor.U64: "ui64", tensor.F32: "f32", tensor.F64: "f64",
}

// typeText returns a tensor type: tensor<4x8xf64>.
func typeText(d tensor.DType, shape []int) string {
	b := []byte("tensor<")
	for _, n := range shape {
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, 'x')
	}
	b = append(b, elementTypes[d]...)
	return string(append(b, '>'))
}

func typeOf(v tensor.Value) string { return typeText(v.Node().DType, v.Node().Shape) }

// typesOf returns types separated by commas.
func typesOf(vs []tensor.Value) string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = typeOf(v)
	}
	return strings.Join(out, ", ")
}

// signature returns (T, …) -> U or (T, …) -> (U, …).
func signature(in, out []tensor.Value) string {
	res := typesOf(out)
	if len(out) != 1 {
		res = "(" + res + ")"
	}
	return "(" + typesOf(in) + ") -> " + res
}

// quote writes a string literal that keeps every byte.
func quote(s string) string {
	b := []byte{'"'}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c < ' ' || c > '~':
			b = append(b, '\\')
			b = append(b, strings.ToUpper(hex.EncodeToString([]byte{c}))...)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// ints writes the elements separated by commas, without brackets.
func ints(x []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(x), " ", ", "), "[]") }

// i64Array writes an attribute array<i64: …>.
func i64Array(x []int) string {
	if len(x) == 0 {
		return "array<i64>"
	}
	return "array<i64: " + ints(x) + ">"
}

// A constant of equal elements is printed as one of them, up to maxSplat elements: a short text never stands for a large
// array that a reader would have to allocate. Arrays longer than maxListed are printed as bytes.
const (
	maxSplat  = 1024
	maxListed = 16
)

// dense returns the attribute dense<…> that holds the elements of a, bits and all, without its type.
func dense(a *tensor.Array) string {
	n := len(a.Bits)
	if n == 0 {
		return "dense<>"
	}
	splat := n <= maxSplat
	for _, b := range a.Bits {
		splat = splat && b == a.Bits[0]
	}
	if splat {
		return "dense<" + element(a.DType, a.Bits[0]) + ">"
	}
	if n > maxListed && a.DType != tensor.Bool { // how bytes hold bits of i1 has changed between versions of MLIR
		return `dense<"0x` + strings.ToUpper(hex.EncodeToString(littleEndian(a))) + `">`
	}
	var b strings.Builder
	b.WriteString("dense<")
	listed(&b, a, a.Shape, 0)
	b.WriteString(">")
	return b.String()
}

// listed writes the elements from the given one on as nested lists.
func listed(b *strings.Builder, a *tensor.Array, shape []int, from int) {
	if len(shape) == 0 {
		b.WriteString(element(a.DType, a.Bits[from]))
		return
	}
	step := tensor.NumElements(shape[1:])
	b.WriteByte('[')
	for i := range shape[0] {
		if i > 0 {
			b.WriteString(", ")
		}
		listed(b, a, shape[1:], from+i*step)
	}
	b.WriteByte(']')
}

func littleEndian(a *tensor.Array) []byte {
	var out []byte
	for _, x := range a.Bits {
		if a.DType.Size() == 4 {
			out = binary.LittleEndian.AppendUint32(out, uint32(x))
		} else {
			out = binary.LittleEndian.AppendUint64(out, x)
		}
	}
	return out
}

// element writes one element: floats in the shortest decimal form that reads back, NaN and infinities as their bits.
func element(d tensor.DType, bits uint64) string {
	switch d {
	case tensor.Bool:
		return strconv.FormatBool(bits != 0)
	case tensor.I32:
		return strconv.Itoa(int(int32(uint32(bits))))
	case tensor.I64:
		return strconv.FormatInt(int64(bits), 10)
	case tensor.U32, tensor.U64:
		return strconv.FormatUint(bits, 10)
	}
	x := tensor.DecodeFloat(d, bits)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprintf("0x%0*X", 2*d.Size(), bits)
	}
	s := strconv.FormatFloat(x, 'e', -1, d.Bits())
	if !strings.Contains(s, ".") { // MLIR's floats have a point
		s = strings.Replace(s, "e", ".0e", 1)
	}
	return s
}
