package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config says what is served, and where.
type Config struct {
	Listen   string // HOST:PORT, of which port 0 is any free one
	Metrics  *Metrics
	Ready    func() error // why the daemon can't do its work now, nil if it can
	Profiles bool         // also /debug/pprof/, which tells a lot: not for everyone's eyes
	Log      *slog.Logger
}

// Server serves /metrics, /healthz (the process answers) and /readyz (it can do its work) over HTTP.
type Server struct {
	http http.Server
	addr string
	done chan error
}

// headerTimeout is what a client may take for the head of its request.
const headerTimeout = 5 * time.Second

// Serve begins to serve.
func Serve(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("observe: listen for metrics and health: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, cfg.Ready()) })
	if cfg.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	s := &Server{addr: l.Addr().String(), done: make(chan error, 1)}
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// answer says ok, or why not.
func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok") // a client that is gone needs no answer
}

// Addr returns where it listens.
func (s *Server) Addr() string { return s.addr }

// farewell is what requests under way may take until they are cut off.
const farewell = time.Second

// Close ends the server.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		err = s.http.Close()
		<-s.done
		return err
	}
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("observe: %w", err)
	}
	return nil
}
