package store

import (
	"crypto/sha256"
	"encoding/hex"
)

// Digest returns the SHA-256 over the raw little-endian values of the common prefix of a phase: for each site in the
// schema's order, for each chain, its draws (Bool one byte an element, NaN canonical); then the statistics likewise.
// Runs with the same draws have the same digest, however they are cut into segments.
func (r *Reader) Digest(phase Phase) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := sha256.New()
	var buf []byte
	common := r.Len(phase)
	stats := len(r.cols) - len(r.run.Schema.Sites)
	for k := range r.cols {
		col := (stats + k) % len(r.cols)
		for chain, blocks := range r.blocks[phase] {
			for i := range blocks {
				b := &blocks[i]
				v, err := r.view(b, col)
				if err != nil {
					return "", err
				}
				n := min(b.n, max(0, common-int(b.first)))
				buf = v.appendRaw(buf[:0], r.cols[col].width, b.at(chain), n)
				sum.Write(buf)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
