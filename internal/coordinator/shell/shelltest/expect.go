package shelltest

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Expect is what a run makes when nothing happens to it: computed here, without a cluster.
type Expect struct {
	Run       transport.RunID
	Manifest  *transport.Manifest
	Adapter   Adapter
	decisions []*transport.Decision
	blocks    [][]transport.Digest // of each pack, as far as they were asked for
	draws     [][]chain            // of each chain, the state of each draw of sampling
}

// NewExpect computes a run up to so many draws of sampling.
func NewExpect(run transport.RunID, m *transport.Manifest, a Adapter, draws uint64) (*Expect, error) {
	return NewExpectWithout(run, m, a, draws, nil)
}

// NewExpectWithout computes a run whose decisions were taken without some packs: late has them by the decision's version.
func NewExpectWithout(run transport.RunID, m *transport.Manifest, a Adapter, draws uint64, late map[uint64][]transport.PackID) (*Expect, error) {
	e := &Expect{Run: run, Manifest: m, Adapter: a, blocks: make([][]transport.Digest, m.Packs()), draws: make([][]chain, m.Chains)}
	states := make([][]chain, m.Packs())
	for p := range states {
		first, chains := m.Pack(transport.PackID(p))
		for i := range chains {
			states[p] = append(states[p], begin(m.Seed, first+i))
		}
	}
	at := &cursor{m: m, size: 1}
	for !at.sampling() || at.first < draws {
		var moments []*transport.Moments
		for p := range states {
			if err := e.block(at, p, states[p]); err != nil {
				return nil, err
			}
			if !at.sampling() {
				moments = append(moments, report(at, states[p]))
			}
		}
		err := at.advance(func(version uint64) (*transport.Decision, error) {
			for _, p := range late[version] {
				moments[p] = nil
			}
			x, err := a.Adapt(&shell.Barrier{Manifest: m, Step: at.step, Moments: moments})
			if err != nil {
				return nil, err
			}
			d := &transport.Decision{Version: version, StepSize: x.StepSize, Next: uint32(x.Next)}
			e.decisions = append(e.decisions, d)
			return d, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return e, nil
}

// block makes a pack's block at a cursor.
func (e *Expect) block(at *cursor, p int, states []chain) error {
	before := append([]chain(nil), states...)
	content := at.content(transport.PackID(p), states)
	text, err := transport.Encode(content)
	if err != nil {
		return err
	}
	var previous transport.Digest
	if n := len(e.blocks[p]); n > 0 {
		previous = e.blocks[p][n-1]
	}
	e.blocks[p] = append(e.blocks[p], transport.BlockDigest(e.Run, transport.PackID(p), at.index, previous, transport.DigestOf(text)))
	if !at.sampling() {
		return nil
	}
	for i, c := range before {
		for range content.Draws {
			c.step(at.size)
			chain := int(content.Chain) + i
			e.draws[chain] = append(e.draws[chain], c)
		}
	}
	return nil
}

// Check holds a run directory and the ledger's digests of each pack against the run:
//
//	I1  each pack has the lineage of the undisturbed run, from its first block on
//	I2  what is in the ledger is in the store, with the bytes that its digest is of
//	I3  every draw is there once
//	I4  each chain has the draws that were asked for
func (e *Expect) Check(dir string, ledger [][]transport.Digest, draws uint64) error {
	r, err := store.Open(dir)
	if err != nil {
		return fmt.Errorf("I2: %w", err)
	}
	defer r.Close()
	if r.Packs() != len(ledger) || len(ledger) != len(e.blocks) {
		return fmt.Errorf("I1: %d packs stored, %d in the ledger, %d wanted", r.Packs(), len(ledger), len(e.blocks))
	}
	for p := range ledger {
		if r.Blocks(p) > len(ledger[p]) {
			return fmt.Errorf("I2: pack %d has %d blocks for readers, %d in the ledger", p, r.Blocks(p), len(ledger[p]))
		}
		for i := range r.Blocks(p) {
			if i < len(e.blocks[p]) && ledger[p][i] != e.blocks[p][i] {
				return fmt.Errorf("I1: block %d of pack %d is not that of the undisturbed run", i, p)
			}
			if err := e.stored(r, p, i, ledger[p][i]); err != nil {
				return err
			}
		}
	}
	return e.checkDraws(r, draws)
}

// stored computes the digest of a block from what is stored of it.
func (e *Expect) stored(r *store.Reader, p, i int, want transport.Digest) error {
	b, err := r.Block(p, i)
	if err != nil {
		return fmt.Errorf("I2: %w", err)
	}
	m, err := transport.Decode(b.State)
	if err != nil {
		return fmt.Errorf("I2: the state after block %d of pack %d: %w", i, p, err)
	}
	content := m.(*transport.Content)
	if b.Columns != nil {
		content.Columns = columns()
		for k := range content.Columns {
			content.Columns[k].Data = b.Columns[k]
		}
	}
	text, err := transport.Encode(content)
	if err != nil {
		return fmt.Errorf("I2: block %d of pack %d: %w", i, p, err)
	}
	if got := transport.BlockDigest(e.Run, transport.PackID(p), uint64(i), b.Previous, transport.DigestOf(text)); got != want {
		return fmt.Errorf("I2: block %d of pack %d has digest %s in the store, %s in the ledger", i, p, got, want)
	}
	return nil
}

// checkDraws compares every draw.
func (e *Expect) checkDraws(r *store.Reader, draws uint64) error {
	theta, err := r.Draws("theta", store.Sampling)
	if err != nil {
		return err
	}
	lengths := r.Lengths(store.Sampling)
	row := make([]float64, Parameters)
	for c, n := range lengths {
		if uint64(n) != draws {
			return fmt.Errorf("I4: chain %d has %d draws, want %d of each", c, n, draws)
		}
		for d := range n {
			if err := theta.Draw(row, c, d); err != nil {
				return fmt.Errorf("I3: %w", err)
			}
			for k, x := range row {
				if want := e.draws[c][d].element(k); math.Float64bits(x) != math.Float64bits(want) {
					return fmt.Errorf("I3: draw %d of chain %d has %v where the undisturbed run has %v", d, c, x, want)
				}
			}
		}
	}
	return nil
}

// restore reads the states of a grant.
func restore(c *transport.Content) []chain {
	var out []chain
	for _, s := range c.States {
		out = append(out, chain(binary.LittleEndian.Uint64(s.Bytes)))
	}
	return out
}
