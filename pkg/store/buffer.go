package store

// buffer collects the rows of one chain until they become a segment. Warmup rows come before sampling rows.
type buffer struct {
	cols     [][]byte // one a column, capacity rows each; nil until the first row
	capacity int
	grown    bool          // beyond the chain's share
	n        int           // rows held
	warmup   int           // of these, warmup rows
	next     [phases]int64 // number of the next draw
}

// reserve makes room for the given number of rows.
func (b *buffer) reserve(cols []column, capacity int) {
	b.capacity = capacity
	b.cols = make([][]byte, len(cols))
	for i := range cols {
		b.cols[i] = make([]byte, 0, capacity*cols[i].bytes)
	}
}

// grow doubles the room.
func (b *buffer) grow(cols []column) {
	b.capacity, b.grown = 2*b.capacity, true
	for i := range cols {
		b.cols[i] = append(make([]byte, 0, b.capacity*cols[i].bytes), b.cols[i]...)
	}
}

// push adds a row; values has the bytes of each column.
func (b *buffer) push(cols []column, phase Phase, row [][]byte) {
	for i := range cols {
		n := len(b.cols[i])
		b.cols[i] = b.cols[i][:n+cols[i].bytes]
		copyCanonical(cols[i].dtype, b.cols[i][n:], row[i])
	}
	b.n++
	if phase == Warmup {
		b.warmup++
	}
	b.next[phase]++
}

// batches appends the rows held to out, one batch a phase.
func (b *buffer) batches(out []rows, chain int, cols []column) []rows {
	part := func(phase Phase, from, to int) {
		if from == to {
			return
		}
		r := rows{chain: chain, chains: 1, phase: phase, first: b.next[phase] - int64(to-from), n: to - from, cols: make([][]byte, len(cols))}
		for i := range cols {
			w := cols[i].bytes
			r.cols[i] = b.cols[i][from*w : to*w]
		}
		out = append(out, r)
	}
	part(Warmup, 0, b.warmup)
	part(Sampling, b.warmup, b.n)
	return out
}

// empty forgets the rows held, which are durable now; a buffer that had grown gives its memory back.
func (b *buffer) empty() {
	if b.grown {
		b.cols, b.grown = nil, false
	}
	for i := range b.cols {
		b.cols[i] = b.cols[i][:0]
	}
	b.n, b.warmup = 0, 0
}
