// Package require skips tests for want of something this machine lacks, aloud, and fails them where it was required.
package require

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Variable is the environment variable with the names, separated by commas, of what this machine is expected to have:
// xla, gpu, peers, qemu.
const Variable = "DREY_REQUIRE"

// PlatformVariable is the environment variable with the platform that tests of XLA run on.
const PlatformVariable = "DREY_XLA_PLATFORM"

// Platform returns the platform that tests of XLA run on: cpu, unless PlatformVariable names another.
func Platform() string {
	if p := os.Getenv(PlatformVariable); p != "" {
		return p
	}
	return "cpu"
}

// Skip skips the test because the machine lacks what, one word, such as "qemu"; why says what is missing. Where
// Variable names it, the test fails instead.
func Skip(t testing.TB, what, why string) {
	t.Helper()
	if Required(what) {
		t.Fatalf("%s is required (%s): %s", what, Variable, why)
	}
	t.Skipf("skipped: %s", why)
}

// Required reports whether Variable names what.
func Required(what string) bool {
	names := strings.FieldsFunc(os.Getenv(Variable), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(names, what)
}
