package lint

import (
	"regexp"
	"strings"
	"testing"
)

// TestReadme: the Go code in README.md stands in the Example of package drey, which is compiled and run, or in the
// package's comment.
func TestReadme(t *testing.T) {
	sources := map[string]string{}
	for _, f := range files(t) {
		if f.path == "README.md" {
			sources[f.path] = string(f.text)
		} else if f.path == "example_test.go" || f.path == "drey.go" {
			sources[f.path] = flush(string(f.text))
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(sources["README.md"], -1)
	if len(blocks) == 0 {
		t.Error("README.md has no Go code")
	}
	for _, b := range blocks {
		code := flush(b[1])
		if !strings.Contains(sources["example_test.go"], code) && !strings.Contains(sources["drey.go"], code) {
			t.Errorf("this code of README.md is in neither example_test.go nor the comment of drey.go:\n%s", b[1])
		}
	}
}

// flush removes indentation and comment signs from the beginnings of lines.
func flush(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "/\t ")
	}
	return strings.Join(lines, "\n")
}
