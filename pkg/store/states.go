package store

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// spentStates is how many bytes shorter an index file becomes at least for DropStates to write it again, which takes two syncs of a disk.
const spentStates = 256 << 10

// DropStates removes the states that nobody goes on from any more: those after blocks before the last one that each pack has in the ledger
// given to SetLedger, and those of blocks that were cut off and that the ledger has whole. Reader.Block has such a block without its
// State, so that no other coordinator can be given it. It writes index files again, each at once, where that makes them much shorter; State
// is not called meanwhile. After an error, or a crash, the run is whole, and states that were to go may be there.
func (b *BlockWriter) DropStates() error { return b.dropStates(spentStates) }

func (b *BlockWriter) dropStates(least int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("store: %s was closed: open it again", b.w.dir)
	}
	files, err := numbers(b.w.dir, indexName)
	if err != nil {
		return err
	}
	for _, n := range files {
		if err := b.shorten(n, least); err != nil {
			return err
		}
	}
	return nil
}

// spent reports whether nobody goes on from a block's state. mu is held.
func (b *BlockWriter) spent(r *blockRecord) bool {
	if int(r.pack) >= len(b.ledger.Heads) {
		return false
	}
	done := b.ledger.Heads[r.pack].Blocks
	return r.index+1 < done || r.cut && r.index < done
}

// shorten writes the index file of a number without the states that are spent, if they have so many bytes. mu is held.
func (b *BlockWriter) shorten(n, least int) error {
	path := filepath.Join(b.w.dir, indexName(n))
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	records, err := parseIndex(old, b.w.run.ID, n)
	if err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	bytes := 0
	for i := range records {
		if b.spent(&records[i]) {
			bytes += records[i].stateLen
		}
	}
	if bytes < least || bytes == 0 {
		return nil
	}
	text, err := indexFrame.begin(b.w.run.ID)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	text = binary.LittleEndian.AppendUint32(text, uint32(len(records)))
	for i := range records {
		r := &records[i]
		state := old[r.state : r.state+int64(r.stateLen)]
		if b.spent(r) {
			state, r.stateLen, r.stateSum = nil, 0, 0 // the CRC of nothing is 0
		}
		if text, err = r.appendTo(text, state); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	if records, err = indexRecords(text, n); err != nil {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	text = seal(text)
	err = atomicFile(b.w.fsys, path, func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
	if err == nil {
		b.moved(records)
	}
	return err
}

// moved takes note of where the states of a file are now. mu is held.
func (b *BlockWriter) moved(records []blockRecord) {
	for _, r := range records {
		if int(r.pack) >= len(b.packs) {
			continue
		}
		for i := range b.packs[r.pack] {
			if x := &b.packs[r.pack][i]; x.digest == r.digest && x.file == r.file && !x.gathered {
				*x = r
			}
		}
	}
}
