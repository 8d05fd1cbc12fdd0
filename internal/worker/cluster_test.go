package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// cluster is a coordinator and a sink of one run, over a bus in memory: the coordinator's own machine behind the messages, and a
// map in the place of a disk.
type cluster struct {
	t        *testing.T
	bus      *memory.Bus
	manifest transport.Payload
	spec     coordinator.Spec
	info     *transport.Manifest
	log      *bytes.Buffer
	logMu    *sync.Mutex

	mu        sync.Mutex // guards the fields below
	m         coordinator.Machine
	contents  map[transport.Digest][]byte // durable ones, by the digest of their block
	committed map[uint32][]*transport.Block
	decisions []*transport.Decision
	moments   map[string]*transport.Moments // the first of each pack and block
	ticks     uint64
	failed    []string
	released  []string
	refused   map[coordinator.Code]int
	pauseSink bool
	sinkDies  string // where it does, once with each block: persisted, committed
	died      map[transport.Digest]bool
	early     map[transport.PackID][]early
	muted     bool // notices are lost
	decide    func(step int, moments []*transport.Moments) *transport.Decision
}

const runID = "schools"

// newCluster returns a cluster whose run has a manifest.
func newCluster(t *testing.T, x *sample) *cluster {
	t.Helper()
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	m := x.manifest
	c := &cluster{
		t: t, bus: bus, info: m, contents: map[transport.Digest][]byte{}, committed: map[uint32][]*transport.Block{},
		moments: map[string]*transport.Moments{}, died: map[transport.Digest]bool{}, early: map[transport.PackID][]early{}, refused: map[coordinator.Code]int{}, log: &bytes.Buffer{}, logMu: &sync.Mutex{},
	}
	inputs := bus.Connect().Objects(transport.Inputs)
	if err := x.job.Put(t.Context(), inputs, m); err != nil {
		t.Fatal(err)
	}
	raw, err := transport.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if c.manifest, err = transport.Pack(t.Context(), inputs, raw); err != nil {
		t.Fatal(err)
	}
	c.spec = coordinator.Spec{
		Packs: m.Packs(), BlockDraws: m.Block, Draws: m.Draws, LeaseMillis: m.Lease, LateMillis: m.Late, Classes: m.Classes, Manifest: raw,
	}
	for _, s := range m.Warmup {
		c.spec.Warmup = append(c.spec.Warmup, coordinator.Step{Draws: s.Draws, Barrier: s.Barrier})
	}
	c.apply(&coordinator.Tick{Term: 1})
	if r := c.apply(&coordinator.Submit{Run: runID, Spec: c.spec}); r.Code != coordinator.OK {
		t.Fatal(r.Reason)
	}
	return c
}

func (c *cluster) apply(cmd coordinator.Command) coordinator.Result { return c.m.Apply(cmd) }

// serve answers and commits until ctx ends.
func (c *cluster) serve(ctx context.Context) {
	t := c.bus.Connect()
	requests, err := t.Subscribe(ctx, transport.Filter{Channel: transport.Control})
	if err != nil {
		c.t.Error(err)
		return
	}
	blocks, err := t.Subscribe(ctx, transport.Filter{Channel: transport.Draws})
	if err != nil {
		c.t.Error(err)
		return
	}
	moments, err := t.Subscribe(ctx, transport.Filter{Channel: transport.Statistics})
	if err != nil {
		c.t.Error(err)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c.each(ctx, requests, func(r transport.Received, m transport.Sealed) { c.answer(ctx, t, r, m) })
	})
	wg.Go(func() {
		c.each(ctx, blocks, func(r transport.Received, m transport.Sealed) { c.store(ctx, t, r, m.(*transport.Block)) })
	})
	wg.Go(func() {
		c.each(ctx, moments, func(r transport.Received, m transport.Sealed) { c.report(ctx, t, r, m.(*transport.Moments)) })
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
			c.mu.Lock()
			c.ticks += 100
			c.perform(ctx, t, c.apply(&coordinator.Tick{Term: 1, Total: c.ticks}).Actions)
			c.perform(ctx, t, c.m.Due())
			c.mu.Unlock()
		}
	})
	wg.Wait()
	t.Close()
}

