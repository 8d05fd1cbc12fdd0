package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// Sizes of what Gather writes, of draws as they are in memory.
const (
	tableBytes = 128 << 20 // of a table
	groupBytes = 16 << 20  // of a row group, which Gather holds in memory
	groupRows  = 1024      // of a row group, at least: each of its columns has a header
)

// FewSegments is how many segments a run may have for Gather to leave it as it is: a reader opens them as fast as a table.
const FewSegments = 8

// mostElements is how many elements a draw may have for Gather to make tables of a run: each is a column of its own.
const mostElements = 10_000

// Scattered reports whether the directory of a run that a ledger puts in order has more segments than FewSegments.
func Scattered(dir string) bool {
	n, err := segments(dir)
	return err == nil && len(n) > FewSegments && HasLedger(dir)
}

// Gather puts what the ledger has of the run together: the draws in Parquet tables, the states in one file. Then the catalog names
// these, and what they stand for is removed. It may be called while others write, read and call SetLedger, but not while another
// Gather runs. Each block that is put together is given to check, whose error ends it; what is written is read back and compared. A run of
// few segments, or of draws of very many elements, stays as it is. After an error, or once ctx ends, the run is as it was.
func (b *BlockWriter) Gather(ctx context.Context, check func(*Block) error) error {
	schema := b.Run().Schema
	return b.gather(ctx, check, gatherSizes{FewSegments, tableBytes, max(groupRows, groupBytes/schema.RowBytes())})
}

// gatherSizes are the segments that may stay as they are, the bytes of a table, and the rows of a row group.
type gatherSizes struct {
	few, table, rows int
}

func (b *BlockWriter) gather(ctx context.Context, check func(*Block) error, sizes gatherSizes) (err error) {
	g, err := b.plan(ctx, sizes)
	if g == nil || err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.source.Close()) }()
	if err = g.write(check); err == nil {
		err = b.replace(g.next)
	}
	if err != nil {
		named := b.named()
		for _, name := range slices.DeleteFunc(g.written, func(name string) bool { return named[name] }) {
			_ = g.fsys.Remove(filepath.Join(g.dir, name)) // what can't be removed is when the run is opened again
		}
		return err
	}
	return sweep(g.fsys, g.dir, g.source.run, g.next, false)
}

// gathering is the writing of a part.
type gathering struct {
	ctx     context.Context
	fsys    FS
	dir     string
	source  *Reader // of all draws, those that do not count among them
	next    *catalog
	take    [][]blockRecord // of each pack, the blocks whose states are written
	part    part            // what counts
	beyond  part            // and what does not
	written []string        // names of files that are in no catalog yet
	sizes   gatherSizes
}

// plan says what is to be put together; nil if nothing is.
func (b *BlockWriter) plan(ctx context.Context, sizes gatherSizes) (*gathering, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, fmt.Errorf("store: %s was closed: open it again", b.w.dir)
	}
	var err error
	if !b.durable {
		err = b.saveLedger()
	}
	ledger, old := Ledger{b.ledger.Draws, slices.Clone(b.ledger.Heads)}, b.catalog
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	run := b.w.Run()
	if elements(&run.Schema) > mostElements {
		return nil, nil
	}
	all := Ledger{^uint64(0), ledger.Heads}
	source, err := openAt(b.w.dir, &run, &all)
	if err != nil {
		return nil, err
	}
	g := &gathering{ctx: ctx, fsys: b.w.fsys, dir: b.w.dir, source: source, sizes: sizes}
	g.next = &catalog{Generation: old.Generation + 1, Segments: old.Segments, Files: old.Files, Parts: slices.Clone(old.Parts)}
	// Small parts at the end are written again with what has come since, so that there are never many.
	for n := len(g.next.Parts); n > 0 && g.next.Parts[n-1].Bytes < int64(sizes.table/2); n-- {
		g.next.Parts = g.next.Parts[:n-1]
	}
	if !g.choose(sizes.few) && !old.overdue(ledger.Draws) {
		return nil, source.Close()
	}
	g.divide(ledger.Draws)
	return g, nil
}

func elements(s *Schema) int {
	n := 0
	for _, c := range s.columns() {
		n += c.width
	}
	return n
}

// overdue reports whether draws count now that did not when the catalog was written.
func (c *catalog) overdue(draws uint64) bool {
	return slices.ContainsFunc(c.Beyond.Runs, func(r partRun) bool { return r.Phase == Sampling && uint64(r.First) < draws })
}

// choose takes the blocks that are in no part that stays; false if those of no part are in few segments.
func (g *gathering) choose(few int) bool {
	stay := map[int]bool{}
	for i := range g.next.Parts {
		stay[g.next.Parts[i].States] = true
	}
	scattered := map[int]bool{}
	packs := g.source.at.Load().packs
	g.take = make([][]blockRecord, len(packs))
	for p, lineage := range packs {
		for i := range lineage {
			switch rec := &lineage[i]; {
			case rec.gathered && stay[rec.file]:
				g.next.blocks = append(g.next.blocks, *rec)
				continue
			case !rec.gathered:
				scattered[rec.file] = true
			}
			g.take[p] = append(g.take[p], lineage[i])
		}
	}
	return len(scattered) > few
}

