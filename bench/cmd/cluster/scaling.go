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
// a second worker adds, the coordinator on the same cores; and beside it, in the same rounds, what a second process adds that has nothing to do with the
// first, which is what the machine gives. In every round another core has the one that is alone.
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
	p := &pair{coordinator: c, program: program, dir: dir, cores: cores[:2], run: run}
	defer func() { err = errors.Join(err, p.stop()) }()
	fmt.Fprintf(o.out, "Logistic regression, 20,000 × 54, a core each (%s), %v each: workers of a run of 16 chains in two packs, and runs of 8 chains without a cluster.\n\n",
		strings.Join(p.cores, ", "), o.scaling)
	fmt.Fprintln(o.out, "| round | one worker, draws/s | two workers, draws/s | ratio | one run, draws/s | two runs, draws/s | ratio | coordinator's share of a core with one, with two | stolen, of both cores: workers, runs |")
	fmt.Fprintln(o.out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	var workers, runs, quotients []float64
	for round := range o.rounds {
		w, r, err := p.round(ctx, round, o)
		if err != nil {
			return err
		}
		workers, runs, quotients = append(workers, w), append(runs, r), append(quotients, w/r)
	}
	fmt.Fprintf(o.out, "\nTwo workers make %s times as many draws a second as one, two runs without a cluster %s times; the one by the other %s (medians of rounds).\n",
		spread(workers), spread(runs), spread(quotients))
	return nil
}

// spread returns the median of values, and their range.
func spread(values []float64) string {
	slices.Sort(values)
	n := len(values)
	return fmt.Sprintf("%.3f (%.3f to %.3f)", (values[(n-1)/2]+values[n/2])/2, values[0], values[n-1])
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
	program, dir string
	cores        []string
	run          transport.RunID
	workers      [2]*process // by core
}

// round measures one worker, two, one run without a cluster, and two, while nothing else runs. It returns what the second adds to each.
func (p *pair) round(ctx context.Context, round int, o options) (workers, runs float64, err error) {
	order := []int{round % 2, 1 - round%2}
	var draws, cores, alone [2]float64
	from, known := stolen(p.cores)
	for i, core := range order {
		if p.workers[core], err = begin(ctx, p.cores[core], p.program, "worker", "--nats", p.url, "--engine", "wasm", "--slots", "1", "--log", "warn"); err != nil {
			return 0, 0, err
		}
		if err := p.settle(ctx, i+1); err != nil {
			return 0, 0, err
		}
		if draws[i], cores[i], err = p.measure(ctx, o.scaling); err != nil {
			return 0, 0, err
		}
	}
	if err := p.stop(); err != nil {
		return 0, 0, err
	}
	if draws[0] == 0 || draws[1] == 0 {
		return 0, 0, fmt.Errorf("no pack had two blocks in %v, which are seconds of work: give a longer -scaling", o.scaling)
	}
	between, _ := stolen(p.cores)
	for i := range order {
		if alone[i], err = p.control(ctx, order[:i+1], uint64(draws[0]*o.scaling.Seconds()/controlChains)); err != nil {
			return 0, 0, err
		}
	}
	to, _ := stolen(p.cores)
	steal := "unknown"
	if known {
		steal = fmt.Sprintf("%v, %v", between-from, to-between)
	}
	workers, runs = draws[1]/draws[0], alone[1]/alone[0]
	fmt.Fprintf(o.out, "| %d | %.1f | %.1f | %.3f | %.1f | %.1f | %.3f | %.2f %%, %.2f %% | %s |\n",
		round+1, draws[0], draws[1], workers, alone[0], alone[1], runs, 100*cores[0], 100*cores[1], steal)
	return workers, runs, nil
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
	for i, w := range p.workers {
		if w != nil {
			errs = append(errs, w.end())
			p.workers[i] = nil
		}
	}
	return errors.Join(errs...)
}
