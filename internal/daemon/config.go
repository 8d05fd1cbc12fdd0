package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// Common is what every daemon is told.
type Common struct {
	Credentials *trust.Credentials // nil: no TLS, everyone is let in, nothing needs a signature
	Observe     string             // HOST:PORT of metrics and health; "" for none
	Profiles    bool               // profiles too, there
	Version     string             // of drey
	Log         *slog.Logger
	// Ready is called once the daemon can do its work; url is where a coordinator is reached.
	Ready func(url string)
}

// DefaultListen is where a coordinator listens that is told nothing: for this computer alone.
const DefaultListen = "127.0.0.1:4222"

// DefaultPeerPort is where a coordinator listens for the others: Raft there, NATS's servers on the next port.
const DefaultPeerPort = 4223

// Peer is a coordinator of a group.
type Peer struct {
	ID, Host string
	Port     int // of Raft; that of NATS's servers is the next
}

// ParsePeers reads ID=HOST[:PORT], several with commas between.
func ParsePeers(text string) ([]Peer, error) {
	var out []Peer
	if text == "" {
		return nil, nil
	}
	for _, word := range strings.Split(text, ",") {
		id, host, ok := strings.Cut(word, "=")
		p := Peer{ID: id, Host: host, Port: DefaultPeerPort}
		if h, port, err := net.SplitHostPort(host); err == nil {
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 || n == 1<<16-1 {
				return nil, fmt.Errorf("daemon: peer %q: the port is not one from 1 to 65534", word)
			}
			p.Host, p.Port = h, int(n)
		}
		if !ok || !transport.IsToken(id) || len(id) > coordinator.MaxCoordinator || p.Host == "" {
			return nil, fmt.Errorf("daemon: peer %q: want ID=HOST or ID=HOST:PORT", word)
		}
		if slices.ContainsFunc(out, func(q Peer) bool { return q.ID == p.ID }) {
			return nil, fmt.Errorf("daemon: peer %s is there twice", p.ID)
		}
		out = append(out, p)
	}
	return out, nil
}

// raft and routes are where the others reach a peer.
func (p Peer) raft() string   { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }
func (p Peer) routes() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port+1)) }

// CoordinatorConfig is what a coordinator is told.
type CoordinatorConfig struct {
	Common
	Dir    string // of all that it keeps, draws too; made if it is not there
	Listen string // HOST:PORT of its NATS server
	NATS   string // URL of a NATS server in the place of its own; Listen then is not used
	ID     string // among the coordinators
	Peers  []Peer // all coordinators of the group, this one among them; none: it is alone
}

// Validate returns an error that joins all problems.
func (c *CoordinatorConfig) Validate() error {
	var problems []error
	if c.Dir == "" {
		problems = append(problems, errors.New("daemon: --dir is missing: a directory for what the coordinator keeps"))
	}
	if !transport.IsToken(c.ID) || len(c.ID) > coordinator.MaxCoordinator {
		problems = append(problems, fmt.Errorf("daemon: --id %q: want 1 to %d letters, digits, - and _", c.ID, coordinator.MaxCoordinator))
	}
	if len(c.Peers) > 0 && c.self() == nil {
		problems = append(problems, fmt.Errorf("daemon: --peers has no %q, which is this one's --id", c.ID))
	}
	if c.NATS == "" && !isAddress(c.Listen) {
		problems = append(problems, fmt.Errorf("daemon: --listen %q: want HOST:PORT", c.Listen))
	}
	if c.NATS != "" {
		problems = append(problems, checkURL(c.NATS))
	}
	if c.Credentials != nil && c.Credentials.Identity.Role != trust.Coordinator {
		problems = append(problems, fmt.Errorf("daemon: the credentials are those of a %s, not of a coordinator", c.Credentials.Identity.Role))
	}
	return errors.Join(problems...)
}

// checkURL returns an error unless a text is URLs of NATS servers.
func checkURL(list string) error {
	if err := nats.CheckURL(list); err != nil {
		return fmt.Errorf("daemon: --nats: %w", errors.Unwrap(err))
	}
	return nil
}

// isAddress reports whether a text is HOST:PORT.
func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// run returns the directory of a run.
func (c *CoordinatorConfig) run(id transport.RunID) string {
	return filepath.Join(c.Dir, "runs", string(id))
}

// replica returns the directory of the coordinator's copy of the machine.
func (c *CoordinatorConfig) replica() string { return filepath.Join(c.Dir, "raft") }

// self returns the coordinator's own entry of Peers, nil if there is none.
func (c *CoordinatorConfig) self() *Peer {
	for i := range c.Peers {
		if c.Peers[i].ID == c.ID {
			return &c.Peers[i]
		}
	}
	return nil
}

// copies is how many servers keep each stream.
func (c *CoordinatorConfig) copies() int {
	servers := len(c.Peers)
	if c.NATS != "" {
		servers = strings.Count(c.NATS, ",") + 1
	}
	if servers >= 3 {
		return 3
	}
	return 1
}

// WorkerConfig is what a worker is told.
type WorkerConfig struct {
	Common
	NATS   string // URL of the cluster, or several with commas between
	Engine string // one of runner.Engines
	Slots  int    // packs at once; 0: a core each, or one on an accelerator
	Batch  int    // chains of the largest pack that it takes; 0: any
}
