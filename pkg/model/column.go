package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Column is one array of data as a program's parameter takes it: elements in row-major order, little-endian, a Bool in
// one byte. Floats are never NaN, but in data of an imported model.
type Column struct {
	Name  string
	DType tensor.DType
	Shape []int
	Bytes []byte
}

// ColumnOf returns the column of a name that holds the elements of a.
func ColumnOf(name string, a *tensor.Array) Column {
	size := a.DType.Size()
	c := Column{Name: name, DType: a.DType, Shape: a.Shape, Bytes: make([]byte, 0, size*len(a.Bits))}
	for _, bits := range a.Bits {
		c.Bytes = appendElement(c.Bytes, size, bits)
	}
	return c
}

// Param returns the parameter of a program that takes the column.
func (c Column) Param() tensor.Param {
	return tensor.Param{Name: c.Name, DType: c.DType, Shape: c.Shape}
}

// Array returns the column as a constant.
func (c Column) Array() *tensor.Array {
	a := tensor.NewArray(c.DType, c.Shape)
	size := c.DType.Size()
	for i := range a.Bits {
		a.Bits[i] = readElement(c.Bytes[i*size:], size)
	}
	return a
}

func readElement(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func appendElement(b []byte, size int, bits uint64) []byte {
	switch size {
	case 1:
		return append(b, byte(bits))
	case 4:
		return binary.LittleEndian.AppendUint32(b, uint32(bits))
	}
	return binary.LittleEndian.AppendUint64(b, bits)
}

const digestChunk = 1 << 20

// DataDigest returns the SHA-256, in hexadecimal, of the columns' names, dtypes, shapes and little-endian elements in the
// order given: equal data have equal digests on every machine.
func DataDigest(columns []Column) string {
	h := sha256.New()
	for _, c := range columns {
		fmt.Fprintf(h, "%q %s %d\n", c.Name, tensor.FormatShape(c.DType, c.Shape), len(c.Bytes))
		for part := range slices.Chunk(c.Bytes, digestChunk) { // a hash of much data at once can't be preempted
			h.Write(part)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// encoder converts the raw elements of one column to its dtype, refusing what the dtype cannot hold.
type encoder struct {
	name     string
	dtype    tensor.DType
	infinite bool // ±Inf is allowed
	missing  bool // NaN is allowed
}

// column encodes r. The error names the first offending element.
func (e encoder) column(r *raw) (Column, error) {
	size := e.dtype.Size()
	c := Column{Name: e.name, DType: e.dtype, Shape: r.shape, Bytes: make([]byte, 0, size*r.size())}
	for i := range r.size() {
		bits, problem := e.element(r, i)
		if problem != "" {
			return Column{}, fmt.Errorf("model: data %q: %s %s", e.name, r.where(e.name, i), problem)
		}
		c.Bytes = appendElement(c.Bytes, size, bits)
	}
	return c, nil
}

func (e encoder) element(r *raw, i int) (bits uint64, problem string) {
	if r.ints == nil {
		x := r.floats[i]
		switch {
		case math.IsNaN(x) && !(e.missing && e.dtype.IsFloat()):
			return 0, "is NaN (a missing value?)"
		case e.dtype.IsFloat():
			return e.float(x)
		case x != math.Trunc(x) || math.Abs(x) >= 1<<63:
			return 0, fmt.Sprintf("= %v is not an integer (dtype %s)", x, e.dtype)
		}
		return e.integer(int64(x))
	}
	if e.dtype.IsFloat() {
		return e.float(float64(r.ints[i]))
	}
	return e.integer(r.ints[i])
}

func (e encoder) float(x float64) (uint64, string) {
	bits := tensor.EncodeFloat(e.dtype, x)
	y := tensor.DecodeFloat(e.dtype, bits)
	switch {
	case math.IsInf(x, 0) && !e.infinite:
		return 0, fmt.Sprintf("is %v; the tag option \"infinite\" allows it", x)
	case math.IsInf(y, 0) && !math.IsInf(x, 0):
		return 0, fmt.Sprintf("= %v is too large for %s", x, e.dtype)
	}
	return bits, ""
}

func (e encoder) integer(x int64) (uint64, string) {
	lo, hi := int64(math.MinInt64), uint64(math.MaxInt64)
	switch e.dtype {
	case tensor.Bool:
		lo, hi = 0, 1
	case tensor.I32:
		lo, hi = math.MinInt32, math.MaxInt32
	case tensor.U32:
		lo, hi = 0, math.MaxUint32
	case tensor.U64:
		lo = 0
	}
	if x < lo || x > 0 && uint64(x) > hi {
		return 0, fmt.Sprintf("= %d does not fit %s", x, e.dtype)
	}
	if e.dtype.Size() < 8 {
		return uint64(uint32(x)), ""
	}
	return uint64(x), ""
}

// position writes the name of element i of a column as messages show it: y, y[3], x[2,5].
func position(name string, shape []int, i int) string {
	if len(shape) == 0 {
		return name
	}
	s := name + "["
	for k, stride := range tensor.Strides(shape) {
		if k > 0 {
			s += ","
		}
		s += fmt.Sprint(i / stride % shape[k])
	}
	return s + "]"
}
