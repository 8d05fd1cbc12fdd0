package drey

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/drey-sampler/drey/internal/program"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

// ProgramFile is a model with its data that was written elsewhere, in NumPyro or JAX for example (docs/numpyro.md), and exported.
type ProgramFile struct {
	file   *program.File
	source string // its base name
}

// Load reads a program file, NAME.drey. The error names the file and what is wrong with it.
func Load(path string) (*ProgramFile, error) {
	f, err := program.Read(path)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return &ProgramFile{f, filepath.Base(path)}, nil
}

// Name returns the model's name.
func (p *ProgramFile) Name() string { return p.file.Model.Name }

// Sample is Sample for the file's model. data are in the place of the columns of the file that they name, in the same shapes;
// nil leaves the file's. Of the options, Name has no meaning; Precision is an error unless it is the file's.
func (p *ProgramFile) Sample(ctx context.Context, data Data, options ...Option) (*Posterior, error) {
	s, m, err := p.prepare(data, options)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return s.sample(ctx, m)
}

// PriorPredictive is PriorPredictive for the file's model. It is an error where the file has no program that draws from the prior.
func (p *ProgramFile) PriorPredictive(ctx context.Context, data Data, options ...Option) (*Posterior, error) {
	s, m, err := p.prepare(data, options)
	if err != nil {
		return nil, fmt.Errorf("drey: %w", err)
	}
	return s.priorPredictive(ctx, m)
}

// prepare applies options and puts data into the model.
func (p *ProgramFile) prepare(data Data, options []Option) (*settings, runner.Model, error) {
	out := runner.Model{Model: p.file.Model, File: runner.Document{Text: p.file.Content, Source: p.source}}
	s, err := newSettings(options)
	if err != nil {
		return nil, out, err
	}
	if own := p.file.Model.Precision(); s.precision != model.F64 && s.precision != own {
		return nil, out, fmt.Errorf("precision %s: the programs in %s compute in %s: export the model anew in that precision", s.precision, p.source, own)
	}
	if data, err = s.data(data); err != nil || data == nil {
		return s, out, err
	}
	out.DataSource, out.Replaced = s.source, true
	out.Model, err = p.file.Model.WithData(data)
	return s, out, err
}
