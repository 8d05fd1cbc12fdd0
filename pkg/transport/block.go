package transport

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Bounds on blocks.
const (
	maxColumns = 4096
	maxChains  = 65536 // of a pack, and of lists of chains
	maxCommits = 1024  // blocks in a commit
)

// Block is draws of a pack, from the end state of the block before. Its identity is (run, pack, index); the epoch says under
// which lease it was made and is no part of it.
type Block struct {
	Lease       LeaseRef
	Worker      PartyID // who made it
	Index       uint64  // of the block in its pack, from 0
	Previous    Digest  // BlockDigest of the block before; zero for the first
	Digest      Digest  // BlockDigest of this one
	Class       string  // replay class of the worker
	Decision    uint64  // version of the adaptation decision that it was made with
	Leapfrogs   uint64  // gradients that it took
	Divergences uint32  // transitions of it that diverged
	Content     Payload // Content, encoded; an object of Results
}

func (m *Block) fields(c *codec) {
	m.Lease.visit(c)
	c.party("Worker", &m.Worker)
	c.u64("Index", &m.Index)
	c.digest("Previous", &m.Previous)
	c.digest("Digest", &m.Digest)
	c.text("Class", &m.Class, maxText)
	c.u64("Decision", &m.Decision)
	c.u64("Leapfrogs", &m.Leapfrogs)
	c.u32("Divergences", &m.Divergences)
	m.Content.visit(c, "Content")
}

// Subject implements Sealed.
func (m *Block) Subject() Subject {
	return Subject{Channel: Draws, Run: m.Lease.Run, Pack: m.Lease.Pack, Party: m.Worker}
}

func (m *Block) id() string {
	return fmt.Sprintf("%s/%d/%d/%d", m.Lease.Run, m.Lease.Pack, m.Index, m.Lease.Epoch)
}

// check refuses a block that does not have the digest that its fields give.
func (m *Block) check() error {
	if want := BlockDigest(m.Lease.Run, m.Lease.Pack, m.Index, m.Previous, m.Content.Digest); m.Digest != want {
		return fmt.Errorf("field Digest: %s, the other fields give %s", m.Digest, want)
	}
	return nil
}

// BlockDigest returns the digest of a block: SHA-256 of the text "drey block" and a zero byte; the run's length u32 and
// bytes; pack u32; index u64; the digest of the block before; the digest of the encoded content. Numbers are little-endian.
// Worker, epoch and class are no part of it: a block made again under another lease has the same digest if it has the same
// bits.
func BlockDigest(run RunID, pack PackID, index uint64, previous, content Digest) Digest {
	b := append([]byte("drey block\x00"), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[len(b)-4:], uint32(len(run)))
	b = append(b, run...)
	b = binary.LittleEndian.AppendUint32(b, uint32(pack))
	b = binary.LittleEndian.AppendUint64(b, index)
	b = append(append(b, previous[:]...), content[:]...)
	return sha256.Sum256(b)
}

// DType is the type of a column's elements.
type DType uint8

// The types of elements, little-endian. A Bool is one byte, 0 or 1.
const (
	F64 DType = iota
	F32
	I64
	I32
	U64
	U32
	Bool
	dtypes
)

// Size returns the bytes of an element.
func (d DType) Size() int {
	switch d {
	case F64, I64, U64:
		return 8
	case F32, I32, U32:
		return 4
	}
	return 1
}

// Column is one statistic or site of all draws of a block.
type Column struct {
	Name     string // of the statistic (ArviZ's) or site
	DType    DType  // of the elements
	Elements uint32 // of one draw
	Data     []byte // raw elements, [chain][draw][element]; NaN is canonical
}

func (m *Column) visit(c *codec) {
	c.text("Name", &m.Name, maxText)
	c.choice("DType", (*uint8)(&m.DType), uint8(dtypes))
	c.u32("Elements", &m.Elements)
	at := len(c.buf) + 4
	if c.mode == writing && c.sum != nil {
		if !c.sum.draws {
			c.sum.size += c.count("Data", len(m.Data), MaxContent, 1)
			return
		}
		canonicalNaN(m.DType, m.Data)
	}
	c.bytes("Data", &m.Data, MaxContent)
	if c.mode == writing && c.sum == nil && c.err == nil {
		canonicalNaN(m.DType, c.buf[at:])
	}
}

// canonicalNaN gives every NaN in raw elements the bits that it has on every machine: positive, quiet, without payload.
func canonicalNaN(d DType, raw []byte) {
	switch d {
	case F64:
		for ; len(raw) >= 8; raw = raw[8:] {
			if binary.LittleEndian.Uint64(raw)&^(1<<63) > 0x7FF0000000000000 {
				binary.LittleEndian.PutUint64(raw, 0x7FF8000000000000)
			}
		}
	case F32:
		for ; len(raw) >= 4; raw = raw[4:] {
			if binary.LittleEndian.Uint32(raw)&^(1<<31) > 0x7F800000 {
				binary.LittleEndian.PutUint32(raw, 0x7FC00000)
			}
		}
	}
}

