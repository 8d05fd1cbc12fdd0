//go:build unix

package cluster

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inputs writes files that runs are given, and returns their directory.
func inputs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"other.json": `{"y": [1, 2, 3, 4, 5, 6, 7, 8.5], "sigma": [8, 7, 6, 5, 4, 3, 2, 1]}`,
		"init.json":  `{"mu": 1.5, "tau": 2}`,
		"mass.json":  `{"mu": [2.25]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestPulledRun: a run that was fetched has what a run of this computer has beside its draws: predictive draws of it are the same,
// whether its model is drey's own, a program file or another program. Its coordinator was killed meanwhile.
func TestPulledRun(t *testing.T) {
	u, worker, coordinator := open(t)
	worker()
	dir := inputs(t)
	schools, given := filepath.Join("..", "imported", "testdata", "eight_schools.drey"), filepath.Join(dir, "other.json")
	own := filepath.Join(dir, "schools")
	if out, err := exec.Command("go", "build", "-o", own, "../../examples/eight-schools/cmd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	drey, err := program("drey")
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]struct {
		program string
		args    []string
		files   []string // copies of inputs
	}{
		"all inputs": {drey, []string{"eight-schools", "--data", given, "--init", filepath.Join(dir, "init.json"), "--inverse-mass-matrix", filepath.Join(dir, "mass.json")},
			[]string{"data.arrow", "init.json", "inverse-mass-matrix.json"}},
		"program file": {drey, []string{schools, "--data", given}, []string{"data.arrow", "model.drey"}},
		"own program":  {own, nil, []string{"data.arrow"}},
	}
	settings := []string{"--seed", "31", "--chains", "2", "--warmup", "100", "--draws", "60"}
	must := func(program, verb string, args ...string) string {
		t.Helper()
		out, said, err := u.runs(t, program, append([]string{verb}, args...)...)
		if err != nil {
			t.Fatalf("%s %s %v: %v\n%s", program, verb, args, err, said)
		}
		return strings.TrimSpace(out)
	}
	ids := map[string]string{}
	for name, r := range runs {
		ids[name] = must(r.program, "submit", append(r.args, settings...)...)
	}
	for _, id := range ids {
		u.must(t, "watch", id)
	}
	coordinator.kill()
	coordinator.start(t)
	for name, r := range runs {
		there, here := filepath.Join(dir, name+" there"), filepath.Join(dir, name+" here")
		must(r.program, "pull", ids[name], there)
		must(r.program, "run", append(append([]string{"--quiet", "--out", here}, r.args...), settings...)...)
		for _, file := range r.files {
			got, err := os.ReadFile(filepath.Join(there, file))
			want, wanted := os.ReadFile(filepath.Join(here, file))
			if err != nil || wanted != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s is another file: %v, %v", name, file, err, wanted)
			}
		}
		must(r.program, "predict", there)
		must(r.program, "predict", here)
		for _, d := range []string{"", "posterior_predictive"} {
			if got, want := export(t, filepath.Join(there, d)), export(t, filepath.Join(here, d)); got != want || strings.Count(want, "\n") != 121 {
				t.Errorf("%s: other draws in %s: %d lines of %d begin alike", name, d, alike(got, want), strings.Count(want, "\n"))
			}
		}
		if _, said, err := u.runs(t, r.program, "extend", there, "--draws", "5"); err == nil || !strings.Contains(said, "extend "+ids[name]+" --draws N --cluster") {
			t.Errorf("%s: a fetched run is extended here: %s", name, said)
		}
	}
}
