package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

func (c *command) ls() *cobra.Command {
	f := c.cluster()
	asJSON := false
	cmd := &cobra.Command{
		Use: "ls [flags]", Short: "List the runs of a cluster", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd.Context(), func(conn *client.Client) error {
				runs, err := conn.Runs(cmd.Context())
				if err != nil {
					return err
				}
				if len(runs) == 0 && !asJSON {
					_, err := fmt.Fprintf(c.Out, "the cluster has no runs yet: %s submit begins one\n", c.Name)
					return err
				}
				return listRuns(c.Out, runs, asJSON)
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

// runLine is a run as drey ls --json prints it.
type runLine struct {
	Run       transport.RunID `json:"run"`
	Name      string          `json:"name"`
	State     string          `json:"state"`
	Chains    uint32          `json:"chains"`
	Committed uint64          `json:"committed"`
	Target    uint64          `json:"target"`
	Submitted string          `json:"submitted"`
}

func listRuns(w io.Writer, runs []transport.RunSummary, asJSON bool) error {
	width, name := len("run"), len("name")
	for _, r := range runs {
		width, name = max(width, len(r.Run)), max(name, len(r.Name))
	}
	if !asJSON {
		if _, err := fmt.Fprintf(w, "%-*s  %-*s  %-8s %7s %21s  %s\n", width, "run", name, "name", "state", "chains", "draws", "submitted"); err != nil {
			return err
		}
	}
	for _, r := range runs {
		at := time.Unix(0, r.Submitted).UTC().Format(time.RFC3339)
		if asJSON {
			if err := jsonLine(w, runLine{r.Run, r.Name, r.State.String(), r.Chains, r.Committed, r.Target, at}); err != nil {
				return err
			}
			continue
		}
		_, err := fmt.Fprintf(w, "%-*s  %-*s  %-8s %7d %21s  %s\n", width, r.Run, name, r.Name, r.State, r.Chains, fmt.Sprintf("%d/%d", r.Committed, r.Target), at)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *command) workers() *cobra.Command {
	f := c.cluster()
	asJSON := false
	cmd := &cobra.Command{
		Use: "workers [flags]", Short: "List the workers of a cluster", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd.Context(), func(conn *client.Client) error {
				workers, err := conn.Workers(cmd.Context())
				if err != nil {
					return err
				}
				if len(workers) == 0 && !asJSON {
					_, err := fmt.Fprintf(c.Out, "the cluster has no workers: %s worker --nats %s starts one\n", c.Name, nats.Redacted(f.address()))
					return err
				}
				return listWorkers(c.Out, workers, asJSON)
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

// workerLine is a worker as drey workers --json prints it.
type workerLine struct {
	Worker       transport.PartyID `json:"worker"`
	Host         string            `json:"host"`
	Class        string            `json:"class"`
	Slots        uint32            `json:"slots"`
	Packs        uint32            `json:"packs"`
	LeapfrogRate store.Float       `json:"leapfrogs_per_second"`
	Silent       float64           `json:"silent_seconds"`
	Draining     bool              `json:"draining"`
}

func workerLineOf(w *transport.WorkerSummary) workerLine {
	return workerLine{w.Worker, w.Host, w.Class, w.Slots, w.Packs, store.Float(w.LeapfrogRate), float64(w.SinceMillis) / 1000, w.Draining}
}

func listWorkers(w io.Writer, workers []transport.WorkerSummary, asJSON bool) error {
	width, host := len("worker"), len("host")
	for _, x := range workers {
		width, host = max(width, len(x.Worker)), max(host, len(x.Host))
	}
	if !asJSON {
		if _, err := fmt.Fprintf(w, "%-*s  %-*s %6s %6s %12s %10s  %s\n", width, "worker", host, "host", "slots", "packs", "leapfrogs/s", "heard of", "class"); err != nil {
			return err
		}
	}
	for i := range workers {
		x := &workers[i]
		if asJSON {
			if err := jsonLine(w, workerLineOf(x)); err != nil {
				return err
			}
			continue
		}
		state := ""
		if x.Draining {
			state = "  draining"
		}
		_, err := fmt.Fprintf(w, "%-*s  %-*s %6d %6d %12.4g %10s  %s%s\n", width, x.Worker, host, x.Host, x.Slots, x.Packs, x.LeapfrogRate,
			(time.Duration(x.SinceMillis) * time.Millisecond).Round(100*time.Millisecond).String(), x.Class, state)
		if err != nil {
			return err
		}
	}
	return nil
}

// jsonLine writes a value as one line.
func jsonLine(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(w, "%s\n", text)
	}
	return err
}