func (c *cluster) each(ctx context.Context, s transport.Subscription, f func(transport.Received, transport.Sealed)) {
	for {
		r, err := s.Next(ctx)
		if err != nil {
			return
		}
		m, err := transport.Open(r.Envelope())
		if err != nil {
			c.t.Errorf("a message was refused: %v", err)
			continue
		}
		f(r, m)
	}
}

// answer carries out a request.
func (c *cluster) answer(ctx context.Context, t transport.Transport, r transport.Received, m transport.Sealed) {
	c.mu.Lock()
	reply, err := c.carryOut(ctx, t, m)
	c.mu.Unlock()
	if err := transport.Answer(ctx, r, reply, err); err != nil && ctx.Err() == nil {
		c.t.Error(err)
	}
}

func (c *cluster) carryOut(ctx context.Context, t transport.Transport, m transport.Sealed) (transport.Message, error) {
	switch m := m.(type) {
	case *transport.Register:
		id := coordinator.WorkerID(m.Command.Party)
		res := c.apply(&coordinator.Register{Worker: id, Incarnation: m.Command.Incarnation, Class: m.Class})
		if res.Code != coordinator.OK && res.Code != coordinator.Duplicate {
			return nil, transport.Errorf(transport.Refused, "register", "%s", res.Reason)
		}
		return &transport.Done{}, nil
	case *transport.Lease:
		res := c.apply(&coordinator.Acquire{Worker: coordinator.WorkerID(m.Command.Party), Incarnation: m.Command.Incarnation, Number: m.Command.Sequence + 1, Want: m.Slots})
		if res.Code == coordinator.NotFound {
			return nil, transport.Errorf(transport.NotFound, "lease", "%s", res.Reason)
		}
		c.perform(ctx, t, res.Actions)
		reply := &transport.LeaseReply{DurationMillis: c.spec.LeaseMillis, RetryMillis: 500}
		for _, g := range res.Grants {
			reply.Grants = append(reply.Grants, c.grant(g))
		}
		return reply, nil
	case *transport.Renew:
		return c.renew(m), nil
	case *transport.Release:
		if m.Failed {
			c.failed = append(c.failed, m.Reason)
			res := c.apply(&coordinator.Fail{Tenure: tenure(m.Leases[0]), Reason: m.Reason})
			c.perform(ctx, t, res.Actions)
			return &transport.Done{}, nil
		}
		c.released = append(c.released, m.Reason)
		cmd := &coordinator.Release{Worker: coordinator.WorkerID(m.Command.Party)}
		for _, l := range m.Leases {
			cmd.Leases = append(cmd.Leases, tenure(l))
		}
		c.perform(ctx, t, c.apply(cmd).Actions)
		return &transport.Done{}, nil
	case *transport.Catchup:
		reply := &transport.CatchupReply{Latest: uint64(len(c.decisions)), Decision: transport.Decision{Run: runID}}
		if m.After < reply.Latest {
			reply.Decision = *c.decisions[m.After]
		}
		return reply, nil
	}
	return nil, transport.Errorf(transport.Invalid, "request", "%s", transport.NameOf(m))
}

func tenure(l transport.LeaseRef) coordinator.Tenure {
	return coordinator.Tenure{Run: coordinator.RunID(l.Run), Pack: uint32(l.Pack), Epoch: coordinator.Epoch(l.Epoch)}
}

func ref(t coordinator.Tenure) transport.LeaseRef {
	return transport.LeaseRef{Run: transport.RunID(t.Run), Pack: transport.PackID(t.Pack), Epoch: transport.Epoch(t.Epoch)}
}

