package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

func (c *command) check() *cobra.Command {
	in, precision, seed := inputs{}, string(c.Precision), uint64(0)
	check := func(cmd *cobra.Command, m *Model) error {
		in.precision, in.asked = model.Precision(precision), cmd.Flags().Changed("precision")
		return c.checkModel(cmd.Context(), m, in, seed)
	}
	cmd := &cobra.Command{
		Use: "check MODEL [flags]", Short: "Check a model and its data: shapes, a finite start, the gradient", Args: arguments("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := c.find(args[0])
			if err != nil {
				return err
			}
			return check(cmd, m)
		},
	}
	if !c.BuiltIn {
		cmd.Use, cmd.Args = "check [flags]", arguments()
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return check(cmd, &c.Models[0]) }
	}
	cmd.Flags().StringVar(&in.data, "data", "", "`file` of data: json, csv, parquet, arrow or npy")
	cmd.Flags().Var(&choice{&precision, model.Precisions()}, "precision", "of the model's numbers; mixed: f32 for what runs over rows of data")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "of the start")
	return cmd
}

// errCheck says that a check has found a mistake, which its lines tell.
var errCheck = errors.New("a gradient differs from finite differences")

func (c *command) checkModel(ctx context.Context, m *Model, in inputs, seed uint64) error {
	model, err := c.bind(m, in)
	if err != nil {
		return err
	}
	r, err := runner.Check(ctx, model, seed)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d dimensions, log density %.6g at a start\n", r.Model, r.Dimension, r.LogDensity)
	for i := range r.Sites {
		fmt.Fprintf(&b, "  %s\n", r.Sites[i].String())
	}
	if _, err := c.Out.Write([]byte(b.String())); err != nil {
		return err
	}
	if !r.OK() {
		return errCheck
	}
	return nil
}
