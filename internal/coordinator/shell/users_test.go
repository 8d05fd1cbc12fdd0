package shell_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// ask sends a request as the client.
func ask[R transport.Message](c *cluster, m transport.Sealed) (R, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	return transport.Ask[R](ctx, c.client, m)
}

// TestUsersVerbs: a run that fails is resumed, one that goes on is stopped and resumed, and one that is done is extended; at the end it
// has the draws of a run that was given them at once. Commands that come twice change nothing.
func TestUsersVerbs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := smallRun()
		run := c.submit(m)
		twice := func(m transport.Sealed) {
			t.Helper()
			for range 2 {
				if _, err := ask[*transport.Done](c, m); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, kill := c.work(shelltest.WorkerConfig{Name: "first", Incarnation: 1})
		c.within(run, 1)
		kill()
		var failing transport.LeaseRef
		for _, l := range c.status(run).Leases {
			if l.Worker == "first" {
				failing = l.Lease
			}
		}
		evidence := "the density is NaN at the start of chain 3"
		twice(&transport.Release{Command: transport.Command{Party: "first", Incarnation: 1, Sequence: 1 << 20}, Leases: []transport.LeaseRef{failing}, Failed: true, Reason: evidence})
		if s := c.status(run); s.State != transport.Failed || s.Error != evidence {
			t.Fatalf("a run whose pack fails is %s: %q", s.State, s.Error)
		}
		twice(&transport.Resume{Command: c.next(), Run: run})
		c.work(shelltest.WorkerConfig{})
		c.work(shelltest.WorkerConfig{})
		c.within(run, 6)
		twice(&transport.Stop{Command: c.next(), Run: run, Reason: "enough"})
		s := c.until(run, "stopped", func(s *transport.RunStatus) bool { return s.State == transport.Stopped })
		if s.Committed == 0 || s.Committed != s.Target || s.Target >= 950 {
			t.Errorf("the stopped run has %d of %d draws", s.Committed, s.Target)
		}
		time.Sleep(2 * time.Second)
		if r, err := store.ReadRun(c.path(run)); err != nil || r.State != store.Interrupted {
			t.Errorf("the directory of a stopped run says %v, %v", r, err)
		}
		twice(&transport.Resume{Command: c.next(), Run: run})
		c.ended(run)
		twice(&transport.Extend{Command: c.next(), Run: run, Target: 133})
		c.until(run, "extended", func(s *transport.RunStatus) bool { return s.State == transport.Complete && s.Committed == 1330 })
		c.ended(run)
		for _, text := range []string{"run stopped", "run resumed", "run extended", "run failed"} {
			if text != "run failed" && !c.log.has(text) || text == "run failed" && !c.log.has("run is failed") {
				t.Errorf("the log does not say %q", text)
			}
		}
		c.check(run, m, 133)
	})
}

// TestStopsByRule: a run ends when its rule holds, with the same draws whoever is ahead.
func TestStopsByRule(t *testing.T) {
	ends := map[uint64]bool{}
	for _, slow := range []time.Duration{time.Second, 7 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t)
			c.start()
			defer c.stop()
			m := smallRun()
			m.Draws, m.Stop = 2000, transport.StopRule{Every: 3, RHat: 1.05, ESS: 500}
			run := c.submit(m)
			c.work(shelltest.WorkerConfig{})
			c.work(shelltest.WorkerConfig{Block: slow})
			c.ended(run)
			s := c.status(run)
			draws := s.Target / uint64(m.Chains)
			if draws >= 2000 || draws%30 != 0 || s.Committed != s.Target || !c.log.has("stop rule holds") || !c.log.has("stop rule does not hold yet") {
				t.Errorf("the run ended with %d draws of each chain", draws)
			}
			for _, p := range s.Parameters {
				if !(p.RHat < 1.1 && p.ESS > 200 && p.NestedRHat < 1.1 && math.Abs(p.Mean) < 5*p.MCSE) || math.Abs(p.SD-math.Sqrt(1.0/3)) > 0.05 {
					t.Errorf("a parameter that is uniform on [-1, 1) has the figures %+v", p)
				}
			}
			if len(s.Parameters) != shelltest.Parameters || len(s.Chains) != 10 || s.Leapfrogs == 0 {
				t.Errorf("the status has %d parameters, %d chains and %d leapfrogs", len(s.Parameters), len(s.Chains), s.Leapfrogs)
			}
			ends[draws] = true
			c.check(run, m, draws)
		})
	}
	if len(ends) != 1 {
		t.Errorf("runs of one seed ended at %v", ends)
	}
}

