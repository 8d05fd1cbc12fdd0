package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/drey-sampler/drey/internal/datafile"
	"github.com/drey-sampler/drey/internal/program"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
)

// ReadData reads a file of data columns; datafile.Read says which kinds there are.
func ReadData(path string) (model.Data, error) {
	columns, err := datafile.Read(path)
	if err != nil {
		return nil, err
	}
	return dataOf(columns)
}

// ParseData reads the content of a data file, of the kind that its name tells.
func ParseData(name string, content []byte) (model.Data, error) {
	columns, err := datafile.Parse(name, content)
	if err != nil {
		return nil, err
	}
	return dataOf(columns)
}

// dataOf returns columns as a model takes them. Text is an error: a model computes with numbers.
func dataOf(columns datafile.Columns) (model.Data, error) {
	data := model.Data{}
	var problems []error
	for i := range columns {
		c := &columns[i]
		a := model.Array{Shape: c.Shape, F64: c.F64, I64: c.I64, Bool: c.Bool, Place: c.Place}
		if c.Strings != nil {
			var err error
			if a.F64, err = c.Float64s(); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		data[c.Name] = a
	}
	return data, errors.Join(problems...)
}

// find returns the model of that name.
func (p *Program) find(name string) (*Model, error) {
	if program.Named(name) {
		return openModel(name)
	}
	var names []string
	for i := range p.Models {
		if p.Models[i].Name == name {
			return &p.Models[i], nil
		}
		names = append(names, p.Models[i].Name)
	}
	return nil, usage("unknown model %q%s (models: %s; a program file ends in %s; a model of your own begins with %s init DIR)", name, suggestion(name, names), strings.Join(names, ", "), program.Extension, p.Name)
}

// inputs are what a command was told of a model besides its name.
type inputs struct {
	data      string // file, "" for the model's own data
	precision model.Precision
	asked     bool // the precision was asked for and is not a default
}

// bind returns a model with the data of a file, or with its own.
func (p *Program) bind(m *Model, in inputs) (runner.Model, error) {
	if m.file != nil {
		return m.file.bind(p, in)
	}
	out := runner.Model{Program: p.identity()}
	var data model.Data
	var err error
	switch {
	case in.data != "":
		out.DataSource = filepath.Base(in.data)
		if data, err = ReadData(in.data); err != nil {
			return out, usage("--data: %w", err)
		}
	case m.Data != nil:
		out.DataSource = m.DataSource
		if data, err = m.Data(); err != nil {
			return out, asUsage(err)
		}
	}
	if out.Model, err = m.New(in.precision, m.Name, data); err != nil {
		if schema := new(model.SchemaError); errors.As(err, &schema) {
			return out, err // the model's mistake, whatever the data
		}
		if data == nil {
			err = fmt.Errorf("%w\n%s has no data of its own: give them with --data FILE", err, m.Name)
		}
		return out, asUsage(err)
	}
	return out, nil
}

// reopen returns the model of a run with the copy of its data, to go on with the run or to predict from it.
func (p *Program) reopen(command, dir string) (runner.Model, error) {
	run, err := store.ReadRun(dir)
	if err != nil {
		return runner.Model{}, asUsage(err)
	}
	if run.Program.BuiltIn != p.BuiltIn {
		return runner.Model{}, usage("%s is a run of %s, a model of %s: %s", dir, run.Model, owner(run), wayBack(run, command, dir))
	}
	if source, ok := programOf(run); ok {
		return p.reopenProgram(dir, run, source)
	}
	var m *Model
	for i := range p.Models {
		if p.Models[i].Name == run.Model {
			m = &p.Models[i]
		}
	}
	if m == nil && p.BuiltIn {
		return runner.Model{}, usage("%s has no copy of the program file that %s was run from, which %s needs: a cluster of an earlier drey made it, or a copy was lost", dir, run.Model, command)
	}
	if m == nil {
		return runner.Model{}, usage("%s is a run of %s, a model of %s, which this program does not have: %s", dir, run.Model, owner(run), wayBack(run, command, dir))
	}
	precision := model.Precision(run.Settings.Precision)
	if err := precision.Validate(); err != nil {
		return runner.Model{}, fmt.Errorf("%s: %w", dir, err)
	}
	return p.rebind(m, run, dir, precision)
}

// rebind binds the data that a run keeps.
func (p *Program) rebind(m *Model, run *store.Run, dir string, precision model.Precision) (runner.Model, error) {
	out := runner.Model{Program: p.identity()}
	var data model.Data
	for _, f := range run.Files {
		if f.Name != store.DataFile {
			continue
		}
		out.DataSource = f.Source
		var err error
		if data, err = ReadData(filepath.Join(dir, f.Name)); err != nil {
			return out, err
		}
	}
	var err error
	out.Model, err = m.New(precision, m.Name, data)
	return out, err
}

// owner names the program that made a run.
func owner(run *store.Run) string {
	if run.Program.BuiltIn {
		return "drey itself"
	}
	if run.Program.ImportPath != "" {
		return "the program " + run.Program.ImportPath
	}
	return "the program " + run.Program.Name
}

// wayBack says what to run to go on with a run.
func wayBack(run *store.Run, command, dir string) string {
	switch {
	case run.Program.BuiltIn:
		return fmt.Sprintf("use drey %s %s", command, dir)
	case run.Program.ImportPath != "":
		return fmt.Sprintf("that program has to do it: go run %s %s %s, in its module", run.Program.ImportPath, command, dir)
	}
	return fmt.Sprintf("that program has to do it: %s %s %s", run.Program.Name, command, dir)
}
