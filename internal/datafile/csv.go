package datafile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// parseCSV reads a header line and rows of equal length.
func parseCSV(path string, data []byte) (Columns, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	names, err := csvHeader(path, data)
	if err != nil {
		return nil, err
	}
	t := &csvTable{path: path, names: names, kinds: make([]csvKind, len(names)), cols: make(Columns, len(names))}
	if err := t.scan(data, t.number); err != nil {
		return nil, err
	}
	for _, k := range t.kinds {
		if k == csvText { // known only after the cells before it were numbers: take the text of all
			if err := t.scan(data, t.text); err != nil {
				return nil, err
			}
			break
		}
	}
	return t.columns(), nil
}

func csvHeader(path string, data []byte) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(data))
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, atLine(path, 1, "the file is empty: a CSV data file begins with a header line of column names")
	}
	if err != nil {
		return nil, csvError(path, err)
	}
	for i, name := range names {
		name = strings.TrimSpace(name)
		names[i] = name
		switch {
		case name == "":
			return nil, atLine(path, 1, "column %d has no name: name it, or leave it out (in R, write.csv with row.names = FALSE)", i+1)
		case len(names) == 1 && strings.ContainsAny(name, ";\t"):
			return nil, atLine(path, 1, "the header %s has no comma: columns are separated by commas", quote(name))
		}
		for k := range i {
			if names[k] == name {
				return nil, atLine(path, 1, "columns %d and %d have the same name %s: rename one", k+1, i+1, quote(name))
			}
		}
		if _, err := strconv.ParseFloat(name, 64); err == nil {
			return nil, atLine(path, 1, "the first line must name the columns, but column %d is the number %s", i+1, name)
		}
	}
	return names, nil
}

// csvKind is what all cells of a column so far can be. Its values are in the order of widening.
type csvKind int

const (
	csvInt csvKind = iota
	csvFloat
	csvText
)

type csvTable struct {
	path  string
	names []string
	kinds []csvKind
	cols  Columns
	rows  int
	lines []int // of the rows; nil while row r stands in line r+2
}

// scan calls cell for each cell below the header.
func (t *csvTable) scan(data []byte, cell func(col int, s string) error) error {
	r := csv.NewReader(bytes.NewReader(data))
	r.ReuseRecord = true
	r.FieldsPerRecord = -1
	if _, err := r.Read(); err != nil {
		return csvError(t.path, err)
	}
	t.rows, t.lines = 0, nil
	for ; ; t.rows++ {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(t.path, err)
		}
		line, _ := r.FieldPos(0)
		t.addLine(line)
		if len(rec) != len(t.names) {
			return atLine(t.path, line, "row %d has %d cells, the header names %d columns", t.rows+1, len(rec), len(t.names))
		}
		for k, s := range rec {
			s = strings.TrimSpace(s)
			switch s {
			case "", "NA", "N/A", "null", "NULL":
				return atLine(t.path, line, "row %d, column %s: the cell is missing (%s): data can't be missing; leave the row out, or model the value as a parameter",
					t.rows+1, t.names[k], quote(s))
			}
			if err := cell(k, s); err != nil {
				return atLine(t.path, line, "row %d, column %s: %v", t.rows+1, t.names[k], err)
			}
		}
	}
}

// addLine notes the line of row t.rows, in memory only if the file is irregular.
func (t *csvTable) addLine(line int) {
	if t.lines == nil && line != t.rows+2 {
		t.lines = make([]int, t.rows, 2*t.rows+8)
		for i := range t.lines {
			t.lines[i] = i + 2
		}
	}
	if t.lines != nil {
		t.lines = append(t.lines, line)
	}
}

// number adds a cell to a column that has held numbers so far.
func (t *csvTable) number(k int, s string) error {
	c := &t.cols[k]
	if t.kinds[k] == csvInt {
		if x, err := strconv.ParseInt(s, 10, 64); err == nil {
			c.I64 = append(c.I64, x)
			return nil
		} else if errors.Is(err, strconv.ErrRange) {
			return fmt.Errorf("the integer %s has more than 64 bits: write it with a point or an exponent", s)
		}
	}
	if t.kinds[k] == csvText {
		return nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is not a number that 64 bits can hold", s)
	}
	if err != nil {
		t.kinds[k], c.F64, c.I64 = csvText, nil, nil
		return nil
	}
	if t.kinds[k] == csvInt {
		t.kinds[k] = csvFloat
		c.F64 = make([]float64, 0, 2*len(c.I64)+8)
		for _, i := range c.I64 {
			c.F64 = append(c.F64, float64(i))
		}
		c.I64 = nil
	}
	c.F64 = append(c.F64, x)
	return nil
}

// text adds a cell to a column of text.
func (t *csvTable) text(k int, s string) error {
	if t.kinds[k] == csvText {
		t.cols[k].Strings = append(t.cols[k].Strings, strings.Clone(s))
	}
	return nil
}

func (t *csvTable) columns() Columns {
	for k := range t.cols {
		c := &t.cols[k]
		c.Name, c.Shape, c.Line = t.names[k], []int{t.rows}, 1
		c.place = func(i int) string {
			line := i + 2
			if t.lines != nil {
				line = t.lines[i]
			}
			return fmt.Sprintf("column %s, row %d (line %d)", c.Name, i+1, line)
		}
		if t.rows == 0 {
			c.F64 = []float64{}
		}
		if c.Strings != nil {
			c.toBool()
		}
	}
	return t.cols
}

// toBool makes a column of the words true and false one of booleans.
func (c *Column) toBool() {
	b := make([]bool, len(c.Strings))
	for i, s := range c.Strings {
		switch strings.ToLower(s) {
		case "true":
			b[i] = true
		case "false":
		default:
			return
		}
	}
	c.Bool, c.Strings = b, nil
}

func csvError(path string, err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return atLine(path, p.Line, "%v", p.Err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
