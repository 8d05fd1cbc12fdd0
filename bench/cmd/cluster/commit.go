package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/drey-sampler/drey/bench"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

const (
	beatTime    = 2 * time.Second  // between a worker's heartbeats, as real ones have it
	lineTime    = 10 * time.Second // between two lines of the table
	profileTime = 20 * time.Second
	reserve     = 4e9 // bytes of the disk that are left to others
)

// commit has very many simulated workers send blocks of 10 parameters and all statistics to a coordinator as fast as it takes them: a
// worker's pack has four blocks under way at most. A draw costs them some multiplications; they renew, beat and hear as real ones do.
func commit(ctx context.Context, program, dir string, o options) (err error) {
	c, err := coordinate(ctx, program, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	width := (o.chains + o.workers - 1) / o.workers
	m := shelltest.NewManifest(uint32(o.chains), uint32(width))
	m.Block, m.Draws = uint32(o.block), uint64(o.block)<<20 // more than it comes to
	if err := putProgram(ctx, c.client.Put(), m); err != nil {
		return err
	}
	run, err := c.client.Submit(ctx, shelltest.About(m), "bench")
	if err != nil {
		return err
	}
	s, err := swarm(ctx, c.url, o)
	if err != nil {
		return err
	}
	defer s()
	fmt.Fprintf(o.out, "%d simulated workers with %d chains in packs of %d, blocks of %d draws of each chain, %d parameters, all statistics, f64.\n\n",
		o.workers, o.chains, width, o.block, shelltest.Parameters)
	fmt.Fprintln(o.out, "| seconds | draws/s | coordinator's cores | workers' cores | coordinator's resident memory, MB | its heap, MB |")
	fmt.Fprintln(o.out, "| --- | --- | --- | --- | --- | --- |")
	if err := c.watch(ctx, run, dir, o); err != nil {
		return err
	}
	return ctx.Err()
}

// putProgram gives a run a program that a coordinator takes: that of eight schools, which nobody runs.
func putProgram(ctx context.Context, inputs transport.Objects, m *transport.Manifest) error {
	schools, err := bench.Model(model.F64, "eight-schools")
	if err != nil {
		return err
	}
	cfg, seed := runner.DefaultConfig(), m.Seed
	cfg.Seed = &seed
	j, _, err := runner.Manifest(cfg, runner.Model{Model: schools}, runner.DefaultTerms())
	if err != nil {
		return err
	}
	var of transport.Manifest
	err = j.Put(ctx, inputs, &of)
	m.Program, m.Columns, m.Inits, m.Starts = of.Program, of.Columns, of.Inits, of.Starts
	return err
}

// watch prints how a run goes for a while, as long as there is room for its draws.
func (c *coordinator) watch(ctx context.Context, run transport.RunID, dir string, o options) error {
	var states []state
	var own []usage
	var profiles sync.WaitGroup
	defer profiles.Wait()
	for {
		now, err := c.state(ctx, run)
		if err != nil {
			return err
		}
		mine, err := usageOf(os.Getpid())
		if err != nil {
			return err
		}
		states, own = append(states, now), append(own, mine)
		n, ran := len(states)-1, now.at.Sub(states[0].at)
		if n > 0 {
			line(o.out, strconv.Itoa(int(ran.Seconds())), states[n-1:], own[n-1:])
		}
		if ran >= o.commit || ctx.Err() != nil {
			break
		}
		if o.profile != "" && ran >= o.commit-profileTime-lineTime {
			file := o.profile
			o.profile = ""
			profiles.Go(func() { c.keepProfile(ctx, file) })
		}
		if left, err := room(dir); err != nil || left < reserve {
			return errors.Join(fmt.Errorf("%s has %.1f GB left, and draws take 0.1 GB a second: choose a larger disk by TMPDIR, or fewer draws by -commit or -pace", dir, left/1e9), err)
		}
		time.Sleep(min(lineTime, o.commit-ran))
	}
	if len(states) > 1 {
		line(o.out, "all", states, own)
	}
	return nil
}

// line prints a line of the table, of the time between the first and the last state.
func line(out io.Writer, name string, states []state, own []usage) {
	n := len(states) - 1
	draws, cores := states[n].rates(&states[0])
	mine := (own[n].cpu - own[0].cpu).Seconds() / states[n].at.Sub(states[0].at).Seconds()
	fmt.Fprintf(out, "| %s | %.0f | %.2f | %.2f | %.0f | %.0f |\n", name, draws, cores, mine, float64(states[n].resident)/1e6, states[n].heap/1e6)
}

// keepProfile writes the coordinator's CPU profile of the next while to a file.
func (c *coordinator) keepProfile(ctx context.Context, file string) {
	text, err := c.get(ctx, "/debug/pprof/profile?seconds="+strconv.Itoa(int(profileTime.Seconds())))
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster: no profile:", err)
	}
}

// swarm begins simulated workers, each with a connection of its own, and returns the function that ends them.
func swarm(ctx context.Context, url string, o options) (end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	end = func() {
		cancel()
		running.Wait()
	}
	for i := range o.workers {
		name := transport.PartyID("w" + strconv.Itoa(i))
		t, err := nats.Connect(ctx, nats.Config{URL: url, Party: name})
		if err != nil {
			end()
			return nil, err
		}
		w := shelltest.NewWorker(t, shelltest.WorkerConfig{Name: name, Incarnation: 1, Slots: 1, Block: o.pace, Beat: beatTime})
		running.Go(func() {
			w.Run(ctx)
			_ = t.Close()
		})
	}
	return end, nil
}
