package program

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/drey-sampler/drey/internal/datafile"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// archive is the zip archive of a program file.
type archive map[string]*zip.File

// Parse returns the model that a program file's content holds.
func Parse(content []byte) (*model.Model, error) {
	a, err := open(content)
	if err != nil {
		return nil, err
	}
	text, err := a.read(manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, err
	}
	var p model.Imported
	if p.Manifest, err = m.describe(); err != nil {
		return nil, err
	}
	if p.Columns, err = a.columns(m.Columns); err != nil {
		return nil, err
	}
	for _, c := range m.Columns {
		if c.Given {
			p.Given = append(p.Given, c.Name)
		}
	}
	if err := a.programs(m, &p); err != nil {
		return nil, err
	}
	return model.Import(p)
}

func open(content []byte) (archive, error) {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("not a program file, or one that is cut off: %w", err)
	}
	a := archive{}
	for _, f := range z.File {
		if a[f.Name] != nil {
			return nil, fmt.Errorf("the entry %q is there twice", f.Name)
		}
		a[f.Name] = f
	}
	return a, nil
}

// read returns the content of an entry of at most most bytes.
func (a archive) read(name string, most int64) ([]byte, error) {
	f := a[name]
	if f == nil {
		return nil, fmt.Errorf("the entry %q is missing: the file is not whole", name)
	}
	if f.UncompressedSize64 > uint64(most) {
		return nil, fmt.Errorf("the entry %q has %d bytes, more than the %d that are read", name, f.UncompressedSize64, most)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("the entry %q: %w", name, err)
	}
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("the entry %q is damaged: %w", name, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("the entry %q has more than the %d bytes that are read", name, most)
	}
	return text, nil
}

// checked is read for an entry whose digest the manifest has.
func (a archive) checked(e entry, most int64) ([]byte, error) {
	text, err := a.read(e.File, most)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	if got := hex.EncodeToString(sum[:]); got != e.SHA256 {
		return nil, fmt.Errorf("the entry %q was changed: its SHA-256 is %s, the manifest says %q", e.File, got, e.SHA256)
	}
	return text, nil
}

// npyHeader is more than the header of a .npy file of a plain array takes.
const npyHeader = 64 << 10

// columns reads the data.
func (a archive) columns(list []column) ([]model.Column, error) {
	var out []model.Column
	left := int64(maxData)
	for i := range list {
		c := &list[i]
		dtype, n, err := c.layout()
		if err != nil {
			return nil, err
		}
		if left -= int64(n) * int64(dtype.Size()); left < 0 {
			return nil, fmt.Errorf("the data have more than the %d bytes that are read", int64(maxData))
		}
		text, err := a.checked(c.entry, int64(n)*int64(dtype.Size())+npyHeader)
		if err != nil {
			return nil, fmt.Errorf("data %q: %w", c.Name, err)
		}
		parsed, err := datafile.Parse(c.File, text)
		if err != nil {
			return nil, fmt.Errorf("data %q: %w", c.Name, err)
		}
		x, err := c.encode(&parsed[0], dtype)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// encode returns the array x of a .npy file as a column of a dtype, whose elements it must have.
func (c *column) encode(x *datafile.Column, dtype tensor.DType) (model.Column, error) {
	if !slices.Equal(x.Shape, c.Shape) || (x.F64 != nil) != dtype.IsFloat() || (x.Bool != nil) != (dtype == tensor.Bool) {
		return model.Column{}, fmt.Errorf("data %q: %s of shape %v, the manifest says %s", c.Name, x.Kind(), x.Shape, tensor.FormatShape(dtype, c.Shape))
	}
	a := tensor.NewArray(dtype, c.Shape)
	for i := range a.Bits {
		switch {
		case x.F64 != nil:
			a.Bits[i] = tensor.EncodeFloat(dtype, x.F64[i])
		case x.Bool != nil && x.Bool[i]:
			a.Bits[i] = 1
		case x.I64 != nil && dtype.Size() == 8:
			a.Bits[i] = uint64(x.I64[i])
		case x.I64 != nil:
			a.Bits[i] = uint64(uint32(x.I64[i]))
			if back := int64(int32(a.Bits[i])); dtype == tensor.I32 && back != x.I64[i] || dtype == tensor.U32 && int64(a.Bits[i]) != x.I64[i] {
				return model.Column{}, fmt.Errorf("data %q: %d does not fit %s", c.Name, x.I64[i], dtype)
			}
		}
	}
	return model.ColumnOf(c.Name, a), nil
}

// programs reads the programs, those that every file has and those that one may have.
func (a archive) programs(m *manifest, p *model.Imported) error {
	known := map[string]bool{}
	for _, f := range []struct {
		name     string
		to       **tensor.Func
		optional bool
	}{
		{"log_density", &p.LogDensity, false}, {"constrain", &p.Constrain, false},
		{"unconstrain", &p.Unconstrain, true}, {"site_log_density", &p.SiteLogDensity, true},
		{"predictive", &p.Predictive, true}, {"prior", &p.Prior, true}, {"data_check", &p.DataCheck, true},
	} {
		known[f.name] = true
		from, ok := m.Programs[f.name]
		if !ok && f.optional {
			continue
		}
		if !ok {
			return fmt.Errorf("%s names no program %q: the file is not whole", manifestName, f.name)
		}
		var err error
		if *f.to, err = a.program(from); err != nil {
			return fmt.Errorf("program %s: %w", f.name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Programs)) {
		if !known[name] {
			return fmt.Errorf("%s names the program %q, which this drey does not know: get a newer drey", manifestName, name)
		}
	}
	return nil
}

func (a archive) program(from program) (*tensor.Func, error) {
	text, err := a.checked(from.entry, maxProgram)
	if err != nil {
		return nil, err
	}
	f, err := stablehlo.Parse(string(text))
	if err != nil {
		return nil, err
	}
	if len(from.Outputs) != len(f.Out) {
		return nil, fmt.Errorf("%d results, the manifest names %d", len(f.Out), len(from.Outputs))
	}
	out := *f
	out.Out = slices.Clone(f.Out)
	for i, name := range from.Outputs {
		out.Out[i].Name = name
	}
	return &out, nil
}
