package store

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"sort"
)

// layout is where the draws of a run are. It does not change; where files are put together with others, another takes its place.
type layout struct {
	generation uint64            // of the catalog
	blocks     [phases][][]block // of each chain, in the order of draws, without gaps
	stored     [phases][]*block  // each block once, in the order of files and rows
	rows       [phases][][]block // of each chain, what is in tables, draws that do not count among them
	packs      [][]blockRecord   // of a run with a ledger: each pack's blocks that count
}

// block is a run of consecutive draws of a chain, or of each of some chains, in one batch of a segment, or of a chain in a row group of
// a table.
type block struct {
	table         *tableFile
	segment       int   // number of the segment, or of the row group of the table
	row           int   // of the first draw: the rows of a segment's batches are counted on
	chain, chains int   // the first chain, and how many follow one another
	stride        int   // rows from one chain to the next
	first         int64 // number of the first draw
	n             int   // of each chain
}

// tableFile is a table of the catalog.
type tableFile struct {
	path   string
	order  int   // among the tables
	groups []int // rows of each row group
}

// at returns the row of a chain's first draw in the views of the block.
func (b *block) at(chain int) int { return (chain - b.chain) * b.stride }

func newLayout(chains int) *layout {
	l := &layout{}
	for p := range l.blocks {
		l.blocks[p], l.rows[p] = make([][]block, chains), make([][]block, chains)
	}
	return l
}

// moves is how often a reader looks for draws again because their files were put together with others meanwhile. That happens when a
// run ends: twice within one reading is rare, and a file that is gone for good is no reason to go on.
const moves = 8

// locate returns where the blocks of the ledger are.
func (r *Reader) locate() (*layout, error) {
	for try := 0; ; try++ {
		c, err := readCatalog(r.dir, r.run)
		if err != nil {
			return nil, err
		}
		l, err := r.follow(c)
		if err == nil {
			return l, nil
		}
		now, again := readCatalog(r.dir, r.run)
		if again != nil || now.Generation == c.Generation || try == moves {
			return nil, err
		}
	}
}

// follow lays the blocks out that the ledger names, in the ledger's order, whatever else is stored.
func (r *Reader) follow(c *catalog) (*layout, error) {
	stored := map[[sha256.Size]byte]blockRecord{}
	add := func(records []blockRecord) {
		for _, rec := range records {
			if _, ok := stored[rec.digest]; !ok {
				stored[rec.digest] = rec
			}
		}
	}
	add(c.blocks)
	if err := readIndexes(r.dir, r.run, add); err != nil {
		return nil, err
	}
	l := newLayout(r.run.Settings.Chains)
	l.generation = c.Generation
	if err := l.addTables(r.dir, c); err != nil {
		return nil, err
	}
	for pack, head := range r.ledger.Heads {
		lineage := make([]blockRecord, head.Blocks)
		digest := head.Digest
		for i := int(head.Blocks) - 1; i >= 0; i-- {
			rec, ok := stored[digest]
			if !ok || int(rec.pack) != pack || rec.index != uint64(i) {
				return nil, fmt.Errorf("store: %s: block %d of pack %d, %x, is in the ledger and not in the store: restore it from a copy", r.dir, i, pack, digest[:8])
			}
			lineage[i], digest = rec, rec.previous
		}
		if err := l.lay(r.dir, lineage, r.draws); err != nil {
			return nil, err
		}
		l.packs = append(l.packs, lineage)
	}
	l.order()
	return l, nil
}

// addTables adds what is in the tables of a catalog to rows.
func (l *layout) addTables(dir string, c *catalog) error {
	order := 0
	add := func(p *part, name func(int) string) error {
		var tables []*tableFile
		for _, t := range p.Tables {
			tables = append(tables, &tableFile{filepath.Join(dir, name(t.Number)), order, t.Groups})
			order++
		}
		if !l.addPart(p, tables) {
			return fmt.Errorf("store: %s: %w", filepath.Join(dir, catalogFile), catalogFrame.damaged)
		}
		return nil
	}
	for i := range c.Parts {
		if err := add(&c.Parts[i], drawsName); err != nil {
			return err
		}
	}
	return add(&c.Beyond, beyondName)
}

// addPart adds what is in the tables of a part; false if its runs do not fit its tables, or leave gaps.
func (l *layout) addPart(p *part, tables []*tableFile) bool {
	group, row := 0, 0
	for _, run := range p.Runs {
		if run.Phase < 0 || run.Phase >= phases || run.Chain < 0 || run.Chains < 0 || run.Chains > len(l.rows[0])-run.Chain {
			return false
		}
		for chain := run.Chain; chain < run.Chain+run.Chains; chain++ {
			rows := &l.rows[run.Phase][chain]
			if run.First != end(*rows) {
				return false
			}
			for first, left := run.First, run.Draws; left > 0; {
				for len(tables) > 0 && group == len(tables[0].groups) {
					tables, group = tables[1:], 0
				}
				if len(tables) == 0 {
					return false
				}
				n := min(left, tables[0].groups[group]-row)
				if n > 0 {
					*rows = append(*rows, block{table: tables[0], segment: group, row: row, chain: chain, chains: 1, first: first, n: n})
				}
				first, left, row = first+int64(n), left-n, row+n
				if row >= tables[0].groups[group] {
					group, row = group+1, 0
				}
			}
		}
	}
	return row == 0
}

