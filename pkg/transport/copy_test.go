package transport

import "testing"

// TestBatch: what Batch says fits into a message does, with the largest contents and the longest names too, and one block more
// would not, but for a little.
func TestBatch(t *testing.T) {
	for _, size := range []int{0, 1000, 100_000, MaxInline} {
		var all []*Block
		for i := range maxCommits + 10 {
			b := &Block{
				Lease: LeaseRef{Run: RunID(token(MaxToken)), Pack: 1}, Worker: PartyID(token(MaxToken)), Index: uint64(i), Class: string(make([]byte, 300)),
				Content: Payload{Size: uint64(size), Inline: make([]byte, size)},
			}
			b.setDigest()
			all = append(all, b)
		}
		n := Batch(all)
		m := &Copy{To: PartyID(token(MaxToken))}
		for _, b := range all[:n] {
			m.Blocks = append(m.Blocks, *b)
		}
		text, err := Encode(m)
		if err != nil {
			t.Fatalf("contents of %d bytes: %d blocks: %v", size, n, err)
		}
		if left := MaxMessage - len(text); n < maxCommits && left > size+2*maxOverhead*(n+1)+1000 {
			t.Errorf("contents of %d bytes: %d blocks leave %d bytes", size, n, left)
		}
	}
	if n := Batch(nil); n != 0 {
		t.Errorf("%d of no blocks", n)
	}
}

// token returns one of so many letters.
func token(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}
