package lint

import (
	"regexp"
	"strings"
	"testing"
)

// testName is a test or fuzz test as documents name them.
var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")

// TestFailuresAreTested: each row of the table of docs/failures.md names tests, and every test that the document names is there.
func TestFailuresAreTested(t *testing.T) {
	var doc string
	declared := map[string]bool{}
	for _, f := range files(t) {
		if f.path == "docs/failures.md" {
			doc = string(f.text)
		}
		if !f.isTest() {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(f.text, -1) {
			declared[string(m[1])] = true
		}
	}
	for _, m := range testName.FindAllStringSubmatch(doc, -1) {
		if !declared[m[1]] {
			t.Errorf("docs/failures.md names %s, which is no test", m[1])
		}
	}
	rows := 0
	for _, line := range strings.Split(doc, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "fault" {
			continue
		}
		rows++
		if last := cells[4]; !testName.MatchString(last) && !strings.Contains(last, "none") {
			t.Errorf("docs/failures.md: the row %q names no test, and does not say that there is none", strings.TrimSpace(cells[1]))
		}
	}
	if rows < 20 {
		t.Errorf("docs/failures.md has %d rows", rows)
	}
}
