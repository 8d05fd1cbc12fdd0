package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sweep removes from the directory of a run what a catalog stands for, and what was being written for a catalog that never came: an
// index all of whose blocks the catalog has, or are of no lineage, with its segment; tables and states that it does not name. With
// alone, nobody is writing a segment: those without an index are removed too. What can't be removed is when the run is opened again.
func sweep(fsys FS, dir string, run *Run, c *catalog, alone bool) error {
	if err := fsys.SyncDir(dir); err != nil { // so that the catalog is durable
		return diskError(dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	named, indexes := c.names(), map[int]bool{}
	var segs []int
	for _, e := range entries {
		name := e.Name()
		if gathered(strings.TrimSuffix(name, tempSuffix)) && !named[name] {
			_ = fsys.Remove(filepath.Join(dir, name))
		}
		if n, ok := numbered(name, indexName); ok {
			indexes[n] = true
		}
		if n, ok := numbered(name, segmentName); ok {
			segs = append(segs, n)
		}
	}
	heads, has := c.heads(), map[[32]byte]bool{}
	for i := range c.blocks {
		has[c.blocks[i].digest] = true
	}
	for n := range indexes {
		records, err := readIndex(dir, run, n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		done := true
		for i := range records {
			done = done && (has[records[i].digest] || records[i].index < heads[records[i].pack])
		}
		if done && fsys.Remove(filepath.Join(dir, indexName(n))) == nil {
			_ = fsys.Remove(filepath.Join(dir, segmentName(n))) // there is none where no draws were kept
		}
	}
	for _, n := range segs {
		if alone && !indexes[n] {
			_ = fsys.Remove(filepath.Join(dir, segmentName(n)))
		}
	}
	return nil
}
