package require_test

import (
	"testing"

	"github.com/drey-sampler/drey/internal/require"
)

func TestRequired(t *testing.T) {
	for _, c := range []struct {
		names string
		want  bool
	}{
		{"", false},
		{"qemu", true},
		{"xla,gpu,qemu", true},
		{"xla, qemu", true},
		{"xla,gpu", false},
		{"qemu-user", false},
	} {
		t.Setenv(require.Variable, c.names)
		if got := require.Required("qemu"); got != c.want {
			t.Errorf("with %q: %v, want %v", c.names, got, c.want)
		}
	}
}

// recorder is a testing.TB that only notes which way a test ended.
type recorder struct {
	testing.TB
	failed, skipped bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic(r) }
func (r *recorder) Skipf(string, ...any)  { r.skipped = true; panic(r) }

func TestSkip(t *testing.T) {
	for _, c := range []struct {
		names           string
		failed, skipped bool
	}{
		{"", false, true},
		{"gpu", true, false},
	} {
		t.Setenv(require.Variable, c.names)
		var r recorder
		func() {
			defer func() { _ = recover() }()
			require.Skip(&r, "gpu", "no gpu")
		}()
		if r.failed != c.failed || r.skipped != c.skipped {
			t.Errorf("with %q: failed %v, skipped %v, want %v, %v", c.names, r.failed, r.skipped, c.failed, c.skipped)
		}
	}
}
