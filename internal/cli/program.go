package cli

import (
	"path/filepath"

	"github.com/drey-sampler/drey/internal/program"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/store"
)

// programFile is a program file that was read.
type programFile struct {
	*program.File
	source string // its base name
}

// openModel returns the model of a program file.
func openModel(path string) (*Model, error) {
	f, err := program.Read(path)
	if err != nil {
		return nil, asUsage(err)
	}
	return &Model{Name: f.Model.Name, file: &programFile{f, filepath.Base(path)}}, nil
}

// bind returns the model with the data and the precision that the file has, or with data in the place of some of them. Asking
// for another precision is an error.
func (f *programFile) bind(p *Program, in inputs) (runner.Model, error) {
	out := runner.Model{Model: f.Model, Program: p.identity(), File: runner.Document{Text: f.Content, Source: f.source}}
	if in.asked && in.precision != f.Model.Precision() {
		return out, usage("--precision %s: the programs in %s compute in %s: export the model anew in that precision", in.precision, f.source, f.Model.Precision())
	}
	if in.data == "" {
		return out, nil
	}
	out.DataSource, out.Replaced = filepath.Base(in.data), true
	data, err := ReadData(in.data)
	if err != nil {
		return out, usage("--data: %w", err)
	}
	out.Model, err = f.Model.WithData(data)
	return out, asUsage(err)
}

// programOf returns the copy of the program file that a run keeps, where it is a run of one.
func programOf(run *store.Run) (store.Input, bool) {
	for _, f := range run.Files {
		if f.Name == store.ProgramFile {
			return f, true
		}
	}
	return store.Input{}, false
}

// reopenProgram returns the model of a run from the copies of its program file and of the data that it was given beside it.
func (p *Program) reopenProgram(dir string, run *store.Run, copied store.Input) (runner.Model, error) {
	f, err := program.Read(filepath.Join(dir, copied.Name))
	if err != nil {
		return runner.Model{}, asUsage(err)
	}
	in, source := inputs{}, ""
	for _, kept := range run.Files {
		if kept.Name == store.DataFile {
			in.data, source = filepath.Join(dir, kept.Name), kept.Source
		}
	}
	out, err := (&programFile{f, copied.Source}).bind(p, in)
	out.DataSource = source
	return out, err
}
