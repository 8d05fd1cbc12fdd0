package wasm

import "testing"

// TestBounds counts the proofs that uses of the base need: one holds on all paths from it, but not in or behind a loop, nor
// where paths meet one of which has a loop.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		write func(a *asm, use func())
		want  int
	}{
		"straight": {func(_ *asm, use func()) { use(); use() }, 1},
		"into branches": {func(a *asm, use func()) {
			use()
			a.ifThen()
			use()
			a.els()
			use()
			a.end()
			use()
		}, 1},
		"only in a branch": {func(a *asm, use func()) {
			a.ifThen()
			use()
			a.els()
			use()
			a.end()
			use()
		}, 3},
		"loop": {func(a *asm, use func()) {
			use()
			a.loop()
			use()
			use()
			a.end()
			use()
		}, 3},
		"loop in a branch": {func(a *asm, use func()) {
			use()
			a.ifThen()
			a.loop()
			a.end()
			a.els()
			use()
			a.end()
			use()
		}, 2},
		"loop in a block": {func(a *asm, use func()) {
			use()
			a.block()
			a.loop()
			use()
			a.end()
			a.end()
			use()
		}, 3},
	} {
		a := &asm{}
		a.base = a.newLocal(tI32)
		c.write(a, func() { a.get(a.base) })
		if got := len(a.bounds.proofs); got != c.want {
			t.Errorf("%s: %d proofs, want %d", name, got, c.want)
		}
	}
}
