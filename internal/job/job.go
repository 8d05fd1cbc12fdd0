package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Job is what the chains of a run are made from.
type Job struct {
	// Bundle has the programs that chains run: LogDensity, Constrain and SiteLogDensity. Init is that of the first of Starts.
	Bundle  *model.Bundle
	Columns []model.Column
	// Precision is the run's: that of the bundle's numbers, or mixed, f64 where they are. "" is theirs.
	Precision model.Precision
	Config    chain.Config  // Batch is whoever's that runs the chains, and does not travel
	Starts    []chain.Start // one for all chains, or one for each
	// Files are the copies of what the run was given, for the run's directory: chains do not need them, and Get leaves them out.
	Files []File
}

// File is a file of a run's directory.
type File struct {
	Name  string
	Write func(io.Writer) error
}

// Limits of what is read, in bytes.
const (
	maxProgram = 256 << 20
	maxColumn  = transport.MaxObject
)

// initName is the program of the first kind of start; the others have a number behind it. Its parameters are the seed, the chain,
// the attempt, the given values and the data.
const (
	initName = "init"
	initLead = 3
)

// Put stores the job's program, data and files, and sets the fields of a manifest that describe the job: all but how its chains are cut
// into packs and blocks, when it stops, and who may run it.
func (j *Job) Put(ctx context.Context, inputs transport.Objects, m *transport.Manifest) error {
	m.Inits, m.Starts = nil, nil
	var inits []*tensor.Func
	for _, s := range j.Starts {
		k := slices.Index(inits, s.Init)
		if k < 0 {
			k, inits = len(inits), append(inits, s.Init)
			m.Inits = append(m.Inits, initSpec(k, s))
		}
		m.Starts = append(m.Starts, transport.StartSpec{Init: uint32(k), Given: s.Given})
	}
	text, err := encode(j.Bundle, m.Inits, inits)
	if err != nil {
		return err
	}
	if m.Program, err = put(ctx, inputs, text); err != nil {
		return err
	}
	m.Columns = nil
	for _, c := range j.Columns {
		o, err := put(ctx, inputs, c.Bytes)
		if err != nil {
			return fmt.Errorf("job: data %q: %w", c.Name, err)
		}
		m.Columns = append(m.Columns, o)
	}
	m.Files = nil
	for _, f := range j.Files {
		parts, err := transport.PutFile(ctx, inputs, f.Name, f.Write)
		if err != nil {
			return fmt.Errorf("job: %s: %w", f.Name, err)
		}
		m.Files = append(m.Files, parts...)
	}
	j.configure(m)
	return nil
}

// Describe sets the fields of a manifest that Put sets, without programs, data or starting values: of a run whose workers have the job
// by themselves.
func (j *Job) Describe(m *transport.Manifest) {
	m.Inits, m.Starts = []transport.InitSpec{{Program: initName}}, []transport.StartSpec{{}}
	j.configure(m)
	m.Kernel.InverseMass = nil // as long as the square of a position
}

func initSpec(k int, s chain.Start) transport.InitSpec {
	out := transport.InitSpec{Program: initName}
	if k > 0 {
		out.Program = fmt.Sprintf("%s.%d", initName, k)
	}
	for _, p := range s.Init.In[initLead : initLead+len(s.Given)] {
		out.Sites = append(out.Sites, p.Name)
	}
	return out
}

func put(ctx context.Context, o transport.Objects, data []byte) (transport.Object, error) {
	digest, err := o.Put(ctx, data)
	return transport.Object{Digest: digest, Size: uint64(len(data))}, err
}