// judging is a machine to which judgements of stop rules take forever: until nobody waits for them.
type judging struct {
	shell.Machine
	begun, given atomic.Int64 // judgements, and those that were given up
}

func (j *judging) Propose(ctx context.Context, cmd coordinator.Command) (coordinator.Result, error) {
	if timed, ok := cmd.(*coordinator.Timed); ok {
		if d, ok := timed.Command.(*coordinator.Decide); ok && len(d.Payload) == 0 {
			j.begun.Add(1)
			<-ctx.Done()
			j.given.Add(1)
		}
	}
	return j.Machine.Propose(ctx, cmd)
}

// TestStopEndsJudgement: who stops a run waits for no judgement of its rule, and the judgement is given up.
func TestStopEndsJudgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		j := &judging{}
		c.wrap = func(m shell.Machine) shell.Machine {
			j.Machine = m
			return j
		}
		c.start()
		defer c.stop()
		m := smallRun()
		m.Draws, m.Stop = 2000, transport.StopRule{Every: 3, RHat: 1.05, ESS: 500}
		run := c.submit(m)
		c.work(shelltest.WorkerConfig{})
		c.work(shelltest.WorkerConfig{})
		for j.begun.Load() == 0 {
			time.Sleep(time.Second)
		}
		if _, err := ask[*transport.Done](c, &transport.Stop{Command: c.next(), Run: run, Reason: "enough"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if j.given.Load() != j.begun.Load() {
			t.Errorf("%d of %d judgements were given up when the run was stopped", j.given.Load(), j.begun.Load())
		}
		s := c.until(run, "stopped", func(s *transport.RunStatus) bool { return s.State == transport.Stopped })
		if s.Committed == 0 || s.Committed != s.Target || s.Target >= 20000 || c.log.has("a decision can't be taken yet") {
			t.Errorf("the stopped run has %d of %d draws", s.Committed, s.Target)
		}
	})
}

// TestTurns: decisions that leave windows of warmup out, or end it.
func TestTurns(t *testing.T) {
	for _, next := range []int{2, 3} { // after the barrier of block 1: the next one, sampling
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t)
			var turned atomic.Bool
			c.adapter = shelltest.Adapter{Turn: func(step int) int {
				if step == 1 {
					turned.Store(true)
					return next
				}
				return step + 1
			}}
			c.start()
			defer c.stop()
			m := smallRun()
			run := c.submit(m)
			c.work(shelltest.WorkerConfig{})
			c.within(run, 1)
			c.end()
			c.start()
			c.work(shelltest.WorkerConfig{})
			c.ended(run)
			c.check(run, m, 95)
			if !turned.Load() {
				t.Error("no decision was taken")
			}
		})
	}
}

// TestDrainedWorker: a worker that is drained is told so, and hands over at once; others go on where it was.
func TestDrainedWorker(t *testing.T) {
	c := faulted(t, nil, func(c *cluster, run transport.RunID) {
		link, _ := c.work(shelltest.WorkerConfig{Name: "leaving"})
		c.within(run, 2)
		notices, err := c.client.Subscribe(c.t.Context(), transport.Filter{Channel: transport.Notices, Party: "leaving"})
		if err != nil {
			t.Fatal(err)
		}
		defer notices.Close()
		if _, err := ask[*transport.Done](c, &transport.DrainWorker{Command: c.next(), Worker: "leaving"}); err != nil {
			t.Fatal(err)
		}
		for {
			q, err := notices.Next(c.t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if m, _ := transport.Open(q.Envelope()); transport.NameOf(m) == "Drain" {
				break
			}
		}
		var leases []transport.LeaseRef
		for _, l := range c.status(run).Leases {
			if l.Worker == "leaving" {
				leases = append(leases, l.Lease)
			}
		}
		_, err = transport.Ask[*transport.Done](c.t.Context(), link, &transport.Release{Command: transport.Command{Party: "leaving", Incarnation: uint64(c.born), Sequence: 1 << 20}, Leases: leases, Reason: "drained"})
		if err != nil || len(leases) == 0 {
			t.Fatalf("%d leases: %v", len(leases), err)
		}
		list, err := ask[*transport.WorkerList](c, &transport.Workers{Command: c.next()})
		if err != nil || len(list.Workers) != 1 || !list.Workers[0].Draining || list.Workers[0].Packs != 0 {
			t.Errorf("the workers are %+v, %v", list, err)
		}
		c.work(shelltest.WorkerConfig{})
	})
	if !c.log.has("lease released") || c.log.has("lease expired") {
		t.Error("the leases of a drained worker were not released")
	}
}

// TestSlowWorker: at a barrier nobody is left out: the pack of a worker that hardly moves is leased a second time.
func TestSlowWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := smallRun()
		m.Late = 10_000
		run := c.submit(m)
		c.work(shelltest.WorkerConfig{Slots: 1, Block: time.Hour})
		c.work(shelltest.WorkerConfig{})
		c.ended(run)
		if !c.log.has("lease overtaken") {
			t.Error("no lease was overtaken")
		}
		c.check(run, m, 95)
	})
}

