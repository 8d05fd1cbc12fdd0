package enginetest

import (
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/reference"
	"github.com/drey-sampler/drey/pkg/tensor"
)

func TestGenerate(t *testing.T) {
	ops := map[tensor.Op]int{}
	var count func(r *tensor.Region)
	count = func(r *tensor.Region) {
		for _, n := range r.Nodes {
			ops[n.Op]++
			for _, x := range n.Regions {
				count(x)
			}
		}
	}
	for seed := range uint64(300) {
		c, err := RandomProgram(seed, 12, true)
		if err != nil {
			t.Fatal(err)
		}
		d, err := RandomProgram(seed, 12, true)
		if err != nil || c.Func.String() != d.Func.String() {
			t.Fatalf("seed %d gives two programs (%v)", seed, err)
		}
		count(c.Func.Body)
		if len(c.Args) != len(c.Func.In) {
			t.Fatalf("%d arguments for %d parameters", len(c.Args), len(c.Func.In))
		}
	}
	for op := tensor.OpConst; op <= tensor.OpCall; op++ {
		if ops[op] == 0 {
			t.Errorf("no program has %s", op)
		}
	}
}

// faulty is the reference engine with a fault in its sessions.
type faulty struct {
	reference.Engine
	fault func(engine.Session) engine.Session
}

func (e faulty) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	x, err := e.Engine.Compile(f, opt)
	return faultyExecutable{x, e.fault}, err
}

type faultyExecutable struct {
	engine.Executable
	fault func(engine.Session) engine.Session
}

func (x faultyExecutable) NewSession() (engine.Session, error) {
	s, err := x.Executable.NewSession()
	return x.fault(s), err
}

// flipped changes the last bit of every result's first byte.
type flipped struct{ engine.Session }

func (s flipped) Get(result int, dst []byte) error {
	err := s.Session.Get(result, dst)
	if len(dst) > 0 {
		dst[0] ^= 1
	}
	return err
}

// forgetful puts nothing.
type forgetful struct{ engine.Session }

func (s forgetful) Put(int, []byte) error { return nil }

// stale runs twice, so that donated state moves on one step too far.
type stale struct{ engine.Session }

func (s stale) Run() error {
	if err := s.Session.Run(); err != nil {
		return err
	}
	return s.Session.Run()
}

func TestDifferencesAreFound(t *testing.T) {
	faults := map[string]func(engine.Session) engine.Session{
		"flipped":   func(s engine.Session) engine.Session { return flipped{s} },
		"forgetful": func(s engine.Session) engine.Session { return forgetful{s} },
		"stale":     func(s engine.Session) engine.Session { return stale{s} },
	}
	for name, fault := range faults {
		found := 0
		for seed := range uint64(40) {
			c, err := RandomProgram(seed, 6, false)
			if err != nil {
				t.Fatal(err)
			}
			e := faulty{fault: fault}
			problem := compare(e, c) + compareDonated(e, c)
			if strings.Contains(problem, "want") {
				found++
			}
		}
		if found < 10 {
			t.Errorf("%s: found in %d of 40 programs", name, found)
		}
	}
}
