//go:build unix

package cluster

import (
	"cmp"
	"fmt"
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
	pulled := filepath.Join(t.TempDir(), "pulled")
	u.must(t, "pull", run, pulled)
	if got, want := export(t, pulled), s.alone(t); got != want {
		t.Errorf("other draws: %d lines of %d begin alike", alike(got, want), strings.Count(want, "\n"))
	}
	if t.Failed() {
		t.Log(u.must(t, "logs", run))
	}
}

// alone returns the draws of a run of one process.
func (s schools) alone(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "alone")
	user{}.must(t, append([]string{"run", "--quiet", "--out", dir}, s.args()...)...)
	text := export(t, dir)
	if lines := strings.Count(text, "\n"); lines != 1+s.width()*s.draws {
		t.Fatalf("the run of one process has %d lines, want %d", lines, 1+s.width()*s.draws)
	}
	return text
}

// export returns the draws of a run directory as a table.
func export(t *testing.T, dir string) string {
	t.Helper()
	return user{}.must(t, "export", dir, "--format", "csv")
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
