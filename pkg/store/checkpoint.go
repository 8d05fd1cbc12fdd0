package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
const (
	checkpointMagic  = "drey-ckp"
	checkpointFormat = 2
	runIDBytes       = 16
	secondsBytes     = 5 * 8
)

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
	id, err := hex.DecodeString(runID)
	if err != nil || len(id) != runIDBytes {
		return fmt.Errorf("run ID %q is not %d hex digits", runID, 2*runIDBytes)
	}
	sum := sha256.New()
	w = io.MultiWriter(w, sum)
	have := 0
	for _, c := range cps {
		if c != nil {
			have++
		}
	}
	head := append([]byte(checkpointMagic), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(head[len(checkpointMagic):], checkpointFormat)
	head = append(head, id...)
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

// errDamaged is a checkpoint file that is not what was written.
var errDamaged = errors.New("the checkpoint is damaged (its digest does not match): the draws can be read, the run can't go on")

// parseCheckpoints reads the checkpoint file of the run with the given ID.
func parseCheckpoints(b []byte, runID string) (took Seconds, out []Checkpoint, err error) {
	body, err := checkedBody(b, runID)
	if err != nil {
		return took, nil, err
	}
	for i, s := range []*Float{&took.Trace, &took.Compile, &took.Warmup, &took.Sampling, &took.Total} {
		*s = Float(math.Float64frombits(binary.LittleEndian.Uint64(body[8*i:])))
	}
	n := binary.LittleEndian.Uint32(body[secondsBytes:])
	r := bytes.NewReader(body[secondsBytes+4:])
	for range n {
		var h checkpointHeader
		if err := binary.Read(r, binary.LittleEndian, &h); err != nil || h.Length > uint64(r.Len()) {
			return took, nil, errDamaged
		}
		c := Checkpoint{Chain: int(h.Chain), Phase: Phase(h.Phase), Transitions: h.Transitions,
			Warmup: h.Warmup, Draws: h.Draws, WarmupLeapfrogs: h.Leapfrogs, Version: h.Version, State: make([]byte, h.Length)}
		if _, err := io.ReadFull(r, c.State); err != nil {
			return took, nil, errDamaged
		}
		out = append(out, c)
	}
	if r.Len() != 0 {
		return took, nil, errDamaged
	}
	return took, out, nil
}

// checkedBody returns what stands in a checkpoint file after the run ID and before the digest, both checked.
func checkedBody(b []byte, runID string) ([]byte, error) {
	headLen := len(checkpointMagic) + 4 + runIDBytes
	if len(b) < headLen+4+sha256.Size {
		return nil, errDamaged
	}
	body, digest := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], digest) {
		return nil, errDamaged
	}
	if string(body[:len(checkpointMagic)]) != checkpointMagic {
		return nil, errDamaged
	}
	if f := binary.LittleEndian.Uint32(body[len(checkpointMagic):]); f != checkpointFormat {
		return nil, fmt.Errorf("the checkpoint has format %d, this drey reads %d: go on with the drey that wrote it", f, checkpointFormat)
	}
	if id := hex.EncodeToString(body[len(checkpointMagic)+4:][:runIDBytes]); id != runID {
		return nil, fmt.Errorf("the checkpoint belongs to run %s, not to this run %s", id, runID)
	}
	if body = body[headLen:]; len(body) < secondsBytes+4 {
		return nil, errDamaged
	}
	return body, nil
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
