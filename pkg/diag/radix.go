package diag

import "math"

// digitBits is the width of a digit of sortedOrder: the counts of a digit fit into a processor's first cache.
const digitBits = 11

// sortKey returns a number that is ordered as v is, for v that is not NaN: a positive number's bits with the sign set, a
// negative one's inverted.
func sortKey(v float64) uint64 {
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

// sortedOrder returns the indices of keys in ascending order of the keys, equal ones in their own order: by digits, the least
// significant first (Knuth 1998, "The Art of Computer Programming" 3, section 5.2.5), in time that is linear in their
// number. It overwrites keys. There are fewer than 2³¹.
func sortedOrder(keys []uint64) []int32 {
	order, spareKeys, spare := make([]int32, len(keys)), make([]uint64, len(keys)), make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
	}
	for shift := 0; shift < 64; shift += digitBits {
		var ends [1 << digitBits]int
		for _, k := range keys {
			ends[k>>shift&(1<<digitBits-1)]++
		}
		at := 0
		for d, n := range ends {
			ends[d] = at
			at += n
		}
		for i, k := range keys {
			d := k >> shift & (1<<digitBits - 1)
			spareKeys[ends[d]], spare[ends[d]] = k, order[i]
			ends[d]++
		}
		keys, spareKeys, order, spare = spareKeys, keys, spare, order
	}
	return order
}
