package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/observe"
	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// part is something that is open, to be closed before what was opened earlier.
type part func() error

// parts closes in the opposite order of opening.
type parts []part

func (p *parts) add(f part) { *p = append(*p, f) }

func (p parts) close() error {
	var errs []error
	for i := len(p) - 1; i >= 0; i-- {
		errs = append(errs, p[i]())
	}
	return errors.Join(errs...)
}

// RunCoordinator runs a coordinator until ctx ends, which is no error.
func RunCoordinator(ctx context.Context, cfg CoordinatorConfig) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	var open parts
	defer func() { err = errors.Join(err, open.close()) }()
	metrics := observe.NewMetrics("coordinator", cfg.Version)
	events := observe.NewEvents(transport.PartyID(cfg.ID))
	log := slog.New(events.Handler(metrics.Handler(cfg.Log.Handler()))).With("coordinator", cfg.ID)
	state := &readiness{grouped: len(cfg.Peers) > 1}
	if err := cfg.observe(&open, metrics, state.check, log); err != nil {
		return err
	}
	r, err := cfg.replicate(&open, log)
	if err != nil {
		return err
	}
	if err := r.Assemble(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	server, url, err := cfg.serve(&open, log)
	if err != nil {
		return err
	}
	t, err := cfg.connect(ctx, server, transport.PartyID(r.ID()), log.With("url", url))
	if err != nil || t == nil {
		return err
	}
	open.add(t.Close)
	open.add(publish(events, t))
	if err := r.Start(); err != nil {
		return err
	}
	state.server = server
	state.replica.Store(r)
	link := metrics.Transport(t)
	sh, err := cfg.shell(r, link, log, func() {
		state.leads.Store(true)
		log.Info("this coordinator leads", "url", url)
	})
	if err != nil {
		return err
	}
	announced := make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	go func() {
		defer close(announced)
		cfg.announce(watching, state.check, url)
	}()
	open.add(func() error {
		stop()
		<-announced
		return nil
	})
	return cfg.follow(ctx, sh, r, link, log)
}

// observe begins to serve metrics and health, if they are wanted.
func (c *Common) observe(open *parts, m *observe.Metrics, ready func() error, log *slog.Logger) error {
	if c.Observe == "" {
		return nil
	}
	s, err := observe.Serve(observe.Config{Listen: c.Observe, Metrics: m, Ready: ready, Profiles: c.Profiles, Log: log})
	if err != nil {
		return err
	}
	open.add(s.Close)
	log.Info("metrics and health", "at", "http://"+s.Addr())
	return nil
}

// verify returns the check of signatures, nil where none is wanted.
func (c *Common) verify() func(manifest, key, signature []byte) error {
	if c.Credentials == nil || c.Credentials.Root == nil {
		return nil
	}
	return c.Credentials.Root.Verify
}

// serve starts the NATS server, unless there is another; url is where it is reached.
func (c *CoordinatorConfig) serve(open *parts, log *slog.Logger) (server *nats.Server, url string, err error) {
	if c.NATS != "" {
		return nil, nats.Redacted(c.NATS), nil
	}
	cfg := nats.ServerConfig{StoreDir: filepath.Join(c.Dir, "nats"), Listen: c.Listen, Log: log}
	if c.Credentials != nil {
		cfg.TLS, cfg.Admit = c.Credentials.ServerTLS(), trust.Admit
	} else if host, _, _ := net.SplitHostPort(c.Listen); !loopback(host) {
		log.Warn("whoever reaches this address may do everything: give --certs", "listen", c.Listen)
	}
	if self := c.self(); self != nil && len(c.Peers) > 1 {
		// Of what NATS's servers keep, a server takes the part of the one that had its name: that of a coordinator whose disk is lost goes on.
		cfg.Name = "drey-" + self.ID
		cfg.Cluster = &nats.Cluster{Listen: c.bind(self.Port + 1)}
		for _, p := range c.Peers {
			cfg.Cluster.Peers = append(cfg.Cluster.Peers, p.routes())
		}
		if c.Credentials != nil {
			cfg.Cluster.TLS = c.Credentials.PeerTLS()
		}
	}
	if server, err = nats.Start(cfg); err != nil {
		return nil, "", err
	}
	open.add(server.Close)
	return server, server.URL(), nil
}

// loopback reports whether a host is this computer's own for itself.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bind returns where to listen for the other coordinators: at the host of Listen.
func (c *CoordinatorConfig) bind(port int) string {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		host = c.self().Host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// prepareTime is how long an attempt to make the streams may take: servers of a cluster first elect one of them.
const prepareTime = 20 * time.Second

// connect makes the streams and connects. Until NATS is there it waits; nil without an error if ctx ended before.
func (c *CoordinatorConfig) connect(ctx context.Context, server *nats.Server, as transport.PartyID, log *slog.Logger) (transport.Transport, error) {
	cfg := nats.Config{URL: c.NATS, Server: server, Party: as}
	if c.Credentials != nil {
		cfg.TLS = c.Credentials.ClientTLS()
	}
	return insist(ctx, log, func(ctx context.Context) (transport.Transport, error) {
		if err := nats.Prepare(ctx, cfg, transport.DefaultLimits(), c.copies()); err != nil {
			return nil, err
		}
		return nats.Connect(ctx, cfg)
	})
}

// Pauses between attempts to reach NATS.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// insist repeats f while what it needs is not there. The result is nil without an error if ctx ended before.
func insist(ctx context.Context, log *slog.Logger, f func(context.Context) (transport.Transport, error)) (transport.Transport, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		once, cancel := context.WithTimeout(ctx, prepareTime)
		t, err := f(once)
		cancel()
		switch {
		case err == nil:
			return t, nil
		case ctx.Err() != nil:
			return nil, nil
		case transport.KindOf(err) != transport.Unavailable:
			return nil, err
		}
		log.Warn("waiting for NATS", "reason", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// replicate opens the coordinator's copy of the machine.
func (c *CoordinatorConfig) replicate(open *parts, log *slog.Logger) (*coordinator.Replica, error) {
	cfg := coordinator.ReplicaConfig{Name: c.ID, Dir: c.replica(), TLS: c.peerTLS(), Log: log}
	for _, p := range c.Peers {
		cfg.Peers = append(cfg.Peers, coordinator.Peer{Name: p.ID, Addr: p.raft()})
	}
	if len(c.Peers) > 1 {
		cfg.Listen = c.bind(c.self().Port)
	}
	r, err := coordinator.OpenReplica(cfg)
	if err != nil {
		return nil, err
	}
	open.add(r.Close)
	return r, nil
}

// peerTLS returns what coordinators connect to one another with, nil for none.
func (c *CoordinatorConfig) peerTLS() *tls.Config {
	if c.Credentials == nil {
		return nil
	}
	return c.Credentials.PeerTLS()
}
