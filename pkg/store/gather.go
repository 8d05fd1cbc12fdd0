package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// gatherBytes is how much of blocks Gather writes to one file: a segment that readers map at once, large beside what a run adds at a time.
const gatherBytes = 64 << 20

// gatherFiles is how many more files there have to be than Gather would leave, for it to be worth its writing.
const gatherFiles = 4

// Gather writes the blocks that the ledger has once more, in its order and many to a file, and removes the files where they were, with blocks of
// no lineage. Blocks beyond the ledger stay where they are. It does nothing where there are few files. Draws and states keep all their bits. After
// an error, or a crash, a block may be stored twice, which changes nothing; the next Gather goes on. It must not be called while the run
// goes on: Write and SetLedger wait for it.
func (b *BlockWriter) Gather() (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errLetGo(b.w.dir)
	}
	if !b.durable {
		if err := b.saveLedger(); err != nil {
			return err
		}
	}
	old, size, err := b.files()
	if err != nil || len(old) <= gatherFiles+int(2*size/gatherBytes) {
		return err
	}
	r, err := Open(b.w.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := b.rewrite(r); err != nil {
		return err
	}
	return b.discard(old)
}

// files returns the paths of the indexes and segments that Gather can remove, an index before its segment, and their bytes. Those with blocks
// beyond the ledger are not among them. mu is held.
func (b *BlockWriter) files() (paths []string, size int64, err error) {
	kept := map[int]bool{}
	for p, records := range b.packs {
		for i := range records {
			kept[records[i].file] = kept[records[i].file] || records[i].index >= b.ledger.Heads[p].Blocks
		}
	}
	for n := range b.next {
		if kept[n] {
			continue
		}
		for _, name := range []string{indexName(n), segmentName(n)} {
			path := filepath.Join(b.w.dir, name)
			info, err := os.Stat(path)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, 0, err
			}
			paths, size = append(paths, path), size+info.Size()
		}
	}
	return paths, size, nil
}

// rewrite writes the blocks that a reader has to new files. mu is held.
func (b *BlockWriter) rewrite(r *Reader) error {
	first := b.next
	var blocks []Block
	size := 0
	flush := func() error {
		if len(blocks) == 0 {
			return nil
		}
		err := b.write(blocks)
		blocks, size = nil, 0
		return err
	}
	for p := range r.Packs() {
		for i := range r.Blocks(p) {
			k, err := r.Block(p, i)
			if err != nil {
				return err
			}
			blocks, size = append(blocks, k), size+len(k.State)
			for _, c := range k.Columns {
				size += len(c)
			}
			if size >= gatherBytes {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for p := range b.packs { // of a block that is there twice the new record
		head := b.ledger.Heads[p].Blocks
		b.packs[p] = slices.DeleteFunc(b.packs[p], func(k blockRecord) bool { return k.index < head && k.file < first })
	}
	b.forget()
	return nil
}

// discard removes files. mu is held.
func (b *BlockWriter) discard(paths []string) error {
	var errs []error
	for _, path := range paths {
		errs = append(errs, b.w.fsys.Remove(path))
	}
	return errors.Join(errs...)
}
