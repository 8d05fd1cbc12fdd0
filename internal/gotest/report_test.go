package main

import (
	"os"
	"strings"
	"testing"
)

// TestReport reads what go test -json wrote about five packages: one that does not build, one whose test fails, one
// without tests, one that passes with skipped tests, and one that a time limit cut off.
func TestReport(t *testing.T) {
	events, err := os.Open("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	want, err := os.ReadFile("testdata/printed.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	r := report{w: &b}
	if err := r.read(events); err != nil {
		t.Fatal(err)
	}
	r.close()
	if b.String() != string(want) {
		t.Errorf("printed\n%s\nwant\n%s", b.String(), want)
	}
}
