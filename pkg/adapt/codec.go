package adapt

import (
	"encoding/binary"
	"fmt"
	"math"
)

// writer writes little-endian numbers.
type writer struct{ b []byte }

func (w *writer) u32(x uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, x) }

func (w *writer) floats(x ...float64) {
	for _, v := range x {
		w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v))
	}
}

// reader reads them; short says that there were too few bytes.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) float() float64 {
	if b := r.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// floats reads n numbers, nil for none.
func (r *reader) floats(n int) []float64 {
	b := r.take(8 * n)
	if len(b) == 0 {
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return out
}

// end returns an error unless all bytes were read and there were enough.
func (r *reader) end(what string) error {
	if r.short || len(r.b) > 0 {
		return fmt.Errorf("adapt: %s are damaged: too short, or bytes are left over", what)
	}
	return nil
}
