package coordinator

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// RunID names a run: 1 to 64 letters, digits, '-' and '_', so that it may be a part of a subject or a path.
type RunID string

// WorkerID names a worker, in the letters of a RunID: one process at a time, the one that registered last.
type WorkerID string

// CommandID is the identity of a command of a user, 16 random bytes that whoever sends it draws once.
type CommandID [16]byte

// Epoch counts the leases of a pack, from 1. It fences: a block is committed only under the epoch of a lease that is held.
type Epoch uint64

// Digest is a SHA-256.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Limits of what commands hold. What is larger is kept in the store, and its digest travels in its place.
const (
	MaxName        = 64
	MaxPacks       = 1 << 16
	MaxWarmup      = 1 << 14 // blocks of warmup
	MaxDraws       = 1 << 40 // a chain
	MaxBlockDraws  = 1 << 24
	MaxManifest    = 1 << 20 // bytes of Spec.Manifest
	MaxReport      = 1 << 16 // bytes of Block.Report
	MaxPayload     = 1 << 20 // bytes of Decide.Payload
	MaxReason      = 1 << 12 // bytes of Fail.Reason
	MaxClasses     = 16
	MaxClass       = 256     // bytes of a replay class's name
	MaxBatch       = 1 << 14 // elements of a list in a command
	MaxBlocks      = 1 << 24 // of a pack in sampling
	MaxControl     = 1 << 14 // commands Stop, Resume and Extend of one run
	MaxLeaseMillis = 3_600_000
)

// Step is one block of warmup.
type Step struct {
	Draws   uint32 // of each chain
	Barrier bool   // the next block waits for a decision, which waits for this block of all packs
	Open    bool   // of a barrier: the decision may do without packs that are late; they take it when they come there
}

// Spec is what a run is: packs of chains that each make the blocks of warmup and then blocks of BlockDraws draws a chain.
// Only the first Draws draws of sampling count, in all packs alike; those of a last block that goes beyond are kept for an
// extension.
type Spec struct {
	Packs      uint32
	Warmup     []Step
	BlockDraws uint32 // draws of each chain in a block of sampling
	Draws      uint64 // draws of each chain in sampling
	// CheckEvery is the number of sampling blocks between evaluations of the stop rule; 0 has none.
	CheckEvery uint32
	// LeaseMillis is how long a lease lasts without renewal, 1 … MaxLeaseMillis.
	LeaseMillis uint32
	// LateMillis is how long a pack may go without a commit before an idle worker gets a second lease of it; 0 never.
	LateMillis uint32
	// Classes are the replay classes whose workers may run packs. None: that of the first lease, which then is the run's.
	Classes []string
	// Engine is that of workers that may run packs, "" for any: of a worker's class it is the first word, or that before a colon.
	Engine   string
	Width    uint32 // chains of the largest pack: some workers take no such packs
	Manifest []byte // program, data, seed, stop rule: whatever else a worker needs; opaque
}

// Validate returns an error that joins all problems.
func (s *Spec) Validate() error {
	var problems []error
	within := func(what string, n, low, high uint64) {
		if n < low || n > high {
			problems = append(problems, fmt.Errorf("coordinator: %s is %d, want %d … %d", what, n, low, high))
		}
	}
	within("the number of packs", uint64(s.Packs), 1, MaxPacks)
	within("the number of warmup blocks", uint64(len(s.Warmup)), 0, MaxWarmup)
	within("a block's number of draws", uint64(s.BlockDraws), 1, MaxBlockDraws)
	within("the number of draws", s.Draws, 0, MaxDraws)
	within("the number of sampling blocks", blocksOf(s.Draws, max(1, s.BlockDraws)), 0, MaxBlocks)
	within("the time of a lease in ms", uint64(s.LeaseMillis), 1, MaxLeaseMillis)
	within("the length of the manifest", uint64(len(s.Manifest)), 0, MaxManifest)
	within("the number of replay classes", uint64(len(s.Classes)), 0, MaxClasses)
	within("the length of an engine's name", uint64(len(s.Engine)), 0, MaxClass)
	for _, c := range s.Classes {
		within("the length of a replay class's name", uint64(len(c)), 1, MaxClass)
	}
	problems = append(problems, validateSteps(s.Warmup))
	return errors.Join(problems...)
}

// blocksOf returns the number of blocks that so many draws take.
func blocksOf(draws uint64, blockDraws uint32) uint64 {
	return (draws + uint64(blockDraws) - 1) / uint64(blockDraws)
}

func validateSteps(steps []Step) error {
	for i, s := range steps {
		if s.Draws < 1 || s.Draws > MaxBlockDraws {
			return fmt.Errorf("coordinator: block %d of warmup has %d draws, want 1 … %d", i, s.Draws, MaxBlockDraws)
		}
		if s.Open && !s.Barrier {
			return fmt.Errorf("coordinator: block %d of warmup is an open barrier, and none", i)
		}
	}
	return nil
}

// validName reports whether s is a RunID or WorkerID.
func validName(s string) bool {
	if len(s) == 0 || len(s) > MaxName {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Genesis returns the digest that stands before a pack's first block: it binds the chain of digests to the run, its spec and
// the pack.
func Genesis(id RunID, s *Spec, pack uint32) Digest { return genesis(s.digest(id), pack) }

func genesis(run Digest, pack uint32) Digest {
	return sha256.Sum256(binary.LittleEndian.AppendUint32(run[:], pack))
}

// digest returns the digest of a run's name and spec.
func (s *Spec) digest(id RunID) Digest {
	var c coder
	c.run(&id)
	s.code(&c)
	return sha256.Sum256(c.out)
}
