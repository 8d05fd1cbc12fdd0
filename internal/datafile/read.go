package datafile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// formats names what Read reads, for messages.
const formats = ".json, .csv, .json.gz, .csv.gz, .parquet, .arrow, .npy or .npz"

// Read reads a data file by its name's ending. Errors name the file, the place in it and what to do.
//
//   - JSON: an object of names; a value is a number, text, boolean or (nested) array of one of them, rectangular. Arrays
//     of integers stay exact 64-bit integers. The text "nan", "inf" and "-inf" (any case) among numbers, and the bare NaN
//     and Infinity that Python writes, are those numbers. A name that begins with _ is a comment.
//   - CSV: a header line; a column of integers, of numbers, of true and false, or else of text. An empty cell, and NA, are
//     errors.
//   - Parquet and Arrow (file or stream): columns of numbers, booleans, text, and lists of equal lengths. Nulls are
//     errors. The column of the index that pandas adds is left out.
//   - .npy: one array, named after the file; .npz: its arrays.
func Read(path string) (Columns, error) {
	k, err := kindOf(path)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file", path)
	case err != nil:
		return nil, fmt.Errorf("%s: can't be read: %w", path, errors.Unwrap(err))
	}
	return k.columns(path, data)
}

// Parse reads the content of a data file that is not on disk, such as one embedded in a program. name is the file's: it
// tells the format, and errors begin with it.
func Parse(name string, data []byte) (Columns, error) {
	k, err := kindOf(name)
	if err != nil {
		return nil, err
	}
	return k.columns(name, data)
}

// kind is a format of data files.
type kind struct {
	parse  func(path string, data []byte) (Columns, error)
	zipped bool
}

// kindOf tells the format by a file's name.
func kindOf(path string) (kind, error) {
	base := strings.ToLower(filepath.Base(path))
	plain := strings.TrimSuffix(base, ".gz")
	k := kind{zipped: plain != base}
	switch ext := filepath.Ext(plain); {
	case ext == ".json":
		k.parse = parseJSON
	case ext == ".csv":
		k.parse = parseCSV
	case k.zipped:
		return k, fmt.Errorf("%s: only .json.gz and .csv.gz can be read compressed: gunzip it first", path)
	case ext == ".npy":
		k.parse = parseNPY
	case ext == ".npz":
		k.parse = parseNPZ
	case ext == ".arrow":
		k.parse = parseArrow
	case ext == ".parquet":
		k.parse = parseParquet
	default:
		return k, fmt.Errorf("%s: unknown kind of data file: the name must end in %s", path, formats)
	}
	return k, nil
}

// columns parses the content of the file at path.
func (k kind) columns(path string, data []byte) (Columns, error) {
	if k.zipped {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: not a gzip file: %w", path, err)
		}
		if data, err = io.ReadAll(z); err != nil {
			return nil, fmt.Errorf("%s: damaged gzip file: %w", path, err)
		}
	}
	cols, err := k.parse(path, data)
	if err != nil {
		return nil, err
	}
	for i := range cols {
		cols[i].File = path
	}
	return cols, nil
}

// atLine is an error at a line of a text file.
func atLine(path string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", path, line, fmt.Sprintf(format, args...))
}
