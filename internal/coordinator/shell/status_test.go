package shell_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// TestStatusSaysWhatIsMissing: a run says what it waits for, and what has the engine gets its packs at once; the time that it waited is
// told from that of warmup and sampling, stands still once it has ended, and is in the run's directory.
func TestStatusSaysWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := smallRun()
		m.Engine = "abacus"
		run := c.submit(m)
		notice := func(want string) {
			t.Helper()
			if s := c.status(run); s.State != transport.Waiting || !strings.HasPrefix(s.Notice, want) {
				t.Errorf("%s: %q, want %q", s.State, s.Notice, want)
			}
		}
		notice("no worker is registered")
		_, kill := c.work(shelltest.WorkerConfig{})
		time.Sleep(4 * time.Second)
		notice(`no worker has the engine abacus: there are 1 of "arithmetic"`)
		kill()
		time.Sleep(16 * time.Second)
		notice("nothing is heard of any worker (1 are registered)")
		c.work(shelltest.WorkerConfig{Class: "abacus:wooden v1", Block: 2 * time.Second})
		c.within(run, 2)
		s := c.status(run)
		if s.Notice != "" || s.SecondsLeft <= 0 {
			t.Errorf("under way: %q, %v s left", s.Notice, s.SecondsLeft)
		}
		for _, l := range s.Leases {
			if l.Lease.Epoch > 1 {
				t.Errorf("a worker that has not the engine had a lease of pack %d", l.Lease.Pack)
			}
		}
		c.ended(run)
		s = c.status(run)
		idle := s.Seconds - s.Warmup - s.Sampling
		if idle < 19.9 || idle > 24 || s.Warmup < 1 || s.Sampling < 1 || s.Transitions != uint64(warmupDraws(m)) || !math.IsNaN(s.SecondsLeft) {
			t.Errorf("%v s idle, %v s of warmup and %v s of sampling after %d transitions, %v s left", idle, s.Warmup, s.Sampling, s.Transitions, s.SecondsLeft)
		}
		if !slices.Equal(s.Suspects, []uint32{shelltest.Suspect}) {
			t.Errorf("chains %v are suspect", s.Suspects)
		}
		time.Sleep(time.Minute)
		if later := c.status(run); later.Seconds != s.Seconds {
			t.Errorf("a run that has ended has taken %v s, then %v", s.Seconds, later.Seconds)
		}
		r, err := store.ReadRun(c.path(run))
		if err != nil || float64(r.Seconds.Warmup) != s.Warmup || float64(r.Seconds.Sampling) != s.Sampling || float64(r.Seconds.Total) != s.Seconds ||
			r.Warmup == nil || r.Warmup.Transitions != warmupDraws(m) || !slices.Equal(r.Warmup.Suspects, []int{shelltest.Suspect}) {
			t.Errorf("run.json has %+v, %+v, %v; the status %v, %v of %v s", r.Seconds, r.Warmup, err, s.Warmup, s.Sampling, s.Seconds)
		}
	})
}

// TestCompileSeconds: the longest time that a worker of a run took to compile its program is in its status and its directory, also where
// the coordinator starts again meanwhile; what others say of it is not.
func TestCompileSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := smallRun()
		run := c.submit(m)
		link, _ := c.work(shelltest.WorkerConfig{Name: "first"})
		c.work(shelltest.WorkerConfig{Name: "second"})
		c.within(run, 1)
		say := func(worker transport.PartyID, millis uint32) {
			t.Helper()
			beat := &transport.Heartbeat{Worker: worker, Compiled: []transport.Compilation{{Run: "another", Millis: 1}, {Run: run, Millis: millis}}}
			if err := transport.Send(t.Context(), link, beat); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if s := c.status(run); s.Compile != 0 {
			t.Errorf("the program took %v s to compile, and nobody has said so", s.Compile)
		}
		say("first", 1500)
		c.end()
		c.start()
		time.Sleep(time.Second)
		say("second", 700)
		say("stranger", 9000)
		c.ended(run)
		say("first", 9000) // it has no pack of it any more
		r, err := store.ReadRun(c.path(run))
		if s := c.status(run); err != nil || s.Compile != 1.5 || r.Seconds.Compile != 1.5 || float64(r.Seconds.Total) != s.Seconds {
			t.Errorf("the status has %v s, the directory %+v, %v", s.Compile, r.Seconds, err)
		}
	})
}

// warmupDraws returns the transitions of a manifest's warmup.
func warmupDraws(m *transport.Manifest) (n int) {
	for _, s := range m.Warmup {
		n += int(s.Draws)
	}
	return n
}

// TestNoticeOfANewLeader: a coordinator that has not heard yet how many packs a worker takes does not say that it has too many.
func TestNoticeOfANewLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		c.work(shelltest.WorkerConfig{Beat: time.Second})
		c.ended(c.submit(smallRun()))
		c.end()
		c.start()
		time.Sleep(4 * time.Second)
		if s := c.status(c.submit(smallRun())); s.State != transport.Waiting || s.Notice != "" {
			t.Errorf("%s: %q", s.State, s.Notice)
		}
	})
}
