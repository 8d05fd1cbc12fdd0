package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// report prints the events of a run of go test.
type report struct {
	w                      io.Writer
	output                 map[string][]string // of the tests of a package, until they end
	passed, failed, broken int                 // tests that passed and failed; packages that failed
	skipped                []string            // a line a test
}

// read prints the events that r has until its end. A line that is no event is printed as it is.
func (p *report) read(r io.Reader) error {
	p.output = map[string][]string{}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
			p.event(&e)
		} else {
			fmt.Fprint(p.w, line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *report) event(e *event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		if e.Test == "" && marksEnd(e) {
			p.closing(e)
		} else {
			p.output[key] = append(p.output[key], e.Output)
		}
	case "build-output":
		fmt.Fprint(p.w, e.Output)
	case "pass":
		p.passed += count(e)
		delete(p.output, key)
	case "skip":
		if e.Test != "" {
			p.skipped = append(p.skipped, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(p.output[key])))
		}
		delete(p.output, key)
	case "fail":
		p.failed += count(e)
		p.flush(key)
		if e.Test == "" {
			p.broken++
		}
	}
}

// closing prints go test's last line about a package, after what the package printed itself if it failed.
func (p *report) closing(e *event) {
	if strings.HasPrefix(e.Output, "FAIL") {
		for _, key := range slices.Sorted(maps.Keys(p.output)) { // of tests that a panic or a time limit cut off
			if strings.HasPrefix(key, e.Package+" ") {
				p.flush(key)
			}
		}
	}
	if e.Output != "PASS\n" && e.Output != "FAIL\n" {
		fmt.Fprint(p.w, e.Output)
	}
}

func (p *report) flush(key string) {
	for _, line := range p.output[key] {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(p.w, line)
		}
	}
	delete(p.output, key)
}

// close prints the tests that were skipped, and how many there were of each kind.
func (p *report) close() {
	for _, s := range p.skipped {
		fmt.Fprintln(p.w, "SKIP", s)
	}
	fmt.Fprintf(p.w, "%d tests passed, %d failed, %d skipped; %d packages failed\n", p.passed, p.failed, len(p.skipped), p.broken)
}

// marksEnd reports whether a package's output is one of go test's own last lines.
func marksEnd(e *event) bool {
	for _, prefix := range []string{"ok  \t", "FAIL", "PASS\n", "?   \t", "\t" + e.Package + "\t", "coverage: "} {
		if strings.HasPrefix(e.Output, prefix) {
			return true
		}
	}
	return false
}

// count is 1 for a test and 0 for a package.
func count(e *event) int {
	if e.Test == "" {
		return 0
	}
	return 1
}

// reason returns what a skipped test said.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if _, said, ok := strings.Cut(line, ".go:"); ok { // FILE.go:LINE: what it said
			if _, said, ok = strings.Cut(said, ": "); ok {
				return said
			}
		}
		return line
	}
	return "no reason given"
}
