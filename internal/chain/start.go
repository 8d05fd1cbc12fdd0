package chain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// maxStarts is the number of random starts that are tried (Stan's and NumPyro's number).
const maxStarts = 100

// firstStepSize is where the search for the first step size begins (Stan's nominal step size).
const firstStepSize = 1.0

// starter makes chains. Chains take turns at its one session, which holds the data.
type starter struct {
	p     *Program
	exe   *compiled
	given int // number of given sites
	ok    []byte
	at    [2][]byte // this attempt's and the last one's position

	mu      sync.Mutex // guards what follows and ok, at
	session engine.Session
}

func newStarter(f *tensor.Func, p *Program, exe *compiled) *starter {
	size := engine.SizeOf(f.Out[startPosition])
	return &starter{
		p: p, exe: exe, given: len(f.In) - 3 - 2 - len(p.columns), ok: make([]byte, 1), at: [2][]byte{make([]byte, size), make([]byte, size)},
	}
}

func (s *starter) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.free(), s.exe.close())
}

// free closes the session, whose data can be large; the next start makes another.
func (s *starter) free() error {
	if s.session == nil {
		return nil
	}
	err := s.session.Close()
	s.session = nil
	return err
}

// Parameters of the start program.
const (
	startSeed = iota
	startIndex
	startAttempt
	startGiven
)

// start gives c its first state.
func (s *starter) start(c *Chain) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.prepare(c); err != nil {
		return err
	}
	attempts := 0
	for attempts < maxStarts {
		ok, err := s.attempt(attempts)
		if err != nil {
			return err
		}
		attempts++
		if ok {
			for k := range c.parts {
				if err := s.session.Get(startChain+k, c.parts[k]); err != nil {
					return err
				}
			}
			return nil
		}
		if attempts > 1 && bytes.Equal(s.at[0], s.at[1]) { // all sites are given: no attempt differs
			break
		}
		s.at[0], s.at[1] = s.at[1], s.at[0]
	}
	return s.explain(c, attempts)
}

// prepare puts everything but the attempt's number.
func (s *starter) prepare(c *Chain) error {
	if len(c.start.Given) != s.given {
		return fmt.Errorf("chain %d: %d starting values for %d sites", c.index, len(c.start.Given), s.given)
	}
	if s.session == nil {
		var err error
		if s.session, err = s.exe.session(); err != nil {
			return err
		}
	}
	stepSize := s.p.cfg.StepSize
	if stepSize == 0 {
		stepSize = firstStepSize
	}
	float := s.p.bundle.LogDensity.Float
	in := [][]byte{u64Bytes(s.p.cfg.Seed), u32Bytes(uint32(c.index)), u32Bytes(0)}
	in = append(append(in, c.start.Given...), floatBytes(float, stepSize), s.p.inverseMass)
	for i, b := range in {
		if err := s.session.Put(i, b); err != nil {
			return fmt.Errorf("chain %d: %w", c.index, err)
		}
	}
	return nil
}

func (s *starter) attempt(n int) (bool, error) {
	err := s.session.Put(startAttempt, u32Bytes(uint32(n)))
	if err == nil {
		err = s.session.Run()
	}
	if err == nil {
		err = s.session.Get(startOK, s.ok)
	}
	if err == nil {
		err = s.session.Get(startPosition, s.at[0])
	}
	return s.ok[0] != 0, err
}

// explain says which site keeps the chain from starting.
func (s *starter) explain(c *Chain, attempts int) error {
	p := s.p
	position := s.at[0]
	if attempts == maxStarts {
		position = s.at[1] // swapped after the last attempt
	}
	in := append([][]byte{position}, p.columns...)
	sites, err := Evaluate(p.engine, p.bundle.SiteLogDensity, in)
	if err != nil {
		return err
	}
	where := p.bundle.NonFinite(sites)
	if where == "" {
		density, err := Evaluate(p.engine, p.bundle.LogDensity, in)
		if err != nil {
			return err
		}
		where = p.nonFiniteGradient(density[1])
	}
	tried := fmt.Sprintf("any of %d starting points; at the last one", attempts)
	if attempts < maxStarts {
		tried = "its starting point:"
	}
	return fmt.Errorf("chain %d: the log density or its gradient is not finite at %s %s (position %s): check the data and the priors of this site, or start elsewhere with --init or --init-strategy median",
		c.index, tried, where, p.describePosition(position))
}

// nonFiniteGradient names the element of the position at which the gradient is not finite.
func (p *Program) nonFiniteGradient(gradient *tensor.Array) string {
	bad := firstBad(gradient.Float64s())
	for _, site := range p.bundle.Manifest.Sites {
		if i := bad - site.Offset; site.UnconstrainedSize > 0 && i >= 0 && i < site.UnconstrainedSize {
			return fmt.Sprintf("the gradient with respect to %s (unconstrained element %d) is %v", site.Name, i, gradient.Float64s()[bad])
		}
	}
	return "a Jacobian is not finite"
}

// describePosition shows the sites' unconstrained values, the first few of each.
func (p *Program) describePosition(b []byte) string {
	in := p.bundle.LogDensity.In[0]
	x := engine.ArrayOf(in.DType, in.Shape, b).Float64s()
	var parts []string
	for _, s := range p.bundle.Manifest.Sites {
		if s.UnconstrainedSize == 0 || s.Kind != model.Latent && s.Kind != model.Auxiliary {
			continue
		}
		if len(parts) == 4 {
			parts = append(parts, "…")
			break
		}
		text := fmt.Sprintf("%s: %.4g", s.Name, x[s.Offset])
		if s.UnconstrainedSize > 1 {
			text += ", …"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func u32Bytes(x uint32) []byte { return binary.LittleEndian.AppendUint32(nil, x) }
func u64Bytes(x uint64) []byte { return binary.LittleEndian.AppendUint64(nil, x) }
