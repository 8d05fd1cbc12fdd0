package rng

import "github.com/drey-sampler/drey/pkg/tensor"

const mask32 = 0xffffffff

// Block returns the four u32[] words of block i, an integer scalar (u32[], i32[] or a literal).
func (k Key) Block(i tensor.Value) [4]tensor.Value {
	var out [4]tensor.Value
	for w, v := range k.words(tensor.In(k.Seed, i).Convert(tensor.U64)) {
		out[w] = v.Convert(tensor.U32)
	}
	return out
}

// words returns the words of the blocks with the given U64 numbers, as U64 whose low halves count.
//
// Words and keys are kept in 64 bits with garbage above bit 31, cleared only where a word is multiplied: 12 operations a
// round, the fewest we found for a scalar engine.
func (k Key) words(block tensor.Value) [4]tensor.Value {
	if k.Rolled {
		return k.rolledWords(block)
	}
	seed, high := k.Seed, k.Seed.Shr(32)
	key0, key1 := seed, high
	c0, c1, c2, c3 := block, k.purposeWord(), k.Draw.Convert(tensor.U64), k.Chain.Convert(tensor.U64)
	for r := range uint64(rounds) {
		if r > 0 {
			key0, key1 = seed.Add(r*bump0), high.Add(r*bump1)
		}
		p0 := c0.And(uint64(mask32)).Mul(uint64(mul0))
		p1 := c2.And(uint64(mask32)).Mul(uint64(mul1))
		c0 = p1.Shr(32).Xor(c1.Xor(key0))
		c2 = p0.Shr(32).Xor(c3.Xor(key1))
		c1, c3 = p1, p0
	}
	return [4]tensor.Value{c0, c1, c2, c3}
}

// pairs is the carry of a loop over rounds: their number, and words 0 and 1, 2 and 3 of a block as the halves of U64.
type pairs struct{ Round, Low, High tensor.Value }

// rolledWords is words with a loop over the rounds.
func (k Key) rolledWords(block tensor.Value) [4]tensor.Value {
	seed, high, mask := k.Seed, k.Seed.Shr(32), uint64(mask32)
	block = tensor.In(k.Seed, block).Convert(tensor.U64)
	purpose := tensor.In(k.Seed, k.purposeWord()).Convert(tensor.U64)
	first := block.And(mask).Or(purpose.Shl(32))
	second := k.Draw.Convert(tensor.U64).Or(k.Chain.Convert(tensor.U64).Shl(32)).Add(tensor.ZerosLike(block))
	round := func(p pairs) pairs {
		key0, key1 := seed.Add(p.Round.Mul(uint64(bump0))).And(mask), high.Add(p.Round.Mul(uint64(bump1))).And(mask)
		p0, p1 := p.Low.And(mask).Mul(uint64(mul0)), p.High.And(mask).Mul(uint64(mul1))
		return pairs{
			p.Round.Add(uint64(1)),
			p1.Shr(32).Xor(p.Low.Shr(32)).Xor(key0).Or(p1.Shl(32)),
			p0.Shr(32).Xor(p.High.Shr(32)).Xor(key1).Or(p0.Shl(32)),
		}
	}
	end := tensor.While(pairs{tensor.ZerosLike(seed), first, second},
		func(p pairs) tensor.Value { return p.Round.Lt(uint64(rounds)) }, round)
	return [4]tensor.Value{end.Low, end.Low.Shr(32), end.High, end.High.Shr(32)}
}

func (k Key) purposeWord() tensor.Value {
	high := uint64(k.Purpose) << 24
	if !k.Leaf.IsValid() {
		return tensor.Lift(high)
	}
	return tensor.In(k.Seed, k.Leaf).Convert(tensor.U64).And(uint64(1<<24 - 1)).Or(high)
}

// Bits returns u32 words of the given shape: in row-major order, element e is word e mod 4 of block e/4.
func (k Key) Bits(shape ...int) tensor.Value {
	n := tensor.NumElements(shape)
	w := k.blocks((n + 3) / 4)
	for i := range w {
		w[i] = w[i].Convert(tensor.U32)
	}
	return interleave(shape, w[:]...)
}

// scalarBlocks is the number of blocks up to which each is computed by itself: a processor has the product of two 32-bit words
// in scalar registers at once, in vectors of 64 bits only by detours.
const scalarBlocks = 8

// blocks returns the words of blocks 0 … n-1 as U64 vectors whose low halves count, as scalars for n = 1.
func (k Key) blocks(n int) [4]tensor.Value {
	switch {
	case n == 1:
		return k.words(tensor.Lift(uint64(0)))
	case n > scalarBlocks || k.Rolled:
		return k.words(tensor.Iota(tensor.U64, 0, n))
	}
	var columns [4][]any
	for b := range n {
		for w, v := range k.words(tensor.Lift(uint64(b))) {
			columns[w] = append(columns[w], v)
		}
	}
	var out [4]tensor.Value
	for w := range out {
		out[w] = tensor.Stack(0, columns[w]...)
	}
	return out
}

// interleave returns parts[0][0], parts[1][0], …, parts[0][1], …, cut to the given shape.
func interleave(shape []int, parts ...tensor.Value) tensor.Value {
	if len(shape) == 0 {
		return parts[0].Reshape()
	}
	columns := make([]any, len(parts))
	for i, p := range parts {
		columns[i] = p.Reshape(-1, 1)
	}
	v := tensor.Concat(1, columns...)
	n := tensor.NumElements(shape)
	return v.Reshape(v.Size()).Slice(0, 0, n).Reshape(shape...)
}
