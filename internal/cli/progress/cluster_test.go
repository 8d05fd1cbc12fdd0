package progress_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/drey-sampler/drey/internal/cli/progress"
	"github.com/drey-sampler/drey/pkg/transport"
)

// clusterRun is a run of some chains in packs of two, on two workers.
func clusterRun(chains int) progress.Cluster {
	nan := math.NaN()
	s := &transport.RunStatus{
		Run: "r1", Name: "schools", State: transport.Sampling, Committed: 500, Target: 2000, Seconds: 12, SecondsLeft: 36, ESSRate: 40, NestedRHat: 1.02,
		Divergences: 3, Parameters: []transport.ParameterStatus{{Name: "tau", Mean: 3.5, SD: 3, MCSE: 0.2, ESS: 210, RHat: 1.013, NestedRHat: nan}, {Name: "mu", ESS: 500, RHat: 1.001}},
		Names:  []string{"mu", "tau"},
		Points: []transport.DivergencePoint{{Chain: 1, Draw: 17, Position: []float64{4.5, 0.01}}, {Chain: 3, Draw: 90, Position: []float64{2, 0.02}}},
		Places: []transport.DivergencePlace{{Name: "tau", Count: 17, Low: 14}, {Name: "mu", Count: 17, High: 9}}, Suspects: []uint32{1, 3},
		TimingDependent: true, Late: []transport.LateStatus{{Window: 2, Included: 7, Excluded: []transport.PackID{0, 4}}},
	}
	for i := range chains {
		worker := fmt.Sprintf("w%d", i/2%2)
		s.Chains = append(s.Chains, transport.ChainStatus{Chain: uint32(i), Worker: worker, StepSize: 0.25 * float64(1+i/2%2), Acceptance: 0.8, EBFMI: nan, Divergences: uint32(i % 3)})
		if i%2 == 0 {
			s.Leases = append(s.Leases, transport.LeaseStatus{Lease: transport.LeaseRef{Run: "r1", Pack: transport.PackID(i / 2)}, Worker: worker, Behind: uint64(i)})
		}
	}
	return progress.Cluster{Status: s, Workers: []transport.WorkerSummary{{Worker: "w0", LeapfrogRate: 2e6}, {Worker: "w1", LeapfrogRate: 1e6, SinceMillis: 9000}, {Worker: "w2", Draining: true}}}
}

func TestRenderCluster(t *testing.T) {
	text := strings.Join(progress.RenderCluster(clusterRun(4), 200, 50), "\n")
	for _, want := range []string{
		"schools (r1): sampling  ██▌", "500/2000 draws, 12.0 s, 36.0 s left",
		"ESS/s 40  R-hat 1.013  nested R-hat 1.02  divergences 3  leapfrogs/s 2M on 2 workers",
		"tau                     3.5          3       0.2       210   1.013       -",
		"w0          1       2        0.25         0.8           2M       0",
		"w1          1       2         0.5         0.8           1M       2  silent for 9.00 s",
		"w2          0       0           -           -            0       0  draining",
		"divergences gather where tau is small (14 of 17 begin below its 10 % quantile), mu is large (9 of 17 begin above its 90 % quantile)\n" +
			"diverged: chain 3, draw 90, from mu = 2, tau = 0.02\ndiverged: chain 1, draw 17",
		"\nended warmup unlike the others, perhaps in a mode of their own: chains 1, 3\nwindow 2 of warmup was decided by 7 packs, without late ones: 0, 4\nchain",
		"    2         0.5         0.8       -            0            2\n    1        0.25",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	warm := clusterRun(0)
	warm.Status.State, warm.Status.Window, warm.Status.Windows, warm.Status.Target, warm.Workers = transport.Warming, 2, 7, 0, nil
	warm.Status.SecondsLeft = math.NaN()
	text = strings.Join(progress.RenderCluster(warm, 200, 50), "\n")
	if !strings.Contains(text, "warmup, block 3 of 7") || !strings.Contains(text, "no workers: start some") || strings.Contains(text, "left") {
		t.Errorf("in warmup:\n%s", text)
	}
	idle := clusterRun(0)
	idle.Status.Notice = "no worker is registered"
	if text := strings.Join(progress.RenderCluster(idle, 200, 50), "\n"); !strings.Contains(text, "\nno worker is registered\n") {
		t.Errorf("nobody works:\n%s", text)
	}
	behind := clusterRun(4)
	behind.Status.Parameters = nil
	if text := strings.Join(progress.RenderCluster(behind, 200, 50), "\n"); !strings.Contains(text, "until all chains have draws (4 have some)") {
		t.Errorf("some chains have not begun:\n%s", text)
	}
	failed := clusterRun(4)
	failed.Status.State, failed.Status.Error = transport.Failed, "pack 1: the density is NaN"
	if text := strings.Join(progress.RenderCluster(failed, 200, 50), "\n"); !strings.Contains(text, "\npack 1: the density is NaN\n") {
		t.Errorf("failed:\n%s", text)
	}
}

// TestWorstParameters: of many parameters those with the largest R-hat and those with the smallest ESS are shown, the worst first.
func TestWorstParameters(t *testing.T) {
	c := clusterRun(0)
	c.Status.Parameters = nil
	for i := range 40 {
		c.Status.Parameters = append(c.Status.Parameters, transport.ParameterStatus{Name: fmt.Sprintf("x[%d]", i), RHat: 1 + float64(i)/100, ESS: float64(1000 + 10*(i*7%40))})
	}
	c.Status.Parameters[11].ESS = math.NaN()
	lines := progress.RenderCluster(c, 200, 50)
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "worst parameters") })
	var got []string
	for _, l := range lines[at+1 : at+9] {
		got = append(got, strings.Fields(l)[0])
	}
	if want := "x[39] x[11] x[38] x[0] x[37] x[23] x[36] x[6]"; strings.Join(got, " ") != want || strings.HasPrefix(lines[at+9], "x[") {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestRenderClusterFits: the view has never more lines or longer ones than the terminal, whatever its size.
func TestRenderClusterFits(t *testing.T) {
	for _, chains := range []int{0, 4, 500} {
		c := clusterRun(chains)
		for columns := 0; columns < 130; columns += 7 {
			for rows := 0; rows < 40; rows += 4 {
				lines := progress.RenderCluster(c, columns, rows)
				if len(lines) > rows {
					t.Fatalf("%d lines for %d rows", len(lines), rows)
				}
				for _, l := range lines {
					if n := utf8.RuneCountInString(l); columns > 2 && n >= columns {
						t.Fatalf("%d characters for %d columns: %q", n, columns, l)
					}
				}
			}
		}
	}
}

func TestClusterLines(t *testing.T) {
	var b strings.Builder
	l := progress.NewClusterLines(&b)
	c := clusterRun(4)
	for _, at := range []float64{0, 1, 4, 5.5, 6, 11} {
		c.Status.Seconds = at
		l.UpdateCluster(c)
	}
	c.Status.Notice = "no worker is registered"
	l.UpdateCluster(c) // what is new is said at once, and once
	l.UpdateCluster(c)
	c.Status.Notice, c.Status.State = "", transport.Complete
	l.UpdateCluster(c)
	if n := strings.Count(b.String(), "\n"); n != 11 || strings.Count(b.String(), "no worker") != 1 || strings.Count(b.String(), "gather") != 1 || !strings.Contains(b.String(), "schools (r1): done") {
		t.Errorf("%d lines, want 11:\n%s", n, b.String())
	}
}
