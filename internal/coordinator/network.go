package coordinator

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// network carries Raft between coordinators, by TCP or by TLS. Who connects says first whom it means: Raft's addresses are ID@HOST:PORT,
// and a coordinator closes connections for another id. Raft itself counts the vote of whoever answers at an address, so without
// this a coordinator that has lost its disk could vote in the place of the one that it was. To nobody by id it says how it is (Account).
type network struct {
	net.Listener
	tls       *tls.Config // nil for TCP
	id        string      // of this coordinator
	advertise string      // HOST:PORT where others reach it
	account   func() (Account, error)
	serves    atomic.Bool // Raft runs here
	log       *slog.Logger
}

const (
	connections    = 3 // kept to each peer
	requestTimeout = 2 * time.Second
	greeting       = "drey\x01" // and the length of an id, and the id
	maxAccount     = 1 << 20    // bytes
)

// listen opens an address for the other coordinators.
func listen(at string, n *network) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return fmt.Errorf("listen for other coordinators: %w", err)
	}
	if n.advertise == "" {
		n.advertise = l.Addr().String()
	}
	if n.Listener = l; n.tls != nil {
		n.Listener = tls.NewListener(l, n.tls)
	}
	return nil
}

// address is a name and a port, which is looked up anew for each connection: pods change their IP addresses.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// at returns Raft's address of a coordinator.
func at(id, addr string) raft.ServerAddress { return raft.ServerAddress(id + "@" + addr) }

// locate splits an address of Raft.
func locate(a raft.ServerAddress) (id, addr string) {
	id, addr, _ = strings.Cut(string(a), "@")
	return id, addr
}

func (n *network) Addr() net.Addr { return address(at(n.id, n.advertise)) }

// Dial connects to a peer.
func (n *network) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	id, addr := locate(to)
	return n.dial(ctx, id, addr)
}

// dial connects to a coordinator by id, "" for whoever is at an address.
func (n *network) dial(ctx context.Context, id, addr string) (net.Conn, error) {
	var c net.Conn
	var err error
	if dialer := new(net.Dialer); n.tls == nil {
		c, err = dialer.DialContext(ctx, "tcp", addr)
	} else {
		c, err = (&tls.Dialer{NetDialer: dialer, Config: n.tls}).DialContext(ctx, "tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, greeting+string([]byte{byte(len(id))})+id); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// ask returns how the coordinator at an address is.
func (n *network) ask(ctx context.Context, addr string) (s Account, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	c, err := n.dial(ctx, "", addr)
	if err != nil {
		return s, err
	}
	defer func() { _ = c.Close() }()
	until, _ := ctx.Deadline()
	if err := c.SetDeadline(until); err != nil {
		return s, err
	}
	err = json.NewDecoder(io.LimitReader(c, maxAccount)).Decode(&s)
	if err == nil && s.ID == "" {
		err = errors.New("it does not say who it is")
	}
	return s, err
}

// Accept waits for a connection.
func (n *network) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &incoming{Conn: c, at: n}, nil
}

// incoming is a connection from a peer, which greets before it says anything else.
type incoming struct {
	net.Conn
	at      *network
	greeted sync.Once
	refused error
}

// Read is of what comes after the greeting; io.EOF where nothing is to come.
func (c *incoming) Read(p []byte) (int, error) {
	c.greeted.Do(func() { c.refused = c.greet() })
	if c.refused != nil {
		return 0, c.refused
	}
	return c.Conn.Read(p)
}

// greet reads whom a connection is for; an error ends it.
func (c *incoming) greet() error {
	if err := c.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	head := make([]byte, len(greeting)+1)
	if _, err := io.ReadFull(c.Conn, head); err != nil || string(head[:len(greeting)]) != greeting {
		return io.EOF
	}
	id := make([]byte, head[len(greeting)])
	if _, err := io.ReadFull(c.Conn, id); err != nil {
		return io.EOF
	}
	switch {
	case len(id) == 0:
		if s, err := c.at.account(); err == nil {
			_ = json.NewEncoder(c.Conn).Encode(s)
		}
		return io.EOF
	case string(id) != c.at.id:
		c.at.log.Debug("a connection is for another coordinator", "for", string(id), "from", c.RemoteAddr().String())
		return io.EOF
	case !c.at.serves.Load():
		return io.EOF
	}
	return c.SetDeadline(time.Time{})
}
