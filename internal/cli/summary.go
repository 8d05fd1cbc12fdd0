package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/runner"
)

func (c *command) summary() *cobra.Command {
	how := reporting{prob: defaultProb, hpdi: true}
	cmd := &cobra.Command{
		Use: "summary DIR [flags]", Short: "Print the summary of a run", Args: arguments("DIR"),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			if err := probability(how.prob); err != nil {
				return err
			}
			d, err := runner.Open(args[0])
			if err != nil {
				return asUsage(err)
			}
			defer func() { err = errors.Join(err, d.Close()) }()
			return c.report(d, args[0], how)
		},
	}
	cmd.Flags().BoolVar(&how.json, "json", false, "print one JSON object")
	cmd.Flags().Float64Var(&how.prob, "prob", how.prob, "probability of the intervals")
	return cmd
}
