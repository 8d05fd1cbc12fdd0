//go:build unix

package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/cli"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

// stuckVariable makes TestSecondSignal the program that it sends signals to.
const stuckVariable = "DREY_TEST_STUCK"

// stuck is a program whose model does not end, so that the first signal can't end it in good order.
func stuck() int {
	endless := func(*model.Context, none) {
		fmt.Println("in the model")
		time.Sleep(time.Hour)
	}
	m := cli.ModelOf("endless", "", endless, nil)
	return cli.Main(&cli.Program{Name: "stuck", Models: []cli.Model{m}, Config: runner.DefaultConfig(), Precision: model.F64}, []string{"check"})
}

// TestSecondSignal: a signal that can't end a command in good order is followed by one that ends the process at once.
func TestSecondSignal(t *testing.T) {
	if os.Getenv(stuckVariable) != "" {
		os.Exit(stuck())
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestSecondSignal$")
	cmd.Env = append(os.Environ(), stuckVariable+"=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "in the model\n" {
		t.Fatalf("%q, %v: %s", line, err, stderr.String())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// One that arrives before the process has taken note of the first is lost, so they go on.
	signals := 0
	for tick := time.Tick(50 * time.Millisecond); ; <-tick {
		select {
		case <-ended:
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT || signals < 2 {
				t.Errorf("after %d signals the process ended with %v: %s", signals, cmd.ProcessState, stderr.String())
			}
			return
		default:
			if err := cmd.Process.Signal(syscall.SIGINT); err == nil {
				signals++
			}
		}
	}
}
