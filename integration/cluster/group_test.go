//go:build unix

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// group is three coordinators, each with a disk of its own, with certificates and signed programs.
type group struct {
	dir     string
	free    []string // addresses: of clients, then of peers
	members map[string]*process
	user
}

// openGroup starts them, and waits until one leads.
func openGroup(t *testing.T) *group {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: processes of a cluster take seconds")
	}
	t.Parallel()
	g := &group{dir: t.TempDir(), free: addresses(t, 6), members: map[string]*process{}}
	user{}.must(t, "certs", g.certs())
	var urls []string
	for i := range 3 {
		urls = append(urls, "nats://"+g.free[i])
	}
	g.user = user{strings.Join(urls, ","), filepath.Join(g.certs(), "client")}
	for i := range 3 {
		g.start(t, fmt.Sprintf("c%d", i))
	}
	g.leader(t)
	return g
}

func (g *group) certs() string { return filepath.Join(g.dir, "certs") }

// start starts a coordinator, from its disk where it has one.
func (g *group) start(t *testing.T, id string) {
	t.Helper()
	var peers []string
	for i := range 3 {
		peers = append(peers, fmt.Sprintf("c%d=%s", i, g.free[3+i]))
	}
	g.members[id] = start(t, "coordinator", "--id", id, "--dir", g.disk(id), "--listen", g.free[id[1]-'0'], "--peers", strings.Join(peers, ","),
		"--certs", filepath.Join(g.certs(), "coordinator"))
}

// lose kills a coordinator and removes its disk.
func (g *group) lose(t *testing.T, id string) {
	t.Helper()
	g.members[id].kill()
	if err := os.RemoveAll(g.disk(id)); err != nil {
		t.Fatal(err)
	}
	delete(g.members, id)
}

// disk is all that a coordinator keeps.
func (g *group) disk(id string) string { return filepath.Join(g.dir, id) }

// worker starts a worker.
func (g *group) worker(t *testing.T) *process {
	t.Helper()
	return start(t, "worker", "--nats", g.cluster, "--certs", filepath.Join(g.certs(), "worker"))
}

// leader waits until one leads, and returns who began to last.
func (g *group) leader(t *testing.T) string {
	t.Helper()
	leader := ""
	await(t, "a coordinator leads", func() bool {
		for id, p := range g.members {
			if strings.Contains(p.out.String(), "this coordinator leads") {
				leader = id
			}
		}
		return leader != ""
	})
	return leader
}

// has waits until a coordinator's disk has all draws of a run, and compares them with those of a run of one process.
func (g *group) has(t *testing.T, id, run string, s schools) {
	t.Helper()
	dir := filepath.Join(g.disk(id), "runs", run)
	await(t, id+" has the run", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "run.json"))
		return err == nil && strings.Contains(string(text), `"state": "done"`)
	})
	if got, want := export(t, dir), s.alone(t); got != want {
		t.Errorf("%s has other draws: %d lines of %d begin alike", id, alike(got, want), strings.Count(want, "\n"))
	}
}

// TestLeaderKilled: of three coordinators the one that leads is killed, in warmup or in sampling, and its disk is lost. The run ends without
// it, with all draws. Started again with an empty disk, it then has all of them too.
func TestLeaderKilled(t *testing.T) {
	for phase, c := range map[string]struct {
		run schools
		at  uint64 // draws that are committed by then
	}{
		"pooled warmup": {schools{seed: 23, draws: 500, chains: 16}, 0}, "sampling": {schools{seed: 18, draws: 24000}, 8000},
	} {
		t.Run(phase, func(t *testing.T) {
			g := openGroup(t)
			first := g.worker(t)
			run := c.run.submit(t, g.user)
			if c.at == 0 {
				first.says(t, "msg=lease ")
			}
			g.reaches(t, run, c.at)
			lost := g.leader(t)
			g.lose(t, lost)
			c.run.check(t, g.user, run)
			for id := range g.members {
				g.has(t, id, run, c.run)
			}
			g.start(t, lost)
			g.has(t, lost, run, c.run)
		})
	}
}

// TestDiskLost: of three coordinators one is killed in sampling, that which leads or another, its disk is lost, and it is started again. As soon as
// it is ready, another is killed, and does not come back: the run goes on, and both that are left have all draws, the one with the new disk
// too. The worker dies meanwhile, so that the run does not end before.
func TestDiskLost(t *testing.T) {
	for which, leads := range map[string]bool{"the leader's": true, "another's": false} {
		t.Run(which, func(t *testing.T) {
			g := openGroup(t)
			first := g.worker(t)
			s := schools{seed: 25, draws: 20000}
			run := s.submit(t, g.user)
			g.reaches(t, run, 4000)
			leader := g.leader(t)
			lost, next := leader, ""
			for id := range g.members {
				if id != leader {
					next = id
				}
			}
			if !leads {
				lost, next = next, lost
			}
			g.lose(t, lost)
			g.start(t, lost)
			first.kill()
			g.members[lost].says(t, "msg=ready")
			g.members[next].kill()
			delete(g.members, next)
			g.worker(t)
			s.check(t, g.user, run)
			for id := range g.members {
				g.has(t, id, run, s)
			}
		})
	}
}

// TestMostDisksLost: of three coordinators two with empty disks do not begin anew beside one that knows what was decided: they say what to do,
// and end. With the disk of one of them back the group goes on, and takes the third in.
func TestMostDisksLost(t *testing.T) {
	g := openGroup(t)
	g.worker(t)
	s := schools{seed: 26, draws: 2000}
	run := s.submit(t, g.user)
	s.check(t, g.user, run)
	for id := range g.members {
		g.has(t, id, run, s)
	}
	for _, p := range g.members {
		p.kill()
	}
	aside := filepath.Join(g.dir, "aside")
	if err := os.Rename(g.disk("c0"), aside); err != nil {
		t.Fatal(err)
	}
	g.lose(t, "c1")
	for _, id := range []string{"c0", "c1"} {
		g.start(t, id)
		g.members[id].says(t, "this one's directory is empty")
	}
	g.start(t, "c2")
	for _, id := range []string{"c0", "c1"} {
		p := g.members[id]
		await(t, id+" ends", func() bool {
			select {
			case <-p.exited:
				return true
			default:
				return false
			}
		})
		if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.out.String(), "too few are left that know what it decided") {
			t.Errorf("%s ended with status %d", id, status)
		}
	}
	if err := os.RemoveAll(g.disk("c0")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, g.disk("c0")); err != nil {
		t.Fatal(err)
	}
	g.start(t, "c0")
	g.start(t, "c1")
	g.has(t, "c1", run, s)
	s.check(t, g.user, run)
}

// TestLeaderPaused: of three coordinators the one that leads sleeps until another does, and wakes up while that one goes on, in warmup or in
// sampling. It stores nothing that counts any more, and has all draws in the end, as the others have.
func TestLeaderPaused(t *testing.T) {
	for phase, at := range map[string]uint64{"warmup": 0, "sampling": 4000} {
		t.Run(phase, func(t *testing.T) {
			g := openGroup(t)
			first := g.worker(t)
			s := schools{seed: 24, draws: 12000}
			run := s.submit(t, g.user)
			if at == 0 {
				first.says(t, "msg=lease ")
			}
			g.reaches(t, run, at)
			old := g.leader(t)
			paused := g.members[old]
			delete(g.members, old)
			paused.signal(t, syscall.SIGSTOP)
			g.leader(t)
			paused.signal(t, syscall.SIGCONT)
			g.members[old] = paused
			s.check(t, g.user, run)
			for id := range g.members {
				g.has(t, id, run, s)
			}
		})
	}
}
