package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
)

func (c *command) stop() *cobra.Command {
	return c.onCluster("stop", "End a run on a cluster: what it has drawn is kept, and resume goes on",
		func(ctx context.Context, conn *client.Client, r transport.RunSummary) error {
			return conn.Stop(ctx, r.Run, "stopped by a user")
		})
}

func (c *command) drain() *cobra.Command {
	f := c.cluster()
	cmd := &cobra.Command{
		Use: "drain WORKER [flags]", Short: "Have a worker of a cluster hand its work over and finish", Args: arguments("WORKER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !transport.IsToken(args[0]) {
				return usage("drain: %q is no name of a worker (%s workers lists them)", args[0], c.Name)
			}
			return f.with(cmd.Context(), func(conn *client.Client) error {
				err := conn.Drain(cmd.Context(), transport.PartyID(args[0]))
				if transport.KindOf(err) == transport.NotFound && err != nil {
					return usage("drain: the cluster has no worker %q (%s workers lists them)", args[0], c.Name)
				}
				return clusterError(err)
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	return cmd
}

func (c *command) logs() *cobra.Command {
	follow := false
	cmd := c.onCluster("logs", "Print the log of a run on a cluster", func(ctx context.Context, conn *client.Client, r transport.RunSummary) error {
		return conn.Logs(ctx, r.Run, follow, func(l *transport.LogRecord) { _, _ = fmt.Fprintln(c.Out, logLine(l)) })
	})
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with what is logged from now on, until interrupted")
	return cmd
}

// logLine is a line of a run's log: time, level, text and key=value.
func logLine(l *transport.LogRecord) string {
	level := "INFO"
	switch {
	case l.Level >= 8:
		level = "ERROR"
	case l.Level >= 4:
		level = "WARN"
	case l.Level < 0:
		level = "DEBUG"
	}
	out := fmt.Sprintf("%s %-5s %s", time.Unix(0, l.Time).UTC().Format("2006-01-02T15:04:05.000Z"), level, l.Text)
	for _, a := range l.Attributes {
		out += " " + a.Key + "=" + a.Value
	}
	return out
}

func (c *command) pull() *cobra.Command {
	f := c.cluster()
	cmd := &cobra.Command{
		Use: "pull RUN DIR [flags]", Short: "Fetch a run of a cluster into a run directory", Args: arguments("RUN", "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := empty("pull:", args[1]); err != nil {
				return err
			}
			return f.withRun(cmd.Context(), args[0], func(conn *client.Client, r transport.RunSummary) error {
				return clusterError(conn.Pull(cmd.Context(), r.Run, args[1]))
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	return cmd
}

func (c *command) certs() *cobra.Command {
	var hosts []string
	cmd := &cobra.Command{
		Use: "certs DIR [flags]", Short: "Make a trial set of certificates and keys for a cluster", Args: arguments("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			all := append([]string{"localhost", "127.0.0.1", "::1"}, hosts...)
			if err := trust.WriteTrial(args[0], all, time.Now()); err != nil {
				return asUsage(err)
			}
			_, err := fmt.Fprintf(c.Out, "%s: directories for --certs: %s, %s, %s, %s; %s has the key that made them: keep it to yourself\n",
				args[0], trust.Coordinator, trust.Worker, trust.Client, trust.Server, trust.AuthorityDir)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&hosts, "hosts", nil, "`names` and addresses where coordinators are reached, besides this computer's own, separated by commas")
	return cmd
}
