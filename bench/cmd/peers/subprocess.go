package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
)

// timeLimit ends a program that hangs: the longest run takes about three minutes on the reference machine.
const timeLimit = 20 * time.Minute

// bench is where the comparison runs: the cores it may use and the programs that exist here.
type bench struct {
	root       string // the repository
	out        string // results, binaries and caches; git ignores it
	singleCore string // a taskset list of one core
	allCores   string // a taskset list
	missing    map[string]string
	plugin     string // XLA's, for CPUs
}

// prepare builds drey's programs and finds the peers'. A program that can't be had is recorded in b.missing with the
// reason; an error is only what should have worked.
func (b *bench) prepare(ctx context.Context) error {
	b.missing = map[string]string{}
	if err := os.MkdirAll(filepath.Join(b.out, "bin"), 0o755); err != nil {
		return err
	}
	for program, dir := range map[string]string{programDrey: "bench/cmd/dreybench", programXLA: "bench/cmd/dreybench", programCommand: "cmd/drey"} {
		if reason := b.lacks(program); reason != "" {
			b.missing[program] = reason
			continue
		}
		if _, err := os.Stat(filepath.Join(b.root, dir)); errors.Is(err, fs.ErrNotExist) {
			b.missing[program] = "there is no " + dir
			continue
		}
		build := exec.CommandContext(ctx, "go", "build", "-o", b.binary(program), "./"+dir)
		build.Dir, build.Env = b.root, os.Environ()
		if program == programXLA {
			build.Env = append(build.Env, "CGO_ENABLED=1")
		}
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build ./%s: %w\n%s", dir, err, output)
		}
	}
	wanted, err := os.ReadFile(filepath.Join(b.root, "bench/peers/requirements.txt"))
	if err != nil {
		return err
	}
	installed, err := os.ReadFile(filepath.Join(b.root, "bench/.venv/requirements.installed"))
	if err != nil || !bytes.Equal(wanted, installed) {
		for _, program := range []string{programNutpie, programNumPyro} {
			b.missing[program] = "no Python peers: bench/peers/setup.sh has not made bench/.venv"
		}
	}
	return nil
}

// lacks says what a program of drey's needs and is not here, "" for nothing; it finds XLA's plugin.
func (b *bench) lacks(program string) string {
	if program != programXLA {
		return ""
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return "no gcc for a build with XLA"
	}
	var err error
	if b.plugin, err = plugin.Find("cpu"); err != nil {
		return err.Error()
	}
	return ""
}

func (b *bench) binary(program string) string { return filepath.Join(b.out, "bin", program) }

// measure runs one tool of a case once, pinned to its cores, and returns what it measured.
func (b *bench) measure(ctx context.Context, c Case, tool Tool, seed int) (Measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	cores := b.singleCore
	if c.StartToSummary {
		cores = b.allCores
	}
	argv := append([]string{"-c", cores}, b.argv(c, tool, seed)...)
	cmd := exec.CommandContext(ctx, "taskset", argv...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.root, &stdout, &stderr
	cmd.Env = append(os.Environ(), b.environment(c.StartToSummary)...)
	if tool.Program == programXLA { // programs are compiled each time, as NumPyro's are
		cache := filepath.Join(b.out, "cache")
		if err := os.RemoveAll(cache); err != nil {
			return Measurement{}, err
		}
		cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+cache, plugin.Variable+"="+b.plugin)
	}

	start := time.Now()
	err := cmd.Run()
	seconds := time.Since(start).Seconds()
	if err != nil {
		return Measurement{}, fmt.Errorf("%s: %w\n%s", strings.Join(argv[2:], " "), err, tail(stderr.String(), 12))
	}
	if tool.Program != programCommand {
		return parseMeasurement(stdout.Bytes(), c.StartToSummary)
	}
	m, err := parseCommand(stdout.Bytes(), seconds)
	m.PeakRSSMB = peakRSSMB(cmd.ProcessState)
	return m, err
}

// argv is the command line of a tool's program, without taskset.
func (b *bench) argv(c Case, tool Tool, seed int) []string {
	settings := []string{
		"--chains", strconv.Itoa(tool.Chains), "--warmup", strconv.Itoa(c.Warmup), "--seed", strconv.Itoa(seed), "--precision", c.Precision,
	}
	if tool.Program == programCommand {
		run := []string{b.binary(programCommand), "run", c.Model, "--draws", strconv.Itoa(c.Draws), "--json", "--overwrite", "--out", filepath.Join(b.out, "run")}
		return append(run, settings...)
	}
	settings = append(settings, "--model", c.Model)
	if c.StartToSummary {
		settings = append(settings, "--draws", strconv.Itoa(c.Draws))
	} else {
		settings = append(settings, "--repeat-lengths", fmt.Sprintf("%d,%d", tool.Lengths[0], tool.Lengths[1]))
	}
	if tool.Method != "" {
		settings = append(settings, "--chain-method", tool.Method)
	}
	switch tool.Program {
	case programDrey:
		return append([]string{b.binary(programDrey)}, settings...)
	case programXLA:
		return append([]string{b.binary(programXLA), "--engine", "xla:cpu"}, settings...)
	}
	script := "bench/peers/" + tool.Program + "_bench.py"
	return append([]string{filepath.Join("bench", ".venv", "bin", "python"), "-W", "ignore", script}, settings...)
}

// environment holds every library to one thread where the program has one core; else each chooses by the cores it
// sees. PyTensor's cache lies with the results, so that a comparison starts cold and leaves nothing in the home directory.
func (b *bench) environment(allCores bool) []string {
	env := []string{"PYTENSOR_FLAGS=base_compiledir=" + filepath.Join(b.out, "pytensor"), "JAX_PLATFORMS=cpu", "PYTHONDONTWRITEBYTECODE=1"}
	if allCores {
		return env
	}
	for _, name := range []string{"GOMAXPROCS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"} {
		env = append(env, name+"=1")
	}
	return append(env, "XLA_FLAGS=--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
}

// tail returns the last n lines of text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
