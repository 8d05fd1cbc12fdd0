// Package table reads the figures and data of the integration tests: comma-separated tables with a header line.
package table

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Rows returns the header and the records of a table, the file path or path.gz; lines that begin with # are comments.
func Rows(files fs.FS, path string) (header []string, rows [][]string, err error) {
	in, err := open(files, path)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	r := csv.NewReader(in)
	r.Comment = '#'
	all, err := r.ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("table %s: %w", path, err)
	}
	if len(all) < 2 {
		return nil, nil, fmt.Errorf("table %s: no rows", path)
	}
	return all[0], all[1:], nil
}

// Columns returns the columns of a table of numbers by name: a []float64, or a [][]float64 of the columns named X[1], X[2], …
func Columns(files fs.FS, path string) (map[string]any, error) {
	header, rows, err := Rows(files, path)
	if err != nil {
		return nil, err
	}
	vectors, matrices := map[string][]float64{}, map[string][][]float64{}
	for i, record := range rows {
		for j, field := range record {
			x, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return nil, fmt.Errorf("table %s: row %d, column %s: %w", path, i+1, header[j], err)
			}
			name, _, wide := strings.Cut(header[j], "[")
			if !wide {
				vectors[name] = append(vectors[name], x)
				continue
			}
			if len(matrices[name]) == i {
				matrices[name] = append(matrices[name], nil)
			}
			matrices[name][i] = append(matrices[name][i], x)
		}
	}
	out := map[string]any{}
	for name, v := range vectors {
		out[name] = v
	}
	for name, m := range matrices {
		out[name] = m
	}
	return out, nil
}

// Floats reads numbers separated by spaces.
func Floats(text string) ([]float64, error) {
	fields := strings.Fields(text)
	out := make([]float64, len(fields))
	for i, f := range fields {
		x, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, err
		}
		out[i] = x
	}
	return out, nil
}

func open(files fs.FS, path string) (io.ReadCloser, error) {
	if f, err := files.Open(path); err == nil {
		return f, nil
	}
	f, err := files.Open(path + ".gz")
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", path, err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("table %s: %w", path, err)
	}
	return closer{z, f}, nil
}

// closer reads an unpacked file and closes the packed one.
type closer struct {
	io.Reader
	io.Closer
}
