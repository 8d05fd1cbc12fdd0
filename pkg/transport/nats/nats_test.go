package nats

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/transporttest"
)

func start(t *testing.T, cfg ServerConfig) *Server {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, cfg Config) transport.Transport {
	t.Helper()
	c, err := Connect(soon(t), cfg)
	must(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// opener makes buses on a server of their own, to which config says how to connect.
func opener(listen string, config func(*Server) Config) transporttest.Open {
	return func(t *testing.T, limits transport.Limits) transporttest.Connect {
		s := start(t, ServerConfig{StoreDir: t.TempDir(), Listen: listen})
		cfg := config(s)
		cfg.Party = "coordinator"
		must(t, Prepare(soon(t), cfg, limits, 1))
		var parties atomic.Int32
		return func(t *testing.T) transport.Transport {
			cfg := cfg
			cfg.Party = transport.PartyID("party-" + strconv.Itoa(int(parties.Add(1))))
			return dial(t, cfg)
		}
	}
}

func TestContractInProcess(t *testing.T) {
	transporttest.Run(t, opener("", func(s *Server) Config { return Config{Server: s} }))
}

func TestContractOverTCP(t *testing.T) {
	transporttest.Run(t, opener("127.0.0.1:0", func(s *Server) Config { return Config{URL: s.URL()} }))
}
