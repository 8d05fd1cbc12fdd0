package tensor

import (
	"fmt"
	"slices"
	"strings"
)

// NumElements returns the product of the dimensions: 1 for a scalar.
func NumElements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// FormatShape writes a dtype and a shape as messages and programs show them: f64[4,8], i32[] for a scalar.
func FormatShape(d DType, shape []int) string {
	var b strings.Builder
	b.WriteString(d.String())
	b.WriteByte('[')
	for i, n := range shape {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, n)
	}
	b.WriteByte(']')
	return b.String()
}

// BroadcastShapes returns NumPy's common shape of the arguments, and false where they do not broadcast.
func BroadcastShapes(shapes ...[]int) ([]int, bool) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
		for _, s := range shapes {
			j := i - (rank - len(s))
			if j < 0 || s[j] == 1 {
				continue
			}
			if out[i] != 1 && out[i] != s[j] {
				return nil, false
			}
			out[i] = s[j]
		}
	}
	return out, true
}

// Strides returns the row-major element strides of a shape.
func Strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

func sameShape(a, b []int) bool { return slices.Equal(a, b) }

// normAxis maps a possibly negative axis to 0 … rank-1 or panics with *Error.
func normAxis(op Op, axis, rank int) int {
	a := axis
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		fail(op, "axis %d is outside a value of rank %d", axis, rank)
	}
	return a
}
