package shell_test

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/coordinator/shell/shelltest"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/faulty"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// faulted runs a small run to its end while trouble happens, and holds what it stored against the undisturbed one.
func faulted(t *testing.T, prepare func(*cluster), trouble func(c *cluster, run transport.RunID)) *cluster {
	t.Helper()
	var out *cluster
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		out = c
		if prepare != nil {
			prepare(c)
		}
		c.start()
		defer c.stop()
		m := smallRun()
		run := c.submit(m)
		trouble(c, run)
		c.ended(run)
		c.check(run, m, m.Draws)
	})
	return out
}

// within waits until the foremost pack has so many blocks.
func (c *cluster) within(run transport.RunID, blocks uint64) {
	c.until(run, "so far", func(s *transport.RunStatus) bool {
		return slices.ContainsFunc(s.Leases, func(l transport.LeaseStatus) bool { return l.Committed >= blocks })
	})
}

// TestWorkerDies kills a worker at each point between computing a block and hearing that it is committed, in warmup and in sampling.
func TestWorkerDies(t *testing.T) {
	for _, at := range []shelltest.Point{shelltest.Computed, shelltest.Published, shelltest.Reported, shelltest.Committed} {
		for _, index := range []uint64{0, 1, 2, 5} {
			if at == shelltest.Reported && (index == 0 || index == 5) {
				continue // nothing is reported there
			}
			t.Run(fmt.Sprintf("point %d of block %d", at, index), func(t *testing.T) {
				var died atomic.Bool
				c := faulted(t, nil, func(c *cluster, run transport.RunID) {
					c.work(shelltest.WorkerConfig{Die: func(p shelltest.Point, _ transport.PackID, i uint64) bool {
						return p == at && i == index && !died.Swap(true)
					}})
					c.work(shelltest.WorkerConfig{})
				})
				if !died.Load() || !c.log.has("lease expired") {
					t.Errorf("no worker died (%v), or its leases did not expire", died.Load())
				}
			})
		}
	}
}

// TestZombie: a worker that is cut off for longer than its leases goes on as if it had them, while another makes the same blocks; both
// publish. What the zombie made is a duplicate, or refused where its bits are others.
func TestZombie(t *testing.T) {
	for _, other := range []bool{false, true} {
		for _, blocks := range []uint64{1, 5} {
			c := faulted(t, nil, func(c *cluster, run transport.RunID) {
				var wrong atomic.Bool
				link, _ := c.work(shelltest.WorkerConfig{Zombie: true, Slots: 3, Wrong: &wrong})
				c.within(run, blocks)
				link.Cut(faulty.Outbound | faulty.Inbound)
				wrong.Store(other)
				time.Sleep(20 * time.Second)
				c.work(shelltest.WorkerConfig{Slots: 3})
				time.Sleep(3 * time.Second)
				wrong.Store(false) // what it makes from now on is under leases that are its own
				link.Heal()
			})
			if refused := c.log.has("block refused by the ledger"); !c.log.has("lease expired") || other && blocks == 5 && !refused { // with one block it waits for a decision
				t.Errorf("the zombie's bits are others: %v; blocks were refused: %v", other, refused)
			}
		}
	}
}

// TestMessagesFault: every kind of message is lost, comes twice, late or in another order.
func TestMessagesFault(t *testing.T) {
	seeds := int64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		p := faulty.Plan{Seed: uint64(seed + 1), Drop: 0.05, Lost: 0.05, Duplicate: 0.1, Delay: 0.1}
		t.Run(p.String(), func(t *testing.T) {
			faults := map[string]int{}
			faulted(t, func(c *cluster) { c.plan = p }, func(c *cluster, run transport.RunID) {
				var links []*faulty.Transport
				for range 3 {
					link, _ := c.work(shelltest.WorkerConfig{})
					links = append(links, link)
				}
				c.until(run, "done", func(s *transport.RunStatus) bool { return s.State == transport.Complete })
				for _, l := range append(links, c.link) {
					for what, n := range l.Faults() {
						faults[what] += n
					}
				}
			})
			for _, what := range []string{"drop", "lost", "duplicate", "delay"} {
				if faults[what] == 0 {
					t.Errorf("no message had the fault %s", what)
				}
			}
		})
	}
}

// fragile is a machine whose coordinator dies at a proposal: before it is applied or after.
type fragile struct {
	shell.Machine
	left  *atomic.Int64 // proposals until then
	after bool
	dead  *atomic.Bool
}

var errDead = fmt.Errorf("the coordinator is dead: %w", coordinator.ErrUnknown)

