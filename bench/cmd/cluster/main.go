// Command cluster measures what a coordinator can take, and what a second worker adds: the real programs over NATS on this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	o := options{out: os.Stdout}
	flag.DurationVar(&o.commit, "commit", 10*time.Minute, "how long simulated workers send blocks; 0 leaves it out")
	flag.IntVar(&o.workers, "workers", 1000, "simulated workers, each with one pack")
	flag.IntVar(&o.chains, "chains", 10_000, "their chains")
	flag.IntVar(&o.block, "block", 50, "draws of a chain in a block")
	flag.DurationVar(&o.pace, "pace", 0, "time that a simulated worker takes for a block at least; 0: as soon as the coordinator takes it")
	flag.StringVar(&o.profile, "profile", "", "write the coordinator's CPU profile, of 20 s near the end of the commits, to this `file`")
	flag.DurationVar(&o.scaling, "scaling", time.Minute, "how long one and two real workers sample, and one and two runs without a cluster, each round; 0 leaves it out")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of one worker, two, one run, two")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "cluster: it takes no arguments but flags")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

type options struct {
	commit                 time.Duration
	workers, chains, block int
	pace                   time.Duration
	profile                string
	scaling                time.Duration
	rounds                 int
	out                    io.Writer // of the tables
}

// run builds drey and makes the tables.
func run(ctx context.Context, o options) (err error) {
	if o.workers < 1 || o.block < 1 || o.chains < o.workers || o.rounds < 1 {
		return errors.New("it needs at least a worker, a chain of each, a draw and a round")
	}
	dir, err := os.MkdirTemp("", "drey-cluster-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "drey")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/drey").CombinedOutput(); err != nil {
		return fmt.Errorf("go build, which wants the repository's root: %w\n%s", err, out)
	}
	if o.commit > 0 {
		if err := commit(ctx, program, filepath.Join(dir, "commit"), o); err != nil {
			return err
		}
	}
	if o.scaling > 0 {
		return scaling(ctx, program, filepath.Join(dir, "scaling"), o)
	}
	return nil
}
