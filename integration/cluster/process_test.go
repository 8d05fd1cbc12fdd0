//go:build unix

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
)

// programs is the directory of the programs that the tests run, built once: drey, and a NATS server.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "drey-cluster-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../../cmd/drey", "../internal/natsserver").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

// program returns the path of one of them.
func program(name string) (string, error) {
	dir, err := programs()
	return filepath.Join(dir, name), err
}

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := programs(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

// patience is how long anything may take that depends on other processes, on a machine that does other things as well.
const patience = 2 * time.Minute

// process is a daemon that runs.
type process struct {
	cmd    *exec.Cmd
	out    *buffer // what it says
	exited chan struct{}
}

// buffer is what a process writes, while it does.
type buffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts a daemon of drey that is killed when the test ends.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	path, err := program("drey")
	if err != nil {
		t.Fatal(err)
	}
	return begin(t, exec.Command(path, args...))
}

// begin starts a process that is killed when the test ends.
func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, out: &buffer{}, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "DREY_CLUSTER=", "DREY_CERTS=")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(cmd.Args, " "), p.out)
		}
	})
	return p
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// kill ends a process as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a stopped one dies only then
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s: it does not come to that", what)
		}
	}
}

// says waits until a process has written a text.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	await(t, fmt.Sprintf("the process says %q", text), func() bool { return strings.Contains(p.out.String(), text) })
}

// nextPort is the port from which on free ones are looked for: below those that systems give to whoever connects, so that nobody
// has one by chance between a look and a process's start.
var nextPort atomic.Int32

func init() { nextPort.Store(int32(15_000 + rand.IntN(5_000)*2)) }

// addresses returns some of this computer on which nobody listens now; of each the next port is free too.
func addresses(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	var held []net.Listener
	for len(out) < n {
		port := int(nextPort.Add(2))
		if port > 32_000 {
			t.Fatal("no ports are left")
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		held = append(held, l)
		if next, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1)); err == nil {
			held = append(held, next)
			out = append(out, l.Addr().String())
		}
	}
	for _, l := range held {
		_ = l.Close()
	}
	return out
}

// user is a person at a cluster.
type user struct {
	cluster, certs string
}

// run runs a command, and returns its standard output and what it said besides.
func (u user) run(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	path, err := program("drey")
	if err != nil {
		t.Fatal(err)
	}
	return u.runs(t, path, args...)
}

// runs is run of a program of the person's own.
func (u user) runs(t *testing.T, path string, args ...string) (out, said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "DREY_CLUSTER="+u.cluster, "DREY_CERTS="+u.certs)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// must is run of a command that ends well.
func (u user) must(t *testing.T, args ...string) string {
	t.Helper()
	out, said, err := u.run(t, args...)
	if err != nil {
		t.Fatalf("drey %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return out
}

// connected calls f with a connection to the cluster, as soon as there is one.
func (u user) connected(t *testing.T, f func(context.Context, *client.Client)) {
	t.Helper()
	var credentials *trust.Credentials
	if u.certs != "" {
		var err error
		if credentials, err = trust.Load(u.certs); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, u.cluster, credentials)
	for ; err != nil && ctx.Err() == nil; c, err = client.Dial(ctx, u.cluster, credentials) {
	}
	if err != nil {
		t.Fatal(err)
	}
	f(ctx, c)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// state returns how a run is.
func (u user) state(t *testing.T, run string) (s transport.RunState) {
	t.Helper()
	u.connected(t, func(ctx context.Context, c *client.Client) {
		r, err := c.Find(ctx, run)
		if err != nil {
			t.Fatal(err)
		}
		s = r.State
	})
	return s
}

// reaches waits until so many draws of a run are committed, and it goes on. It asks over one connection, hundreds of times a second:
// a process for each question would come too late.
func (u user) reaches(t *testing.T, run string, draws uint64) {
	t.Helper()
	u.connected(t, func(ctx context.Context, c *client.Client) {
		for {
			r, err := c.Find(ctx, run)
			if err != nil {
				t.Fatal(err)
			}
			if r.State == transport.Complete {
				t.Fatalf("run %s ended before anything happened to it", run)
			}
			if r.Committed >= draws {
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
}
