package lint

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// TestPackageComments: each package says in a comment what it is, in one file of it.
func TestPackageComments(t *testing.T) {
	commented := map[string][]string{} // by folder, the files that have a package comment
	for _, f := range files(t) {
		if !f.isGo() || f.isTest() {
			continue
		}
		dir := f.folder()
		if _, ok := commented[dir]; !ok {
			commented[dir] = nil
		}
		if _, syntax := f.parse(t); syntax.Doc != nil {
			commented[dir] = append(commented[dir], f.path)
			want := "Package " + syntax.Name.Name + " "
			if syntax.Name.Name == "main" {
				want = "Command "
			}
			if text := syntax.Doc.Text(); !strings.HasPrefix(text, want) {
				t.Errorf("%s: the package comment begins %.30q, want %q", f.path, text, want)
			}
		}
	}
	for dir, in := range commented {
		if len(in) != 1 {
			t.Errorf("%s: %d files have a package comment, want one: %v", dir, len(in), in)
		}
	}
}

// TestDocComments: each exported name has a comment: types, functions, methods, and constants and variables singly or as
// a group. Methods that implement a documented interface repeat none; so those of types that are not exported, and those
// whose names an interface of this module declares.
func TestDocComments(t *testing.T) {
	declared := interfaceMethods(t)
	for _, f := range files(t) {
		if !f.isGo() || f.isTest() {
			continue
		}
		set, syntax := f.parse(t)
		missing := func(name *ast.Ident) {
			t.Errorf("%s: %s is exported and has no comment", set.Position(name.Pos()), name.Name)
		}
		if syntax.Name.Name == "main" {
			continue
		}
		for _, d := range syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d) && !declared[d.Name.Name]) {
					missing(d.Name)
				}
			case *ast.GenDecl:
				for _, name := range undocumented(d) {
					missing(name)
				}
			}
		}
	}
}

// undocumented returns the exported names of a declaration that have no comment.
func undocumented(d *ast.GenDecl) []*ast.Ident {
	var out []*ast.Ident
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				out = append(out, spec.Name)
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// exportedReceiver reports whether a method belongs to an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	x := d.Recv.List[0].Type
	for {
		switch e := x.(type) {
		case *ast.StarExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.IndexListExpr:
			x = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return false
		}
	}
}

// interfaceMethods returns the names of the methods that interfaces of this module declare, and of those of the standard
// library whose meaning everybody knows.
func interfaceMethods(t *testing.T) map[string]bool {
	out := map[string]bool{"String": true, "Error": true, "Unwrap": true, "MarshalJSON": true, "UnmarshalJSON": true, "Len": true, "Less": true, "Swap": true}
	for _, f := range files(t) {
		if !f.isGo() || f.isTest() {
			continue
		}
		_, syntax := f.parse(t)
		for _, d := range syntax.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, spec := range g.Specs {
				i, ok := spec.(*ast.TypeSpec).Type.(*ast.InterfaceType)
				if !ok {
					continue
				}
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						out[name.Name] = true
					}
				}
			}
		}
	}
	return out
}
