package chain

import (
	"encoding/binary"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// interleaver moves arrays of chains into and out of sessions of programs over lanes. There element e of lane l is at
// e·width + l.
type interleaver struct {
	width int
	all   []byte
}

func (x *interleaver) buffer(n int) []byte {
	if cap(x.all) < n {
		x.all = make([]byte, n)
	}
	return x.all[:n]
}

// put puts the chains' arrays into a parameter; of returns that of a chain. A lane without a chain, nil or beyond the last,
// gets what the first chain has: some state that the program can compute with.
func (x *interleaver) put(s engine.Session, param int, d tensor.DType, chains []*Chain, of func(c *Chain) []byte) error {
	spare := of(first(chains))
	if x.width == 1 {
		return s.Put(param, spare)
	}
	all := x.buffer(x.width * len(spare))
	for lane := range x.width {
		b := spare
		if lane < len(chains) && chains[lane] != nil {
			b = of(chains[lane])
		}
		spread(all, b, lane, x.width, d.Size())
	}
	return s.Put(param, all)
}

// putPart puts part k of the chains' state.
func (x *interleaver) putPart(s engine.Session, param int, d tensor.DType, chains []*Chain, k int) error {
	return x.put(s, param, d, chains, func(c *Chain) []byte { return c.parts[k] })
}

// putIndices puts the chains' global indices.
func (x *interleaver) putIndices(s engine.Session, param int, chains []*Chain) error {
	return x.putNumbers(s, param, chains, func(c *Chain) uint32 { return uint32(c.index) })
}

// putNumbers puts a number of each chain.
func (x *interleaver) putNumbers(s engine.Session, param int, chains []*Chain, of func(c *Chain) uint32) error {
	all := x.buffer(4 * x.width)
	for lane := range x.width {
		c := first(chains)
		if lane < len(chains) && chains[lane] != nil {
			c = chains[lane]
		}
		binary.LittleEndian.PutUint32(all[4*lane:], of(c))
	}
	return s.Put(param, all)
}

// getPart gets part k of the state of the chains that are not nil.
func (x *interleaver) getPart(s engine.Session, result int, d tensor.DType, chains []*Chain, k int) error {
	part := first(chains).parts[k]
	if x.width == 1 {
		return s.Get(result, part)
	}
	all := x.buffer(x.width * len(part))
	if err := s.Get(result, all); err != nil {
		return err
	}
	for lane, c := range chains {
		if c != nil {
			collect(c.parts[k], all, lane, x.width, d.Size())
		}
	}
	return nil
}

// first returns the first chain that is not nil; there is one.
func first(chains []*Chain) *Chain {
	for _, c := range chains {
		if c != nil {
			return c
		}
	}
	panic("chain: a pack without chains")
}

// spread writes the elements of an array, of size bytes each, into a lane.
func spread(all, array []byte, lane, width, size int) {
	at, step := lane*size, width*size
	switch size {
	case 8:
		for ; len(array) >= 8; array, at = array[8:], at+step {
			binary.LittleEndian.PutUint64(all[at:], binary.LittleEndian.Uint64(array))
		}
	case 4:
		for ; len(array) >= 4; array, at = array[4:], at+step {
			binary.LittleEndian.PutUint32(all[at:], binary.LittleEndian.Uint32(array))
		}
	default:
		for i, b := range array {
			all[at+i*step] = b
		}
	}
}

// collect reads the elements of an array, of size bytes each, from a lane.
func collect(array, all []byte, lane, width, size int) {
	at, step := lane*size, width*size
	switch size {
	case 8:
		for ; len(array) >= 8; array, at = array[8:], at+step {
			binary.LittleEndian.PutUint64(array, binary.LittleEndian.Uint64(all[at:]))
		}
	case 4:
		for ; len(array) >= 4; array, at = array[4:], at+step {
			binary.LittleEndian.PutUint32(array, binary.LittleEndian.Uint32(all[at:]))
		}
	default:
		for i := range array {
			array[i] = all[at+i*step]
		}
	}
}
