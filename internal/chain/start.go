package chain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
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
	given []tensor.Param // sites
	float tensor.DType
	dim   int

	mu      sync.Mutex // guards what follows
	session engine.Session
	lanes   interleaver
	ok      []byte    // of each lane
	at      [2][]byte // this attempt's positions and the last one's
}

func newStarter(f *tensor.Func, p *Program, given int, exe *compiled) *starter {
	position, n := f.Out[startPosition], p.lanes()
	size := n * engine.SizeOf(position)
	return &starter{
		p: p, exe: exe, given: f.In[startGiven : startGiven+given], float: position.DType, dim: position.Shape[0],
		lanes: interleaver{width: n}, ok: make([]byte, n), at: [2][]byte{make([]byte, size), make([]byte, size)},
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

// start gives chains, at most a batch of them, their first states.
func (s *starter) start(chains []*Chain) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.prepare(chains); err != nil {
		return err
	}
	waiting := slices.Clone(chains) // nil: has started
	for n := range maxStarts {
		if err := s.attempt(n); err != nil {
			return err
		}
		fresh, left := make([]*Chain, len(chains)), 0
		for lane, c := range waiting {
			switch {
			case c == nil:
			case s.ok[lane] != 0:
				fresh[lane], waiting[lane] = c, nil
			case n > 0 && bytes.Equal(s.position(0, lane), s.position(1, lane)): // all sites are given: no attempt differs
				return s.explain(c, s.position(0, lane), n+1)
			default:
				left++
			}
		}
		if err := s.get(fresh); err != nil || left == 0 {
			return err
		}
		s.at[0], s.at[1] = s.at[1], s.at[0]
	}
	lane := slices.IndexFunc(waiting, func(c *Chain) bool { return c != nil })
	return s.explain(waiting[lane], s.position(1, lane), maxStarts)
}

// get gets the states of the chains that are not nil.
func (s *starter) get(chains []*Chain) error {
	if !slices.ContainsFunc(chains, func(c *Chain) bool { return c != nil }) {
		return nil
	}
	l := s.p.layout
	for k := range l.state {
		if err := s.lanes.getPart(s.session, startChain+k, l.dtype(k), chains, k); err != nil {
			return err
		}
	}
	return nil
}

// position returns the position of a lane in one of s.at.
func (s *starter) position(which, lane int) []byte {
	out := make([]byte, s.dim*s.float.Size())
	collect(out, s.at[which], lane, s.lanes.width, s.float.Size())
	return out
}

// prepare puts everything but the attempt's number.
func (s *starter) prepare(chains []*Chain) error {
	for _, c := range chains {
		if err := s.checkGiven(c); err != nil {
			return err
		}
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
	n := startGiven + len(s.given)
	err := errors.Join(s.session.Put(startSeed, u64Bytes(s.p.cfg.Seed)), s.lanes.putNumbers(s.session, startIndex, chains, s.p.superchain))
	err = errors.Join(err, s.session.Put(n, floatBytes(s.float, stepSize)), s.session.Put(n+1, s.p.inverseMass))
	for i, g := range s.given {
		err = errors.Join(err, s.lanes.put(s.session, startGiven+i, g.DType, chains, func(c *Chain) []byte { return c.start.Given[i] }))
	}
	return err
}

// checkGiven returns an error where the chain's starting values are not those that the program takes.
func (s *starter) checkGiven(c *Chain) error {
	if len(c.start.Given) != len(s.given) {
		return fmt.Errorf("chain %d: %d starting values for %d sites", c.index, len(c.start.Given), len(s.given))
	}
	for i, g := range s.given {
		if got, want := len(c.start.Given[i]), engine.SizeOf(g); got != want {
			return fmt.Errorf("chain %d: starting value %d, %s, has %d bytes, want %d", c.index, i, g.Name, got, want)
		}
	}
	return nil
}

func (s *starter) attempt(n int) error {
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
	return err
}

// explain says which site keeps the chain from starting; position is that of the last attempt.
func (s *starter) explain(c *Chain, position []byte, attempts int) error {
	p := s.p
	where, err := p.nonFinite(position)
	if err != nil {
		return err
	}
	tried := fmt.Sprintf("any of %d starting points; at the last one", attempts)
	if attempts < maxStarts {
		tried = "its starting point:"
	}
	return fmt.Errorf("chain %d: the log density or its gradient is not finite at %s %s (position %s): check the data and the priors of this site, or start elsewhere with --init or --init-strategy median",
		c.index, tried, where, p.describePosition(position))
}

// nonFinite says what is not finite at a position: an element of it, which only a given start can be, a site's log density,
// or the gradient.
func (p *Program) nonFinite(position []byte) (string, error) {
	at := p.bundle.LogDensity.In[0]
	x := engine.ArrayOf(at.DType, at.Shape, position).Float64s()
	if site, i := p.siteOf(firstBad(x)); site != nil {
		return fmt.Sprintf("%s, whose start is %v on unconstrained space (element %d): it is outside its support (%s) or on the edge", site.Name, x[site.Offset+i], i, site.Constraint), nil
	}
	in := append([][]byte{position}, p.columns...)
	sites, err := Evaluate(p.engine, p.bundle.SiteLogDensity, in)
	if err != nil {
		return "", err
	}
	if where := p.bundle.NonFinite(sites); where != "" {
		return where, nil
	}
	density, err := Evaluate(p.engine, p.bundle.LogDensity, in)
	if err != nil {
		return "", err
	}
	gradient := density[1].Float64s()
	if site, i := p.siteOf(firstBad(gradient)); site != nil {
		return fmt.Sprintf("the gradient with respect to %s (unconstrained element %d) is %v", site.Name, i, gradient[site.Offset+i]), nil
	}
	return "a Jacobian is not finite", nil
}

// siteOf returns the site that has an element of the position, and which of its elements that is; nil for none.
func (p *Program) siteOf(element int) (*model.SiteInfo, int) {
	for k := range p.bundle.Manifest.Sites {
		site := &p.bundle.Manifest.Sites[k]
		if i := element - site.Offset; site.UnconstrainedSize > 0 && i >= 0 && i < site.UnconstrainedSize {
			return site, i
		}
	}
	return nil, 0
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
