// Package rng turns counter-based keys (seed, chain, draw, purpose, leaf) into random bits with Philox4x32-10; the traced and the plain Go forms give the same bits.
//
// A request under a key is a sequence of 128-bit blocks. Block b is Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011,
// "Parallel random numbers: as easy as 1, 2, 3") of the counter (b, purpose<<24 | leaf, draw, chain) under the 64-bit seed,
// low word first. So randomness depends on what is drawn and never on the order of work, the batch or the machine.
package rng

// The constants of Philox4x32 (Salmon et al. 2011, section 4.1 and table 2): multipliers and key increments.
const (
	mul0  = 0xD2511F53
	mul1  = 0xCD9E8D57
	bump0 = 0x9E3779B9
	bump1 = 0xBB67AE85

	rounds = 10
)

// Philox returns the block of Philox4x32-10 for a counter and a key, word 0 first.
func Philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	c, k := counter, key
	for range rounds {
		p0, p1 := uint64(mul0)*uint64(c[0]), uint64(mul1)*uint64(c[2])
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k[0], uint32(p1), uint32(p0>>32) ^ c[3] ^ k[1], uint32(p0)}
		k[0] += bump0
		k[1] += bump1
	}
	return c
}