// grant is a lease as the wire has it, with the end state of the ledger's head.
func (c *cluster) grant(g coordinator.Grant) transport.Grant {
	first, chains := c.info.Pack(transport.PackID(g.Pack))
	run, _ := c.m.Run(runID)
	out := transport.Grant{
		Lease: ref(g.Tenure), Manifest: c.manifest, Chain: first, Chains: chains, Next: uint64(g.K), Decision: uint64(g.Decisions), Target: run.Draws,
	}
	if g.K > 0 {
		head := c.committed[g.Pack][g.K-1]
		out.Head = head.Digest
		m, err := transport.Decode(c.contents[head.Digest])
		if err != nil {
			c.t.Fatal(err)
		}
		content := m.(*transport.Content)
		content.Columns = nil
		raw, err := transport.Encode(content)
		if err != nil {
			c.t.Fatal(err)
		}
		out.State = transport.Payload{Size: uint64(len(raw)), Digest: transport.DigestOf(raw), Inline: raw}
	}
	return out
}

func (c *cluster) renew(m *transport.Renew) transport.Message {
	id := coordinator.WorkerID(m.Command.Party)
	c.apply(&coordinator.Renew{Workers: []coordinator.WorkerID{id}})
	run, _ := c.m.Run(runID)
	reply := &transport.RenewReply{DurationMillis: c.spec.LeaseMillis}
	for _, w := range c.m.Workers() {
		if w.Worker == id {
			reply.Drain = w.Drained
			for _, l := range m.Leases {
				reply.Leases = append(reply.Leases, transport.LeaseState{
					Lease: l, Held: slices.Contains(w.Held, tenure(l)), Committed: uint64(len(c.committed[uint32(l.Pack)])), Head: c.head(uint32(l.Pack)),
					Decision: uint64(len(c.decisions)), Target: run.Draws,
				})
			}
		}
	}
	return reply
}

func (c *cluster) head(pack uint32) transport.Digest {
	if b := c.committed[pack]; len(b) > 0 {
		return b[len(b)-1].Digest
	}
	return transport.Digest{}
}

// store is the sink: bytes first, then the ledger, then the acknowledgement.
func (c *cluster) store(ctx context.Context, t transport.Transport, r transport.Received, b *transport.Block) {
	content, err := b.Content.Message(ctx, t.Objects(transport.Results), transport.MaxContent)
	if err != nil {
		c.t.Errorf("block %d of pack %d: %v", b.Index, b.Lease.Pack, err)
		return
	}
	raw, err := transport.Encode(content)
	if err != nil {
		c.t.Errorf("block %d of pack %d: %v", b.Index, b.Lease.Pack, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.pauseSink {
		c.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		c.mu.Lock()
		if ctx.Err() != nil {
			return
		}
	}
	c.contents[b.Digest] = raw
	if c.dies("persisted", b) {
		_ = r.Retry(ctx)
		return
	}
	c.early[b.Lease.Pack] = append(c.early[b.Lease.Pack], early{r, b})
	c.enterAll(ctx, t, b.Lease.Pack)
}

// early is a block that may have come before the one that it goes on from, or before its report.
type early struct {
	r transport.Received
	b *transport.Block
}

// enterAll enters the blocks of a pack that the ledger takes, and acknowledges those that it is done with.
func (c *cluster) enterAll(ctx context.Context, t transport.Transport, pack transport.PackID) {
	for again := true; again; {
		again = false
		list := c.early[pack]
		c.early[pack] = nil
		for _, x := range list {
			code := c.commit(ctx, t, x.b)
			if code != coordinator.OK {
				c.refused[code]++
			}
			switch {
			case code == coordinator.Gap || code == coordinator.Invalid:
				c.early[pack] = append(c.early[pack], x)
			case c.dies("committed", x.b):
				_ = x.r.Retry(ctx)
			default:
				_ = x.r.Ack(ctx)
			}
			again = again || code == coordinator.OK
		}
	}
}

// dies reports whether the sink dies at a point with a block, which it does once.
func (c *cluster) dies(point string, b *transport.Block) bool {
	dies := c.sinkDies == point && !c.died[b.Digest]
	c.died[b.Digest] = c.died[b.Digest] || dies
	return dies
}

// commit enters a block into the ledger.
func (c *cluster) commit(ctx context.Context, t transport.Transport, b *transport.Block) coordinator.Code {
	pack := uint32(b.Lease.Pack)
	x := coordinator.Block{Tenure: tenure(b.Lease), K: uint32(b.Index), Prev: coordinator.Digest(b.Previous), Digest: coordinator.Digest(b.Digest), Decisions: uint32(b.Decision)}
	if b.Index == 0 {
		x.Prev = coordinator.Genesis(runID, &c.spec, pack)
	}
	if m := c.moments[key(b.Lease.Pack, b.Digest)]; m != nil {
		x.Report = []byte{1}
	}
	res := c.apply(&coordinator.Commit{Blocks: []coordinator.Block{x}})
	if res.Blocks[0] == coordinator.OK {
		c.committed[pack] = append(c.committed[pack], b)
		c.notify(ctx, t, &transport.Committed{Worker: b.Worker, Lease: b.Lease, Committed: b.Index + 1, Head: b.Digest})
	}
	c.perform(ctx, t, res.Actions)
	return res.Blocks[0]
}

func key(p transport.PackID, block transport.Digest) string { return fmt.Sprintf("%d %s", p, block) }

func (c *cluster) report(ctx context.Context, t transport.Transport, r transport.Received, m *transport.Moments) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := key(m.Lease.Pack, m.Digest); c.moments[k] == nil {
		c.moments[k] = m
	}
	_ = r.Ack(ctx)
	c.enterAll(ctx, t, m.Lease.Pack)
}

func (c *cluster) notify(ctx context.Context, t transport.Transport, m transport.Sealed) {
	if c.muted {
		return
	}
	if err := transport.Send(ctx, t, m); err != nil && ctx.Err() == nil {
		c.t.Error(err)
	}
}

// perform does what the machine asks for.
func (c *cluster) perform(ctx context.Context, t transport.Transport, actions []coordinator.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case coordinator.LeaseEnded:
			c.notify(ctx, t, &transport.LeaseExpired{Worker: transport.PartyID(a.Worker), Lease: ref(a.Tenure), Reason: a.Why.String()})
		case coordinator.DrainAsked:
			c.notify(ctx, t, &transport.Drain{Worker: transport.PartyID(a.Worker)})
		case coordinator.DecisionDue:
			c.takeDecision(ctx, t, a)
		}
	}
}

