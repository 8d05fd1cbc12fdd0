package runner_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/internal/runner"
)

const (
	scaleChild = "DREY_RUNNER_TEST_SCALE"
	scaleMB    = 300 // less than a fifth of the 2 GB that 10,000 chains may take
)

// TestMemoryOfManyChains: 2,000 chains × 200 draws of eight schools, written, read and summarised, in a process of their own.
func TestMemoryOfManyChains(t *testing.T) {
	if dir := os.Getenv(scaleChild); dir != "" {
		manyChains(t, dir)
		return
	}
	if testing.Short() { // under the race detector, memory is another
		t.Skip("long: thousands of chains")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		require.Skip(t, "linux", "no /proc/self/status tells what a process has taken")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemoryOfManyChains$")
	cmd.Env = append(os.Environ(), scaleChild+"="+filepath.Join(t.TempDir(), "run"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, figure, _ := strings.Cut(string(out), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(figure, &kib); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%d MB", kib>>10)
	if kib>>10 > scaleMB {
		t.Errorf("%d MB, want at most %d", kib>>10, scaleMB)
	}
}

// manyChains runs and summarises them and prints what the process has taken at most.
func manyChains(t *testing.T, dir string) {
	cfg := config(1)
	cfg.Dir, cfg.Chains, cfg.Warmup, cfg.Draws = dir, 2000, 50, 200
	r, err := runner.Run(context.Background(), cfg, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Draws.Close()
	s, err := runner.Summarise(r.Draws, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	if s.Draws != cfg.Draws || len(s.Parameters) != 10 || !(s.MinESS() > 1000) {
		t.Fatalf("%d draws of %d parameters, ESS %v", s.Draws, len(s.Parameters), s.MinESS())
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Print(line)
		}
	}
}
