package lint

import (
	"go/ast"
	"slices"
	"testing"
)

// TestGoroutines: pure packages start no goroutine.
func TestGoroutines(t *testing.T) {
	for _, f := range files(t) {
		if !f.isGo() || f.isTest() || !withinAny(f.folder(), pure) || slices.Contains(generators, f.folder()) {
			continue
		}
		set, syntax := f.parse(t)
		ast.Inspect(syntax, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: a goroutine", set.Position(g.Pos()))
			}
			return true
		})
	}
}
