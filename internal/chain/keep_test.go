package chain_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// keepingEngine is wasm with sessions that are engine.Keepers. What they set aside can be read once they have gone on.
type keepingEngine struct {
	wasm.Engine
	t *testing.T
}

func (e keepingEngine) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	x, err := e.Engine.Compile(f, opt)
	return &keepingExecutable{x, e.t, f, opt.Donate}, err
}

type keepingExecutable struct {
	engine.Executable
	t      *testing.T
	f      *tensor.Func
	donate []engine.Donation
}

func (x *keepingExecutable) NewSession() (engine.Session, error) {
	s, err := x.Executable.NewSession()
	return &keepingSession{Session: s, x: x, aside: map[int][]byte{}, gone: make(chan struct{}, 1)}, err
}

type keepingSession struct {
	engine.Session
	x     *keepingExecutable
	aside map[int][]byte // by result
	gone  chan struct{}  // holds an element where the session has been used since Keep
}

var _ engine.Keeper = (*keepingSession)(nil)

func (s *keepingSession) Keep(results []int) error {
	for _, i := range results {
		d := slices.IndexFunc(s.x.donate, func(d engine.Donation) bool { return d.Out == i })
		n := engine.SizeOf(s.x.f.Out[i])
		s.aside[i] = make([]byte, n)
		// The parameter may hold anything.
		if err := errors.Join(s.Session.Get(i, s.aside[i]), s.Put(s.x.donate[d].In, bytes.Repeat([]byte{1}, n))); err != nil {
			return err
		}
	}
	select {
	case <-s.gone:
	default:
	}
	return nil
}

func (s *keepingSession) Kept(result int, dst []byte) error {
	select {
	case <-s.gone:
		s.went()
	case <-time.After(time.Minute):
		s.x.t.Error("the session does not go on while draws are read")
	}
	copy(dst, s.aside[result])
	return nil
}

func (s *keepingSession) went() {
	select {
	case s.gone <- struct{}{}:
	default:
	}
}

func (s *keepingSession) Run() error {
	s.went()
	return s.Session.Run()
}

func (s *keepingSession) Get(result int, dst []byte) error {
	s.went()
	return s.Session.Get(result, dst)
}

// TestPacksHandOverWhileTheyRun: where an engine can set draws aside, a pack goes on while they are read, and none changes.
func TestPacksHandOverWhileTheyRun(t *testing.T) {
	const chains, draws = 6, 300
	config := func(eng engine.Engine, batch int) *fixture {
		cfg := chain.DefaultConfig()
		cfg.Seed, cfg.SaveWarmup, cfg.Warmup, cfg.Batch = 11, true, 150, batch
		return build(t, nonCentred, schoolsData(), eng, cfg)
	}
	want, states := alone(t, config(wasm.Engine{}, 0), chains, draws)
	f := config(keepingEngine{t: t}, 4)
	x, w := f.fleet(t, chains), f.packWorker(t)
	for _, pack := range x.packs(4) {
		finishPack(t, w, pack, draws, time.Hour, x)
	}
	if got := x.digests(); !slices.Equal(got, want) {
		t.Errorf("draws are %v, want %v", got, want)
	}
	for i, c := range x.chains {
		if !bytes.Equal(c.AppendState(nil), states[i]) {
			t.Errorf("chain %d ends in another state", i)
		}
	}
}

var errSink = errors.New("the disk is full")

// fullSink takes so many batches.
type fullSink int

func (s *fullSink) Append(*chain.Batch) error {
	if *s--; *s < 0 {
		return errSink
	}
	return nil
}

// TestPacksReportTheSink: what a sink says ends the pack, although it says so while the pack goes on.
func TestPacksReportTheSink(t *testing.T) {
	cfg := chain.DefaultConfig()
	cfg.Batch, cfg.Warmup = 2, 50
	f := build(t, nonCentred, schoolsData(), keepingEngine{t: t}, cfg)
	for _, batches := range []fullSink{0, 3} {
		err := f.packWorker(t).Advance(f.fleet(t, 2).chains, chain.Goal{Draws: 2000, Slice: time.Hour}, &batches)
		if !errors.Is(err, errSink) {
			t.Errorf("the pack ends with %v, want %v", err, errSink)
		}
	}
}