// divide sets the runs of what counts and of what does not: of each chain what follows the parts that stay.
func (g *gathering) divide(draws uint64) {
	type place struct {
		chain int
		phase Phase
	}
	have := map[place]int64{}
	for i := range g.next.Parts {
		for _, r := range g.next.Parts[i].Runs {
			have[place{r.Chain, r.Phase}] += int64(r.Draws)
		}
	}
	l := g.source.at.Load()
	for _, phase := range []Phase{Sampling, Warmup} {
		for _, lineage := range l.packs {
			if len(lineage) == 0 {
				continue
			}
			chain, chains := lineage[0].chain, lineage[0].chains
			from, total := have[place{chain, phase}], end(l.blocks[phase][chain])
			count := total
			if phase == Sampling {
				count = max(from, int64(min(uint64(total), draws)))
			}
			if count > from {
				g.part.Runs = append(g.part.Runs, partRun{chain, chains, phase, from, int(count - from)})
				g.part.Bytes += (count - from) * int64(chains*g.source.run.Schema.RowBytes())
			}
			if total > count {
				g.beyond.Runs = append(g.beyond.Runs, partRun{chain, chains, phase, count, int(total - count)})
			}
		}
	}
}

// write writes all files of the next catalog, under their names.
func (g *gathering) write(check func(*Block) error) error {
	if err := g.writeStates(check); err != nil {
		return err
	}
	if err := g.writeTables(&g.part, drawsName); err != nil {
		return err
	}
	if err := g.writeTables(&g.beyond, beyondName); err != nil {
		return err
	}
	if err := g.fsys.SyncDir(g.dir); err != nil {
		return diskError(g.dir, err)
	}
	g.next.Parts, g.next.Beyond = append(g.next.Parts, g.part), g.beyond
	slices.SortFunc(g.next.blocks, func(x, y blockRecord) int {
		return cmp.Or(int(x.pack)-int(y.pack), cmp.Compare(x.index, y.index))
	})
	return nil
}

// create writes the next file durably, has it looked at, and gives it its name.
func (g *gathering) create(name func(int) string, write func(*syncWriter) error, look func(temp string) error) (number int, err error) {
	number = g.next.Files
	path := filepath.Join(g.dir, name(number))
	if err = writeTemp(g.fsys, path, write); err != nil {
		err = diskError(path, err)
	} else if err = look(path + tempSuffix); err == nil {
		if err = g.fsys.Rename(path+tempSuffix, path); err != nil {
			err = diskError(path, err)
		}
	}
	if err != nil {
		_ = g.fsys.Remove(path + tempSuffix) // the first error is the one to report
		return 0, err
	}
	g.next.Files++
	g.written = append(g.written, name(number))
	return number, nil
}

// writeStates writes the states after the blocks that are taken, in the ledger's order.
func (g *gathering) writeStates(check func(*Block) error) error {
	var records []blockRecord
	write := func(w *syncWriter) error {
		at := int64(0)
		for i, more := 0, true; more; i++ {
			more = false
			for p := range g.take {
				if i >= len(g.take[p]) {
					continue
				}
				more = true
				rec, state, err := g.block(&g.take[p][i], check)
				if err != nil {
					return err
				}
				if _, err := w.Write(state); err != nil {
					return err
				}
				rec.state = at
				at += int64(len(state))
				records = append(records, rec)
			}
		}
		return nil
	}
	number, err := g.create(statesName, write, func(temp string) error {
		for i := range records {
			if _, err := records[i].stateIn(temp); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range records {
		records[i].gathered, records[i].file, records[i].row = true, number, 0
	}
	g.part.States, g.next.blocks = number, append(g.next.blocks, records...)
	return err
}

// block returns the record of a block and its state, once its bytes have been checked.
func (g *gathering) block(rec *blockRecord, check func(*Block) error) (blockRecord, []byte, error) {
	if err := g.ctx.Err(); err != nil {
		return blockRecord{}, nil, err
	}
	g.source.mu.Lock()
	b, err := g.source.block(g.source.at.Load(), rec)
	g.source.mu.Unlock()
	if err == nil {
		err = check(&b)
	}
	return *rec, b.State, err
}

// replace puts a catalog in the place of the one before.
func (b *BlockWriter) replace(c *catalog) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("store: %s was closed: open it again", b.w.dir)
	}
	c.Segments = b.next
	run := b.w.Run()
	text, err := c.encode(run.ID)
	if err != nil {
		return err
	}
	err = atomicFile(b.w.fsys, filepath.Join(b.w.dir, catalogFile), func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
	if err != nil {
		if there, again := readCatalog(b.w.dir, &run); again == nil {
			b.catalog = there // it may be the new one, which is not durable
		}
		return err
	}
	b.catalog = c
	now := map[[sha256.Size]byte]*blockRecord{}
	for i := range c.blocks {
		now[c.blocks[i].digest] = &c.blocks[i]
	}
	for p := range b.packs {
		for i := range b.packs[p] {
			if r := now[b.packs[p][i].digest]; r != nil {
				b.packs[p][i] = *r
			}
		}
	}
	return nil
}

// named returns the names of the files of the catalog that is there.
func (b *BlockWriter) named() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.catalog.names()
}

// same returns an error unless a row group has the digest that it was written with.
func same(path string, group int, wrote, read [sha256.Size]byte) error {
	if wrote == read {
		return nil
	}
	return fmt.Errorf("store: %s: what was read of row group %d is not what was written: the disk or the memory is faulty", path, group)
}
