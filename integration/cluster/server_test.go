//go:build unix

package cluster

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestServerKilled: a NATS server that is a process of its own is killed and started again from its disk, in warmup and twice in sampling. The
// coordinator and the worker go on.
func TestServerKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: processes of a cluster take seconds")
	}
	t.Parallel()
	path, err := program("natsserver")
	if err != nil {
		t.Fatal(err)
	}
	dir, address := t.TempDir(), addresses(t, 1)[0]
	serve := func() *process {
		p := begin(t, exec.Command(path, "-dir", filepath.Join(dir, "nats"), "-listen", address))
		p.says(t, "msg=ready")
		return p
	}
	server := serve()
	u := user{cluster: "nats://" + address}
	coordinator := start(t, "coordinator", "--dir", filepath.Join(dir, "data"), "--nats", u.cluster)
	coordinator.says(t, "msg=ready")
	worker := start(t, "worker", "--nats", u.cluster, "--slots", "2")
	s := schools{seed: 25, draws: 24000}
	run := s.submit(t, u)
	worker.says(t, "msg=lease ")
	for _, at := range []uint64{0, 4000, 12000} {
		u.reaches(t, run, at)
		server.kill()
		server = serve()
	}
	s.check(t, u, run)
	for name, p := range map[string]*process{"coordinator": coordinator, "worker": worker} {
		select {
		case <-p.exited:
			t.Errorf("the %s ended", name)
		default:
		}
	}
}
