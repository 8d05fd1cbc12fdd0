package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/store/parquetfile"
)

// exportFlags are the flags of drey export.
type exportFlags struct {
	format, to, phase string
	sites             []string
}

func (c *command) export() *cobra.Command {
	f, cluster := exportFlags{phase: store.Sampling.String()}, c.cluster()
	cmd := &cobra.Command{
		Use: "export DIR --format csv|json|parquet [flags]", Short: "Write the draws of a run as one table", Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return cluster.fetched(cmd.Context(), args[0], func(dir, _ string) error { return c.exportRun(dir, f) })
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().Var(&choice{&f.format, []string{"csv", "json", "parquet"}}, "format", "of the table")
	cmd.Flags().StringVar(&f.to, "to", "", "`file` to write (default: standard output, but for parquet)")
	cmd.Flags().Var(&choice{&f.phase, []string{store.Sampling.String(), store.Warmup.String()}}, "phase", "which draws")
	cmd.Flags().StringSliceVar(&f.sites, "save", nil, "`sites` to write, in this order (default: all but auxiliary ones)")
	cluster.add(cmd.Flags())
	return cmd
}

// check finds what is wrong with the flags alone.
func (f *exportFlags) check() error {
	switch {
	case f.format == "":
		return usage("export: --format is missing: csv, json or parquet")
	case f.format == "parquet" && f.to == "":
		return usage("export: --format parquet needs --to FILE: it can't be written to a terminal or a pipe")
	}
	return nil
}

func (c *command) exportRun(dir string, f exportFlags) (err error) {
	r, err := store.Open(dir)
	if err != nil {
		return asUsage(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	sel := store.Selection{Sites: f.sites}
	if f.phase == store.Warmup.String() {
		sel.Phase = store.Warmup
		if !r.Run().Settings.SaveWarmup {
			return usage("--phase warmup: %s has no warmup draws: they are stored where the run has --save-warmup", dir)
		}
	}
	if _, err := r.Selected(sel); err != nil {
		return usage("--save: %w", err)
	}
	write := func(w io.Writer) error { return r.WriteCSV(w, sel) }
	switch f.format {
	case "json":
		write = func(w io.Writer) error { return r.WriteJSON(w, sel) }
	case "parquet":
		write = func(w io.Writer) error { return parquetfile.Write(w, r, sel) }
	}
	if notice := r.Notice(sel.Phase); notice != "" {
		_, _ = fmt.Fprintf(c.Err, "Note: %s.\n", notice)
	}
	if f.to == "" {
		return write(c.Out)
	}
	return writeFile(f.to, write)
}

// writeFile writes a file whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	temp := path + ".tmp"
	out, err := os.Create(temp)
	if err != nil {
		return usage("--to: %w", err)
	}
	err = errors.Join(write(out), out.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}