// configure sets the fields of a manifest that are the chains' configuration.
func (j *Job) configure(m *transport.Manifest) {
	c := &j.Config
	m.Precision = cmp.Or(string(j.Precision), j.Bundle.Manifest.Float)
	m.Seed, m.Thin, m.Save, m.Keep = c.Seed, uint32(c.Thin), c.SaveWarmup, nil
	m.Pooled, m.Super = c.Pooled, uint32(max(1, c.Superchain))
	m.Kernel = transport.KernelSpec{
		Name: string(c.Kernel), MaxTreeDepth: uint32(c.MaxTreeDepth), TrajectoryLength: c.TrajectoryLength, TrajectoryJitter: c.TrajectoryJitter,
		TargetAcceptance: c.TargetAcceptanceRate, Metric: string(c.Metric), StepSize: c.StepSize, InverseMass: c.InverseMass,
	}
	for _, s := range j.Bundle.Manifest.Kept() {
		if c.Keep == nil || c.Keep(s.Name) {
			m.Keep = append(m.Keep, s.Name)
		}
	}
}

// configOf is the inverse of configure.
func configOf(m *transport.Manifest) chain.Config {
	k := &m.Kernel
	keep := map[string]bool{}
	for _, site := range m.Keep {
		keep[site] = true
	}
	var warmup int
	for _, s := range m.Warmup {
		warmup += int(s.Draws)
	}
	return chain.Config{
		Seed: m.Seed, Kernel: chain.Kernel(k.Name), MaxTreeDepth: int(k.MaxTreeDepth), TrajectoryLength: k.TrajectoryLength,
		TrajectoryJitter: k.TrajectoryJitter, TargetAcceptanceRate: k.TargetAcceptance, Metric: adapt.MetricKind(k.Metric), StepSize: k.StepSize,
		InverseMass: k.InverseMass, Warmup: warmup, Pooled: m.Pooled, Superchain: int(m.Super), Thin: int(m.Thin), SaveWarmup: m.Save, Keep: func(site string) bool { return keep[site] },
	}
}

// Get fetches the job of a manifest. An error of kind Unavailable is worth another attempt; others say what is wrong with the
// manifest or what it names.
func Get(ctx context.Context, inputs transport.Objects, m *transport.Manifest) (*Job, error) {
	text, err := get(ctx, inputs, m.Program, maxProgram)
	if err != nil {
		return nil, fmt.Errorf("job: the program: %w", err)
	}
	bundle, inits, err := decode(text, m.Inits)
	if err != nil {
		return nil, fmt.Errorf("job: the program: %w", err)
	}
	j := &Job{Bundle: bundle, Precision: model.Precision(m.Precision), Config: configOf(m)}
	if float := bundle.Manifest.Float; m.Precision != float && (j.Precision != model.Mixed || float != string(model.F64)) {
		return nil, fmt.Errorf("job: the manifest has precision %q, the program %q", m.Precision, bundle.Manifest.Float)
	}
	if j.Columns, err = columns(ctx, inputs, m.Columns, bundle.Manifest.Columns); err != nil {
		return nil, err
	}
	for _, s := range m.Starts {
		j.Starts = append(j.Starts, chain.Start{Init: inits[s.Init], Given: s.Given})
	}
	return j, j.check()
}

// Check returns an error unless the program object of a manifest is one whose programs are of drey's own operations, foreign code
// being refused, and the files that it names are there. An error of kind Unavailable is worth another attempt.
func Check(ctx context.Context, inputs transport.Objects, m *transport.Manifest) error {
	text, err := get(ctx, inputs, m.Program, maxProgram)
	if err == nil {
		_, _, err = decode(text, m.Inits)
	}
	if err != nil {
		return fmt.Errorf("job: the program: %w", err)
	}
	for _, f := range m.Files {
		// Of an object that is there no byte is taken.
		if _, err := inputs.Get(ctx, f.Object.Digest, 0); err != nil && transport.KindOf(err) != transport.Invalid {
			return fmt.Errorf("job: %s: %w", f.Name, err)
		}
	}
	return nil
}

func get(ctx context.Context, o transport.Objects, at transport.Object, limit int64) ([]byte, error) {
	if at.Size > uint64(limit) {
		return nil, transport.Errorf(transport.Invalid, "get", "object %s has %d bytes, at most %d are read", at.Digest, at.Size, limit)
	}
	data, err := o.Get(ctx, at.Digest, int64(at.Size))
	if err == nil && uint64(len(data)) != at.Size {
		err = transport.Errorf(transport.Corrupt, "get", "object %s has %d bytes, its manifest says %d", at.Digest, len(data), at.Size)
	}
	return data, err
}

