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
		g.start(t, fmt.Sprintf("c%d", i), i)
	}
	g.leader(t)
	return g
}

func (g *group) certs() string { return filepath.Join(g.dir, "certs") }

// start starts a coordinator at a place, from its disk where it has one.
func (g *group) start(t *testing.T, id string, place int, more ...string) {
	t.Helper()
	var peers []string
	for i := range 3 {
		name := fmt.Sprintf("c%d", i)
		if i == place {
			name = id
		}
		peers = append(peers, name+"="+g.free[3+i])
	}
	args := []string{"coordinator", "--id", id, "--dir", g.disk(id), "--listen", g.free[place], "--peers", strings.Join(peers, ","),
		"--certs", filepath.Join(g.certs(), "coordinator")}
	g.members[id] = start(t, append(args, more...)...)
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
// it, with all draws. Another one, in its place, then has all of them too.
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
			g.members[lost].kill()
			if err := os.RemoveAll(g.disk(lost)); err != nil {
				t.Fatal(err)
			}
			delete(g.members, lost)
			c.run.check(t, g.user, run)
			for id := range g.members {
				g.has(t, id, run, c.run)
			}
			g.start(t, "c3", int(lost[1]-'0'), "--replaces", lost)
			g.has(t, "c3", run, c.run)
		})
	}
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
