package cli

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/cli/progress"
	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

func (c *command) run() *cobra.Command {
	flags, cluster, terms := &runFlags{command: "run"}, c.cluster(), runner.DefaultTerms()
	cmd := &cobra.Command{
		Use: "run MODEL [flags]", Short: "Sample a model: draws on disk, a summary on the screen", Args: arguments("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := c.find(args[0])
			if err != nil {
				return err
			}
			return c.sample(cmd.Context(), m, flags, cluster, &terms)
		},
	}
	if !c.BuiltIn {
		cmd.Use, cmd.Args = "run [flags]", arguments()
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			return c.sample(cmd.Context(), &c.Models[0], flags, cluster, &terms)
		}
	}
	flags.add(cmd.Flags(), c.Program)
	flags.addStop(cmd.Flags())
	cmd.Flags().StringVar(&cluster.url, "cluster", "", "run on the cluster at `URL`, and fetch the draws: nats://HOST:PORT")
	cluster.addCerts(cmd.Flags())
	addDeadline(cmd.Flags(), &terms)
	return cmd
}

// sample is drey run.
func (c *command) sample(ctx context.Context, m *Model, flags *runFlags, cluster *clusterFlags, terms *runner.Terms) error {
	if err := errors.Join(flags.finish(), deadlineRange(flags, *terms)); err != nil {
		return err
	}
	if cluster.url == "" { // else it is the workers' matter
		if terms.Deadline > 0 {
			return usage("run: --%s %v: the packs of one computer share its cores, so that a late one is at work where the posterior is hard, which the metric has to know: leave it out, or name a --cluster", deadlineFlag, terms.Deadline)
		}
		if err := c.needEngine(ctx, flags.config.Engine); err != nil {
			return err
		}
	}
	model, err := c.bind(m, flags.inputs())
	if err != nil {
		return err
	}
	cfg := flags.config
	cfg.Began = c.began
	if cfg.Seed == nil {
		if cfg.Seed, err = drawSeed(); err != nil {
			return err
		}
	}
	if cfg.Dir == "" {
		cfg.Dir = freeDir(filepath.Join("runs", fmt.Sprintf("%s-%s-%d", m.Name, time.Now().UTC().Format("20060102T150405Z"), *cfg.Seed)))
	} else if err := c.vacant(cfg.Dir, cfg.Overwrite); err != nil {
		return err
	}
	if cluster.url != "" {
		return c.sampleThere(ctx, cluster, there{cfg, model, *terms, flags.output})
	}
	show := c.display(flags.output)
	show.begin(fmt.Sprintf("%s: %d chains of %d warmup and %d kept draws, seed %d", m.Name, cfg.Chains, cfg.Warmup, cfg.Draws, *cfg.Seed))
	cfg.Notice = show.begin
	r, err := runner.Run(ctx, cfg, model, show.update)
	return c.finish(r, err, cfg.Dir, flags.output)
}

// there is what a cluster is to sample, and what is shown of it here.
type there struct {
	cfg   runner.Config
	model runner.Model
	terms runner.Terms
	outputFlags
}

// sampleThere is drey run on a cluster: the run's directory is fetched when it has ended.
func (c *command) sampleThere(ctx context.Context, cluster *clusterFlags, o there) error {
	cfg := o.cfg
	if cfg.Overwrite {
		return usage("run: --overwrite: a run of a cluster is fetched into a directory that is empty or not there")
	}
	if err := empty("--out", cfg.Dir); err != nil {
		return err
	}
	return cluster.with(ctx, func(conn *client.Client) (err error) {
		id, err := begin(ctx, conn, cfg, o.model, runner.Terms{Lease: runner.DefaultTerms().Lease, Deadline: o.terms.Deadline}, o.model.Name)
		if err != nil {
			return clusterError(err)
		}
		show := func(progress.Cluster) {}
		if !o.quiet {
			_, _ = fmt.Fprintf(c.Err, "run %s at %s\n", id, nats.Redacted(cluster.url))
			show = clusterDisplay(c.Err, false)
		}
		if err := c.follow(ctx, conn, id, show); err != nil {
			return err
		}
		if err := conn.Pull(ctx, id, cfg.Dir); err != nil {
			return err
		}
		d, err := runner.Open(cfg.Dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.Close()) }()
		return c.report(d, cfg.Dir, reporting{prob: defaultProb, json: o.json})
	})
}

// empty refuses a directory that a run can't be fetched into; what is where it was named.
func empty(what, dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return usage("%s %s is not empty: choose another directory", what, dir)
	}
	return nil
}

// vacant refuses a directory that a run may not be put in, before the model is traced.
func (c *command) vacant(dir string, overwrite bool) error {
	if overwrite || store.Vacant(dir) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
		return usage("--out %s already holds a run: go on with it by %s resume %s, replace it with --overwrite, or choose another --out", dir, c.Name, dir)
	}
	return usage("--out %s is not empty: choose another (%s resume goes on with a run, --overwrite replaces one)", dir, c.Name)
}

// drawSeed returns a random seed of 32 bits: short to type, and enough to tell runs apart.
func drawSeed() (*uint64, error) {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	seed := uint64(binary.LittleEndian.Uint32(b[:]))
	return &seed, nil
}

// freeDir returns dir, or dir with a number where it is taken by a run that began in the same second.
func freeDir(dir string) string {
	path := dir
	for i := 2; ; i++ {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) || i > 1000 {
			return path
		}
		path = fmt.Sprintf("%s-%d", dir, i)
	}
}

// finish reports a run that has ended, for whatever reason.
func (c *command) finish(r *runner.Result, cause error, dir string, o outputFlags) (err error) {
	if r == nil {
		return cause
	}
	defer func() { err = errors.Join(err, r.Draws.Close()) }()
	if cause != nil {
		if errors.Is(cause, errInterrupted) {
			return fmt.Errorf("%w: %d draws of each chain are kept in %s; to go on: %s resume %s", errInterrupted, r.Draws.Len(0), dir, c.Name, dir)
		}
		return cause
	}
	return c.report(r.Draws, dir, reporting{prob: defaultProb, json: o.json})
}