// columns fetches the data that a program takes.
func columns(ctx context.Context, inputs transport.Objects, at []transport.Object, info []model.ColumnInfo) ([]model.Column, error) {
	if len(at) != len(info) {
		return nil, fmt.Errorf("job: %d data columns for a program that takes %d", len(at), len(info))
	}
	var out []model.Column
	for i, c := range info {
		dtype := tensor.ParseDType(c.DType)
		size := int64(dtype.Size())
		for _, d := range c.Shape {
			if d < 0 || d > 0 && size > math.MaxInt64/int64(d) {
				size = -1
				break
			}
			size *= int64(d)
		}
		if dtype == tensor.Invalid || size < 0 || uint64(size) != at[i].Size {
			return nil, fmt.Errorf("job: data %q: %d bytes for %s of shape %v", c.Name, at[i].Size, c.DType, c.Shape)
		}
		raw, err := get(ctx, inputs, at[i], maxColumn)
		if err != nil {
			return nil, fmt.Errorf("job: data %q: %w", c.Name, err)
		}
		out = append(out, model.Column{Name: c.Name, DType: dtype, Shape: c.Shape, Bytes: raw})
	}
	return out, nil
}

// check returns an error where the parts of a job that was read do not fit one another.
func (j *Job) check() error {
	b := j.Bundle
	float, dim := tensor.ParseDType(b.Manifest.Float), b.Manifest.Dimension
	if float != tensor.F64 && float != tensor.F32 || dim < 1 {
		return fmt.Errorf("job: a program of precision %q and %d dimensions", b.Manifest.Float, dim)
	}
	position := tensor.Param{Name: "position", DType: float, Shape: []int{dim}}
	data := make([]tensor.Param, len(j.Columns))
	for i, c := range j.Columns {
		data[i] = c.Param()
	}
	var kept []tensor.Param
	for _, s := range b.Manifest.Kept() {
		kept = append(kept, tensor.Param{Name: s.Name, DType: tensor.ParseDType(s.DType), Shape: s.Shape})
	}
	scalar, gradient := tensor.Param{Name: "log_density", DType: float}, tensor.Param{Name: "gradient", DType: float, Shape: []int{dim}}
	problems := []error{
		fits("log_density", b.LogDensity, append([]tensor.Param{position}, data...), []tensor.Param{scalar, gradient}),
		fits("constrain", b.Constrain, append([]tensor.Param{position}, data...), kept),
		fits("site_log_density", b.SiteLogDensity, append([]tensor.Param{position}, data...), b.SiteLogDensity.Out),
	}
	lead := []tensor.Param{{Name: "seed", DType: tensor.U64}, {Name: "chain", DType: tensor.U32}, {Name: "attempt", DType: tensor.U32}}
	checked := map[*tensor.Func]bool{}
	for _, s := range j.Starts { // package chain checks the values
		if !checked[s.Init] {
			given := s.Init.In[min(initLead, len(s.Init.In)):]
			given = given[:min(len(s.Given), len(given))]
			problems = append(problems, fits(initName, s.Init, slices.Concat(lead, given, data), []tensor.Param{position}))
			checked[s.Init] = true
		}
	}
	return errors.Join(problems...)
}

// fits returns an error where a program's parameters or results are of other types than they should be.
func fits(name string, f *tensor.Func, in, out []tensor.Param) error {
	for _, c := range []struct {
		what      string
		got, want []tensor.Param
	}{{"parameter", f.In, in}, {"result", f.Out, out}} {
		same := slices.EqualFunc(c.got, c.want, func(a, b tensor.Param) bool { return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) })
		if !same {
			return fmt.Errorf("job: program %s: its %ss are of other types than the manifest's sites and columns want", name, c.what)
		}
	}
	return nil
}
