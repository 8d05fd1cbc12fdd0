package nats

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// free returns addresses that nobody listens on now.
func free(t *testing.T, n int) []string {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer l.Close() // all at the end, so that none is given out twice
		out = append(out, l.Addr().String())
	}
	return out
}

// TestClusterSurvivesOne: of three servers one may be lost, with what was stored kept and connections moved to the others.
func TestClusterSurvivesOne(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: servers elect a leader, which takes seconds")
	}
	addresses := free(t, 6)
	clients, peers := addresses[:3], addresses[3:]
	var servers []*Server
	for i := range clients {
		s, err := Start(ServerConfig{
			Name: fmt.Sprintf("s%d", i), StoreDir: t.TempDir(), Listen: clients[i], Cluster: &Cluster{Listen: peers[i], Peers: peers},
		})
		must(t, err)
		servers = append(servers, s)
	}
	defer func() {
		for _, s := range servers[1:] {
			must(t, s.Close())
		}
	}()
	cfg := Config{URL: "nats://" + strings.Join(clients, ",nats://"), Party: "c"}
	must(t, Prepare(soon(t), cfg, transport.DefaultLimits(), 3))
	c := dial(t, cfg)
	must(t, c.Publish(soon(t), drawn(1, "w")))
	name, err := c.Objects(transport.Inputs).Put(soon(t), []byte("kept"))
	must(t, err)
	must(t, servers[0].Close())
	must(t, eventually(t, func() error { return c.Publish(soon(t), drawn(2, "w")) }))
	var s transport.Subscription
	must(t, eventually(t, func() (err error) {
		s, err = c.Subscribe(soon(t), transport.Filter{Channel: transport.Draws})
		return err
	}))
	for got := map[byte]bool{}; len(got) < 2; {
		r, err := s.Next(soon(t))
		must(t, err)
		got[r.Envelope().Payload[0]] = true
		must(t, r.Ack(soon(t)))
	}
	var data []byte
	must(t, eventually(t, func() (err error) {
		data, err = c.Objects(transport.Inputs).Get(soon(t), name, 10)
		return err
	}))
	if string(data) != "kept" {
		t.Errorf("the object is %q", data)
	}
}

// eventually repeats f until it ends well, for as long as servers may take to agree on who leads.
func eventually(t *testing.T, f func() error) error {
	ctx := soon(t)
	for {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
