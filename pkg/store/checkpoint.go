package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// Checkpoint is what a chain needs to go on: its state after Transitions transitions, opaque here.
type Checkpoint struct {
	Chain       int
	Phase       Phase  // of the next transition
	Transitions uint64 // done, warmup included
	Warmup      int64  // warmup draws appended before it
	Draws       int64  // sampling draws appended before it
	// WarmupLeapfrogs are those that the chain has made: what the summary of a run that was killed can't take from its draws.
	WarmupLeapfrogs int64
	Version         uint32 // of State's encoding, the caller's
	State           []byte
}

// The checkpoint file, little-endian: magic, format, run ID (16 bytes), the run's times until then (five f64), number of
// chains; for each chain its header and the length and bytes of its state; last the SHA-256 of all before it.
const secondsBytes = 5 * 8

var checkpointFrame = frame{
	magic: "drey-ckp", format: 2, name: "checkpoint", use: "go on with",
	damaged: errors.New("the checkpoint is damaged (its digest does not match): the draws can be read, the run can't go on"),
}

type checkpointHeader struct {
	Chain       uint32
	Phase       uint32
	Transitions uint64
	Warmup      int64
	Draws       int64
	Leapfrogs   int64
	Version     uint32
	Length      uint64
}

// writeCheckpoints writes the checkpoint file of a run; chains without a checkpoint (nil) are left out.
func writeCheckpoints(w io.Writer, runID string, took Seconds, cps []*Checkpoint) error {
	head, err := checkpointFrame.begin(runID)
	if err != nil {
		return err
	}
	sum := sha256.New()
	w = io.MultiWriter(w, sum)
	have := 0
	for _, c := range cps {
		if c != nil {
			have++
		}
	}
	for _, s := range []Float{took.Trace, took.Compile, took.Warmup, took.Sampling, took.Total} {
		head = binary.LittleEndian.AppendUint64(head, math.Float64bits(float64(s)))
	}
	head = binary.LittleEndian.AppendUint32(head, uint32(have))
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, c := range cps {
		if c == nil {
			continue
		}
		h := checkpointHeader{uint32(c.Chain), uint32(c.Phase), c.Transitions, c.Warmup, c.Draws, c.WarmupLeapfrogs, c.Version, uint64(len(c.State))}
		if err := binary.Write(w, binary.LittleEndian, &h); err != nil {
			return err
		}
		if _, err := w.Write(c.State); err != nil {
			return err
		}
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// parseCheckpoints reads the checkpoint file of the run with the given ID.
func parseCheckpoints(b []byte, runID string) (took Seconds, out []Checkpoint, err error) {
	body, err := checkpointFrame.open(b, runID, secondsBytes+4)
	if err != nil {
		return took, nil, err
	}
	body = body[frameHead:]
	for i, s := range []*Float{&took.Trace, &took.Compile, &took.Warmup, &took.Sampling, &took.Total} {
		*s = Float(math.Float64frombits(binary.LittleEndian.Uint64(body[8*i:])))
	}
	n := binary.LittleEndian.Uint32(body[secondsBytes:])
	r := bytes.NewReader(body[secondsBytes+4:])
	for range n {
		var h checkpointHeader
		if err := binary.Read(r, binary.LittleEndian, &h); err != nil || h.Length > uint64(r.Len()) {
			return took, nil, checkpointFrame.damaged
		}
		c := Checkpoint{Chain: int(h.Chain), Phase: Phase(h.Phase), Transitions: h.Transitions,
			Warmup: h.Warmup, Draws: h.Draws, WarmupLeapfrogs: h.Leapfrogs, Version: h.Version, State: make([]byte, h.Length)}
		if _, err := io.ReadFull(r, c.State); err != nil {
			return took, nil, checkpointFrame.damaged
		}
		out = append(out, c)
	}
	if r.Len() != 0 {
		return took, nil, checkpointFrame.damaged
	}
	return took, out, nil
}

// readCheckpoints returns the checkpoints of a run directory by chain, nil where a chain has none, and how long the run had
// taken.
func readCheckpoints(dir string, run *Run) (Seconds, []*Checkpoint, error) {
	path := filepath.Join(dir, checkpointFile)
	out := make([]*Checkpoint, run.Settings.Chains)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Seconds{}, out, nil
	}
	if err != nil {
		return Seconds{}, nil, fmt.Errorf("store: %w", err)
	}
	took, cps, err := parseCheckpoints(b, run.ID)
	if err != nil {
		return Seconds{}, nil, fmt.Errorf("store: %s: %w", path, err)
	}
	for i := range cps {
		c := &cps[i]
		if c.Chain >= len(out) || out[c.Chain] != nil {
			return Seconds{}, nil, fmt.Errorf("store: %s: chain %d is not one of the run's %d, or is there twice", path, c.Chain, len(out))
		}
		out[c.Chain] = c
	}
	return took, out, nil
}

// catchUp adds to the description of a run that goes on, or was killed, what its last checkpoints tell of times and counts.
// Nothing is added where they can't be read: the draws can.
func (r *Run) catchUp(dir string) {
	if r.State != Running {
		return
	}
	took, cps, err := readCheckpoints(dir, r)
	if err != nil {
		return
	}
	if took.Total > r.Seconds.Total { // less: they are of a run that has been taken up since
		r.Seconds = took
	}
	var leapfrogs int64
	for _, c := range cps {
		if c != nil {
			leapfrogs += c.WarmupLeapfrogs
		}
	}
	r.Counts.WarmupLeapfrogs = max(r.Counts.WarmupLeapfrogs, leapfrogs)
}

// set copies c into *dst, reusing its memory.
func (c *Checkpoint) set(dst **Checkpoint) {
	if *dst == nil {
		*dst = new(Checkpoint)
	}
	state := append((*dst).State[:0], c.State...)
	**dst = *c
	(*dst).State = slices.Clip(state)
}
