package xla_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// TestKeep: what is set aside stays as it is while the session runs on, and what is not donated is refused.
func TestKeep(t *testing.T) {
	params := []tensor.Param{{Name: "x", DType: tensor.F32, Shape: []int{3}}}
	f, err := tensor.Trace("next", tensor.F32, params, func(v []tensor.Value) []tensor.Value {
		return []tensor.Value{v[0].Add(1.0), v[0].Mul(2.0)}
	})
	if err != nil {
		t.Fatal(err)
	}
	x, err := open(t).Compile(f, engine.Options{Donate: []engine.Donation{{In: 0, Out: 0}}})
	if err != nil {
		t.Fatal(err)
	}
	session, err := x.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	s, ok := session.(engine.Keeper)
	if !ok {
		t.Fatal("the session is no Keeper")
	}
	array := func(v float64) []byte { return engine.Bytes(tensor.ArrayOf(tensor.F32, []int{3}, []float64{v, v, v})) }
	got := make([]byte, 12)
	check := func(what string, want []byte, err error) {
		t.Helper()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is %v, want %v; %v", what, got, want, err)
		}
	}
	if err := s.Kept(0, got); err == nil {
		t.Error("what was not kept is given")
	}
	if err := s.Keep([]int{1}); err == nil {
		t.Error("a result that is not donated is kept")
	}
	for _, from := range []float64{10, 20, 30} {
		for _, err := range []error{s.Put(0, array(from)), s.Run(), s.Keep([]int{0}), s.Put(0, array(-from)), s.Run()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		check("what was kept", array(from+1), s.Kept(0, got))
		check("the next result", array(1-from), s.Get(0, got))
		check("the other one", array(-2*from), s.Get(1, got))
	}
	for _, err := range []error{s.Close(), x.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
}

// inTurn is an engine whose sessions set nothing aside.
type inTurn struct{ engine.Engine }

func (e inTurn) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	x, err := e.Engine.Compile(f, opt)
	return inTurnExecutable{x}, err
}

type inTurnExecutable struct{ engine.Executable }

func (x inTurnExecutable) NewSession() (engine.Session, error) {
	s, err := x.Executable.NewSession()
	return struct{ engine.Session }{s}, err
}

// TestReadingBesideRunning: draws that are read while the pack goes on are those that are read before it does, to the bit.
func TestReadingBesideRunning(t *testing.T) {
	const width, draws = 4, 300
	data, err := eightschools.Data()
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New("eight-schools", tensor.F32, eightschools.EightSchools, data)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := open(t)
	run := func(e engine.Engine) (digests []string) {
		cfg := chain.DefaultConfig()
		cfg.Seed, cfg.Warmup, cfg.SaveWarmup, cfg.Batch = 7, 100, true, width
		start := chain.Start{Init: bundle.Init}
		p, err := chain.Compile(e, bundle, m.Columns, cfg, []chain.Start{start})
		if err != nil {
			t.Fatal(err)
		}
		w, err := p.NewPackWorker()
		if err != nil {
			t.Fatal(err)
		}
		chains := make([]*chain.Chain, width)
		for i := range chains {
			chains[i] = p.NewChain(i, start)
		}
		sink := &digesting{of: make([][sha256.Size]byte, width)}
		if err := w.Advance(chains, chain.Goal{Draws: draws, Slice: time.Hour}, sink); err != nil {
			t.Fatal(err)
		}
		for i, c := range chains {
			digests = append(digests, fmt.Sprintf("%x, then %x", sink.of[i][:4], sha256.Sum256(c.AppendState(nil))))
		}
		for _, err := range []error{w.Close(), p.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
		return digests
	}
	beside, before := run(e), run(inTurn{e})
	for i := range before {
		if beside[i] != before[i] {
			t.Errorf("chain %d draws %s, want %s", i, beside[i], before[i])
		}
	}
}

// digesting is a sink that keeps a digest of each chain's draws, whatever batches they come in.
type digesting struct{ of [][sha256.Size]byte }

func (s *digesting) Append(b *chain.Batch) error {
	for k := range b.Len {
		row := fmt.Appendf(s.of[b.Chain][:], "%v %v %v %v", b.Warmup, b.LogDensity[k], b.Energy[k], b.Steps[k])
		for _, v := range b.Values {
			n := len(v) / cap(b.LogDensity)
			row = append(row, v[k*n:(k+1)*n]...)
		}
		s.of[b.Chain] = sha256.Sum256(row)
	}
	return nil
}
