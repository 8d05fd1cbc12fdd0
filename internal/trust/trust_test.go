package trust_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// trial returns the directory of a new trial set.
func trial(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "certs")
	must(t, trust.WriteTrial(dir, []string{"localhost", "127.0.0.1"}, time.Now()))
	return dir
}

func load(t *testing.T, dir string, role trust.Role) *trust.Credentials {
	t.Helper()
	c, err := trust.Load(filepath.Join(dir, string(role)))
	must(t, err)
	return c
}

func TestTrialSet(t *testing.T) {
	dir := trial(t)
	for _, role := range trust.Roles() {
		c := load(t, dir, role)
		if c.Identity != (trust.Identity{Role: role, Name: string(role)}) {
			t.Errorf("%s: identity %v", role, c.Identity)
		}
		if (c.Root != nil) != (role == trust.Coordinator || role == trust.Worker) || (c.Signing != nil) != (role == trust.Client) {
			t.Errorf("%s: trust root %v, signing key %v", role, c.Root, c.Signing != nil)
		}
	}
	if err := trust.WriteTrial(dir, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("wrote over a set: %v", err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if info, e := d.Info(); e == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", path, info.Mode())
		}
		return err
	})
	must(t, err)
	for name, bad := range map[string]string{trust.AuthorityFile: "nothing", trust.RootFile: "nothing", trust.SigningFile: "nothing", trust.KeyFile: "nothing"} {
		must(t, os.WriteFile(filepath.Join(dir, "worker", name), []byte(bad), 0o600))
		if _, err := trust.Load(filepath.Join(dir, "worker")); err == nil || !strings.HasPrefix(err.Error(), "trust: ") {
			t.Errorf("%s of nonsense: %v", name, err)
		}
		must(t, os.RemoveAll(filepath.Join(dir, "worker")))
		must(t, os.CopyFS(filepath.Join(dir, "worker"), os.DirFS(filepath.Join(dir, "server"))))
	}
}

// TestExpired: credentials that do not hold now are refused where they are read, before anyone is asked for anything.
func TestExpired(t *testing.T) {
	for _, years := range []int{-2, 1} {
		dir := filepath.Join(t.TempDir(), "certs")
		must(t, trust.WriteTrial(dir, nil, time.Now().AddDate(years, 0, 0)))
		if _, err := trust.Load(filepath.Join(dir, "worker")); err == nil || !strings.Contains(err.Error(), "make a new one") {
			t.Errorf("%d years from now: %v", years, err)
		}
	}
}

func TestCovers(t *testing.T) {
	id := trust.Identity{Role: trust.Worker, Name: "pool"}
	for party, want := range map[transport.PartyID]bool{"pool": true, "pool-x7": true, "pool2": false, "poo": false, "other": false, "": false, "pool-a.b": false, "pool-*": false} {
		if id.Covers(party) != want {
			t.Errorf("%s for %q: %v", id.Name, party, !want)
		}
	}
}

