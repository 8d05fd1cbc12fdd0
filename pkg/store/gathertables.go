package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/drey-sampler/drey/pkg/store/internal/table"
)

// rowRun is consecutive draws of a chain in a row group.
type rowRun struct {
	chain int
	phase Phase
	first int64
	n     int
}

// groups cuts the runs of a part into row groups of so many rows at most. A group is of one phase, and a chain that fits into one is in
// one.
func groups(runs []partRun, most int) (out [][]rowRun) {
	var group []rowRun
	rows := 0
	flush := func() {
		if len(group) > 0 {
			out = append(out, group)
		}
		group, rows = nil, 0
	}
	for _, r := range runs {
		for c := range r.Chains {
			if len(group) > 0 && (group[0].phase != r.Phase || rows+r.Draws > most) {
				flush()
			}
			for first, left := r.First, r.Draws; left > 0; {
				n := min(left, most-rows)
				group, rows = append(group, rowRun{r.Chain + c, r.Phase, first, n}), rows+n
				if first, left = first+int64(n), left-n; rows == most {
					flush()
				}
			}
		}
	}
	flush()
	return out
}

// writeTables writes the draws of a part.
func (g *gathering) writeTables(p *part, name func(int) string) error {
	row := g.source.run.Schema.RowBytes()
	all := groups(p.Runs, g.sizes.rows)
	for len(all) > 0 {
		n, size := 0, 0
		var t partTable
		for ; n < len(all) && (n == 0 || size < g.sizes.table); n++ {
			rows := 0
			for _, r := range all[n] {
				rows += r.n
			}
			t.Groups = append(t.Groups, rows)
			size += rows * row
		}
		var err error
		if t.Number, err = g.writeTable(all[:n], t.Groups, name); err != nil {
			return err
		}
		p.Tables, all = append(p.Tables, t), all[n:]
	}
	return nil
}

// writeTable writes row groups as a table, whose number it returns.
func (g *gathering) writeTable(all [][]rowRun, rows []int, name func(int) string) (int, error) {
	columns := g.source.leaves().columns
	wrote := make([][sha256.Size]byte, len(all))
	write := func(out *syncWriter) error {
		w, err := table.NewWriter(out, columns, g.about())
		if err != nil {
			return err
		}
		for i := range all {
			if wrote[i], err = g.writeGroup(w, all[i]); err != nil {
				return err
			}
			if err := out.sync(); err != nil { // a little at a time: others wait for the same disk
				return err
			}
		}
		return w.Close()
	}
	look := func(temp string) error {
		t, err := table.Open(temp, columns)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		defer t.Close()
		for i := range all {
			read, err := g.readGroup(t, i, rows[i])
			if err == nil {
				err = same(temp, i, wrote[i], read)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return g.create(name, write, look)
}

// about returns the JSON of the schema, which segments have too.
func (g *gathering) about() string {
	text, _ := g.source.schema.Metadata().GetValue("drey")
	return text
}

// writeGroup writes a row group and returns the digest of its values, column after column.
func (g *gathering) writeGroup(w *table.Writer, runs []rowRun) (out [sha256.Size]byte, err error) {
	values, err := g.collect(runs)
	if err != nil {
		return out, err
	}
	at := placesOf(runs)
	sum := sha256.New()
	var scratch []byte
	err = w.Group(func(leaf int) ([]byte, error) {
		b := at[min(leaf, len(at)-1)]
		if leaf >= len(at) {
			b, scratch = g.element(values, leaf, scratch)
		}
		sum.Write(b)
		return b, g.ctx.Err()
	})
	return [sha256.Size]byte(sum.Sum(nil)), err
}

// collect returns the values of the draws of a row group: of each column, as a block has it.
func (g *gathering) collect(runs []rowRun) ([][]byte, error) {
	r := g.source
	r.mu.Lock()
	defer r.mu.Unlock()
	rows := 0
	for _, run := range runs {
		rows += run.n
	}
	out := make([][]byte, len(r.cols))
	for i := range out {
		out[i] = make([]byte, 0, rows*r.cols[i].bytes)
	}
	for _, run := range runs {
		err := r.along(run.phase, run.chain, int(run.first), int(run.first)+run.n, func(b *block, row, n int) error {
			for i := range r.cols {
				v, err := r.whole(b, i)
				if err != nil {
					return err
				}
				out[i] = v.appendRaw(out[i], r.cols[i].width, row, n)
			}
			return g.ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// element returns the values of a leaf among those of its column; those of a column of several elements in scratch.
func (g *gathering) element(values [][]byte, leaf int, scratch []byte) (b, used []byte) {
	first := g.source.leaves().first
	col := len(first) - 1
	for first[col] > leaf {
		col--
	}
	c, e := &g.source.cols[col], leaf-first[col]
	if c.width == 1 {
		return values[col], scratch
	}
	size := c.dtype.Size()
	scratch = scratch[:0]
	for at := e * size; at < len(values[col]); at += c.bytes {
		scratch = append(scratch, values[col][at:at+size]...)
	}
	return scratch, scratch
}

// placesOf returns chain, draw and phase of the rows of a group.
func placesOf(runs []rowRun) [firstColumn][]byte {
	var out [firstColumn][]byte
	for _, r := range runs {
		for k := range r.n {
			out[colChain] = binary.LittleEndian.AppendUint32(out[colChain], uint32(r.chain))
			out[colDraw] = binary.LittleEndian.AppendUint64(out[colDraw], uint64(r.first)+uint64(k))
			out[colPhase] = binary.LittleEndian.AppendUint32(out[colPhase], uint32(r.phase))
		}
	}
	return out
}

// readGroup returns the digest of the values of a row group that was written.
func (g *gathering) readGroup(t *table.Table, group, rows int) (out [sha256.Size]byte, err error) {
	sum := sha256.New()
	for leaf := range g.source.leaves().columns {
		b, err := t.Read(group, leaf, rows)
		if err != nil {
			return out, fmt.Errorf("store: %w", err)
		}
		if err := g.ctx.Err(); err != nil {
			return out, err
		}
		sum.Write(b)
	}
	return [sha256.Size]byte(sum.Sum(nil)), nil
}
