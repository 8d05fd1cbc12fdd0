package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// Variables that stand for flags of all commands that talk to a cluster.
const (
	clusterVariable = "DREY_CLUSTER"
	certsVariable   = "DREY_CERTS"
)

// clusterFlags say which cluster a command talks to.
type clusterFlags struct {
	url, certs string
	out        io.Writer // for what people should know while they wait
}

// cluster returns flags that are not set.
func (c *command) cluster() *clusterFlags { return &clusterFlags{out: c.Err} }

// add defines the flags. Of a command that works on a run directory too, the cluster is only one of the places.
func (c *clusterFlags) add(f *pflag.FlagSet) {
	f.StringVar(&c.url, "cluster", "", "`URL` of the cluster: nats://HOST:PORT (default: $"+clusterVariable+")")
	c.addCerts(f)
}

func (c *clusterFlags) addCerts(f *pflag.FlagSet) {
	f.StringVar(&c.certs, "certs", "", "`directory` of credentials, as drey certs makes them (default: $"+certsVariable+")")
}

// credentials returns those of --certs, nil without.
func (c *clusterFlags) credentials() (*trust.Credentials, error) {
	dir := c.certs
	if dir == "" {
		dir = os.Getenv(certsVariable)
	}
	if dir == "" {
		return nil, nil
	}
	out, err := trust.Load(dir)
	if err != nil {
		return nil, usage("--certs %s: %s (drey certs makes such directories)", dir, plain(err.Error()))
	}
	return out, nil
}

// address returns the cluster's URL, "" if none is named.
func (c *clusterFlags) address() string {
	if c.url != "" {
		return c.url
	}
	return os.Getenv(clusterVariable)
}

// with calls f with a connection to the cluster.
func (c *clusterFlags) with(ctx context.Context, f func(*client.Client) error) (err error) {
	url := c.address()
	if url == "" {
		return usage("no cluster is named: --cluster nats://HOST:PORT, or %s in the environment", clusterVariable)
	}
	credentials, err := c.credentials()
	if err != nil {
		return err
	}
	conn, err := client.Dial(ctx, url, credentials)
	if err != nil {
		return clusterError(err)
	}
	conn.Waiting = func(reason error) {
		_, _ = fmt.Fprintf(c.out, "waiting for the cluster at %s: no coordinator leads it yet (%v)\n", nats.Redacted(url), reason)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return f(conn)
}

// withRun calls f with a connection and the run that a word means.
func (c *clusterFlags) withRun(ctx context.Context, word string, f func(*client.Client, transport.RunSummary) error) error {
	return c.with(ctx, func(conn *client.Client) error {
		r, err := conn.Find(ctx, word)
		if err != nil {
			return clusterError(err)
		}
		return f(conn, r)
	})
}

// elsewhere reports whether a word means a run of the cluster, and not a directory here: --cluster says so, or the variable
// where there is no such directory.
func (c *clusterFlags) elsewhere(word string) bool {
	if c.url != "" || os.Getenv(clusterVariable) == "" {
		return c.url != ""
	}
	_, err := os.Stat(word)
	return err != nil
}

// clusterError makes what a cluster says is wrong with a request an error in how a command was called.
func clusterError(err error) error {
	if kind := transport.KindOf(err); kind != transport.NotFound && kind != transport.Invalid {
		return err
	}
	if e, ok := err.(*transport.Error); ok { // its kind and operation say nothing to people
		return asUsage(e.Err)
	}
	return asUsage(err)
}

// fetched calls f with the directory of a run: one here, or that of a run of the cluster, fetched for the time of the call. where
// is what people are told about the place.
func (c *clusterFlags) fetched(ctx context.Context, word string, f func(dir, where string) error) error {
	if !c.elsewhere(word) {
		return f(word, word)
	}
	return c.withRun(ctx, word, func(conn *client.Client, r transport.RunSummary) (err error) {
		dir, err := os.MkdirTemp("", "drey-pull-")
		if err != nil {
			return fmt.Errorf("a directory for the run: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		if err := conn.Pull(ctx, r.Run, dir); err != nil {
			return clusterError(err)
		}
		return f(dir, fmt.Sprintf("%s at %s", r.Run, nats.Redacted(c.address())))
	})
}

// onCluster returns a command that does something with a run of the cluster.
func (c *command) onCluster(name, short string, do func(context.Context, *client.Client, transport.RunSummary) error) *cobra.Command {
	f := c.cluster()
	cmd := &cobra.Command{
		Use: name + " RUN [flags]", Short: short, Args: arguments("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withRun(cmd.Context(), args[0], func(conn *client.Client, r transport.RunSummary) error {
				return clusterError(do(cmd.Context(), conn, r))
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	return cmd
}
