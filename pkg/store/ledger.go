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

// follow gives the reader the blocks that the ledger names, in the ledger's order, whatever else is stored.
func (r *Reader) follow(l *Ledger) error {
	stored := map[[sha256.Size]byte]blockRecord{}
	err := readIndexes(r.dir, r.run, func(records []blockRecord) {
		for _, rec := range records {
			if _, ok := stored[rec.digest]; !ok {
				stored[rec.digest] = rec
			}
		}
	})
	if err != nil {
		return err
	}
	r.draws = int64(l.Draws)
	for pack, head := range l.Heads {
		lineage := make([]blockRecord, head.Blocks)
		digest := head.Digest
		for i := int(head.Blocks) - 1; i >= 0; i-- {
			rec, ok := stored[digest]
			if !ok || int(rec.pack) != pack || rec.index != uint64(i) {
				return fmt.Errorf("store: %s: block %d of pack %d, %x, is in the ledger and not in the store: restore it from a copy", r.dir, i, pack, digest[:8])
			}
			lineage[i], digest = rec, rec.previous
		}
		if err := r.lay(lineage); err != nil {
			return err
		}
		r.packs = append(r.packs, lineage)
	}
	return nil
}

// lay appends the draws of a pack's blocks to its chains, up to the draws of sampling that count.
func (r *Reader) lay(lineage []blockRecord) error {
	var common [phases][]block
	var have [phases]int64
	for i := range lineage {
		rec := &lineage[i]
		if rec.chain != lineage[0].chain || rec.chains != lineage[0].chains || rec.chain+rec.chains > r.run.Settings.Chains {
			return fmt.Errorf("store: %s: block %d of pack %d is of chains %d to %d", r.dir, i, rec.pack, rec.chain, rec.chain+rec.chains-1)
		}
		n := int64(rec.draws)
		if rec.phase == Sampling {
			n = max(0, min(n, r.draws-have[Sampling]))
		}
		if !rec.kept || n == 0 {
			continue
		}
		if rec.first != have[rec.phase] {
			return fmt.Errorf("store: %s: block %d of pack %d begins with %s draw %d after %d draws", r.dir, i, rec.pack, rec.phase, rec.first, have[rec.phase])
		}
		common[rec.phase] = append(common[rec.phase], block{rec.file, rec.row, rec.chain, rec.chains, rec.draws, rec.first, int(n)})
		have[rec.phase] += n
	}
	if len(lineage) == 0 {
		return nil
	}
	for p := range common {
		for c := range lineage[0].chains {
			r.blocks[p][lineage[0].chain+c] = common[p] // one list for all: a run may have very many
		}
	}
	return nil
}

// Counts returns the totals over the draws that the ledger has. Of a block whose last draws do not count they are those of its first
// draws; where draws are thinned out, the share of those.
func (r *Reader) Counts() (RunCounts, error) {
	var out RunCounts
	for _, lineage := range r.packs {
		for i := range lineage {
			rec := &lineage[i]
			if rec.phase == Warmup {
				out.WarmupLeapfrogs += int64(rec.counts.Leapfrogs)
				continue
			}
			n := min(rec.draws, int(max(0, r.draws-rec.first)))
			k := Block{Chains: rec.chains, Draws: rec.draws, Leapfrogs: rec.counts.Leapfrogs, Divergences: rec.counts.Divergences}
			if 0 < n && n < rec.draws && rec.kept {
				var err error
				if k.Columns, err = r.columns(rec); err != nil {
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
func (r *Reader) Packs() int { return len(r.packs) }

// Blocks returns how many blocks a pack has in the ledger.
func (r *Reader) Blocks(pack int) int { return len(r.packs[pack]) }

// Block returns a block of the ledger with all that was written of it.
func (r *Reader) Block(pack, index int) (Block, error) {
	rec := &r.packs[pack][index]
	out := Block{
		Pack: rec.pack, Index: rec.index, Previous: rec.previous, Digest: rec.digest, Chain: rec.chain, Chains: rec.chains,
		Phase: rec.phase, First: rec.first, Draws: rec.draws, Leapfrogs: rec.counts.Leapfrogs, Divergences: rec.counts.Divergences, Cut: rec.cut,
	}
	var err error
	if out.State, err = rec.readState(r.dir); err != nil || !rec.kept {
		return out, err
	}
	out.Columns, err = r.columns(rec)
	return out, err
}

// columns returns the draws of a block, as Block has them.
func (r *Reader) columns(rec *blockRecord) ([][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := block{segment: rec.file, row: rec.row, chains: 1, n: rec.chains * rec.draws}
	var out [][]byte
	for i := range r.cols {
		v, err := r.view(&b, i)
		if err != nil {
			return nil, fmt.Errorf("%w: block %d of pack %d is not what its index says", err, rec.index, rec.pack)
		}
		out = append(out, v.appendRaw(nil, r.cols[i].width, 0, rec.chains*rec.draws))
	}
	return out, nil
}
