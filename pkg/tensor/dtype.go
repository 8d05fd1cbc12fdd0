package tensor

// DType is the element type of a Value.
type DType uint8

// The element types. A trace has one float type, F64 or F32; indices are I32.
const (
	Invalid DType = iota
	Bool
	I32
	I64
	U32
	U64
	F32
	F64
	weakInt   // a Go integer literal that has not met a typed operand yet
	weakFloat // a Go float literal that has not met a typed operand yet
)

var dtypeNames = [...]string{"invalid", "bool", "i32", "i64", "u32", "u64", "f32", "f64", "int literal", "float literal"}

// String returns the name used in programs and messages: f64, i32, bool, …
func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return "invalid"
}

// ParseDType returns the dtype with the given name, or Invalid.
func ParseDType(name string) DType {
	for d := Bool; d <= F64; d++ {
		if dtypeNames[d] == name {
			return d
		}
	}
	return Invalid
}

// IsFloat reports whether d is F32 or F64.
func (d DType) IsFloat() bool { return d == F32 || d == F64 || d == weakFloat }

// IsInt reports whether d is a signed or unsigned integer type.
func (d DType) IsInt() bool { return d >= I32 && d <= U64 || d == weakInt }

// IsSigned reports whether d is I32, I64 or a float type.
func (d DType) IsSigned() bool { return d == I32 || d == I64 || d == weakInt || d.IsFloat() }

// Size returns the bytes of one element as an engine stores it: 1 for Bool, 4 or 8 otherwise.
func (d DType) Size() int {
	switch d {
	case Bool:
		return 1
	case I32, U32, F32:
		return 4
	case I64, U64, F64:
		return 8
	}
	return 0
}

func (d DType) isWeak() bool { return d == weakInt || d == weakFloat }

// Bits returns the number of bits of an integer or float element.
func (d DType) Bits() int { return 8 * d.Size() }