func TestSignatures(t *testing.T) {
	key, err := trust.NewSigningKey()
	must(t, err)
	private, public, err := key.PEM()
	must(t, err)
	same, err := trust.ParseSigningKey(private)
	must(t, err)
	other, err := trust.NewSigningKey()
	must(t, err)
	_, otherPublic, err := other.PEM()
	must(t, err)
	root, err := trust.ParseRoot(append(otherPublic, public...))
	must(t, err)
	alone, err := trust.ParseRoot(otherPublic)
	must(t, err)
	manifest := []byte("manifest")
	k, signature := same.Sign(manifest)
	for _, c := range []struct {
		name          string
		root          *trust.Root
		manifest, key []byte
		signature     []byte
		want          string // part of the error
	}{
		{"good", root, manifest, k, signature, ""},
		{"no root", nil, manifest, nil, nil, ""},
		{"unsigned", root, manifest, nil, nil, "not signed"},
		{"tampered", root, []byte("manifesto"), k, signature, "changed"},
		{"another's signature", root, manifest, k, append([]byte{signature[0] ^ 1}, signature[1:]...), "changed"},
		{"unknown key", alone, manifest, k, signature, "not in the trust root"},
		{"short key", root, manifest, k[:5], signature, "not in the trust root"},
		{"short signature", root, manifest, k, signature[:5], "changed"},
	} {
		err := c.root.Verify(c.manifest, c.key, c.signature)
		if (err == nil) != (c.want == "") || err != nil && (transport.KindOf(err) != transport.Refused || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := trust.ParseSigningKey(public); err == nil {
		t.Error("took a public key for a private one")
	}
	if _, err := trust.ParseRoot(private); err == nil {
		t.Error("took a private key for a trust root")
	}
}

// cluster is a server that admits by certificate, and what it logs.
type cluster struct {
	dir    string
	server *nats.Server
	mu     sync.Mutex // guards log
	log    bytes.Buffer
}

func (c *cluster) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func (c *cluster) logged() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

func open(t *testing.T) *cluster {
	c := &cluster{dir: trial(t)}
	coordinator := load(t, c.dir, trust.Coordinator)
	s, err := nats.Start(nats.ServerConfig{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", TLS: coordinator.ServerTLS(), Admit: trust.Admit,
		Log: slog.New(slog.NewTextHandler(c, nil)),
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	c.server = s
	must(t, nats.Prepare(soon(t), nats.Config{Server: s, Party: "coordinator"}, transport.DefaultLimits(), 1))
	return c
}

// await waits until the log has a text: the server may write it after the client has left.
func (c *cluster) await(t *testing.T, text string) {
	t.Helper()
	for ctx := soon(t); !strings.Contains(c.logged(), text); time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("%q is not in the log:\n%s", text, c.logged())
		}
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (c *cluster) dial(t *testing.T, tls *tls.Config, party transport.PartyID) (transport.Transport, error) {
	conn, err := nats.Connect(soon(t), nats.Config{URL: c.server.URL(), Party: party, TLS: tls})
	if err == nil {
		t.Cleanup(func() { must(t, conn.Close()) })
	}
	return conn, err
}

// TestRefusedConnections: who shows no certificate of the authority, or speaks for a party that it does not cover, is kept
// out, and the log says why.
func TestRefusedConnections(t *testing.T) {
	c := open(t)
	worker, stranger := load(t, c.dir, trust.Worker), load(t, trial(t), trust.Worker)
	if _, err := c.dial(t, worker.ClientTLS(), "worker-1"); err != nil {
		t.Fatal(err)
	}
	server := load(t, c.dir, trust.Server)
	bare := worker.ClientTLS()
	bare.Certificates = nil
	for name, bad := range map[string]struct {
		tls    *tls.Config
		party  transport.PartyID
		logged string
	}{
		"no TLS":                   {nil, "worker-1", "TLS handshake error"},
		"no certificate":           {bare, "worker-1", "certificate"},
		"another authority":        {stranger.ClientTLS(), "worker-1", ""}, // the client leaves first: the server's certificate is no good to it
		"party of another":         {worker.ClientTLS(), "coordinator", "does not cover party coordinator"},
		"role that never connects": {server.ClientTLS(), "server", "connects to nobody"},
	} {
		_, err := c.dial(t, bad.tls, bad.party)
		for range 50 { // a client that writes to a server which has gone does not hear why: daemons ask again
			if err == nil || transport.KindOf(err) != transport.Unavailable {
				break
			}
			_, err = c.dial(t, bad.tls, bad.party)
		}
		if err == nil || transport.KindOf(err) != transport.Refused {
			t.Errorf("%s: %v, want an error that is refused", name, err)
		}
		c.await(t, bad.logged)
	}
	if _, err := c.dial(t, worker.ClientTLS(), "worker-2"); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// TestPeers: only coordinators connect to coordinators.
func TestPeers(t *testing.T) {
	dir := trial(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", load(t, dir, trust.Coordinator).PeerTLS())
	must(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Write([]byte{1})
			}()
		}
	}()
	reach := func(c *tls.Config) error {
		conn, err := tls.Dial("tcp", l.Addr().String(), c)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1)) // with TLS 1.3 a client learns of its refusal when it reads
		return err
	}
	must(t, reach(load(t, dir, trust.Coordinator).PeerTLS()))
	for _, role := range []trust.Role{trust.Worker, trust.Client, trust.Server} {
		if err := reach(load(t, dir, role).ClientTLS()); err == nil {
			t.Errorf("a %s connected to a coordinator as one", role)
		}
	}
	if err := reach(load(t, trial(t), trust.Coordinator).PeerTLS()); err == nil {
		t.Error("a coordinator of another cluster connected")
	}
}
