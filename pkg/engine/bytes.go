package engine

import (
	"encoding/binary"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// SizeOf returns the bytes of a parameter or result.
func SizeOf(p tensor.Param) int { return p.DType.Size() * tensor.NumElements(p.Shape) }

// Bytes returns the elements of a as engines take them.
func Bytes(a *tensor.Array) []byte {
	out := make([]byte, a.DType.Size()*len(a.Bits))
	Encode(out, a)
	return out
}

// Encode writes the elements of a to dst, which must have their size in bytes; otherwise it panics.
func Encode(dst []byte, a *tensor.Array) {
	size := a.DType.Size()
	if len(dst) != size*len(a.Bits) {
		panic("engine: Encode: length of dst does not match the array")
	}
	for i, b := range a.Bits {
		switch size {
		case 1:
			dst[i] = byte(b)
		case 4:
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(b))
		default:
			binary.LittleEndian.PutUint64(dst[8*i:], b)
		}
	}
}

// ArrayOf returns an array of the elements in data. It panics where data does not have the size of the shape.
func ArrayOf(d tensor.DType, shape []int, data []byte) *tensor.Array {
	a := tensor.NewArray(d, shape)
	Decode(a, data)
	return a
}

// Decode reads the elements of a from src, which must have their size in bytes; otherwise it panics. A Bool is true
// where its byte is not zero.
func Decode(a *tensor.Array, src []byte) {
	size := a.DType.Size()
	if len(src) != size*len(a.Bits) {
		panic("engine: Decode: length of src does not match the array")
	}
	for i := range a.Bits {
		switch size {
		case 1:
			a.Bits[i] = min(1, uint64(src[i]))
		case 4:
			a.Bits[i] = uint64(binary.LittleEndian.Uint32(src[4*i:]))
		default:
			a.Bits[i] = binary.LittleEndian.Uint64(src[8*i:])
		}
	}
}
