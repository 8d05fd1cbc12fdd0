package lint

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what commands print into docs/cli.md")

// shown is a block of docs/cli.md with a command and what it prints.
var shown = regexp.MustCompile("(?s)```\n\\$ drey ([^\n]*)\n(.*?)```")

// TestCommandHelp: docs/cli.md shows the help of every command as the command prints it.
func TestCommandHelp(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: builds drey")
	}
	files(t) // so that go test takes a result from its cache only while the source is the same
	drey := filepath.Join(t.TempDir(), "drey")
	build := exec.Command("go", "build", "-o", drey, "./cmd/drey")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	const doc = root + "/docs/cli.md"
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	now := shown.ReplaceAllStringFunc(string(text), func(block string) string {
		m := shown.FindStringSubmatch(block)
		seen[m[1]] = true
		out, err := exec.Command(drey, strings.Fields(m[1])...).CombinedOutput()
		if err != nil {
			t.Errorf("drey %s: %v", m[1], err)
		}
		if string(out) != m[2] && !*update {
			t.Errorf("docs/cli.md: drey %s prints\n%s", m[1], out)
		}
		return "```\n$ drey " + m[1] + "\n" + string(out) + "```"
	})
	if *update {
		if err := os.WriteFile(doc, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	help, err := exec.Command(drey, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^  ([a-z]+)  +[A-Z]`).FindAllStringSubmatch(string(help), -1)
	if len(commands) < 10 {
		t.Fatalf("%d commands in\n%s", len(commands), help)
	}
	for _, c := range commands {
		if !seen[c[1]+" --help"] && c[1] != "version" {
			t.Errorf("docs/cli.md does not show drey %s --help", c[1])
		}
	}
}
