package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// frame is what a kind of file has around its body, little-endian: magic, format and the run's ID before it, the SHA-256 of all that
// after it.
type frame struct {
	magic   string // magicBytes
	format  uint32
	name    string // in errors
	damaged error
}

const (
	magicBytes = 8
	runIDBytes = 16
	frameHead  = magicBytes + 4 + runIDBytes // before the body
)

// begin returns what stands before the body.
func (k *frame) begin(runID string) ([]byte, error) {
	id, err := hex.DecodeString(runID)
	if err != nil || len(id) != runIDBytes {
		return nil, fmt.Errorf("run ID %q is not %d hex digits", runID, 2*runIDBytes)
	}
	return append(binary.LittleEndian.AppendUint32([]byte(k.magic), k.format), id...), nil
}

// seal returns a file that lacks only its digest with it.
func seal(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// open returns the file b of a run without its digest, everything before the body checked. The body has at least so many bytes.
func (k *frame) open(b []byte, runID string, least int) ([]byte, error) {
	if len(b) < frameHead+least+sha256.Size {
		return nil, k.damaged
	}
	out, digest := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if sum := sha256.Sum256(out); !bytes.Equal(sum[:], digest) || string(out[:magicBytes]) != k.magic {
		return nil, k.damaged
	}
	if f := binary.LittleEndian.Uint32(out[magicBytes:]); f != k.format {
		return nil, fmt.Errorf("the %s has format %d, this drey reads %d: use the drey that wrote it", k.name, f, k.format)
	}
	if id := hex.EncodeToString(out[magicBytes+4 : frameHead]); id != runID {
		return nil, fmt.Errorf("the %s belongs to run %s, not to this run %s", k.name, id, runID)
	}
	return out, nil
}
