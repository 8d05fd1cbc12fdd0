package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
)

// TestSameBits runs this command, built for linux/arm64, under qemu-user, and compares what it prints with what it prints
// here: the draws have the same bits on both machines.
func TestSameBits(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: takes half a minute")
	}
	emulator := qemu()
	if emulator == "" {
		require.Skip(t, "qemu", "no qemu-aarch64 (Debian's package qemu-user has it)")
	}
	program := filepath.Join(t.TempDir(), "arm64")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	there, err := exec.Command(emulator, program).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", emulator, err, there)
	}
	var here strings.Builder
	if err := digests(&here, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if here.String() != string(there) {
		t.Errorf("draws on this machine and on linux/arm64 differ:\n%s\n%s", here.String(), there)
	}
	if n := strings.Count(here.String(), "\n"); n != len(runs) {
		t.Errorf("%d lines for %d runs", n, len(runs))
	}
}

// qemu returns the emulator, "" if there is none.
func qemu() string {
	for _, name := range []string{"qemu-aarch64", "qemu-aarch64-static"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
