// Package nats is the transport of clusters, over a NATS server with JetStream, which it can start in the process.
//
// Queues and histories are streams in files; objects are JetStream object stores; broadcasts and requests are plain
// messages. What Publish has stored outlives a restart of the server. JetStream does not sync files before it confirms, so
// a power failure may lose the last two minutes of it: the ledger notices, and the blocks are made again.
package nats

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/drey-sampler/drey/pkg/transport"
)

// ServerConfig says how an embedded server is started.
type ServerConfig struct {
	Name     string      // among the servers of a cluster; default "drey"
	StoreDir string      // where streams and objects are kept; made if it is not there
	Listen   string      // HOST:PORT, of which port 0 is any free one; "" for connections within the process only
	TLS      *tls.Config // of listening; nil for none. With ClientAuth set, clients need certificates
	// Admit decides about each connection from outside the process; an error, which is logged, refuses it. nil admits everyone,
	// with all permissions.
	Admit   func(Claim) (*Permissions, error)
	Cluster *Cluster     // the servers that keep streams together; nil for one server alone
	Log     *slog.Logger // what the server has to say, refusals among it; nil for silence
}

// Claim is what a connection says of itself.
type Claim struct {
	User, Password string
	TLS            *tls.ConnectionState // nil without TLS
	From           net.Addr
}

// Permissions are the subjects that a connection may publish and subscribe to, NATS's wildcards allowed. Neither is empty; a
// nil *Permissions stands for all subjects.
type Permissions struct {
	Publish, Subscribe []string
}

// Cluster says how a server joins others, so that what one has stored outlives its loss.
type Cluster struct {
	Listen string      // HOST:PORT for the other servers
	Peers  []string    // HOST:PORT of all of them, this one among them or not
	TLS    *tls.Config // on both sides of a connection; nil for none
}

// Server is a NATS server within the process.
type Server struct {
	server *server.Server
	listen bool
	secret string // by which it knows connections from the process
}

// startTimeout is how long a server may take until it is ready: usually 20 ms, more if it reads many streams from a slow disk.
const startTimeout = time.Minute

// maxStore lets streams reserve what they are allowed: the disk is the bound, and one that is full is an error of the write.
const maxStore = 1 << 50

// maxMemory is what streams in memory may take: drey has none, NATS itself keeps a little.
const maxMemory = 64 << 20

// Start starts a server and waits until it is ready.
func Start(cfg ServerConfig) (*Server, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	if err := cfg.free(); err != nil {
		return nil, err
	}
	out := &Server{listen: cfg.Listen != "", secret: rand.Text()}
	if cfg.Admit != nil {
		opts.CustomClientAuthentication = &gate{out.secret, cfg.Admit, cfg.Log}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, transport.Errorf(transport.Invalid, "start server", "%w", err)
	}
	if cfg.Log != nil {
		s.SetLogger(lines{cfg.Log}, false, false)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, transport.Errorf(transport.Unavailable, "start server",
			"it is not ready after %v: its log says why", startTimeout)
	}
	out.server = s
	return out, nil
}

// free returns an error where the server could not begin: it would only be late, and not say why.
func (cfg *ServerConfig) free() error {
	err := os.MkdirAll(cfg.StoreDir, 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(cfg.StoreDir, "writable-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return transport.Errorf(transport.Invalid, "start server", "%w: name a directory that can be written", err)
	}
	addresses := []string{cfg.Listen}
	if cfg.Cluster != nil {
		addresses = append(addresses, cfg.Cluster.Listen)
	}
	for _, a := range addresses {
		if a == "" {
			continue
		}
		l, err := net.Listen("tcp", a)
		if err != nil {
			return transport.Errorf(transport.Invalid, "start server", "%w: name an address of this computer that nobody listens at", err)
		}
		if err := l.Close(); err != nil {
			return transport.Errorf(transport.Invalid, "start server", "%w", err)
		}
	}
	return nil
}

// maxPayload is what a connection may send at once: a message and its headers.
const maxPayload = transport.MaxMessage + 64<<10

// tlsSeconds is what TLS may take: NATS's own 2 s are short on a machine that is busy.
const tlsSeconds = 5

func (cfg *ServerConfig) options() (*server.Options, error) {
	if cfg.StoreDir == "" {
		return nil, transport.Errorf(transport.Invalid, "start server", "StoreDir is empty: name a directory for its streams")
	}
	opts := &server.Options{
		ServerName: cmp.Or(cfg.Name, "drey"), NoSigs: true, NoLog: true, JetStream: true, StoreDir: cfg.StoreDir, MaxPayload: maxPayload,
		JetStreamMaxMemory: maxMemory, JetStreamMaxStore: maxStore, DontListen: cfg.Listen == "",
	}
	var err error
	if cfg.Listen != "" {
		if opts.Host, opts.Port, err = listenAddress(cfg.Listen); err != nil {
			return nil, err
		}
	}
	if cfg.TLS != nil {
		opts.TLS, opts.TLSConfig, opts.TLSVerify = true, cfg.TLS, cfg.TLS.ClientAuth == tls.RequireAndVerifyClientCert
		opts.TLSTimeout = tlsSeconds
	}
	if c := cfg.Cluster; c != nil {
		opts.Cluster = server.ClusterOpts{Name: "drey", TLSConfig: c.TLS, TLSTimeout: tlsSeconds, PingInterval: pingInterval, NoAdvertise: true}
		if opts.Cluster.Host, opts.Cluster.Port, err = listenAddress(c.Listen); err != nil {
			return nil, err
		}
		for _, peer := range c.Peers {
			opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats-route", Host: peer})
		}
	}
	return opts, nil
}

// listenAddress reads HOST:PORT.
func listenAddress(text string) (host string, port int, err error) {
	host, name, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, transport.Errorf(transport.Invalid, "start server", "%q is not HOST:PORT: %w", text, err)
	}
	n, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return "", 0, transport.Errorf(transport.Invalid, "start server", "%q is not HOST:PORT: a port is a number of at most 65535", text)
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(n), nil
}

// URL returns where clients connect, "" if the server does not listen.
func (s *Server) URL() string {
	if !s.listen {
		return ""
	}
	return s.server.ClientURL()
}

// Current returns an error while the server lacks something of what its cluster keeps: one that has lost its disk counts for nothing in an
// election until it has it again.
func (s *Server) Current() error {
	if h := s.server.Healthz(nil); h.StatusCode != http.StatusOK {
		return transport.Errorf(transport.Unavailable, "server", "its copies of streams are not current: %s", h.Error)
	}
	return nil
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() error {
	s.server.Shutdown()
	s.server.WaitForShutdown()
	return nil
}

var errNoServer = errors.New("neither a URL nor a server in the process to connect to")
