package coordinator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// pure are the files of the machine: what applies commands and what encodes its state.
var pure = []string{
	"names.go", "command.go", "codec.go", "wire.go", "action.go", "machine.go", "run.go", "lease.go", "ledger.go", "decision.go",
	"snapshot.go", "view.go",
}

// TestPure: the machine sees no clock, file, network or randomness, has no floating point, and no map, whose order is random.
func TestPure(t *testing.T) {
	allowed := []string{"crypto/sha256", "encoding/binary", "encoding/hex", "errors", "fmt", "slices", "strings"}
	for _, name := range pure {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.MapType, *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
				t.Errorf("%s: %T", set.Position(n.Pos()), n)
			case *ast.Ident:
				if x.Name == "float64" || x.Name == "float32" {
					t.Errorf("%s: %s", set.Position(x.Pos()), x.Name)
				}
			case *ast.BasicLit:
				if x.Kind == token.FLOAT {
					t.Errorf("%s: %s", set.Position(x.Pos()), x.Value)
				}
			}
			return true
		})
	}
}
