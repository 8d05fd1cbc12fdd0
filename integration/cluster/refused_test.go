//go:build unix

package cluster

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// TestRefused: runs that are not signed or signed by others, processes without the right certificates, workers that speak for
// others, messages that are damaged, too large, or not what they say: all refused, the log says why, and a run that goes on
// meanwhile has the draws that it should.
func TestRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: processes of a cluster take seconds")
	}
	t.Parallel()
	dir := t.TempDir()
	certs, others := filepath.Join(dir, "certs"), filepath.Join(dir, "others")
	user{}.must(t, "certs", certs)
	user{}.must(t, "certs", others)
	address := addresses(t, 1)[0]
	coordinator := start(t, "coordinator", "--dir", filepath.Join(dir, "data"), "--listen", address, "--certs", filepath.Join(certs, "coordinator"))
	coordinator.says(t, "msg=ready")
	url := "nats://" + address
	u := user{url, filepath.Join(certs, "client")}
	start(t, "worker", "--nats", url, "--certs", filepath.Join(certs, "worker"))
	s := schools{seed: 21, draws: 6000}
	run := s.submit(t, u)

	refuse := func(what string, who user, said, logged string) {
		t.Helper()
		out, text, err := who.run(t, "submit", "eight-schools", "--draws", "10")
		if err == nil || !strings.Contains(text, said) {
			t.Errorf("%s: %v: %s%s, want %q", what, err, out, text, said)
		}
		coordinator.says(t, logged)
	}
	refuse("unsigned", user{url, with(t, certs, map[string]string{})}, "is not signed", "the run is not signed")
	refuse("signed by others", user{url, with(t, certs, map[string]string{trust.SigningFile: filepath.Join(others, "client", trust.SigningFile)})},
		"not in the trust root", "signed by a key that is not in the trust root")
	refuse("without certificates", user{cluster: url}, "certificate", "TLS handshake error")
	if _, said, err := (user{url, filepath.Join(certs, "worker")}).run(t, "ls"); err == nil || !strings.Contains(said, "the credentials are those of a worker") {
		t.Errorf("as a worker: %v: %s", err, said)
	}
	worker := start(t, "worker", "--nats", url, "--certs", filepath.Join(others, "worker"))
	<-worker.exited
	if worker.cmd.ProcessState.ExitCode() == 0 {
		t.Error("a worker of another cluster was let in")
	}
	forge(t, url, filepath.Join(certs, "worker"), run, coordinator)
	s.check(t, u, run)
}

// with returns a client's directory of credentials without a signing key, and with other files.
func with(t *testing.T, certs string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "client")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(certs, "client"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, trust.SigningFile)); err != nil {
		t.Fatal(err)
	}
	for name, from := range files {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// forge sends what no worker sends, as one that has its credentials.
func forge(t *testing.T, url, certs, run string, coordinator *process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := trust.Load(certs)
	if err != nil {
		t.Fatal(err)
	}
	w, err := nats.Connect(ctx, nats.Config{URL: url, Party: "worker-forger", TLS: c.ClientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	lease := transport.Subject{Channel: transport.Control, Verb: "lease", Party: "worker-forger"}
	ask := func(what string, payload []byte, logged string) {
		t.Helper()
		reply, err := w.Request(ctx, transport.Envelope{Subject: lease, Payload: payload})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if m, err := transport.Decode(reply); err != nil || transport.NameOf(m) != "Failure" {
			t.Errorf("%s: the reply is %v, %v", what, m, err)
		}
		coordinator.says(t, logged)
	}
	ask("nonsense", []byte("nonsense"), "this is no message of drey")
	other, err := transport.Encode(&transport.Lease{Command: transport.Command{Party: "worker-1"}, Slots: 1})
	if err != nil {
		t.Fatal(err)
	}
	ask("another's name inside", other, "Lease for drey.ctl.lease.worker-1 came on drey.ctl.lease.worker-forger")
	ask("damaged", append(bytes.Clone(other[:len(other)-1]), other[len(other)-1]^1), "the checksum is wrong")
	_, err = w.Request(ctx, transport.Envelope{Subject: lease, Payload: make([]byte, transport.MaxMessage+1)})
	if transport.KindOf(err) != transport.Invalid || err == nil {
		t.Errorf("too large: %v", err)
	}
	submit := transport.Subject{Channel: transport.Control, Verb: "submit", Party: "worker-forger"}
	if _, err := w.Request(ctx, transport.Envelope{Subject: submit, Payload: other}); transport.KindOf(err) != transport.Refused {
		t.Errorf("a worker submits: %v", err)
	}
	coordinator.says(t, "Publish Violation")
	draws := transport.Subject{Channel: transport.Draws, Run: transport.RunID(run), Party: "worker-forger"}
	block := &transport.Block{Lease: transport.LeaseRef{Run: transport.RunID(run), Epoch: 1}, Worker: "worker-forger", Index: 3, Class: "x"}
	block.Digest = transport.BlockDigest(block.Lease.Run, block.Lease.Pack, block.Index, block.Previous, block.Content.Digest)
	for _, payload := range [][]byte{[]byte("nonsense"), encode(t, block)} {
		if err := w.Publish(ctx, transport.Envelope{Subject: draws, Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	coordinator.says(t, "block refused")
	draws.Party = "worker-1"
	short, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	if err := w.Publish(short, transport.Envelope{Subject: draws, Payload: other}); transport.KindOf(err) != transport.Refused || err == nil {
		t.Errorf("published as another: %v", err)
	}
}

func encode(t *testing.T, m transport.Message) []byte {
	t.Helper()
	b, err := transport.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
