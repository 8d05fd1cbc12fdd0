package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/runner"
)

func (c *command) summary() *cobra.Command {
	how, cluster := reporting{prob: defaultProb, hpdi: true}, c.cluster()
	cmd := &cobra.Command{
		Use: "summary DIR [flags]", Short: "Print the summary of a run", Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := probability(how.prob); err != nil {
				return err
			}
			return cluster.fetched(cmd.Context(), args[0], func(dir, where string) (err error) {
				d, err := runner.Open(dir)
				if err != nil {
					return asUsage(err)
				}
				defer func() { err = errors.Join(err, d.Close()) }()
				return c.report(d, where, how)
			})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&how.json, "json", false, "print one JSON object")
	cmd.Flags().Float64Var(&how.prob, "prob", how.prob, "probability of the intervals")
	cluster.add(cmd.Flags())
	return cmd
}
