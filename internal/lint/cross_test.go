package lint

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestCrossBuilds: everything compiles, tests too, for the machines that drey is made for, without a C compiler.
func TestCrossBuilds(t *testing.T) {
	if testing.Short() || *update {
		t.Skip("skipped: builds for other machines take minutes when nothing of them is in the cache")
	}
	files(t) // so that go test takes a result from its cache only while the source is the same
	for _, target := range []string{"linux/arm64", "darwin/arm64", "windows/amd64"} {
		t.Run(strings.ReplaceAll(target, "/", "-"), func(t *testing.T) {
			system, machine, _ := strings.Cut(target, "/")
			for _, args := range [][]string{{"build", "./..."}, {"vet", "./..."}} { // vet compiles the tests as well
				cmd := exec.Command("go", args...)
				cmd.Dir = root
				cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+machine, "CGO_ENABLED=0")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
		})
	}
}
