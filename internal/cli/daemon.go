package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drey-sampler/drey/internal/daemon"
	"github.com/drey-sampler/drey/internal/runner"
)

// Daemon returns the program that is one of drey's daemons: "coordinator" or "worker".
func Daemon(name string) *Program { return &Program{Name: name, Daemon: name} }

// daemonFlags are those of both daemons.
type daemonFlags struct {
	cluster  clusterFlags
	observe  string
	profiles bool
	level    string
}

func (d *daemonFlags) add(f *pflag.FlagSet) {
	d.level = "info"
	d.cluster.addCerts(f)
	f.StringVar(&d.observe, "observe", "", "serve metrics and health at `HOST:PORT`: /metrics, /healthz, /readyz (default: nowhere)")
	f.BoolVar(&d.profiles, "pprof", false, "serve profiles there too, under /debug/pprof/")
	f.Var(&choice{&d.level, []string{"debug", "info", "warn", "error"}}, "log", "least level of what is logged")
}

// levels are the words of --log.
var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// common returns what the flags say; a coordinator or worker that is ready says so on the standard output.
func (c *command) common(d *daemonFlags) (daemon.Common, error) {
	out := daemon.Common{
		Observe: d.observe, Profiles: d.profiles, Version: moduleVersion(),
		Log:   slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: levels[d.level]})),
		Ready: func(url string) { _, _ = fmt.Fprintln(c.Out, url) },
	}
	if d.profiles && d.observe == "" {
		return out, usage("--pprof: profiles are served with metrics: add --observe HOST:PORT")
	}
	var err error
	out.Credentials, err = d.cluster.credentials()
	return out, err
}

func (c *command) coordinator() *cobra.Command {
	cfg, flags, peers := daemon.CoordinatorConfig{}, &daemonFlags{}, ""
	cmd := &cobra.Command{
		Use: "coordinator --dir DIR [flags]", Short: "Run a coordinator of a cluster, with a NATS server in it", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := daemon.ParsePeers(peers)
			if err != nil {
				return asUsage(err)
			}
			cfg.Peers = list
			if cfg.Common, err = c.common(flags); err != nil {
				return err
			}
			if cfg.NATS != "" && cmd.Flags().Changed("listen") {
				return usage("--listen: there is no server of its own to listen where --nats names another: leave one of them out")
			}
			if err := cfg.Validate(); err != nil {
				return asUsage(err)
			}
			return daemon.RunCoordinator(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&cfg.Dir, "dir", "", "`directory` of all that the coordinator keeps: decisions, messages, draws")
	f.StringVar(&cfg.Listen, "listen", daemon.DefaultListen, "`HOST:PORT` where workers and commands connect")
	f.StringVar(&cfg.NATS, "nats", "", "`URL` of a NATS server with JetStream to use in the place of its own")
	f.StringVar(&cfg.ID, "id", "coordinator", "of this coordinator among --peers")
	f.StringVar(&peers, "peers", "", fmt.Sprintf("all coordinators, this one among them, as `ID=HOST[:PORT]` with commas between; PORT (default: %d) and the next one are for them alone", daemon.DefaultPeerPort))
	flags.add(f)
	return cmd
}

// positive refuses a 0 that was asked for, where one stands for what a worker finds by itself.
func positive(f *pflag.FlagSet, name string, n int) error {
	if f.Changed(name) && n == 0 {
		return usage("--%s 0: want at least 1", name)
	}
	return nil
}

func (c *command) worker() *cobra.Command {
	cfg, flags := daemon.WorkerConfig{Engine: runner.EngineAuto}, &daemonFlags{}
	cmd := &cobra.Command{
		Use: "worker --nats URL [flags]", Short: "Run a worker of a cluster", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if cfg.Common, err = c.common(flags); err != nil {
				return err
			}
			if cfg.NATS == "" {
				cfg.NATS = flags.cluster.address()
			}
			if err := errors.Join(positive(cmd.Flags(), "slots", cfg.Slots), positive(cmd.Flags(), "batch", cfg.Batch), asUsage(cfg.Validate())); err != nil {
				return err
			}
			if err := c.needEngine(cmd.Context(), cfg.Engine); err != nil {
				return err
			}
			err = daemon.RunWorker(cmd.Context(), cfg)
			if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&cfg.NATS, "nats", "", "`URL` of the cluster: nats://HOST:PORT, or several with commas between (default: $"+clusterVariable+")")
	f.Var(&choice{&cfg.Engine, runner.Engines()}, "engine", "what runs the models")
	f.IntVar(&cfg.Batch, "batch", 0, "chains of the largest pack to take, where the device's memory has no room for more (default: any)")
	f.IntVar(&cfg.Slots, "slots", 0, "packs of chains to run at once (default: a core each, 1 on xla)")
	flags.add(f)
	return cmd
}
