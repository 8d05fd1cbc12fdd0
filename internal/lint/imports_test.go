package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// everything stands in the table below packages that may import any of ours, and that none of the others may import.
const everything = "*"

// below says of each package, with its subpackages, which of ours stand directly below it. It may import those and what
// stands below them, and nothing else of ours: dependencies point one way. A package that is in no row takes the row of
// the nearest folder above it; a folder may not do without one.
var below = map[string][]string{
	"pkg/tensor":  {},
	"pkg/rng":     {"pkg/tensor"},
	"pkg/dist":    {"pkg/tensor", "pkg/rng"},
	"pkg/model":   {"pkg/dist"},
	"pkg/kernels": {"pkg/model"},
	"pkg/svi":     {"pkg/model"},
	"pkg/adapt":   {"pkg/tensor", "pkg/diag"},
	"pkg/engine":  {"pkg/tensor"},
	"pkg/diag":    {},
	"pkg/store":   {"pkg/diag"},

	"pkg/transport": {},

	"internal/datafile":    {},
	"internal/trust":       {"pkg/transport"},
	"internal/observe":     {"pkg/transport"},
	"internal/chain":       {"pkg/adapt", "pkg/svi", "pkg/kernels", "pkg/engine"},
	"internal/job":         {"internal/chain", "pkg/transport"},
	"internal/worker":      {"internal/job"},
	"internal/runner":      {"internal/worker", "internal/coordinator", "internal/datafile"},
	"internal/sink":        {"pkg/store", "pkg/transport"},
	"internal/coordinator": {"internal/sink"},
	"internal/program":     {"pkg/model", "internal/datafile"},
	"internal/client":      {"internal/trust"},
	"internal/daemon":      {"internal/runner", "internal/observe", "internal/trust"},
	"internal/cli":         {"internal/daemon", "internal/client", "internal/program"},
	".":                    {"internal/cli"},

	"examples": {".", "bench/recipe"},
	"cmd":      {"examples"},
	"deploy":   {},

	"internal/gotest":  {},
	"internal/lint":    {},
	"internal/require": {},

	"integration": {everything},
	"bench":       {everything},

	"bench/recipe": {}, // made-up data of a known formula, which an example has too
}

// foreign says which modules of others a package, with its subpackages, imports. What is in no row imports none.
var foreign = map[string][]string{
	"pkg/diag":             {"gonum.org/v1/gonum"},
	"pkg/engine/wasm":      {"github.com/tetratelabs/wazero"},
	"pkg/store":            {"github.com/apache/arrow-go/v18", "golang.org/x/sys"},
	"pkg/transport/nats":   {"github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go"},
	"internal/datafile":    {"github.com/apache/arrow-go/v18"},
	"internal/coordinator": {"github.com/hashicorp/raft", "github.com/hashicorp/raft-boltdb/v2", "go.etcd.io/bbolt"},
	"internal/observe":     {"github.com/prometheus/client_golang"},
	"internal/cli":         {"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"},
	"integration":          {"gonum.org/v1/gonum"},
}

// pure are the packages whose results depend on nothing but their arguments.
var pure = []string{"pkg/tensor", "pkg/rng", "pkg/dist", "pkg/model", "pkg/kernels", "pkg/adapt", "pkg/svi", "pkg/diag"}

// impure are the packages of the standard library, with their subpackages, that pure ones do not import.
var impure = []string{"net", "os", "time", "log/slog", "sync"}

// generators are commands within pure packages that write their source code.
var generators = []string{"pkg/tensor/expand/internal/remez"}

// pkg is what the import tests need of a package.
type pkg struct {
	path    string // folder from the root, "." for the root
	imports []string
}

// packages returns the packages of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	files(t) // so that go test takes a result from its cache only while the source is the same
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var list = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, problems.String())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		all = append(all, pkg{local(p.ImportPath), p.Imports})
	}
	return all, nil
})

// local returns the folder of a package of ours, "" for another's.
func local(importPath string) string {
	if importPath == module {
		return "."
	}
	path, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return path
}

// TestImportDirection: a package imports only what stands below it.
func TestImportDirection(t *testing.T) {
	for _, p := range packages(t) {
		from := rowOf(p.path)
		if from == "" {
			t.Errorf("%s has no row in the table of imports", p.path)
			continue
		}
		for _, i := range p.imports {
			to := local(i)
			if to == "" {
				continue
			}
			if row := rowOf(to); row != from && !reaches(from, row) {
				t.Errorf("%s imports %s, which does not stand below it", p.path, to)
			}
		}
	}
}

