//go:build unix

package cluster

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/pkg/transport"
)

// open starts a coordinator that is alone, and returns its user, what starts a worker, and the coordinator.
func open(t *testing.T) (user, func() *process, *alone) {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: processes of a cluster take seconds")
	}
	t.Parallel()
	a := &alone{dir: t.TempDir(), address: addresses(t, 1)[0]}
	a.start(t)
	u := user{cluster: "nats://" + a.address}
	return u, func() *process { return start(t, "worker", "--nats", u.cluster, "--slots", "2") }, a
}

// alone is a coordinator without others.
type alone struct {
	dir, address string
	*process
}

// start starts it, or starts it again from its disk, and waits until it is ready.
func (a *alone) start(t *testing.T) {
	t.Helper()
	a.process = start(t, "coordinator", "--dir", a.dir, "--listen", a.address)
	a.says(t, "msg=ready")
}

// TestWorkerKilled: of two workers one is killed, in warmup, also where chains adapt together, or in sampling; the other makes its
// packs' blocks again.
func TestWorkerKilled(t *testing.T) {
	for phase, c := range map[string]struct {
		run schools
		at  uint64 // draws that are committed by then
	}{
		"warmup": {schools{seed: 11, draws: 3000}, 0}, "sampling": {schools{seed: 11, draws: 24000}, 8000},
		"pooled warmup": {schools{seed: 22, draws: 500, chains: 16}, 0},
	} {
		t.Run(phase, func(t *testing.T) {
			u, worker, _ := open(t)
			first, _ := worker(), worker()
			s := c.run
			run := s.submit(t, u)
			if c.at == 0 {
				first.says(t, "msg=lease ")
			}
			u.reaches(t, run, c.at)
			first.kill()
			s.check(t, u, run)
			if log := u.must(t, "logs", run); !strings.Contains(log, "lease expired pack=") || !strings.Contains(log, "epoch=") {
				t.Errorf("the log tells of no lease that expired:\n%s", log)
			}
		})
	}
}

// TestWorkerTerminated: a worker that is told to end hands its packs over at once.
func TestWorkerTerminated(t *testing.T) {
	u, worker, _ := open(t)
	first := worker()
	s := schools{seed: 12, draws: 6000}
	run := s.submit(t, u)
	u.reaches(t, run, 2000)
	worker()
	first.signal(t, syscall.SIGTERM)
	<-first.exited
	if status := first.cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("the worker ended with status %d", status)
	}
	s.check(t, u, run)
	log := u.must(t, "logs", run)
	if !strings.Contains(log, "lease released pack=") || strings.Contains(log, "lease expired") {
		t.Errorf("want leases that were released, and none that expired:\n%s", log)
	}
}

// TestWorkerDrained: likewise for one that a person drains, which then gets nothing more and ends.
func TestWorkerDrained(t *testing.T) {
	u, worker, _ := open(t)
	first := worker()
	s := schools{seed: 13, draws: 4000}
	run := s.submit(t, u)
	u.reaches(t, run, 1000)
	name, _, _ := strings.Cut(strings.Split(u.must(t, "workers"), "\n")[1], " ")
	u.must(t, "drain", name)
	<-first.exited
	worker()
	s.check(t, u, run)
}

// TestWorkerPaused: a worker that sleeps beyond its lease and wakes up does no harm.
func TestWorkerPaused(t *testing.T) {
	u, worker, _ := open(t)
	first, _ := worker(), worker()
	s := schools{seed: 14, draws: 12000}
	run := s.submit(t, u)
	u.reaches(t, run, 4000)
	first.signal(t, syscall.SIGSTOP)
	await(t, "its leases expire", func() bool { return strings.Contains(u.must(t, "logs", run), "lease expired") })
	first.signal(t, syscall.SIGCONT)
	s.check(t, u, run)
}

// TestCoordinatorKilled: a coordinator, its NATS server with it, is killed and started again from its disk, in warmup and twice
// in sampling.
func TestCoordinatorKilled(t *testing.T) {
	u, worker, coordinator := open(t)
	worker()
	s := schools{seed: 15, draws: 24000}
	run := s.submit(t, u)
	for _, at := range []uint64{0, 8000, 24000} {
		u.reaches(t, run, at)
		coordinator.kill()
		coordinator.start(t)
	}
	s.check(t, u, run)
}

// TestStopResumeExtend: a run that is stopped, resumed and extended has the draws of a longer one.
func TestStopResumeExtend(t *testing.T) {
	u, worker, _ := open(t)
	worker()
	s := schools{seed: 16, draws: 5000}
	run := s.submit(t, u)
	u.reaches(t, run, 2000)
	u.must(t, "stop", run)
	await(t, "the run is stopped", func() bool { return u.state(t, run) == transport.Stopped })
	u.must(t, "resume", run)
	u.must(t, "watch", run)
	u.must(t, "extend", run, "--draws", "1000")
	s.draws = 6000
	s.check(t, u, run)
	if out, said, err := u.run(t, "resume", run); err == nil || !strings.Contains(said, "is done") {
		t.Errorf("resumed a run that is done: %s%s", out, said)
	}
}

// TestStopRule: a run ends once its rule holds, with the draws of one that was asked for no more.
func TestStopRule(t *testing.T) {
	u, worker, _ := open(t)
	worker()
	s := schools{seed: 18, draws: 5000}
	run := strings.TrimSpace(u.must(t, append([]string{"submit", "--stop-rhat", "1.05", "--stop-ess", "200"}, s.args()...)...))
	u.must(t, "watch", run)
	u.connected(t, func(ctx context.Context, c *client.Client) {
		r, err := c.Find(ctx, run)
		if err != nil || r.State != transport.Complete || r.Committed == 0 || r.Committed > 10_000 {
			t.Fatalf("the rule's run: %+v, %v", r, err)
		}
		s.draws = int(r.Committed) / s.width()
	})
	s.check(t, u, run)
}

// TestProgramRunsItself: drey run --cluster is drey run elsewhere.
func TestProgramRunsItself(t *testing.T) {
	u, worker, _ := open(t)
	worker()
	dir := t.TempDir()
	s := schools{seed: 17, draws: 1000}
	there := user{}.must(t, append([]string{"run", "--cluster", u.cluster, "--quiet", "--out", filepath.Join(dir, "there"), "--json"}, s.args()...)...)
	here := user{}.must(t, append([]string{"run", "--quiet", "--out", filepath.Join(dir, "here"), "--json"}, s.args()...)...)
	part := func(text string) string { // without what depends on the time and the place
		_, text, _ = strings.Cut(text, `"ebfmi"`)
		return text
	}
	if part(here) == "" || part(here) != part(there) {
		t.Errorf("there\n%s\nhere\n%s", there, here)
	}
}
