package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/drey-sampler/drey/internal/cli/progress"
	"github.com/drey-sampler/drey/internal/cli/report"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
)

// defaultProb is the probability of intervals, as in NumPyro's summary: 5 % to 95 %.
const defaultProb = 0.9

// display shows the progress of a run; its functions may be nil-like, then it shows nothing.
type display struct {
	begin  func(title string)
	update func(runner.Progress)
}

// display returns what shows progress: a live table where Err is a terminal, plain lines elsewhere, nothing with --quiet;
// with --json no plain lines either.
func (c *command) display(o outputFlags) display {
	title := func(s string) { _, _ = fmt.Fprintln(c.Err, s) }
	file, ok := c.Err.(*os.File)
	switch {
	case o.quiet:
	case ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb":
		return display{title, progress.NewLive(file, terminalSize(file)).Update}
	case !o.json:
		return display{title, progress.NewLines(c.Err).Update}
	}
	return display{func(string) {}, nil}
}

// terminalSize returns what tells the size of a terminal, which may change; 0 where it is unknown.
func terminalSize(file *os.File) func() (columns, rows int) {
	return func() (columns, rows int) {
		columns, rows, err := term.GetSize(int(file.Fd()))
		if err != nil {
			return 0, 0
		}
		return columns, rows
	}
}

// reporting says how the summary of a run is printed.
type reporting struct {
	prob float64 // of the intervals
	json bool    // one object in the place of the table
	hpdi bool    // the object has the intervals of highest density too
}

// report prints the summary of a run.
func (c *command) report(d runner.Draws, dir string, how reporting) error {
	s, err := runner.Summarise(d, how.prob)
	if err != nil {
		return err
	}
	if how.json {
		s.HPDI = how.hpdi
		text, err := json.Marshal(s)
		if err == nil {
			_, err = fmt.Fprintf(c.Out, "%s\n", text)
		}
		return err
	}
	if err := report.Table(c.Out, s); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Out, "\n%s\n", describe(d, s, dir))
	return err
}

// describe says in one line what a run directory holds.
func describe(d runner.Draws, s *runner.Summary, dir string) string {
	run := d.Run()
	parts := []string{fmt.Sprintf("%s: %d chains × %d draws", run.Model, run.Settings.Chains, s.Draws)}
	if run.Schema.SampleStats {
		parts = append(parts, fmt.Sprintf("seed %d", run.Seed))
		if t := float64(run.Seconds.Total); t > 0 {
			parts = append(parts, fmt.Sprintf("%.2f s", t))
		}
		if rate := s.ESSRate(); rate > 0 {
			parts = append(parts, fmt.Sprintf("%.4g ESS/s", rate))
		}
		if n := s.Transitions(); n < run.Settings.Warmup {
			parts = append(parts, fmt.Sprintf("warmup of %d transitions in the place of %d", n, run.Settings.Warmup))
		}
	}
	live, ok := d.(interface{ Live() bool })
	switch {
	case run.State == store.Running && ok && !live.Live():
		parts = append(parts, "killed")
	case run.State != store.Done:
		parts = append(parts, string(run.State))
	}
	return strings.Join(parts, ", ") + ", in " + dir
}
