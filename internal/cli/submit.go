package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/transport"
)

// submitFlags are the flags of drey submit beside those of drey run.
type submitFlags struct {
	cluster clusterFlags
	run     *runFlags
	name    string
	terms   runner.Terms
}

func (s *submitFlags) add(f *pflag.FlagSet, p *Program) {
	s.terms = runner.DefaultTerms()
	s.cluster.add(f)
	f.StringVar(&s.name, "name", "", "of the run, for people (default: the model's)")
	f.DurationVar(&s.terms.Lease, "lease", s.terms.Lease, "`time` for which a worker may be silent until its packs are given to others")
	addDeadline(f, &s.terms)
	s.run.addModel(f, p)
	s.run.addStop(f)
	f.Lookup("batch").Usage = "chains of a pack, which one worker runs at a time (default: 8 or more, so that there are at most 16 packs)"
}

// deadlineFlag is the name of the flag that lets the clock have a say in warmup.
const deadlineFlag = "warmup-deadline"

func addDeadline(f *pflag.FlagSet, t *runner.Terms) {
	f.DurationVar(&t.Deadline, deadlineFlag, 0, "`time` that pooled warmup waits for late packs, but at its end; the run can't be repeated bit for bit (default: as long as it takes)")
}

// deadlineRange checks that flag of a command.
func deadlineRange(r *runFlags, t runner.Terms) error {
	if least, most := time.Second, 24*time.Hour; r.flags.Changed(deadlineFlag) && (t.Deadline < least || t.Deadline > most) {
		return usage("%s: --%s %v: want %v to %v", r.command, deadlineFlag, t.Deadline, least, most)
	}
	return nil
}

// ranges checks the name and times.
func (s *submitFlags) ranges() error {
	var problems []error
	if strings.ContainsFunc(s.name, func(c rune) bool { return !unicode.IsPrint(c) }) || len(s.name) > transport.MaxName {
		problems = append(problems, usage("submit: --name %.80q: want printable characters, at most %d bytes of them", s.name, transport.MaxName))
	}
	if least, most := time.Second, time.Hour; s.terms.Lease < least || s.terms.Lease > most {
		problems = append(problems, usage("submit: --lease %v: want %v to %v", s.terms.Lease, least, most))
	}
	return errors.Join(append(problems, deadlineRange(s.run, s.terms))...)
}

func (c *command) submit() *cobra.Command {
	flags := &submitFlags{run: &runFlags{command: "submit"}, cluster: *c.cluster()}
	cmd := &cobra.Command{
		Use: "submit MODEL [flags]", Short: "Begin a run on a cluster: prints its id", Args: arguments("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := c.find(args[0])
			if err != nil {
				return err
			}
			return c.submitModel(cmd.Context(), m, flags)
		},
	}
	if !c.BuiltIn {
		cmd.Use, cmd.Args = "submit [flags]", arguments()
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return c.submitModel(cmd.Context(), &c.Models[0], flags) }
	}
	flags.add(cmd.Flags(), c.Program)
	return cmd
}

func (c *command) submitModel(ctx context.Context, m *Model, flags *submitFlags) error {
	if err := errors.Join(flags.ranges(), flags.run.finish()); err != nil {
		return err
	}
	model, err := c.bind(m, flags.run.inputs())
	if err != nil {
		return err
	}
	cfg := flags.run.config
	if cfg.Seed == nil {
		if cfg.Seed, err = drawSeed(); err != nil {
			return err
		}
	}
	return flags.cluster.with(ctx, func(conn *client.Client) error {
		name := flags.name
		if name == "" {
			name = m.Name
		}
		id, err := begin(ctx, conn, cfg, model, flags.terms, name)
		if err != nil {
			return clusterError(err)
		}
		if _, err = fmt.Fprintln(c.Out, id); err != nil {
			return err
		}
		if s, err := conn.Status(ctx, id); err == nil && s.Notice != "" { // the run waits for what would help
			_, _ = fmt.Fprintf(c.Err, "%s: %s\n", id, s.Notice)
		}
		return nil
	})
}

// begin puts what a run needs onto a cluster, and submits it.
func begin(ctx context.Context, conn *client.Client, cfg runner.Config, m runner.Model, terms runner.Terms, name string) (transport.RunID, error) {
	j, manifest, err := runner.Manifest(cfg, m, terms)
	if errors.Is(err, runner.ErrNoBarrier) {
		return "", usage("--%s %v: %w", deadlineFlag, terms.Deadline, err)
	}
	if err != nil {
		return "", err
	}
	if err := conn.Ready(ctx); err != nil {
		return "", err
	}
	if err := j.Put(ctx, conn.Put(), manifest); err != nil {
		return "", err
	}
	return conn.Submit(ctx, manifest, name)
}
