// Package nats is the transport of clusters, over a NATS server with JetStream, which it can start in the process.
//
// Queues and histories are streams in files; objects are JetStream object stores; broadcasts and requests are plain
// messages. What Publish has stored outlives a restart of the server. JetStream does not sync files before it confirms, so
// a power failure may lose the last two minutes of it: the ledger notices, and the blocks are made again.
package nats

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/drey-sampler/drey/pkg/transport"
)

// ServerConfig says how an embedded server is started.
type ServerConfig struct {
	StoreDir string      // where streams and objects are kept; made if it is not there
	Listen   string      // HOST:PORT, of which port 0 is any free one; "" for connections within the process only
	TLS      *tls.Config // of listening; nil for none. With ClientAuth set, clients need certificates
	Users    []User      // who may connect; none: anyone, with all permissions
}

// User is who may connect, and the subjects that it may use.
type User struct {
	Name        string
	Password    string
	Permissions *Permissions // nil for all
}

// Permissions are the subjects that a user may publish and subscribe to, NATS's wildcards allowed.
type Permissions struct {
	Publish, Subscribe []string
}

// Server is a NATS server within the process.
type Server struct {
	server *server.Server
	listen bool
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
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, transport.Errorf(transport.Invalid, "start server", "%w", err)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, transport.Errorf(transport.Unavailable, "start server",
			"it is not ready: is %q free to listen on, and is %s a directory that can be written?", cfg.Listen, cfg.StoreDir)
	}
	return &Server{s, cfg.Listen != ""}, nil
}

func (cfg *ServerConfig) options() (*server.Options, error) {
	if cfg.StoreDir == "" {
		return nil, transport.Errorf(transport.Invalid, "start server", "StoreDir is empty: name a directory for its streams")
	}
	opts := &server.Options{
		ServerName: "drey", NoSigs: true, NoLog: true, JetStream: true, StoreDir: cfg.StoreDir,
		JetStreamMaxMemory: maxMemory, JetStreamMaxStore: maxStore, DontListen: cfg.Listen == "",
	}
	if cfg.Listen != "" {
		host, port, err := net.SplitHostPort(cfg.Listen)
		if err != nil {
			return nil, transport.Errorf(transport.Invalid, "start server", "%q is not HOST:PORT: %w", cfg.Listen, err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, transport.Errorf(transport.Invalid, "start server", "%q is not HOST:PORT: %w", cfg.Listen, err)
		}
		opts.Host, opts.Port = host, int(n)
		if n == 0 {
			opts.Port = server.RANDOM_PORT
		}
	}
	if cfg.TLS != nil {
		opts.TLS, opts.TLSConfig, opts.TLSVerify = true, cfg.TLS, cfg.TLS.ClientAuth == tls.RequireAndVerifyClientCert
		opts.TLSTimeout = 5 // seconds; NATS's own 2 are short on a machine that is busy
	}
	for _, u := range cfg.Users {
		user := &server.User{Username: u.Name, Password: u.Password}
		if p := u.Permissions; p != nil {
			user.Permissions = &server.Permissions{
				Publish: &server.SubjectPermission{Allow: p.Publish}, Subscribe: &server.SubjectPermission{Allow: p.Subscribe},
			}
		}
		opts.Users = append(opts.Users, user)
	}
	return opts, nil
}

// URL returns where clients connect, "" if the server does not listen.
func (s *Server) URL() string {
	if !s.listen {
		return ""
	}
	return s.server.ClientURL()
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() error {
	s.server.Shutdown()
	s.server.WaitForShutdown()
	return nil
}

var errNoServer = errors.New("neither a URL nor a server in the process to connect to")