// TestTable checks the table against edges that the architecture names.
func TestTable(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"pkg/rng", "pkg/tensor", true},
		{"pkg/tensor", "pkg/rng", false},
		{"pkg/model", "pkg/tensor/grad", true},
		{"pkg/kernels", "pkg/adapt", false},
		{"pkg/adapt", "pkg/kernels", false},
		{"pkg/engine/wasm", "pkg/tensor/simplify", true},
		{"pkg/engine/wasm", "pkg/model", false},
		{"pkg/diag", "pkg/tensor", false},
		{"pkg/store/parquetfile", "pkg/diag", true},
		{"pkg/store", "pkg/tensor", false},
		{"pkg/transport/nats", "pkg/store", false},
		{"pkg/transport", "internal/coordinator", false},
		{"internal/chain", "pkg/dist", true},
		{"internal/chain", "pkg/store", false},
		{"internal/runner", ".", false},
		{".", "internal/chain", true},
		{"examples/gp", "pkg/dist", true},
		{"examples/gp", ".", true},
		{".", "examples/gp", false},
		{"cmd/drey", "examples/gp", true},
		{"internal/cli", "examples/gp", false},
		{"integration/posteriors", "internal/runner", true},
		{"integration/posteriors", "bench/recipe", true},
		{"integration/posteriors", "bench/cmd/peers", false},
		{"internal/runner", "bench/recipe", false},
		{"pkg/tensor", "integration/internal/table", false},
	} {
		if from, to := rowOf(c.from), rowOf(c.to); from == to || reaches(from, to) != c.want {
			t.Errorf("%s → %s: %v, want %v", c.from, c.to, !c.want, c.want)
		}
	}
}

// rowOf returns the key of a package's row in below, "" if it has none.
func rowOf(path string) string {
	best := ""
	for key := range below {
		if within(path, key) && len(key) > len(best) {
			best = key
		}
	}
	return best
}

// reaches reports whether the row to stands below the row from, at any depth.
func reaches(from, to string) bool {
	for _, next := range below[from] {
		if next == everything {
			return !slices.Contains(below[to], everything)
		}
		if next == to || reaches(next, to) {
			return true
		}
	}
	return false
}

// within reports whether path is key or in a folder of it; the root has no folders.
func within(path, key string) bool {
	return path == key || key != "." && strings.HasPrefix(path, key+"/")
}

func withinAny(path string, keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return within(path, key) })
}

// TestForeignImports: modules of others are imported where the table says so.
func TestForeignImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range p.imports {
			if first, _, _ := strings.Cut(i, "/"); !strings.Contains(first, ".") || local(i) != "" {
				continue
			}
			allowed := false
			for key, modules := range foreign {
				allowed = allowed || within(p.path, key) && withinAny(i, modules)
			}
			if !allowed {
				t.Errorf("%s imports %s: no row of the table says so", p.path, i)
			}
		}
	}
}

// TestPureImports: pure packages see no clock, file or network, and lock nothing.
func TestPureImports(t *testing.T) {
	for _, p := range packages(t) {
		if !withinAny(p.path, pure) || slices.Contains(generators, p.path) {
			continue
		}
		for _, i := range p.imports {
			if withinAny(i, impure) {
				t.Errorf("%s imports %s: its results may depend on nothing but its arguments", p.path, i)
			}
		}
	}
}

// TestKernelsMeetAdaptation: one package joins kernels and adaptation, and kernels know nothing of it.
func TestKernelsMeetAdaptation(t *testing.T) {
	for _, p := range packages(t) {
		both := slices.Contains(p.imports, module+"/pkg/kernels") && slices.Contains(p.imports, module+"/pkg/adapt")
		if both && p.path != "internal/chain" {
			t.Errorf("%s imports pkg/kernels and pkg/adapt, which meet in internal/chain only", p.path)
		}
	}
}

// TestHiddenRandomness: no program draws random numbers but those of pkg/rng.
func TestHiddenRandomness(t *testing.T) {
	for _, p := range packages(t) {
		if withinAny(p.path, []string{"pkg/engine/enginetest", "integration", "bench"}) {
			continue
		}
		for _, i := range p.imports {
			if within(i, "math/rand") {
				t.Errorf("%s imports %s", p.path, i)
			}
		}
	}
}
