package transport

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestWireDocument: docs/wire.md lists the fields of every message as they are encoded.
func TestWireDocument(t *testing.T) {
	const path = "../../docs/wire.md"
	const begin, end = "<!-- generated from pkg/transport by go test -update -->\n", "<!-- end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the messages", path)
	}
	var b strings.Builder
	for _, n := range numbers() {
		m := messageTypes[n]()
		fmt.Fprintf(&b, "### %d %s\n\n", n, NameOf(m))
		if s, ok := sample(n).(Sealed); ok {
			fmt.Fprintf(&b, "On `drey.%s`.\n\n", s.Subject().Channel)
		}
		fields := Fields(m)
		if len(fields) == 0 {
			b.WriteString("No fields.\n\n")
			continue
		}
		b.WriteString("| field | form |\n|---|---|\n")
		for _, f := range fields {
			fmt.Fprintf(&b, "| %s | %s |\n", f.Name, f.Form)
		}
		b.WriteString("\n")
	}
	now := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if now != string(text) {
		t.Errorf("%s lists other fields than the messages have: run make golden", path)
	}
}
