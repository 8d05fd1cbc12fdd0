// Command arm64 prints digests of the draws of short runs of eight schools, to compare machines with.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
)

func main() {
	dir, err := os.MkdirTemp("", "drey-digests-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = digests(os.Stdout, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "arm64:", err)
		os.Exit(1)
	}
}

// runs are the runs to compare: between them they take every kernel, metric and precision.
var runs = []struct {
	name   string
	float  tensor.DType
	kernel chain.Kernel
	metric string
}{
	{"nuts", tensor.F64, chain.NUTS, runner.MetricDefault},
	{"nuts-gradients", tensor.F64, chain.NUTS, "diag-grad"},
	{"nuts-dense", tensor.F64, chain.NUTS, "dense"},
	{"nuts-f32", tensor.F32, chain.NUTS, runner.MetricDefault},
	{"hmc", tensor.F64, chain.HMC, runner.MetricDefault},
}

// digests writes a line for each run, "NAME DIGEST OF WARMUP DIGEST OF DRAWS"; the runs' directories go to dir.
func digests(w io.Writer, dir string) error {
	data, err := eightschools.Data()
	if err != nil {
		return err
	}
	for _, r := range runs {
		m, err := model.New("eight-schools", r.float, eightschools.EightSchools, data)
		if err != nil {
			return err
		}
		seed := uint64(1)
		c := runner.DefaultConfig()
		c.Seed, c.Chains, c.Warmup, c.Draws, c.SaveWarmup = &seed, 2, 100, 50, true
		c.Kernel, c.Metric, c.Dir = r.kernel, r.metric, filepath.Join(dir, r.name)
		result, err := runner.Run(context.Background(), c, runner.Model{Model: m}, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if err := result.Draws.Close(); err != nil {
			return err
		}
		if err := digest(w, r.name, c.Dir); err != nil {
			return err
		}
	}
	return nil
}

// digest writes the line of a run directory.
func digest(w io.Writer, name, dir string) error {
	d, err := store.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	warmup, err := d.Digest(store.Warmup)
	if err != nil {
		return err
	}
	draws, err := d.Digest(store.Sampling)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, name, warmup, draws)
	return err
}