func (f fragile) Propose(ctx context.Context, cmd coordinator.Command) (coordinator.Result, error) {
	if _, tick := cmd.(*coordinator.Tick); !tick && f.left.Add(-1) == 0 {
		if f.after {
			if _, err := f.Machine.Propose(ctx, cmd); err != nil {
				return coordinator.Result{}, err
			}
		}
		f.dead.Store(true)
	}
	if f.dead.Load() {
		return coordinator.Result{}, errDead
	}
	return f.Machine.Propose(ctx, cmd)
}

// TestCoordinatorDies kills the coordinator before and after each third of its proposals, and starts it again from its disk: what was
// asked for and not answered is asked again.
func TestCoordinatorDies(t *testing.T) {
	died := 0
	every := int64(3)
	if testing.Short() {
		every = 11
	}
	for n := int64(2); ; n += every { // the first is the submission
		over := false
		for _, after := range []bool{false, true} {
			var left atomic.Int64
			var dead atomic.Bool
			left.Store(n)
			faulted(t, func(c *cluster) {
				c.wrap = func(m shell.Machine) shell.Machine { return fragile{m, &left, after, &dead} }
			}, func(c *cluster, run transport.RunID) {
				for range 2 {
					c.work(shelltest.WorkerConfig{})
				}
				for range 600 {
					if s := c.status(run); dead.Load() || s != nil && s.State == transport.Complete {
						break
					}
					time.Sleep(100 * time.Millisecond)
				}
				if over = !dead.Load(); over {
					return
				}
				died++
				c.end()
				c.wrap = nil
				time.Sleep(2 * time.Second)
				c.start()
			})
			if t.Failed() {
				t.Fatalf("at proposal %d, after it was applied: %v", n, after)
			}
		}
		if over {
			break
		}
	}
	if died < 20/int(every) {
		t.Errorf("the coordinator died %d times: the run has changed, so must the test", died)
	}
}

// TestPartition cuts half the workers off from the coordinator, in each direction, for longer than their leases.
func TestPartition(t *testing.T) {
	for _, d := range []faulty.Direction{faulty.Inbound, faulty.Outbound, faulty.Inbound | faulty.Outbound} {
		for _, blocks := range []uint64{1, 5} {
			faulted(t, nil, func(c *cluster, run transport.RunID) {
				var links []*faulty.Transport
				for range 4 {
					link, _ := c.work(shelltest.WorkerConfig{Slots: 1})
					links = append(links, link)
				}
				c.within(run, blocks)
				for _, l := range links[:2] {
					l.Cut(d)
				}
				time.Sleep(30 * time.Second)
				for _, l := range links[:2] {
					l.Heal()
				}
			})
		}
	}
}

// TestBusLosesItsTail: the transport comes back without the messages that it had, and without its objects; whoever needs them makes
// them again.
func TestBusLosesItsTail(t *testing.T) {
	for _, blocks := range []uint64{1, 2, 5} {
		faulted(t, nil, func(c *cluster, run transport.RunID) {
			for range 2 {
				c.work(shelltest.WorkerConfig{})
			}
			c.within(run, blocks)
			c.wipe()
			for range 2 {
				c.work(shelltest.WorkerConfig{})
			}
		})
	}
}

// wipe ends everything that is connected to the bus and begins a new one, which has nothing but the inputs.
func (c *cluster) wipe() {
	for _, end := range c.workers {
		end()
	}
	c.end()
	inputs := c.inputs
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.client.Close(); err != nil {
		c.t.Fatal(err)
	}
	c.bus, c.client = bus, bus.Connect()
	for _, text := range inputs {
		if _, err := c.client.Objects(transport.Inputs).Put(c.t.Context(), text); err != nil {
			c.t.Fatal(err)
		}
	}
	c.start()
}

