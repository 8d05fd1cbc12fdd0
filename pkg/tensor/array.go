package tensor

import (
	"math"
	"reflect"
)

// Array is a constant: elements of one dtype in row-major order, each as its bit pattern in the low bits of a word
// (Bool is 0 or 1; I32 and U32 are zero-extended; floats are IEEE bits).
type Array struct {
	DType DType
	Shape []int
	Bits  []uint64
}

// NewArray returns a zero array.
func NewArray(d DType, shape []int) *Array {
	return &Array{DType: d, Shape: append([]int(nil), shape...), Bits: make([]uint64, NumElements(shape))}
}

// ArrayOf returns an array of dtype d holding the values v converted as EncodeFloat does. It panics if the length of v
// is not the number of elements.
func ArrayOf(d DType, shape []int, v []float64) *Array {
	a := NewArray(d, shape)
	if len(v) != len(a.Bits) {
		panic("tensor: ArrayOf: length of values does not match the shape")
	}
	for i, x := range v {
		a.Bits[i] = EncodeFloat(d, x)
	}
	return a
}

// Float64s returns the elements as float64 (integers converted, Bool as 0 or 1).
func (a *Array) Float64s() []float64 {
	out := make([]float64, len(a.Bits))
	for i, b := range a.Bits {
		out[i] = DecodeFloat(a.DType, b)
	}
	return out
}

// EncodeFloat returns the bits of x as an element of dtype d; integers truncate toward zero.
func EncodeFloat(d DType, x float64) uint64 {
	switch d {
	case Bool:
		if x != 0 {
			return 1
		}
		return 0
	case I32:
		return uint64(uint32(int32(x)))
	case I64:
		return uint64(int64(x))
	case U32:
		return uint64(uint32(x))
	case U64:
		return uint64(x)
	case F32:
		return uint64(math.Float32bits(float32(x)))
	case F64:
		return math.Float64bits(x)
	}
	panic("tensor: EncodeFloat of dtype " + d.String())
}

// DecodeFloat returns the element with the given bits as a float64; 64-bit integers round.
func DecodeFloat(d DType, b uint64) float64 {
	switch d {
	case Bool, U32, U64:
		return float64(b)
	case I32:
		return float64(int32(uint32(b)))
	case I64:
		return float64(int64(b))
	case F32:
		return float64(math.Float32frombits(uint32(b)))
	case F64:
		return math.Float64frombits(b)
	}
	panic("tensor: DecodeFloat of dtype " + d.String())
}

// encodeInt returns the bits of the integer x as an element of dtype d, and false where it does not fit exactly.
func encodeInt(d DType, neg bool, mag uint64) (uint64, bool) {
	switch d {
	case I32:
		if neg {
			return uint64(uint32(-int32(mag))), mag <= 1<<31
		}
		return mag, mag < 1<<31
	case I64:
		if neg {
			return -mag, mag <= 1<<63
		}
		return mag, mag < 1<<63
	case U32:
		return mag, !neg && mag < 1<<32
	case U64:
		return mag, !neg
	case F32, F64:
		x := float64(mag)
		if neg {
			x = -x
		}
		return EncodeFloat(d, x), true
	}
	return 0, false
}

// literal is the payload of a constant that still is weak: integers keep sign and magnitude so that any 64-bit value
// survives until its dtype is known.
type literal struct {
	floats []float64
	neg    []bool
	mags   []uint64
}

// arrayFromGo reads a Go number, bool or nested slice of them. Weak results have their payload in lit.
func arrayFromGo(x any) (dt DType, shape []int, bits []uint64, lit *literal, problem string) {
	v := reflect.ValueOf(x)
	if !v.IsValid() {
		return Invalid, nil, nil, nil, "nil operand"
	}
	t := v.Type()
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	for s := v; s.Kind() == reflect.Slice || s.Kind() == reflect.Array; s = s.Index(0) {
		shape = append(shape, s.Len())
		if s.Len() == 0 {
			return Invalid, nil, nil, nil, "empty slice operand"
		}
	}
	lit = &literal{}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		dt = weakFloat
	case reflect.Bool:
		dt = Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		dt = weakInt
	default:
		return Invalid, nil, nil, nil, "operand of Go type " + v.Type().String() + " (want a tensor.Value, a number, a bool or a slice of them)"
	}
	if !lit.collect(v, shape, &bits) {
		return Invalid, nil, nil, nil, "ragged slice operand: all rows of a slice must have one length"
	}
	if dt == Bool {
		return dt, shape, bits, nil, ""
	}
	return dt, shape, nil, lit, ""
}

func (l *literal) collect(v reflect.Value, shape []int, bits *[]uint64) bool {
	if len(shape) > 0 {
		if v.Len() != shape[0] {
			return false
		}
		for i := range v.Len() {
			if !l.collect(v.Index(i), shape[1:], bits) {
				return false
			}
		}
		return true
	}
	switch {
	case v.CanFloat():
		l.floats = append(l.floats, v.Float())
	case v.CanInt():
		n := v.Int()
		mag := uint64(n)
		if n < 0 {
			mag = -mag
		}
		l.neg, l.mags = append(l.neg, n < 0), append(l.mags, mag)
	case v.CanUint():
		l.neg, l.mags = append(l.neg, false), append(l.mags, v.Uint())
	case v.Kind() == reflect.Bool:
		b := uint64(0)
		if v.Bool() {
			b = 1
		}
		*bits = append(*bits, b)
	}
	return true
}

// resolve gives the literal the dtype d.
func (l *literal) resolve(d DType, shape []int) (*Array, string) {
	a := NewArray(d, shape)
	if l.floats != nil {
		if !d.IsFloat() {
			return nil, "a float literal where " + d.String() + " is needed; convert explicitly"
		}
		for i, x := range l.floats {
			a.Bits[i] = EncodeFloat(d, x)
		}
		return a, ""
	}
	for i, m := range l.mags {
		b, ok := encodeInt(d, l.neg[i], m)
		if !ok {
			return nil, "an integer literal that does not fit " + d.String()
		}
		a.Bits[i] = b
	}
	return a, ""
}
