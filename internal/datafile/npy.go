package datafile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// npyMagic begins every .npy file (numpy.lib.format, versions 1.0 to 3.0).
const npyMagic = "\x93NUMPY"

// parseNPY reads one array, named after the file.
func parseNPY(path string, data []byte) (Columns, error) {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	c, err := npyArray(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.Name = name
	return Columns{c}, nil
}

// parseNPZ reads the arrays of a zip archive, named after its entries.
func parseNPZ(path string, data []byte) (Columns, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%s: not an .npz archive: %w", path, err)
	}
	var cols Columns
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		if cols.Get(name) != nil {
			return nil, fmt.Errorf("%s: the array %s is there twice", path, quote(name))
		}
		c, err := npzEntry(f)
		if err != nil {
			return nil, fmt.Errorf("%s: array %s: %w", path, quote(name), err)
		}
		c.Name = name
		cols = append(cols, c)
	}
	return cols, nil
}

func npzEntry(f *zip.File) (Column, error) {
	r, err := f.Open()
	if err != nil {
		return Column{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return Column{}, err
	}
	return npyArray(data)
}

type npyHeader struct {
	descr   string
	fortran bool
	shape   []int
}

func npyArray(data []byte) (Column, error) {
	text, body, err := npySplit(data)
	if err != nil {
		return Column{}, err
	}
	h, err := npyParseHeader(text)
	if err != nil {
		return Column{}, err
	}
	kind, size, order, err := npyType(h.descr)
	if err != nil {
		return Column{}, err
	}
	n := 1
	for _, d := range h.shape {
		if d > 0 && n > math.MaxInt/16/d {
			return Column{}, fmt.Errorf("the shape %v is too large", h.shape)
		}
		n *= d
	}
	if len(body) != n*size {
		return Column{}, fmt.Errorf("%d bytes of data for the shape %v of %s, which takes %d: the file is damaged or cut off", len(body), h.shape, h.descr, n*size)
	}
	c := Column{Shape: h.shape}
	at := func(i int) int { return i }
	if h.fortran && len(h.shape) > 1 {
		at = fortranIndex(h.shape)
	}
	err = c.fill(n, kind, func(i int) uint64 { return npyWord(body[size*at(i):], size, order) }, size)
	return c, err
}

// npySplit returns the header's text and the data.
func npySplit(data []byte) (string, []byte, error) {
	if len(data) < 10 || string(data[:6]) != npyMagic {
		return "", nil, errors.New("not a .npy file")
	}
	length, start := int(binary.LittleEndian.Uint16(data[8:])), 10
	if v := data[6]; v == 0 || v > 3 {
		return "", nil, fmt.Errorf(".npy version %d can't be read: save it with numpy.save", v)
	} else if v >= 2 {
		if len(data) < 12 {
			return "", nil, errors.New("the header is cut off")
		}
		length, start = int(binary.LittleEndian.Uint32(data[8:])), 12
	}
	if length > len(data)-start {
		return "", nil, errors.New("the header is cut off")
	}
	return string(data[start : start+length]), data[start+length:], nil
}

// npyParseHeader parses the Python dict literal {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }.
func npyParseHeader(s string) (npyHeader, error) {
	var h npyHeader
	bad := fmt.Errorf("the header %s is not one of a plain array", quote(s))
	value := func(key string) (string, bool) {
		_, rest, ok := strings.Cut(s, "'"+key+"':")
		return strings.TrimSpace(rest), ok
	}
	descr, ok := value("descr")
	if !ok || descr == "" {
		return h, bad
	}
	if descr[0] != '\'' {
		return h, errors.New("a structured array: save each of its fields as an array of its own")
	}
	if h.descr, _, ok = strings.Cut(descr[1:], "'"); !ok {
		return h, bad
	}
	order, ok := value("fortran_order")
	h.fortran = strings.HasPrefix(order, "True")
	if !ok || !h.fortran && !strings.HasPrefix(order, "False") {
		return h, bad
	}
	shape, ok := value("shape")
	if !ok || !strings.HasPrefix(shape, "(") {
		return h, bad
	}
	shape, _, ok = strings.Cut(shape[1:], ")")
	if !ok {
		return h, bad
	}
	for _, part := range strings.Split(shape, ",") {
		if part = strings.TrimSuffix(strings.TrimSpace(part), "L"); part == "" {
			continue
		}
		d, err := strconv.Atoi(part)
		if err != nil || d < 0 || len(h.shape) == maxAxes {
			return h, bad
		}
		h.shape = append(h.shape, d)
	}
	return h, nil
}

// npyType takes a type descriptor apart: f, i, u or b; bytes; byte order.
func npyType(descr string) (kind byte, size int, order binary.ByteOrder, err error) {
	bad := fmt.Errorf("the type %s can't be read: save the array as float64, int64 or bool (numpy's astype)", quote(descr))
	if len(descr) != 3 {
		return 0, 0, nil, bad
	}
	order = binary.LittleEndian
	switch descr[0] {
	case '<', '=', '|':
	case '>':
		order = binary.BigEndian
	default:
		return 0, 0, nil, bad
	}
	kind, size = descr[1], int(descr[2]-'0')
	switch string(descr[1:]) {
	case "f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1":
		return kind, size, order, nil
	}
	return 0, 0, nil, bad
}

func npyWord(b []byte, size int, order binary.ByteOrder) uint64 {
	switch size {
	case 8:
		return order.Uint64(b)
	case 4:
		return uint64(order.Uint32(b))
	case 2:
		return uint64(order.Uint16(b))
	}
	return uint64(b[0])
}

// fortranIndex maps a row-major position to a column-major one.
func fortranIndex(shape []int) func(int) int {
	return func(i int) int {
		out, stride := 0, 1
		for _, d := range shape {
			stride *= d
		}
		for k := len(shape) - 1; k >= 0; k-- {
			stride /= shape[k]
			out += i % shape[k] * stride
			i /= shape[k]
		}
		return out
	}
}

// fill sets the column's elements from n words of size bytes: kind f, i (signed), u or b.
func (c *Column) fill(n int, kind byte, word func(int) uint64, size int) error {
	switch kind {
	case 'f':
		c.F64 = make([]float64, n)
	case 'b':
		c.Bool = make([]bool, n)
	default:
		c.I64 = make([]int64, n)
	}
	for i := range n {
		w := word(i)
		switch {
		case kind == 'f' && size == 4:
			c.F64[i] = float64(math.Float32frombits(uint32(w)))
		case kind == 'f':
			c.F64[i] = math.Float64frombits(w)
		case kind == 'b':
			c.Bool[i] = w != 0
		case kind == 'u' && w > math.MaxInt64:
			return fmt.Errorf("element %s is %d: integers beyond 2^63-1 can't be read", Index(c.Shape, i), w)
		case kind == 'u':
			c.I64[i] = int64(w)
		default:
			c.I64[i] = int64(w<<(64-8*size)) >> (64 - 8*size)
		}
	}
	return nil
}
