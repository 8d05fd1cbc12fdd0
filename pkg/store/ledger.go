package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Ledger is what counts of the blocks of a run: each pack's lineage, by its last block, and how many draws.
type Ledger struct {
	Draws uint64 // of each chain in sampling, at most; what a last block has beyond them does not count
	Heads []Head // by pack
}

// Head is the end of a pack's lineage. The digests of the blocks before it follow from the blocks themselves.
type Head struct {
	Blocks uint64 // committed
	Digest [sha256.Size]byte
}

// The ledger file, little-endian: magic, format, run ID (16 bytes), draws, number of packs; for each its head; last the SHA-256
// of all before it.
const ledgerHead = frameHead + 8 + 4

var ledgerFrame = frame{
	magic: "drey-ldg", format: 1, name: "ledger",
	damaged: errors.New("the ledger is damaged (its digest does not match): a coordinator that opens the run writes it again"),
}

var headBytes = binary.Size(Head{})

func (l *Ledger) encode(runID string) ([]byte, error) {
	out, err := ledgerFrame.begin(runID)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	out = binary.LittleEndian.AppendUint64(out, l.Draws)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(l.Heads)))
	if out, err = binary.Append(out, binary.LittleEndian, l.Heads); err != nil {
		return nil, fmt.Errorf("store: ledger: %w", err)
	}
	return seal(out), nil
}

func parseLedger(b []byte, runID string) (*Ledger, error) {
	body, err := ledgerFrame.open(b, runID, ledgerHead-frameHead)
	if err != nil {
		return nil, err
	}
	l := &Ledger{Draws: binary.LittleEndian.Uint64(body[ledgerHead-12:])}
	if n := binary.LittleEndian.Uint32(body[ledgerHead-4:]); int64(n)*int64(headBytes) != int64(len(body)-ledgerHead) {
		return nil, ledgerFrame.damaged
	} else {
		l.Heads = make([]Head, n)
	}
	if _, err := binary.Decode(body[ledgerHead:], binary.LittleEndian, l.Heads); err != nil {
		return nil, ledgerFrame.damaged
	}
	return l, nil
}

// HasLedger reports whether a directory is that of a run whose blocks a ledger puts in order.
func HasLedger(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ledgerFile))
	return err == nil
}

// readLedger returns the ledger of a run directory, nil if it has none.
func readLedger(dir string, run *Run) (*Ledger, error) {
	path := filepath.Join(dir, ledgerFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	l, err := parseLedger(b, run.ID)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return l, nil
}

// Counts returns the totals over the draws that the ledger has. Of a block whose last draws do not count they are those of its first
// draws; where draws are thinned out, the share of those.
func (r *Reader) Counts() (out RunCounts, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.steady(func(l *layout) error {
		out, err = r.count(l)
		return err
	})
	return out, err
}

// count does what Counts does. The caller holds mu.
func (r *Reader) count(l *layout) (out RunCounts, err error) {
	for _, lineage := range l.packs {
		for i := range lineage {
			rec := &lineage[i]
			if rec.phase == Warmup {
				out.WarmupLeapfrogs += int64(rec.counts.Leapfrogs)
				continue
			}
			n := min(rec.draws, int(max(0, r.draws-rec.first)))
			k := Block{Chains: rec.chains, Draws: rec.draws, Leapfrogs: rec.counts.Leapfrogs, Divergences: rec.counts.Divergences}
			if 0 < n && n < rec.draws && rec.kept {
				if k.Columns, err = r.columns(l, rec); err != nil {
					return out, err
				}
			}
			leapfrogs, divergences := k.Count(n, &r.run.Schema, r.run.Settings.Thin)
			out.Leapfrogs, out.Divergences = out.Leapfrogs+leapfrogs, out.Divergences+divergences
		}
	}
	return out, nil
}

// Packs returns the number of packs of a run that a ledger puts in order, 0 of other runs.
func (r *Reader) Packs() int { return len(r.at.Load().packs) }

// Blocks returns how many blocks a pack has in the ledger.
func (r *Reader) Blocks(pack int) int { return len(r.at.Load().packs[pack]) }

// Block returns a block of the ledger with all that was written of it.
func (r *Reader) Block(pack, index int) (out Block, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.steady(func(l *layout) error {
		out, err = r.block(l, &l.packs[pack][index])
		return err
	})
	return out, err
}

// block reads a block. The caller holds mu.
func (r *Reader) block(l *layout, rec *blockRecord) (Block, error) {
	out := Block{
		Pack: rec.pack, Index: rec.index, Previous: rec.previous, Digest: rec.digest, Chain: rec.chain, Chains: rec.chains,
		Phase: rec.phase, First: rec.first, Draws: rec.draws, Leapfrogs: rec.counts.Leapfrogs, Divergences: rec.counts.Divergences, Cut: rec.cut,
	}
	var err error
	if out.State, err = rec.readState(r.dir); err != nil || !rec.kept {
		return out, err
	}
	out.Columns, err = r.columns(l, rec)
	return out, err
}

// columns returns the draws of a block, as Block has them. The caller holds mu.
func (r *Reader) columns(l *layout, rec *blockRecord) ([][]byte, error) {
	var out [][]byte
	for i := range r.cols {
		values, err := r.column(l, rec, i)
		if err != nil {
			return nil, fmt.Errorf("%w: block %d of pack %d is not what its index says", err, rec.index, rec.pack)
		}
		out = append(out, values)
	}
	return out, nil
}

// column returns a column of a block, of one in tables also the draws that do not count. The caller holds mu.
func (r *Reader) column(l *layout, rec *blockRecord, col int) ([]byte, error) {
	if !rec.gathered {
		b := block{segment: rec.file, row: rec.row, chains: 1, n: rec.chains * rec.draws}
		v, err := r.view(&b, col)
		if err != nil {
			return nil, err
		}
		return v.appendRaw(nil, r.cols[col].width, 0, rec.chains*rec.draws), nil
	}
	out := make([]byte, 0, rec.chains*rec.draws*r.cols[col].bytes)
	for chain := rec.chain; chain < rec.chain+rec.chains; chain++ {
		rows := l.rows[rec.phase][chain]
		for draw, last := rec.first, rec.first+int64(rec.draws); draw < last; {
			if end(rows) < last {
				return nil, fmt.Errorf("store: %s: %s draw %d of chain %d is in no table", r.dir, rec.phase, end(rows), chain)
			}
			b := holding(rows, draw)
			v, err := r.whole(b, col)
			if err != nil {
				return nil, err
			}
			skip := int(draw - b.first)
			n := min(b.n-skip, int(last-draw))
			out = v.appendRaw(out, r.cols[col].width, skip, n)
			draw += int64(n)
		}
	}
	return out, nil
}
