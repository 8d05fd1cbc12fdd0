package coordinator

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/hashicorp/raft"
)

// stream is a listener for Raft that also dials, by TCP or by TLS.
type stream struct {
	net.Listener
	tls       *tls.Config // nil for TCP
	advertise net.Addr
}

const (
	connections    = 3 // kept to each peer
	requestTimeout = 2 * time.Second
)

// Listen returns a transport at an address. advertise is where others reach it; "" stands for addr. With a tls.Config, which should
// ask for certificates of both sides, all connections are encrypted.
func Listen(addr, advertise string, config *tls.Config, log *slog.Logger) (*raft.NetworkTransport, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("coordinator: listen for other coordinators: %w", err)
	}
	s := &stream{Listener: l, tls: config, advertise: l.Addr()}
	if advertise != "" {
		s.advertise = address(advertise)
	}
	if config != nil {
		s.Listener = tls.NewListener(l, config)
	}
	return raft.NewNetworkTransport(s, connections, requestTimeout, logWriter{log}), nil
}

// address is a name and a port, which is looked up anew for each connection: pods change their IP addresses.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

func (s *stream) Addr() net.Addr { return s.advertise }

// Dial connects to a peer.
func (s *stream) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: timeout}
	if s.tls == nil {
		return dialer.Dial("tcp", string(to))
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	secure := tls.Dialer{NetDialer: &dialer, Config: s.tls}
	return secure.DialContext(ctx, "tcp", string(to))
}

// Nobody returns the transport of a coordinator that is a group of its own, which opens no port, and the address that stands for
// it in Peers.
func Nobody() (t raft.Transport, addr string) {
	address, alone := raft.NewInmemTransport("alone")
	return alone, string(address)
}
