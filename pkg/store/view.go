package store

import (
	"encoding/binary"
	"math"
	"strconv"
)

// view is a column's stored bytes; Bool elements are bits.
type view struct {
	dtype DType
	raw   []byte
	skip  int // of Bool: bits of raw before the first element
}

// rows returns n rows from the given one on.
func (v view) rows(first, n, width int) view {
	if v.dtype == Bool {
		at := first*width + v.skip
		return view{v.dtype, v.raw[at>>3 : (at+n*width+7)>>3], at & 7}
	}
	row := width * v.dtype.Size()
	return view{dtype: v.dtype, raw: v.raw[first*row : (first+n)*row]}
}

// bits returns the i-th element's bit pattern in the low bits of a word; I32 is sign-extended.
func (v view) bits(i int) uint64 {
	switch v.dtype {
	case F64, I64, U64:
		return binary.LittleEndian.Uint64(v.raw[8*i:])
	case I32:
		return uint64(int32(binary.LittleEndian.Uint32(v.raw[4*i:])))
	case F32, U32:
		return uint64(binary.LittleEndian.Uint32(v.raw[4*i:]))
	}
	i += v.skip
	return uint64(v.raw[i>>3]>>(i&7)) & 1
}

// float returns the i-th element as a float64; 64-bit integers round.
func (v view) float(i int) float64 { return floatOf(v.dtype, v.bits(i)) }

// floats fills dst with every step-th element from the given one on.
func (v view) floats(dst []float64, at, step int) {
	if v.dtype != F64 {
		for i := range dst {
			dst[i] = v.float(at + i*step)
		}
		return
	}
	for i := range dst {
		dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(v.raw[8*(at+i*step):]))
	}
}

func floatOf(d DType, b uint64) float64 {
	switch d {
	case F64:
		return math.Float64frombits(b)
	case F32:
		return float64(math.Float32frombits(uint32(b)))
	case I32, I64:
		return float64(int64(b))
	}
	return float64(b)
}

// appendText appends the i-th element: the shortest text that reads back to the same bits, with no special numbers in
// JSON (null stands for them).
func (v view) appendText(dst []byte, i int, json bool) []byte {
	b := v.bits(i)
	switch v.dtype {
	case F64:
		return appendFloat(dst, math.Float64frombits(b), 64, json)
	case F32:
		return appendFloat(dst, float64(math.Float32frombits(uint32(b))), 32, json)
	case I32, I64:
		return strconv.AppendInt(dst, int64(b), 10)
	case Bool:
		return strconv.AppendBool(dst, b != 0)
	}
	return strconv.AppendUint(dst, b, 10)
}

func appendFloat(dst []byte, x float64, size int, json bool) []byte {
	switch {
	case json && (math.IsNaN(x) || math.IsInf(x, 0)):
		return append(dst, "null"...)
	case math.IsInf(x, 1):
		return append(dst, "Inf"...)
	}
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) { // where JavaScript and encoding/json switch too
		format = 'e'
	}
	return strconv.AppendFloat(dst, x, format, -1, size)
}

// NaN bits of machines differ, so stored NaNs all have these.
const (
	canonicalNaN64 = 0x7ff8000000000000
	canonicalNaN32 = 0x7fc00000
)

// copyCanonical copies the elements of src to dst with every NaN made canonical and every true Bool made 1.
func copyCanonical(d DType, dst, src []byte) {
	copy(dst, src)
	switch d {
	case F64:
		for i := 0; i < len(src); i += 8 {
			if x := math.Float64frombits(binary.LittleEndian.Uint64(src[i:])); x != x {
				binary.LittleEndian.PutUint64(dst[i:], canonicalNaN64)
			}
		}
	case F32:
		for i := 0; i < len(src); i += 4 {
			if x := math.Float32frombits(binary.LittleEndian.Uint32(src[i:])); x != x {
				binary.LittleEndian.PutUint32(dst[i:], canonicalNaN32)
			}
		}
	case Bool:
		for i, b := range src {
			if b != 0 {
				dst[i] = 1
			}
		}
	}
}

// appendRaw appends rows first to first+n-1 of a column of the given width as Append takes them.
func (v view) appendRaw(dst []byte, width, first, n int) []byte {
	if v.dtype != Bool {
		row := width * v.dtype.Size()
		return append(dst, v.raw[first*row:(first+n)*row]...)
	}
	for i := first * width; i < (first+n)*width; i++ {
		dst = append(dst, byte(v.bits(i)))
	}
	return dst
}
