package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
)

// room is the size in bytes of the file system that fills: a run of these tests takes much less.
const room = 64 << 20

// TestDiskFills: the disk of the draws fills, in warmup or in sampling, and later there is room again. Blocks wait meanwhile, and none is lost.
// The disk is one in memory that the coordinator alone sees, in a namespace of its own, for which nobody needs to be root.
func TestDiskFills(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: processes of a cluster take seconds")
	}
	if out, err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		require.Skip(t, "namespaces", fmt.Sprintf("no disk to fill: unshare and mount: %v: %s", err, out))
	}
	for phase, at := range map[string]uint64{"warmup": 0, "sampling": 4000} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			path, err := program("drey")
			if err != nil {
				t.Fatal(err)
			}
			dir, address := t.TempDir(), addresses(t, 1)[0]
			runs := filepath.Join(dir, "runs")
			if err := os.Mkdir(runs, 0o755); err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf(`mount -t tmpfs -o size=%d none "$1" && exec "$2" coordinator --dir "$3" --listen "$4"`, room)
			coordinator := begin(t, exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", runs, path, dir, address))
			coordinator.says(t, "msg=ready")
			u := user{cluster: "nats://" + address}
			worker := start(t, "worker", "--nats", u.cluster, "--slots", "2")
			s := schools{seed: 26, draws: 24000}
			run := s.submit(t, u)
			if at == 0 {
				worker.says(t, "msg=lease ")
			}
			u.reaches(t, run, at)
			ballast := filepath.Join("/proc", fmt.Sprint(coordinator.cmd.Process.Pid), "root", runs, "ballast")
			fill(t, ballast)
			coordinator.says(t, "blocks can't be stored: they wait until they can")
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			s.check(t, u, run)
		})
	}
}

// fill writes a file until nothing more has room beside it.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}
