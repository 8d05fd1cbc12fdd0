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
		for chain := range r.run.Settings.Chains {
			err := r.along(phase, chain, 0, common, func(b *block, row, n int) error {
				v, err := r.whole(b, col)
				if err != nil {
					return err
				}
				buf = v.appendRaw(buf[:0], r.cols[col].width, row, n)
				sum.Write(buf)
				return nil
			})
			if err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
