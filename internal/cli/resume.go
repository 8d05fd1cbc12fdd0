package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

func (c *command) resume() *cobra.Command {
	o, cluster := &outputFlags{}, c.cluster()
	cmd := &cobra.Command{
		Use: "resume DIR [flags]", Short: "Go on with a run that was interrupted", Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cluster.elsewhere(args[0]) {
				return cluster.withRun(cmd.Context(), args[0], func(conn *client.Client, r transport.RunSummary) error {
					return clusterError(conn.Resume(cmd.Context(), r.Run))
				})
			}
			return c.goOn(args[0], "resume", *o, func(m runner.Model, update func(runner.Progress)) (*runner.Result, error) {
				return runner.Resume(cmd.Context(), args[0], m, update)
			})
		},
	}
	cmd.Flags().SortFlags = false
	o.add(cmd.Flags())
	cluster.add(cmd.Flags())
	return cmd
}

func (c *command) extend() *cobra.Command {
	o, cluster := &outputFlags{}, c.cluster()
	draws := 0
	cmd := &cobra.Command{
		Use: "extend DIR --draws N [flags]", Short: "Add draws to a run: the bits of one longer run", Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if draws < 1 {
				return usage("extend: --draws %d: want at least 1, the number of draws to add to each chain", draws)
			}
			if cluster.elsewhere(args[0]) {
				return cluster.withRun(cmd.Context(), args[0], func(conn *client.Client, r transport.RunSummary) error {
					return clusterError(conn.Extend(cmd.Context(), r.Run, r.Target/uint64(max(r.Chains, 1))+uint64(draws)))
				})
			}
			return c.goOn(args[0], "extend", *o, func(m runner.Model, update func(runner.Progress)) (*runner.Result, error) {
				return runner.Extend(cmd.Context(), args[0], draws, m, update)
			})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVar(&draws, "draws", 0, "kept draws to add to each chain")
	o.add(cmd.Flags())
	cluster.add(cmd.Flags())
	return cmd
}

// goOn opens a run's model, goes on with the run and reports it.
func (c *command) goOn(dir, verb string, o outputFlags, run func(runner.Model, func(runner.Progress)) (*runner.Result, error)) error {
	m, err := c.reopen(verb, dir)
	if err == nil {
		err = c.hasStates(dir)
	}
	if err != nil {
		return err
	}
	show := c.display(o)
	show.begin(fmt.Sprintf("%s: %s %s", m.Name, verb, dir))
	r, err := run(m, show.update)
	return c.finish(r, err, dir, o)
}

// hasStates refuses the directory of a cluster's run: the states that its chains go on from are the coordinators'.
func (c *command) hasStates(dir string) error {
	run, err := store.ReadRun(dir)
	if err != nil || run.Cluster == "" {
		return asUsage(err)
	}
	return usage("%s is run %s of a cluster, which has the states of its chains: %s resume %s --cluster URL, or %s extend %s --draws N --cluster URL, goes on there, and %s pull fetches it again",
		dir, run.Cluster, c.Name, run.Cluster, c.Name, run.Cluster, c.Name)
}

func (c *command) predict() *cobra.Command {
	prior := false
	cmd := &cobra.Command{
		Use: "predict DIR [flags]", Short: "Draw from the posterior (or prior) predictive distribution, beside the run", Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.predictRun(cmd.Context(), args[0], prior) },
	}
	cmd.Flags().BoolVar(&prior, "prior", false, "draw all sites from the prior instead")
	return cmd
}

func (c *command) predictRun(ctx context.Context, dir string, prior bool) error {
	if _, err := os.Stat(dir); err != nil {
		return usage("predict: %s: no such directory (a run of a cluster is fetched first: %s pull RUN DIR)", dir, c.Name)
	}
	m, err := c.reopen("predict", dir)
	if err != nil {
		return err
	}
	r, err := runner.Predict(ctx, dir, m, prior)
	if err != nil {
		return err
	}
	kind, where := "posterior", "posterior_predictive"
	if prior {
		kind, where = "prior", "prior_predictive"
	}
	run := r.Draws.Run()
	var names []string
	for _, s := range run.Schema.Sites {
		names = append(names, s.Name)
	}
	_, err = fmt.Fprintf(c.Out, "%d chains × %d %s predictive draws of %s, in %s/%s (%s summary and %s export read it)\n",
		run.Settings.Chains, run.Settings.Draws, kind, join(names), dir, where, c.Name, c.Name)
	if e := r.Draws.Close(); err == nil {
		err = e
	}
	return err
}
