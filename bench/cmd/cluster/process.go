package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/drey-sampler/drey/internal/client"
	"github.com/drey-sampler/drey/pkg/transport"
)

// patience is how long a process may take to begin or to end.
const patience = time.Minute

// process is a daemon that runs.
type process struct {
	cmd     *exec.Cmd
	said    bytes.Buffer
	observe string // where it serves metrics
}

// begin starts a program: on one core, with one thread of Go, if core is not "".
func begin(ctx context.Context, core string, argv ...string) (*process, error) {
	env := append(os.Environ(), "DREY_CLUSTER=", "DREY_CERTS=")
	if core != "" {
		argv, env = append([]string{"taskset", "-c", core}, argv...), append(env, "GOMAXPROCS=1")
	}
	p := &process{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = patience
	return p, p.cmd.Start()
}

// end ends a process as a user does.
func (p *process) end() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(p.cmd.Args, " "), err, p.said.String())
	}
	return nil
}

// usage is what a process has taken.
type usage struct {
	cpu      time.Duration // user and system
	resident int64         // bytes
	heap     float64       // bytes of Go's heap in use; of daemons
}

// clockTick is the unit of times in /proc: USER_HZ, 100 on every Linux that Go knows.
const clockTick = time.Second / 100

// usageOf reads what /proc says of a process.
func usageOf(pid int) (u usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third field on: proc_pid_stat(5)
	for _, i := range []int{14 - 3, 15 - 3} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(n) * clockTick
	}
	pages, err := strconv.ParseInt(f[24-3], 10, 64)
	u.resident = pages * int64(os.Getpagesize())
	return u, err
}

// usage reads what /proc and the daemon itself say.
func (p *process) usage(ctx context.Context) (usage, error) {
	u, err := usageOf(p.cmd.Process.Pid)
	if err != nil {
		return u, err
	}
	metrics, err := p.get(ctx, "/metrics")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(metrics)) {
		if value, ok := strings.CutPrefix(line, "go_memstats_heap_inuse_bytes "); ok {
			u.heap, err = strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return u, err
}

// get reads what a daemon serves beside its work.
func (p *process) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.observe+path, nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, reply.Status)
	}
	return io.ReadAll(reply.Body)
}

// coordinator is a coordinator that runs, and a client's connection to it.
type coordinator struct {
	*process
	url    string
	client *client.Client
}

// coordinate starts a coordinator that is alone and waits until it is ready.
func coordinate(ctx context.Context, program, dir string) (*coordinator, error) {
	at, err := addresses(2)
	if err != nil {
		return nil, err
	}
	p, err := begin(ctx, "", program, "coordinator", "--dir", dir, "--listen", at[0], "--observe", at[1], "--pprof", "--log", "warn")
	if err != nil {
		return nil, err
	}
	p.observe = at[1]
	c := &coordinator{process: p, url: "nats://" + at[0]}
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err = p.get(ctx, "/readyz"); err == nil {
			break
		}
		if ctx.Err() != nil || time.Now().After(until) {
			return nil, errors.Join(fmt.Errorf("the coordinator is not ready: %w", err), p.end())
		}
	}
	if c.client, err = client.Dial(ctx, c.url, nil); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return c, nil
}

// addresses returns some of this machine that nobody listens at.
func addresses(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		out = append(out, l.Addr().String())
	}
	return out, nil
}

func (c *coordinator) end() error { return errors.Join(c.client.Close(), c.process.end()) }

// state is where a run and its coordinator are at a time.
type state struct {
	at        time.Time
	committed uint64 // draws of all chains
	usage
}

func (c *coordinator) state(ctx context.Context, run transport.RunID) (state, error) {
	status, err := c.client.Status(ctx, run)
	if err != nil {
		return state{}, err
	}
	if status.State >= transport.Stopped {
		return state{}, fmt.Errorf("the run is %s: %s", status.State, status.Error)
	}
	s := state{at: time.Now(), committed: status.Committed}
	s.usage, err = c.usage(ctx)
	return s, err
}

// rates returns draws a second and cores used since another state.
func (s *state) rates(since *state) (draws, cores float64) {
	seconds := s.at.Sub(since.at).Seconds()
	return float64(s.committed-since.committed) / seconds, (s.cpu - since.cpu).Seconds() / seconds
}
