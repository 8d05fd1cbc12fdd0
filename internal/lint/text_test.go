package lint

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// maxLines is the length at which a file of Go must be split.
const maxLines = 700

func TestFileLength(t *testing.T) {
	for _, f := range files(t) {
		if n := bytes.Count(f.text, []byte("\n")); f.isGo() && n > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it", f.path, n, maxLines)
		}
	}
}

// unwanted are what no text of the tree has; the patterns do not match themselves.
var unwanted = []struct {
	pattern *regexp.Regexp
	what    string
}{
	{regexp.MustCompile(`\b(TO[D]O|FIX[M]E)\b`), "work left to do"},
	{regexp.MustCompile(`(^|[^\w.~})*])/(work|tmp|home|root|Users)(/\w|["'` + "`" + `\s]|$)`), "a path of one machine"},
}

func TestUnwantedText(t *testing.T) {
	for _, f := range files(t) {
		if f.inTestdata() {
			continue
		}
		for i, line := range strings.Split(string(f.text), "\n") {
			for _, u := range unwanted {
				if m := u.pattern.FindString(line); m != "" {
					t.Errorf("%s:%d: %q: %s", f.path, i+1, m, u.what)
				}
			}
		}
	}
}

// maxRecipe is the number of lines that a Make target may have: what is longer is a program.
const maxRecipe = 3

// targets are the Make targets that people and CI rely on.
var targets = strings.Fields(`help run build test test-short race lint generate verify-generate golden fuzz sbc accuracy
	integration bench bench-peers bench-cluster bench-compare metrics cover examples test-xla`)

func TestMakefile(t *testing.T) {
	lines := map[string]int{}
	for _, f := range files(t) {
		if f.path != "Makefile" {
			continue
		}
		target := ""
		for _, line := range strings.Split(string(f.text), "\n") {
			switch name, _, ok := strings.Cut(line, ":"); {
			case strings.HasPrefix(line, "\t"):
				lines[target]++
			case ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, " =?$"):
				target = name
				lines[target] += 0
			}
		}
	}
	for name, n := range lines {
		if n > maxRecipe {
			t.Errorf("target %s has %d lines, more than %d", name, n, maxRecipe)
		}
	}
	for _, name := range targets {
		if _, ok := lines[name]; !ok {
			t.Errorf("no target %s", name)
		}
	}
}
