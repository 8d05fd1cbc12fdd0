package wasm

import (
	"encoding/binary"
	"math"
)

// indexRuns says where in memory is noted how the indices in a parameter come. The host writes it when they are put.
type indexRuns struct {
	n     int // indices
	limit int // they are less than this in all scatters that take them
	kind  int // address of an i32: randomIndices, longRuns or shortRuns
	masks int // address of 64 bits an index: zero where a run begins, else ones; 0 where nobody reads them
	ends  int // address of the number of runs, i32, then of each run 8·(its last row) and its index, i32
}

// Kinds of indices.
const (
	randomIndices = iota
	longRuns
	shortRuns // each index has one run, and all are in range
)

// Runs that are this long on average are long ones: a branch that is guessed wrong once in so many rows costs less than masks.
const longRun = 64

// indexRuns returns what is noted of the n indices in a parameter, which a scatter along an axis of length limit takes.
func (e *emitter) indexRuns(param, n, limit int) *indexRuns {
	r := e.runs[param]
	if r == nil {
		r = &indexRuns{n: n, limit: limit, kind: e.alloc(4)}
		e.runs[param] = r
	}
	r.limit = min(r.limit, limit)
	return r
}

// reserve makes room for masks and ends.
func (r *indexRuns) reserve(e *emitter) {
	if r.masks == 0 {
		r.masks, r.ends = e.alloc(8*(r.n+1)), e.alloc(4+8*r.limit)
	}
}

// put notes how little-endian i32 indices come.
func (r *indexRuns) put(mem, data []byte) {
	index := func(i int) uint32 { return binary.LittleEndian.Uint32(data[4*i:]) }
	n, runs := len(data)/4, 1
	for i := 1; i < n; i++ {
		if index(i) != index(i-1) {
			runs++
		}
	}
	kind := randomIndices
	if 3*runs < n {
		kind = longRuns
		if r.masks != 0 && longRun*runs > n && r.once(index, n) {
			kind = shortRuns
			r.note(mem, index, n)
		}
	}
	binary.LittleEndian.PutUint32(mem[r.kind:], uint32(kind))
}

// once reports whether all indices are in range and each has one run.
func (r *indexRuns) once(index func(i int) uint32, n int) bool {
	seen := make([]bool, r.limit)
	for i := range n {
		x := index(i)
		if i > 0 && x == index(i-1) {
			continue
		}
		if x >= uint32(r.limit) || seen[x] {
			return false
		}
		seen[x] = true
	}
	return true
}

// note writes masks and ends.
func (r *indexRuns) note(mem []byte, index func(i int) uint32, n int) {
	runs := 0
	for i := range n {
		mask := uint64(math.MaxUint64)
		if i == 0 || index(i) != index(i-1) {
			mask = 0
		}
		binary.LittleEndian.PutUint64(mem[r.masks+8*i:], mask)
		if i == n-1 || index(i+1) != index(i) {
			binary.LittleEndian.PutUint32(mem[r.ends+4+8*runs:], uint32(8*i))
			binary.LittleEndian.PutUint32(mem[r.ends+8+8*runs:], index(i))
			runs++
		}
	}
	binary.LittleEndian.PutUint32(mem[r.ends:], uint32(runs))
}