// Content is what a block holds: draws, statistics, and the chains' states after them. All its chains have the same number
// of draws, which was fixed before they were made.
type Content struct {
	Chain        uint32     // the first chain
	Chains       uint32     // how many follow one another
	Warmup       bool       // the draws are of warmup
	First        uint64     // number of the first draw, from 0 in each phase
	Draws        uint32     // of each chain
	Columns      []Column   // the seven statistics, then sites; none in warmup, unless its draws are kept
	StateVersion uint32     // of the states' format
	States       []EndState // of each chain
}

// EndState is a chain's state after a block: all that the next block needs.
type EndState struct {
	Bytes []byte
}

func (m *Content) fields(c *codec) {
	c.u32("Chain", &m.Chain)
	c.u32("Chains", &m.Chains)
	c.flag("Warmup", &m.Warmup)
	c.u64("First", &m.First)
	c.u32("Draws", &m.Draws)
	list(c, "Columns", &m.Columns, maxColumns, func(c *codec, col *Column) { col.visit(c) })
	c.u32("StateVersion", &m.StateVersion)
	list(c, "States", &m.States, maxChains, func(c *codec, s *EndState) { c.bytes("Bytes", &s.Bytes, MaxContent) })
}

func (m *Content) check() error {
	if uint64(len(m.States)) != uint64(m.Chains) {
		return fmt.Errorf("field States: %d states of %d chains", len(m.States), m.Chains)
	}
	rows := uint64(m.Chains) * uint64(m.Draws)
	for _, col := range m.Columns {
		have, width := uint64(len(col.Data)), uint64(col.Elements)*uint64(col.DType.Size())
		if rows > MaxContent || width > MaxContent || have != rows*width {
			return fmt.Errorf("column %s: %d bytes for %d chains, %d draws and %d elements", col.Name, have, m.Chains, m.Draws, col.Elements)
		}
	}
	return nil
}

// LedgerEntry is a block whose bytes are durable.
type LedgerEntry struct {
	Lease    LeaseRef
	Index    uint64
	Previous Digest // of the block before
	Digest   Digest // of this one
	Decision uint64 // version of the adaptation decision that it was made with
	Segment  string // where its bytes are
	Size     uint64 // of them
}

func (m *LedgerEntry) visit(c *codec) {
	m.Lease.visit(c)
	c.u64("Index", &m.Index)
	c.digest("Previous", &m.Previous)
	c.digest("Digest", &m.Digest)
	c.u64("Decision", &m.Decision)
	c.text("Segment", &m.Segment, maxText)
	c.u64("Size", &m.Size)
}

// Commit asks a sink's blocks to be entered into the ledger, once their bytes are durable. Reply: CommitReply.
type Commit struct {
	Command Command
	Entries []LedgerEntry
}

func (m *Commit) fields(c *codec) {
	m.Command.visit(c)
	list(c, "Entries", &m.Entries, maxCommits, func(c *codec, e *LedgerEntry) { e.visit(c) })
}

// Subject implements Sealed.
func (m *Commit) Subject() Subject { return control(m, m.Command.Party) }

// Verdict is what the ledger says of an entry. All but Wait are final: the block's message can be acknowledged.
type Verdict uint8

// The verdicts.
const (
	Entered Verdict = iota // the block is in the ledger, now or since before
	Stale                  // its lease has been fenced off
	Forked                 // another block is in its place, or before it
	Wait                   // the block before it is not in the ledger yet: ask again
	Unknown                // no such run or pack
	verdicts
)

// CommitReply has a verdict for each entry, in the same order.
type CommitReply struct {
	Verdicts []Verdict
}

func (m *CommitReply) fields(c *codec) {
	list(c, "Verdicts", &m.Verdicts, maxCommits, func(c *codec, v *Verdict) { c.choice("Verdict", (*uint8)(v), uint8(verdicts)) })
}

// Committed tells a worker how far the ledger is, so that it makes room for more blocks.
type Committed struct {
	Worker    PartyID // who holds the lease
	Lease     LeaseRef
	Committed uint64 // blocks of the pack in the ledger
	Head      Digest // of the last, zero for none
	Target    uint64 // draws of each chain that are wanted now
}

func (m *Committed) fields(c *codec) {
	c.party("Worker", &m.Worker)
	m.Lease.visit(c)
	c.u64("Committed", &m.Committed)
	c.digest("Head", &m.Head)
	c.u64("Target", &m.Target)
}

// Subject implements Sealed.
func (m *Committed) Subject() Subject { return Subject{Channel: Notices, Party: m.Worker} }
