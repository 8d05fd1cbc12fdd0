package transport

import "testing"

// TestSuperchains: packs may cut the chains that start at one point apart, as 16 packs of 1,000 chains do; but all superchains are of
// one size.
func TestSuperchains(t *testing.T) {
	m := sample(TypeOf(&Manifest{})).(*Manifest)
	m.Chains, m.Width, m.Starts = 1000, 63, m.Starts[:1]
	for super, fits := range map[uint32]bool{1: true, 8: true, 1000: true, 0: false, 7: false, 16: false} {
		m.Super = super
		if _, err := Encode(m); (err == nil) != fits {
			t.Errorf("%d chains that start at one point: %v", super, err)
		}
	}
}
