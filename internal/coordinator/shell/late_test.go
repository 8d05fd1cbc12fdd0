package shell_test

import (
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/faulty"
)

// late returns the packs that the decisions of a run with a deadline did without, by version, as the ledger has them.
func (c *cluster) late(run transport.RunID, m *transport.Manifest) map[uint64][]transport.PackID {
	c.t.Helper()
	out := map[uint64][]transport.PackID{}
	if m.Deadline == 0 {
		return out
	}
	var list []coordinator.Decision
	c.journal.View(func(machine *coordinator.Machine) { list = machine.Decisions(coordinator.RunID(run)) })
	for _, x := range list {
		message, err := transport.Decode(x.Payload)
		if err != nil {
			c.t.Fatal(err)
		}
		d := message.(*transport.Decision)
		for _, e := range d.Excluded {
			out[d.Version] = append(out[d.Version], e.Pack)
		}
		if n := len(d.Included) + len(d.Excluded); d.TimingDependent != (len(d.Excluded) > 0) || d.TimingDependent && n != int(m.Packs()) {
			c.t.Errorf("decision %d of %d packs, of which %d are excluded: timing dependent %v", d.Version, n, len(d.Excluded), d.TimingDependent)
		}
	}
	return out
}

// lateRun is a run of 6 packs whose first three windows of warmup may be decided without late packs, and its last two not.
func lateRun(deadline time.Duration) *transport.Manifest {
	m := shelltest.NewManifest(12, 2)
	m.Pooled, m.Draws, m.Late = true, 40, 8000 // so that a slow pack has two leases now and then
	for w := range uint32(5) {
		m.Warmup = append(m.Warmup, transport.Step{Draws: 5, Window: w}, transport.Step{Draws: 7, Barrier: true, Window: w})
	}
	if deadline > 0 {
		m.Deadline, m.Open = uint32(deadline.Milliseconds()), 3
	}
	return shelltest.About(m)
}

// endure runs one beside a worker that is ten times slower, whose coordinator starts again in each window, and checks it. It returns what
// the directory says of warmup.
func endure(t *testing.T, deadline time.Duration, faults faulty.Plan) (warmed *store.Warmed) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.plan = faults
		c.start()
		defer c.stop()
		m := lateRun(deadline)
		run := c.submit(m)
		c.work(shelltest.WorkerConfig{Slots: 2, Block: 10 * time.Second})
		c.work(shelltest.WorkerConfig{Slots: 4, Block: time.Second})
		for _, blocks := range []uint64{2, 4, 7} {
			c.within(run, blocks)
			c.end()
			c.start()
		}
		c.ended(run)
		s := c.status(run)
		about, err := store.ReadRun(c.path(run))
		if err != nil {
			t.Fatal(err)
		}
		warmed = about.Warmup
		if s.TimingDependent != (deadline > 0) || len(s.Late) != len(warmed.Late) || c.log.has("excluded=") != (len(s.Late) > 0) {
			t.Errorf("deadline %v: the status says %v and %v, the directory %v", deadline, s.TimingDependent, s.Late, warmed.Late)
		}
		c.check(run, m, m.Draws)
		for i, l := range warmed.Late {
			packs := c.late(run, m)[uint64(l.Window)+1]
			same := slices.EqualFunc(packs, l.Excluded, func(p transport.PackID, n int) bool { return int(p) == n })
			if !same || !slices.Equal(packs, s.Late[i].Excluded) || l.Included+len(l.Excluded) != int(m.Packs()) || l.Window >= int(m.Open) {
				t.Errorf("window %d: the directory has %v of %d, the ledger %v, the status %v", l.Window, l.Excluded, l.Included, packs, s.Late[i])
			}
		}
	})
	return warmed
}

// TestWarmupDeadline: what the first decisions did without, beside a worker that is ten times slower, is written down, and the last ones
// waited for all. The draws are those that follow from these decisions, whatever became of the coordinator and of messages meanwhile, and
// the log makes the same machine again.
func TestWarmupDeadline(t *testing.T) {
	if waited, hurried := endure(t, 0, faulty.Plan{}), endure(t, 2*time.Second, faulty.Plan{}); len(waited.Late) > 0 || len(hurried.Late) == 0 {
		t.Errorf("without a deadline late are %v, with one %v", waited.Late, hurried.Late)
	}
	if testing.Short() {
		return
	}
	if patient := endure(t, time.Hour, faulty.Plan{}); len(patient.Late) > 0 {
		t.Errorf("a deadline that nobody misses leaves out %v", patient.Late)
	}
	const seeds = 3
	for seed := range uint64(seeds) {
		endure(t, 2*time.Second, faulty.Plan{Seed: seed + 1, Drop: 0.05, Lost: 0.05, Duplicate: 0.1, Delay: 0.1})
	}
}

// TestDeadlineSaves: where another third of the workers is ten times slower in each window, as on machines that others use too, a run
// with a deadline ends sooner: a window's slow workers catch up while the next one's are waited for.
func TestDeadlineSaves(t *testing.T) {
	took := map[bool]time.Duration{}
	for _, hurries := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t)
			c.start()
			defer c.stop()
			m := lateRun(0)
			if hurries {
				m = lateRun(3 * time.Second)
			}
			m.Late = 0
			run := c.submit(m)
			began := time.Now()
			for i := range uint64(6) {
				c.work(shelltest.WorkerConfig{Slots: 1, More: func(index uint64) time.Duration {
					if window := index / 2; window < 3 && window == i%3 {
						return 9 * time.Second
					}
					return 0
				}})
			}
			c.ended(run)
			took[hurries] = time.Since(began)
			c.check(run, m, m.Draws)
		})
	}
	if took[true] >= took[false] {
		t.Errorf("with a deadline the run takes %v, without %v", took[true], took[false])
	}
}

// TestDeadlineOfNobody: where fewer than half of the packs have come, nobody decides.
func TestDeadlineOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer c.stop()
		m := lateRun(time.Second)
		m.Late = 0
		run := c.submit(m)
		c.work(shelltest.WorkerConfig{Slots: 4, Block: time.Hour})
		c.work(shelltest.WorkerConfig{Slots: 2})
		c.within(run, 2)
		time.Sleep(time.Minute)
		if got := c.late(run, m); !reflect.DeepEqual(got, map[uint64][]transport.PackID{}) {
			t.Errorf("two of six packs have decided: %v", got)
		}
		if s := c.status(run); s.State != transport.Warming || len(s.Late) > 0 {
			t.Errorf("after a minute: %v, late %v", s.State, s.Late)
		}
	})
}