// TestTwoWriters: the transport admits the blocks of two lineages to one place, as a stream that forked does: the ledger has one.
func TestTwoWriters(t *testing.T) {
	c := faulted(t, nil, func(c *cluster, run transport.RunID) {
		c.work(shelltest.WorkerConfig{})
		c.within(run, 1)
		forger := c.bus.Connect()
		defer forger.Close()
		rng := rand.New(rand.NewSource(1))
		for range 60 {
			for pack := range transport.PackID(3) {
				c.forge(forger, run, pack, rng)
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
	for _, reason := range []string{"stale epoch", "forked"} {
		if !c.log.has("reason=\""+reason+"\"") && !c.log.has("reason="+reason) {
			t.Errorf("no forged block was refused as %s", reason)
		}
	}
}

// forge publishes a block that fits the ledger in all but one thing.
func (c *cluster) forge(t transport.Transport, run transport.RunID, pack transport.PackID, rng *rand.Rand) {
	s := c.status(run)
	if s == nil || int(pack) >= len(s.Leases) {
		return
	}
	l := s.Leases[pack]
	b := &transport.Block{Lease: l.Lease, Worker: "forger", Index: l.Committed, Class: "arithmetic"}
	c.journal.View(func(m *coordinator.Machine) {
		if standing, ok := m.Standing(coordinator.Tenure{Run: coordinator.RunID(run), Pack: uint32(pack)}); ok && standing.Blocks > 0 {
			b.Previous, b.Decision = transport.Digest(standing.Prev), uint64(standing.Decisions)
		}
	})
	switch rng.Intn(3) {
	case 0:
		b.Lease.Epoch += 7
	case 1:
		b.Previous[3] ^= 1
	default:
		b.Index = uint64(rng.Intn(int(l.Committed) + 1))
		if b.Index == l.Committed {
			return // it could be taken for the worker's own
		}
	}
	text, err := transport.Encode(shelltest.Forged(smallRun(), pack, b.Index))
	if err != nil {
		c.t.Fatal(err)
	}
	if b.Content, err = transport.Pack(c.t.Context(), t.Objects(transport.Results), text); err != nil {
		c.t.Fatal(err)
	}
	b.Digest = transport.BlockDigest(run, pack, b.Index, b.Previous, b.Content.Digest)
	if err := transport.Send(c.t.Context(), t, b); err != nil {
		c.t.Fatal(err)
	}
}

// disk is a file system that fails at an operation: once as a disk that is full for a while, or for good as one whose process died.
type disk struct {
	shelltest.Unsynced
	left *atomic.Int64
	full *atomic.Int64 // further operations that fail
}

func (d disk) hit() error {
	if d.left.Add(-1) < 0 && d.full.Add(-1) >= 0 {
		return syscall.ENOSPC
	}
	return nil
}

func (d disk) Create(path string) (store.File, error) {
	if err := d.hit(); err != nil {
		return nil, err
	}
	f, err := d.Unsynced.Create(path)
	return diskFile{f, d}, err
}

func (d disk) Rename(from, to string) error {
	if err := d.hit(); err != nil {
		return err
	}
	return d.Unsynced.Rename(from, to)
}

type diskFile struct {
	store.File
	disk disk
}

func (f diskFile) Write(b []byte) (int, error) {
	if err := f.disk.hit(); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

// TestDiskFull: the disk of run directories is full for a while, from each of its operations on: workers wait, and go on.
func TestDiskFull(t *testing.T) {
	every := int64(9)
	if testing.Short() {
		every = 61
	}
	full := 0
	for n := int64(0); ; n += every {
		var left, more atomic.Int64
		left.Store(n)
		more.Store(5)
		c := faulted(t, func(c *cluster) { c.files = store.Options{FS: disk{left: &left, full: &more}} }, func(c *cluster, run transport.RunID) {
			for range 2 {
				c.work(shelltest.WorkerConfig{})
			}
		})
		if t.Failed() {
			t.Fatalf("from operation %d on", n)
		}
		if c.log.has("blocks can't be stored") {
			full++
		}
		if left.Load() > 0 {
			break
		}
	}
	if full < 1 {
		t.Errorf("blocks had to wait in %d runs", full)
	}
}

// TestSinkDies kills the coordinator and its sink at operations of the disk: between a segment and its index, and before the
// ledger hears of them. Blocks come again, with the digests that they had, and are committed once.
func TestSinkDies(t *testing.T) {
	every := int64(7)
	if testing.Short() {
		every = 61
	}
	died := 0
	for n := int64(0); ; n += every {
		var left, more atomic.Int64
		left.Store(n)
		more.Store(1 << 40)
		faulted(t, func(c *cluster) { c.files = store.Options{FS: disk{left: &left, full: &more}} }, func(c *cluster, run transport.RunID) {
			for range 2 {
				c.work(shelltest.WorkerConfig{})
			}
			for range 600 {
				if r, err := store.ReadRun(c.path(run)); left.Load() < 0 || err == nil && r.State == store.Done {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if left.Load() >= 0 {
				return
			}
			died++
			c.end()
			c.files = store.Options{FS: shelltest.Unsynced{}}
			time.Sleep(time.Second)
			c.start()
		})
		if t.Failed() {
			t.Fatalf("at operation %d", n)
		}
		if left.Load() >= 0 {
			break
		}
	}
	if died < 1 {
		t.Errorf("the sink died %d times: the run has changed, so must the test", died)
	}
}

// TestRestarts: coordinators that all start again from disk, in warmup and in sampling, again and again.
func TestRestarts(t *testing.T) {
	faulted(t, nil, func(c *cluster, run transport.RunID) {
		for range 2 {
			c.work(shelltest.WorkerConfig{})
		}
		for _, blocks := range []uint64{1, 2, 4, 7, 9} {
			c.within(run, blocks)
			c.end()
			time.Sleep(time.Second)
			c.start()
		}
	})
}
