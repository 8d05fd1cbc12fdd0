package main

import (
	"bytes"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// TestCommits: a few simulated workers for a moment make the table of commits.
func TestCommits(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: it reads /proc")
	}
	if testing.Short() {
		t.Skip("skipped: builds drey")
	}
	t.Chdir("../../..")
	var out bytes.Buffer
	if err := run(t.Context(), options{commit: 2 * time.Second, workers: 3, chains: 9, block: 5, rounds: 1, out: &out}); err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^\| all \| (\d+) \|`).FindStringSubmatch(out.String())
	if all == nil || all[1] == "0" {
		t.Errorf("no draws were committed:\n%s", out.String())
	}
}

// TestThisProcess: what /proc says of this process.
func TestThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: it reads /proc")
	}
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	memory := bytes.Repeat([]byte{1}, 64<<20)
	for x := 0; ; x++ {
		memory[x%len(memory)]++
		after, err := usageOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after.cpu > before.cpu { // it comes to that
			if after.resident < before.resident+int64(len(memory))/2 {
				t.Errorf("%d bytes are resident, %d were before another %d", after.resident, before.resident, len(memory))
			}
			break
		}
	}
	cores, err := allowedCores()
	if err != nil || len(cores) < 1 {
		t.Fatalf("cores %v, %v", cores, err)
	}
	for _, c := range cores {
		if _, err := strconv.Atoi(c); err != nil {
			t.Error(err)
		}
	}
}
