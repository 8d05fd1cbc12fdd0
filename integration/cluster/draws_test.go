//go:build unix

package cluster

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// schools is the run of these tests: its chains are packs of one, and it lasts for some seconds.
type schools struct {
	seed, draws int
	chains      int // 0: 4, which adapt each by itself; from 16 on together
}

func (s schools) args() []string {
	return []string{"eight-schools", "--seed", fmt.Sprint(s.seed), "--chains", fmt.Sprint(s.width()), "--draws", fmt.Sprint(s.draws), "--warmup", "500"}
}

func (s schools) width() int { return cmp.Or(s.chains, 4) }

// submit begins the run on a cluster, and returns its id.
func (s schools) submit(t *testing.T, u user) string {
	t.Helper()
	return strings.TrimSpace(u.must(t, append([]string{"submit", "--batch", "1", "--lease", "3s"}, s.args()...)...))
}

// check waits until the run has ended, and compares its draws with those of a run of one process.
func (s schools) check(t *testing.T, u user, run string) {
	t.Helper()
	out, said, err := u.run(t, "watch", run)
	if err != nil {
		t.Fatalf("drey watch: %v\n%s%s", err, out, said)
	}
	dir := t.TempDir()
	here := user{}
	here.must(t, append([]string{"run", "--quiet", "--out", filepath.Join(dir, "alone")}, s.args()...)...)
	u.must(t, "pull", run, filepath.Join(dir, "pulled"))
	export := func(name string) string {
		file := filepath.Join(dir, name+".csv")
		here.must(t, "export", filepath.Join(dir, name), "--format", "csv", "--to", file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want, got := export("alone"), export("pulled")
	if lines := strings.Count(want, "\n"); lines != 1+s.width()*s.draws {
		t.Fatalf("the run of one process has %d lines, want %d", lines, 1+s.width()*s.draws)
	}
	if got != want {
		t.Errorf("other draws: %d lines of %d begin alike", alike(got, want), strings.Count(want, "\n"))
	}
	if t.Failed() {
		t.Log(u.must(t, "logs", run))
	}
}

// alike returns how many lines two texts have in common from the beginning on.
func alike(a, b string) int {
	n := 0
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			n++
		}
	}
	return n
}
