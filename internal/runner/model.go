package runner

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/drey-sampler/drey/internal/datafile"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Model is a model with its data, and where both come from.
type Model struct {
	*model.Model
	Program    store.Program // the executable that has it
	DataSource string        // base name of the data's file, "" if they came from code or from the program file
	File       Document      // the program file that the model, with its data, was read from; no text if there is none
	Replaced   bool          // it has other data than the program file
}

// hasData reports whether the model was given data, other than those of its program file.
func (m Model) hasData() bool {
	return m.Replaced || len(m.File.Text) == 0 && len(m.Columns)+len(m.Statics) > 0
}

// dataColumns returns the data as a file keeps them: columns, of a program file those that others can replace, then static ints
// by name.
func (m Model) dataColumns() (datafile.Columns, error) {
	var out datafile.Columns
	for _, c := range m.Columns {
		if len(m.File.Text) > 0 && !slices.Contains(m.Replaceable(), c.Name) {
			continue
		}
		a := c.Array()
		d := datafile.Column{Name: c.Name, Shape: append([]int(nil), c.Shape...)}
		switch c.DType {
		case tensor.F64, tensor.F32:
			d.F64 = a.Float64s()
		case tensor.Bool:
			d.Bool = make([]bool, len(a.Bits))
			for i, b := range a.Bits {
				d.Bool[i] = b != 0
			}
		default:
			d.I64 = make([]int64, len(a.Bits))
			for i, b := range a.Bits {
				if c.DType == tensor.U64 && b > math.MaxInt64 {
					return nil, fmt.Errorf("data %q: element %d, %d, is too large for the run's copy of the data", c.Name, i, b)
				}
				d.I64[i] = int64(b)
				if c.DType == tensor.I32 {
					d.I64[i] = int64(int32(b))
				}
			}
		}
		out = append(out, d)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Statics)) {
		out = append(out, datafile.Column{Name: name, I64: []int64{int64(m.Statics[name])}})
	}
	return out, nil
}

// digest returns the digest of the data.
func (m Model) digest() string {
	columns := slices.Clone(m.Columns)
	for _, name := range slices.Sorted(maps.Keys(m.Statics)) {
		var b []byte
		for shift := 0; shift < 64; shift += 8 {
			b = append(b, byte(uint64(m.Statics[name])>>shift))
		}
		columns = append(columns, model.Column{Name: name, DType: tensor.I64, Bytes: b})
	}
	return model.DataDigest(columns)
}

// copies returns the inputs of a run that its directory keeps, and what writes them.
func (m Model) copies(cfg Config) ([]store.Input, []store.Copy, error) {
	var inputs []store.Input
	var copies []store.Copy
	if m.hasData() {
		columns, err := m.dataColumns()
		if err != nil {
			return nil, nil, err
		}
		inputs = append(inputs, store.Input{Role: "data", Name: store.DataFile, Source: m.DataSource, SHA256: m.digest()})
		copies = append(copies, store.Copy{Name: store.DataFile, Write: func(w io.Writer) error { return datafile.Encode(w, columns) }})
	}
	for _, d := range []struct {
		role, name string
		doc        Document
	}{
		{"program", store.ProgramFile, m.File},
		{"init", store.InitFile, cfg.Init}, {"inverse_mass_matrix", store.InverseMassMatrixFile, cfg.InverseMassMatrix},
	} {
		if len(d.doc.Text) == 0 {
			continue
		}
		inputs = append(inputs, store.Input{Role: d.role, Name: d.name, Source: d.doc.Source, SHA256: digestOf(d.doc.Text)})
		copies = append(copies, store.Copy{Name: d.name, Write: func(w io.Writer) error {
			_, err := w.Write(d.doc.Text)
			return err
		}})
	}
	return inputs, copies, nil
}

// checkAgainst returns an error where the model, as it is now, is not the one that made a run.
func (m Model) checkAgainst(r *store.Run, digest string, versions store.Versions) error {
	var problems []error
	if r.Digest != digest {
		problems = append(problems, errors.New("the model has changed since: its program differs"))
	}
	if p := string(m.Precision()); r.Settings.Precision != p {
		problems = append(problems, fmt.Errorf("the run has precision %s, the model %s", r.Settings.Precision, p))
	}
	for _, f := range r.Files {
		if f.Role == "data" && f.SHA256 != m.digest() {
			problems = append(problems, errors.New("the data differ"))
		}
		if f.Role == "program" && f.SHA256 != digestOf(m.File.Text) {
			problems = append(problems, fmt.Errorf("its %s was changed", f.Name))
		}
	}
	if r.Versions.CodeGenerator != versions.CodeGenerator {
		problems = append(problems, fmt.Errorf("the run was made with code generator %s, this program has %s: the draws would differ in their last bits", r.Versions.CodeGenerator, versions.CodeGenerator))
	}
	return errors.Join(problems...)
}
