package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// scaling has one worker and two, each on a core of its own, sample the logistic regression of 20,000 × 54, 16 chains in two packs: what
// a second worker adds, the coordinator on the same cores. In every round another core has the worker that is alone.
func scaling(ctx context.Context, program, dir string, o options) (err error) {
	cores, err := allowedCores()
	if err != nil || len(cores) < 2 {
		return errors.Join(errors.New("scaling needs two cores"), err)
	}
	c, err := coordinate(ctx, program, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	run, err := c.regression(ctx, program)
	if err != nil {
		return err
	}
	p := &pair{coordinator: c, program: program, cores: cores[:2], run: run}
	defer func() { err = errors.Join(err, p.stop()) }()
	fmt.Fprintf(o.out, "Logistic regression, 20,000 × 54, 16 chains in two packs, a core a worker (%s), %v each.\n\n", strings.Join(p.cores, ", "), o.scaling)
	fmt.Fprintln(o.out, "| round | one worker, draws/s | two workers, draws/s | ratio | coordinator's share of a core with one, with two |")
	fmt.Fprintln(o.out, "| --- | --- | --- | --- | --- |")
	var ratios []float64
	for round := range o.rounds {
		ratio, err := p.round(ctx, round, o)
		if err != nil {
			return err
		}
		ratios = append(ratios, ratio)
	}
	slices.Sort(ratios)
	fmt.Fprintf(o.out, "\nTwo workers make %.3f times as many draws a second as one (median; %.3f to %.3f).\n", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
	return nil
}

// regression submits the run. What the command says besides is of workers, who come later.
func (c *coordinator) regression(ctx context.Context, program string) (transport.RunID, error) {
	id, err := exec.CommandContext(ctx, program, "submit", "logistic-regression", "--cluster", c.url, "--engine", "wasm", "--seed", "1",
		"--chains", "16", "--warmup", "300", "--draws", "10000000").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("drey submit: %w\n%s", err, exit.Stderr)
	}
	return transport.RunID(strings.TrimSpace(string(id))), err
}

// allowedCores returns the cores that this process may use.
func allowedCores() ([]string, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		list, ok := strings.CutPrefix(line, "Cpus_allowed_list:")
		if !ok {
			continue
		}
		for _, part := range strings.Split(strings.TrimSpace(list), ",") {
			low, high, several := strings.Cut(part, "-")
			if !several {
				high = low
			}
			first, err1 := strconv.Atoi(low)
			last, err2 := strconv.Atoi(high)
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			for k := first; k <= last; k++ {
				out = append(out, strconv.Itoa(k))
			}
		}
	}
	return out, nil
}

// blockDraws is the draws of a block: of 8 chains 100 each, which is what drey submit makes of so many.
const blockDraws = 8 * 100

// pair is a run of two packs, and at most one worker on each of two cores.
type pair struct {
	*coordinator
	program string
	cores   []string
	run     transport.RunID
	workers [2]*process // by core
}

// round measures one worker, then two, and leaves the second: the next round's first.
func (p *pair) round(ctx context.Context, round int, o options) (ratio float64, err error) {
	first, second := round%2, 1-round%2
	var draws, cores [2]float64
	for i, core := range []int{first, second} {
		if p.workers[core] == nil {
			if p.workers[core], err = begin(ctx, p.cores[core], p.program, "worker", "--nats", p.url, "--engine", "wasm", "--slots", "1", "--log", "warn"); err != nil {
				return 0, err
			}
		}
		if err := p.settle(ctx, i+1); err != nil {
			return 0, err
		}
		if draws[i], cores[i], err = p.measure(ctx, o.scaling); err != nil {
			return 0, err
		}
	}
	fmt.Fprintf(o.out, "| %d | %.1f | %.1f | %.3f | %.2f %%, %.2f %% |\n", round+1, draws[0], draws[1], draws[1]/draws[0], 100*cores[0], 100*cores[1])
	err = p.workers[first].end()
	p.workers[first] = nil
	return draws[1] / draws[0], err
}

// lookTime is the time between two looks at which blocks are committed: the error of when one was.
const lookTime = 200 * time.Millisecond

// measure returns the draws a second and the cores that the coordinator takes: of each pack from its first commit to its last, since
// blocks are seconds of work.
func (p *pair) measure(ctx context.Context, length time.Duration) (draws, cores float64, err error) {
	type commits struct {
		first, last time.Time
		from, to    uint64
	}
	packs := map[transport.PackID]*commits{}
	from, err := p.state(ctx, p.run)
	if err != nil {
		return 0, 0, err
	}
	for time.Since(from.at) < length {
		status, err := p.client.Status(ctx, p.run)
		if err != nil {
			return 0, 0, err
		}
		now := time.Now()
		for _, l := range status.Leases {
			switch c := packs[l.Lease.Pack]; {
			case c == nil:
				packs[l.Lease.Pack] = &commits{from: l.Committed, to: l.Committed}
			case c.to == l.Committed:
			case c.first.IsZero():
				c.first, c.last, c.from, c.to = now, now, l.Committed, l.Committed
			default:
				c.last, c.to = now, l.Committed
			}
		}
		time.Sleep(lookTime)
	}
	to, err := p.state(ctx, p.run)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range packs {
		if c.to > c.from {
			draws += float64((c.to-c.from)*blockDraws) / c.last.Sub(c.first).Seconds()
		}
	}
	_, cores = to.rates(&from)
	return draws, cores, nil
}

// settledBlocks are committed by every worker before anything is measured: its program is compiled, its pack in the middle of sampling.
const settledBlocks = 2

// settle waits until so many workers sample.
func (p *pair) settle(ctx context.Context, workers int) error {
	var before map[transport.PackID]uint64
	for until := time.Now().Add(10 * patience); ; time.Sleep(lookTime) {
		status, err := p.client.Status(ctx, p.run)
		if err != nil {
			return err
		}
		if before == nil && status.State == transport.Sampling {
			before = map[transport.PackID]uint64{}
			for _, l := range status.Leases {
				before[l.Lease.Pack] = l.Committed
			}
		}
		moving := 0
		for _, l := range status.Leases {
			if before != nil && l.Worker != "" && l.Committed >= before[l.Lease.Pack]+settledBlocks {
				moving++
			}
		}
		if moving == workers {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("%d of %d workers sample: %s", moving, workers, status.State)
		}
	}
}

// stop ends the workers that are left.
func (p *pair) stop() error {
	var errs []error
	for _, w := range p.workers {
		if w != nil {
			errs = append(errs, w.end())
		}
	}
	return errors.Join(errs...)
}
