package lint

import (
	"regexp"
	"strings"
	"testing"
)

// TestDependencies: docs/dependencies.md has a line for each direct dependency of go.mod, and for no other module. A tool
// is one too, though go.mod lists its module as indirect.
func TestDependencies(t *testing.T) {
	var mod, doc string
	for _, f := range files(t) {
		switch f.path {
		case "go.mod":
			mod = string(f.text)
		case "docs/dependencies.md":
			doc = string(f.text)
		}
	}
	rows := regexp.MustCompile(`(?m)^\| ([a-z0-9.]+\.[a-z]+/\S+) \|`).FindAllStringSubmatch(doc, -1)
	if len(rows) == 0 {
		t.Fatal("no table in docs/dependencies.md")
	}
	direct := regexp.MustCompile(`(?m)^\s+(\S+) v\S+$`).FindAllStringSubmatch(mod, -1)
	tools := regexp.MustCompile(`(?m)^\s+(\S+/cmd/\S+)$`).FindAllStringSubmatch(mod, -1)
	needed := append(direct, tools...)
	for _, n := range needed {
		named := false
		for _, row := range rows {
			named = named || within(n[1], row[1])
		}
		if !named {
			t.Errorf("docs/dependencies.md does not say why %s", strings.TrimSpace(n[1]))
		}
	}
	for _, row := range rows {
		used := false
		for _, n := range needed {
			used = used || within(n[1], row[1])
		}
		if !used {
			t.Errorf("docs/dependencies.md has %s, which is no direct dependency", row[1])
		}
	}
}
