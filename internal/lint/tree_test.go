package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the directory of the module, from this package's.
const root = "../.."

// module is the module's path.
const module = "github.com/drey-sampler/drey"

// textFile is a file of the tree that is no binary.
type textFile struct {
	path string // from the root, with slashes
	text []byte
}

// files returns the text files of the tree, without what git does not track: folders with a dot, and those of .gitignore.
func files(t *testing.T) []textFile {
	t.Helper()
	var out []textFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && rel != "." && rel != ".ci"
			if hidden || rel == "runs" || rel == "bin" || rel == "bench/out" || rel == "shared" || d.Name() == "__pycache__" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || strings.HasSuffix(rel, ".test") || strings.HasSuffix(rel, ".prof") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && !bytes.ContainsRune(text[:min(len(text), 8000)], 0) {
			out = append(out, textFile{rel, text})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("only %d files: this is not the whole tree", len(out))
	}
	return out
}

// inTestdata reports whether a file is data of a test.
func (f textFile) inTestdata() bool { return strings.Contains("/"+f.path, "/testdata/") }

func (f textFile) isGo() bool { return strings.HasSuffix(f.path, ".go") && !f.inTestdata() }

func (f textFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// folder returns the folder of a file from the root, "." for the root.
func (f textFile) folder() string {
	dir, _, ok := cutLast(f.path)
	if !ok {
		return "."
	}
	return dir
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// parse returns the syntax of a Go file.
func (f textFile) parse(t *testing.T) (*token.FileSet, *ast.File) {
	t.Helper()
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, f.path, f.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return set, syntax
}