// TestForeignClass: a worker of another replay class than the run's gets no pack of it.
func TestForeignClass(t *testing.T) {
	c := faulted(t, nil, func(c *cluster, run transport.RunID) {
		c.work(shelltest.WorkerConfig{})
		c.within(run, 1)
		var wrong atomic.Bool
		wrong.Store(true)
		c.work(shelltest.WorkerConfig{Name: "foreign", Class: "other", Wrong: &wrong})
	})
	if c.log.has("worker=foreign epoch") {
		t.Error("a worker of another class got a pack")
	}
}

// TestRefused: what is wrong is refused with the reason, logged, and disturbs nothing else.
func TestRefused(t *testing.T) {
	c := faulted(t, func(c *cluster) {
		c.verify = func(_, _, signature []byte) error {
			if string(signature) == "forged" {
				return errors.New("the signature is not by a key that is trusted")
			}
			return nil
		}
	}, func(c *cluster, run transport.RunID) {
		c.work(shelltest.WorkerConfig{})
		signed := c.submission(smallRun())
		signed.Signature = []byte("forged")
		pooled := shelltest.NewManifest(4, 2)
		pooled.About = []byte("{")
		text, err := transport.Encode(pooled)
		if err != nil {
			t.Fatal(err)
		}
		broken := &transport.Submit{Command: c.next(), Manifest: transport.Payload{Size: uint64(len(text)), Digest: transport.DigestOf(text), Inline: text}}
		tampered := &transport.Submit{Command: c.next(), Manifest: transport.Payload{Size: uint64(len(text)), Digest: transport.Digest{1}, Inline: text}}
		for want, m := range map[string]transport.Sealed{
			"not by a key that is trusted": signed,
			"the run's description":        broken,
			"are not those of digest":      tampered,
			"there is no run":              &transport.Status{Command: c.next(), Run: "nobody"},
			"no run nobody":                &transport.Stop{Command: c.next(), Run: "nobody"},
			"register first":               &transport.Lease{Command: transport.Command{Party: "stranger", Sequence: 1}, Slots: 4},
			"no worker stranger":           &transport.DrainWorker{Command: c.next(), Worker: "stranger"},
		} {
			if _, err := ask[*transport.Done](c, m); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", transport.NameOf(m), err, want)
			}
		}
		for _, payload := range [][]byte{[]byte("{}"), {0xD5, 1, 20, 0}} {
			s := transport.Subject{Channel: transport.Draws, Run: run, Party: "stranger"}
			if err := c.client.Publish(c.t.Context(), transport.Envelope{Subject: s, Payload: payload}); err != nil {
				t.Fatal(err)
			}
			s.Channel = transport.Statistics
			if err := c.client.Publish(c.t.Context(), transport.Envelope{Subject: s, Payload: payload}); err != nil {
				t.Fatal(err)
			}
		}
		c.within(run, 2)
	})
	for _, text := range []string{"request refused", "block refused", "message refused"} {
		if !c.log.has(text) {
			t.Errorf("the log does not say %q", text)
		}
	}
}

// TestPull: what a client gets of a run is a directory that stands for itself, with the draws of the ledger.
func TestPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := smallRun()
		run := c.submit(m)
		c.work(shelltest.WorkerConfig{})
		c.ended(run)
		pulled, err := ask[*transport.Pulled](c, &transport.Pull{Command: c.next(), Run: run})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, f := range pulled.Files {
			data, err := c.client.Objects(transport.Outcome).Get(c.t.Context(), f.Object.Digest, int64(f.Object.Size))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, f.Name, data)
		}
		if last := pulled.Files[len(pulled.Files)-1].Name; last != "run.json" {
			t.Errorf("the last file is %s", last)
		}
		if got, want := digest(t, dir), digest(t, c.path(run)); got != want {
			t.Errorf("the draws that were pulled have digest %s, want %s", got, want)
		}
	})
}
