// Command gotest runs go test with its arguments and prints what it prints, and besides every test that was skipped, with
// the reason, and how many tests there were. go test alone is silent about skips in packages that pass.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
	r := report{w: os.Stdout}
	err = r.read(out)
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() < 0 {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	r.close()
	if err != nil || !cmd.ProcessState.Success() {
		os.Exit(1)
	}
}
