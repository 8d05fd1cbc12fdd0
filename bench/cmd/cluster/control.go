package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
)

// controlChains are those of a run without a cluster: of a pack of the other.
const controlChains = 8

// control has a run without a cluster on each of some cores make so many draws of each chain, and returns the draws of sampling a second of all.
func (p *pair) control(ctx context.Context, cores []int, draws uint64) (rate float64, err error) {
	dir, err := os.MkdirTemp(p.dir, "control-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var started []*process
	for _, core := range cores {
		r, err := begin(ctx, p.cores[core], p.program, "run", "logistic-regression", "--engine", "wasm", "--seed", "1", "--quiet",
			"--chains", strconv.Itoa(controlChains), "--warmup", "300", "--draws", strconv.FormatUint(draws, 10), "--out", out(dir, core))
		if err != nil {
			return 0, errors.Join(err, wait(started))
		}
		started = append(started, r)
	}
	if err := wait(started); err != nil {
		return 0, err
	}
	for _, core := range cores {
		r, err := store.ReadRun(out(dir, core))
		if err != nil {
			return 0, err
		}
		rate += float64(draws*controlChains) / float64(r.Seconds.Sampling)
	}
	return rate, nil
}

// out is the directory of a core's run.
func out(dir string, core int) string { return filepath.Join(dir, strconv.Itoa(core)) }

// wait waits until processes have ended by themselves.
func wait(list []*process) error {
	var errs []error
	for _, p := range list {
		if err := p.cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w\n%s", strings.Join(p.cmd.Args, " "), err, p.said.String()))
		}
	}
	return errors.Join(errs...)
}

// stolen returns the time that this machine's host took of some cores for others since it began; not known where /proc does not say.
func stolen(cores []string) (total time.Duration, known bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line)) // cpuN user nice system idle iowait irq softirq steal: proc_stat(5)
		if len(f) < 9 || !slices.Contains(cores, strings.TrimPrefix(f[0], "cpu")) {
			continue
		}
		n, err := strconv.ParseInt(f[8], 10, 64)
		if err != nil {
			return 0, false
		}
		total, known = total+time.Duration(n)*clockTick, true
	}
	return total, known
}