// takeDecision decides from the reports of all packs, in their order.
func (c *cluster) takeDecision(ctx context.Context, t transport.Transport, due coordinator.DecisionDue) {
	var all []*transport.Moments
	for p := range c.spec.Packs {
		all = append(all, c.moments[key(transport.PackID(p), c.committed[p][due.K].Digest)])
	}
	d := c.decide(int(due.K), all)
	d.Run, d.Version = runID, uint64(len(c.decisions)+1)
	c.decisions = append(c.decisions, d)
	cmd := &coordinator.Decide{Run: runID, K: due.K, Inputs: due.Inputs, Payload: []byte{1}}
	if d.Sampling {
		cmd.Replan = true
	}
	res := c.apply(cmd)
	if res.Code != coordinator.OK {
		c.t.Errorf("decision %d: %s", d.Version, res.Reason)
	}
	c.notify(ctx, t, d)
	c.perform(ctx, t, res.Actions)
}

// status returns the run's.
func (c *cluster) status() coordinator.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, _ := c.m.Run(runID)
	return s.Status
}

// worker begins a worker; the function returned waits for it to end.
func (c *cluster) worker(ctx context.Context, t transport.Transport, name string, change func(*worker.Config)) func() error {
	cfg := worker.Config{
		Name: transport.PartyID(name), Host: "here", Version: "test", Slots: 2, Engine: engines,
		Log: slog.New(slog.NewTextHandler(lockedWriter{c}, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	end := make(chan error, 1)
	go func() {
		end <- worker.Run(ctx, t, cfg)
	}()
	return func() error { return <-end }
}

// logged returns the log so far.
func (c *cluster) logged() string {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	return c.log.String()
}

// lockedWriter collects log lines.
type lockedWriter struct{ c *cluster }

func (w lockedWriter) Write(b []byte) (int, error) {
	w.c.logMu.Lock()
	defer w.c.logMu.Unlock()
	return w.c.log.Write(b)
}
