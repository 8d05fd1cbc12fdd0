package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/drey-sampler/drey/internal/cli/progress"
	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/pkg/transport"
)

func (c *command) watch() *cobra.Command {
	f := c.cluster()
	asJSON := false
	cmd := &cobra.Command{
		Use: "watch RUN [flags]", Short: "Show how a run on a cluster goes, until it ends", Args: arguments("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withRun(cmd.Context(), args[0], func(conn *client.Client, r transport.RunSummary) error {
				return c.follow(cmd.Context(), conn, r.Run, clusterDisplay(c.Out, asJSON))
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

// clusterDisplay returns what shows a run on a cluster: a table that is redrawn on a terminal, lines elsewhere.
func clusterDisplay(w io.Writer, asJSON bool) func(progress.Cluster) {
	if asJSON {
		return func(p progress.Cluster) { _ = jsonLine(w, statusLineOf(p)) }
	}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		return progress.NewLive(file, terminalSize(file)).UpdateCluster
	}
	return progress.NewClusterLines(w).UpdateCluster
}

// workersEvery is how often a watched cluster is asked for its workers.
const workersEvery = 2 * time.Second

// follow shows a run until it ends. It is an error if the run failed.
func (c *command) follow(ctx context.Context, conn *client.Client, run transport.RunID, show func(progress.Cluster)) error {
	var mu sync.Mutex // guards workers
	var workers []transport.WorkerSummary
	asking, stop := context.WithCancel(ctx)
	var asker sync.WaitGroup
	defer asker.Wait()
	defer stop()
	asker.Go(func() {
		for {
			if list, err := conn.Workers(asking); err == nil {
				mu.Lock()
				workers = list
				mu.Unlock()
			}
			select {
			case <-asking.Done():
				return
			case <-time.After(workersEvery):
			}
		}
	})
	last, err := conn.Watch(ctx, run, func(s *transport.RunStatus) {
		mu.Lock()
		defer mu.Unlock()
		show(progress.Cluster{Status: s, Workers: workers})
	})
	switch {
	case errors.Is(err, errInterrupted):
		return fmt.Errorf("%w: run %s goes on; to see more of it: %s watch %s", errInterrupted, run, c.Name, run)
	case err != nil:
		return err
	case last.State == transport.Failed:
		return fmt.Errorf("run %s failed: %s", run, last.Error)
	}
	return nil
}
