package store

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Selection says which draws to export.
type Selection struct {
	Phase Phase
	Sites []string // in this order; nil: all but auxiliary ones, in the schema's order
}

// Selected returns the arrays that a selection names.
func (r *Reader) Selected(sel Selection) ([]*Array, error) {
	names := sel.Sites
	if names == nil {
		for _, s := range r.run.Schema.Sites {
			if s.Kind != Auxiliary {
				names = append(names, s.Name)
			}
		}
	}
	out := make([]*Array, 0, len(names))
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("store: site %q is selected twice", name)
		}
		a, err := r.Draws(name, sel.Phase)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// ColumnNames returns the names of an exported site's columns: its flat names. A site named chain or draw, as the
// columns before it are, is called site:chain or site:draw.
func (a *Array) ColumnNames() []string {
	s := a.site
	if s.Name == "chain" || s.Name == "draw" {
		s.Name = "site:" + s.Name
	}
	return FlatNames(s)
}

// WriteCSV writes a header line, then a line a draw: chain, draw and the elements of the selected sites by flat name.
// Numbers are the shortest that read back to the same bits; special ones are NaN, Inf and -Inf.
func (r *Reader) WriteCSV(w io.Writer, sel Selection) error {
	arrays, err := r.Selected(sel)
	if err != nil {
		return err
	}
	line := []byte("chain,draw")
	for _, a := range arrays {
		for _, name := range a.ColumnNames() {
			line = append(append(line, ','), csvQuote(name)...)
		}
	}
	b := bufio.NewWriterSize(w, writeBuffer)
	if _, err := b.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("store: export: %w", err)
	}
	err = r.eachRow(arrays, sel.Phase, func(chain, draw int, views []view, row int) error {
		line = strconv.AppendInt(line[:0], int64(chain), 10)
		line = strconv.AppendInt(append(line, ','), int64(draw), 10)
		for k, v := range views {
			width := r.cols[arrays[k].col].width
			for i := row * width; i < (row+1)*width; i++ {
				line = v.appendText(append(line, ','), i, false)
			}
		}
		_, err := b.Write(append(line, '\n'))
		return err
	})
	return finish(b, err)
}

// WriteJSON writes an array of objects, one a draw and a line, with the keys that WriteCSV has as columns. NaN and
// infinities are null.
func (r *Reader) WriteJSON(w io.Writer, sel Selection) error {
	arrays, err := r.Selected(sel)
	if err != nil {
		return err
	}
	var keys []string // `,"name":`
	for _, a := range arrays {
		for _, name := range a.ColumnNames() {
			key, err := json.Marshal(name)
			if err != nil {
				return fmt.Errorf("store: export: %w", err)
			}
			keys = append(keys, ","+string(key)+":")
		}
	}
	b := bufio.NewWriterSize(w, writeBuffer)
	var line []byte
	separator := "[\n"
	err = r.eachRow(arrays, sel.Phase, func(chain, draw int, views []view, row int) error {
		line = append(append(line[:0], separator...), `{"chain":`...)
		separator = ",\n"
		line = strconv.AppendInt(line, int64(chain), 10)
		line = strconv.AppendInt(append(line, `,"draw":`...), int64(draw), 10)
		key := 0
		for k, v := range views {
			width := r.cols[arrays[k].col].width
			for i := row * width; i < (row+1)*width; i++ {
				line = v.appendText(append(line, keys[key]...), i, true)
				key++
			}
		}
		_, err := b.Write(append(line, '}'))
		return err
	})
	end := "\n]\n"
	if separator == "[\n" {
		end = "[]\n"
	}
	if err == nil {
		_, err = b.WriteString(end)
	}
	return finish(b, err)
}

func finish(b *bufio.Writer, err error) error {
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("store: export: %w", err)
	}
	return nil
}

func csvQuote(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// eachRow calls f for every draw of the common prefix, chain by chain, with the views of the arrays and the row in them.
func (r *Reader) eachRow(arrays []*Array, phase Phase, f func(chain, draw int, views []view, row int) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	views := make([]view, len(arrays))
	common := r.Len(phase)
	for chain := range r.run.Settings.Chains {
		draw := 0
		err := r.along(phase, chain, 0, common, func(b *block, row, n int) (err error) {
			for k, a := range arrays {
				if views[k], err = r.whole(b, a.col); err != nil {
					return err
				}
			}
			for i := row; i < row+n; i, draw = i+1, draw+1 {
				if err := f(chain, draw, views, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