// end returns the number of the draw after the last of a chain's blocks.
func end(blocks []block) int64 {
	if len(blocks) == 0 {
		return 0
	}
	last := &blocks[len(blocks)-1]
	return last.first + int64(last.n)
}

// first returns the blocks of the first draws of a chain.
func first(blocks []block, draws int64) []block {
	n := sort.Search(len(blocks), func(i int) bool { return blocks[i].first+int64(blocks[i].n) >= draws })
	if draws == 0 || n == len(blocks) {
		return nil
	}
	out := slices.Clip(blocks[:n+1])
	if last := out[n]; last.first+int64(last.n) > draws {
		last.n = int(draws - last.first)
		out = append(slices.Clip(blocks[:n]), last)
	}
	return out
}

// lay appends the draws of a pack's blocks to its chains, up to so many draws of sampling.
func (l *layout) lay(dir string, lineage []blockRecord, draws int64) error {
	var inTables, have [phases]int64
	var common [phases][]block
	for i := range lineage {
		rec := &lineage[i]
		if rec.chain != lineage[0].chain || rec.chains != lineage[0].chains || rec.chain+rec.chains > len(l.blocks[0]) {
			return fmt.Errorf("store: %s: block %d of pack %d is of chains %d to %d", dir, i, rec.pack, rec.chain, rec.chain+rec.chains-1)
		}
		n := int64(rec.draws)
		if rec.phase == Sampling {
			n = max(0, min(n, draws-have[Sampling]))
		}
		if !rec.kept || n == 0 {
			continue
		}
		if rec.first != have[rec.phase] || rec.gathered && len(common[rec.phase]) > 0 {
			return fmt.Errorf("store: %s: block %d of pack %d begins with %s draw %d after %d draws", dir, i, rec.pack, rec.phase, rec.first, have[rec.phase])
		}
		have[rec.phase] += n
		if rec.gathered {
			inTables[rec.phase] += n
			continue
		}
		common[rec.phase] = append(common[rec.phase], block{
			segment: rec.file, row: rec.row, chain: rec.chain, chains: rec.chains, stride: rec.draws, first: rec.first, n: int(n),
		})
	}
	if len(lineage) == 0 {
		return nil
	}
	for p := range common {
		for chain := lineage[0].chain; chain < lineage[0].chain+lineage[0].chains; chain++ {
			if inTables[p] == 0 {
				l.blocks[p][chain] = common[p] // one list for all: a run may have very many
				continue
			}
			rows := first(l.rows[p][chain], inTables[p])
			if end(rows) != inTables[p] {
				return fmt.Errorf("store: %s: the catalog has blocks of %d %s draws of chain %d, and tables of %d", dir, inTables[p], Phase(p), chain, end(l.rows[p][chain]))
			}
			l.blocks[p][chain] = append(rows, common[p]...)
		}
	}
	return nil
}

// order fills stored.
func (l *layout) order() {
	for p := range l.blocks {
		for c, blocks := range l.blocks[p] {
			for i := range blocks {
				if b := &blocks[i]; b.chain == c { // chains of a pack share their blocks
					l.stored[p] = append(l.stored[p], b)
				}
			}
		}
		slices.SortFunc(l.stored[p], func(a, b *block) int {
			return cmp.Or(a.table.place()-b.table.place(), a.segment-b.segment, a.row-b.row)
		})
	}
}

// place returns the place of a table before all segments, or that of segments.
func (t *tableFile) place() int {
	if t == nil {
		return math.MaxInt
	}
	return t.order
}

// find returns the block that holds a draw.
func (l *layout) find(phase Phase, chain int, draw int64) *block {
	return holding(l.blocks[phase][chain], draw)
}

func holding(blocks []block, draw int64) *block {
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].first+int64(blocks[i].n) > draw })
	return &blocks[i]
}

// steady calls f with where the draws are, again where files of them have gone because they were put together with others. The caller
// holds mu.
func (r *Reader) steady(f func(*layout) error) error {
	for try := 0; ; try++ {
		err := f(r.at.Load())
		if err == nil {
			return nil
		}
		if moved, reason := r.moved(err, try); !moved {
			return reason
		}
	}
}

// moved reports whether draws that could not be read are elsewhere now; if not, why they can't be read. The caller holds mu.
func (r *Reader) moved(reason error, try int) (bool, error) {
	if !errors.Is(reason, fs.ErrNotExist) || r.ledger == nil || try == moves {
		return false, reason
	}
	l, err := r.locate()
	if err != nil {
		return false, err
	}
	if l.generation == r.at.Load().generation {
		return false, reason
	}
	r.at.Store(l)
	return true, r.tables.close()
}

// along calls f with the rows of a chain's draws from first to end-1, a block at a time. Of a block f may be called again, unless it
// returned nil. The caller holds mu.
func (r *Reader) along(phase Phase, chain, first, end int, f func(b *block, row, n int) error) error {
	for try := 0; first < end; {
		b := r.at.Load().find(phase, chain, int64(first))
		skip := first - int(b.first)
		n := min(b.n-skip, end-first)
		if err := f(b, b.at(chain)+skip, n); err != nil {
			moved, reason := r.moved(err, try)
			if !moved {
				return reason
			}
			try++
			continue
		}
		first += n
	}
	return nil
}
