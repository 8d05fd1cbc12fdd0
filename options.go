package drey

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/cli"
	"github.com/drey-sampler/drey/internal/cli/progress"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

// Option changes a setting of Sample, or the default of a flag of Main.
type Option func(*settings)

// settings are what options change.
type settings struct {
	config    runner.Config
	precision model.Precision
	name      string
	load      func() (Data, error)
	source    string // the file that load reads
	progress  io.Writer
	problems  []error
}

func newSettings(options []Option) (*settings, error) {
	s := &settings{config: runner.DefaultConfig(), precision: model.F64}
	for _, o := range options {
		o(s)
	}
	return s, errors.Join(s.problems...)
}

// update returns what is told of the progress.
func (s *settings) update() func(runner.Progress) {
	if s.progress == nil {
		return nil
	}
	return progress.NewLines(s.progress).Update
}

// notice writes a line to where the progress goes.
func (s *settings) notice(line string) {
	if s.progress != nil {
		_, _ = fmt.Fprintln(s.progress, line)
	}
}

// seed returns the seed, or draws one.
func (s *settings) seed() (uint64, error) {
	if s.config.Seed != nil {
		return *s.config.Seed, nil
	}
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("seed: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]) >> 32, nil
}

// Name names the model, as run directories and their summaries do.
func Name(name string) Option { return func(s *settings) { s.name = name } }

// DataFile names the file of data that a model has unless --data names another.
func DataFile(path string) Option {
	return func(s *settings) {
		s.source = filepath.Base(path)
		s.load = func() (Data, error) { return cli.ReadData(path) }
	}
}

// DataFunc gives the data that a model has unless --data names a file. load is called when they are needed.
func DataFunc(load func() (Data, error)) Option { return func(s *settings) { s.load = load } }

// Chains sets the number of chains; default 4.
func Chains(n int) Option { return func(s *settings) { s.config.Chains = n } }

// Warmup sets the number of warmup transitions a chain; default 1000.
func Warmup(n int) Option { return func(s *settings) { s.config.Warmup = n } }

// Draws sets the number of kept draws a chain; default 1000.
func Draws(n int) Option { return func(s *settings) { s.config.Draws = n } }

// Thin sets the number of transitions for each kept draw; default 1.
func Thin(n int) Option { return func(s *settings) { s.config.Thin = n } }

// Seed sets the seed of all randomness; by default one is drawn. Equal seeds give equal draws, to the bit.
func Seed(seed uint64) Option { return func(s *settings) { s.config.Seed = &seed } }

// Engine sets what runs the model: "auto" (the default: wasm, or XLA where there is a plugin that a measurement finds faster),
// "wasm", "reference", "xla", or "xla:cpu", "xla:cuda" or "xla:tpu".
func Engine(name string) Option { return func(s *settings) { s.config.Engine = name } }

// Workers sets the number of threads that run chains; by default there is one a core. It changes no draw.
func Workers(n int) Option { return func(s *settings) { s.config.Workers = n } }

// Precision sets the type of the model's numbers: model.F64 (the default), model.F32 or model.Mixed.
func Precision(p model.Precision) Option {
	return func(s *settings) {
		s.precision = p
		s.problems = append(s.problems, p.Validate())
	}
}

// HMC moves chains by Hamiltonian Monte Carlo instead of NUTS: trajectories of a fixed length, in units of time, times a
// random factor between 1-jitter and 1+jitter.
func HMC(trajectoryLength, jitter float64) Option {
	return func(s *settings) {
		s.config.Kernel, s.config.TrajectoryLength, s.config.TrajectoryJitter = chain.HMC, trajectoryLength, jitter
	}
}

// TargetAccept sets the acceptance rate that the step size is adapted to, in (0, 1); default 0.8.
func TargetAccept(rate float64) Option { return func(s *settings) { s.config.TargetAccept = rate } }

// MaxTreeDepth sets how often NUTS doubles a trajectory at most; default 10.
func MaxTreeDepth(n int) Option { return func(s *settings) { s.config.MaxTreeDepth = n } }

// Adapt says whether the chains adapt together in warmup: "pooled", "per-chain", or "auto" (the default), which pools from 16 chains on.
func Adapt(mode string) Option { return func(s *settings) { s.config.Adapt = mode } }

// Metric sets the inverse mass matrix that warmup finds: "diag" (the default), "diag-draws", "diag-grad", "dense" or "unit".
func Metric(name string) Option { return func(s *settings) { s.config.Metric = name } }

// StepSize fixes the step size, which warmup finds by default.
func StepSize(x float64) Option { return func(s *settings) { s.config.StepSize = x } }

// InitStrategy sets where chains start; default model.InitUniform.
func InitStrategy(strategy model.InitStrategy) Option {
	return func(s *settings) { s.config.InitStrategy = strategy }
}

// Init gives sites their starting values on constrained space: one map for all chains, or one a chain. A value is a number
// or a nested slice of them.
func Init(values ...map[string]any) Option {
	return func(s *settings) {
		var list any = values
		if len(values) == 1 {
			list = values[0]
		}
		text, err := json.Marshal(list)
		if err != nil {
			s.problems = append(s.problems, fmt.Errorf("starting values: %w", err))
		}
		s.config.Init = runner.Document{Text: text}
	}
}

// InverseMassMatrix gives the variances on unconstrained space, by site, that warmup begins with.
func InverseMassMatrix(variances map[string][]float64) Option {
	return func(s *settings) {
		text, err := json.Marshal(variances)
		if err != nil {
			s.problems = append(s.problems, fmt.Errorf("inverse mass matrix: %w", err))
		}
		s.config.InverseMassMatrix = runner.Document{Text: text}
	}
}

// SaveWarmup keeps the warmup draws too.
func SaveWarmup() Option { return func(s *settings) { s.config.SaveWarmup = true } }

// Save keeps only these sites.
func Save(sites ...string) Option { return func(s *settings) { s.config.Save = sites } }

// Exclude keeps all sites but these.
func Exclude(sites ...string) Option { return func(s *settings) { s.config.Exclude = sites } }

// Out keeps the draws in a run directory, which must not hold anything else; Overwrite replaces a run in it.
func Out(dir string) Option { return func(s *settings) { s.config.Dir = dir } }

// Overwrite lets Out replace a run.
func Overwrite() Option { return func(s *settings) { s.config.Overwrite = true } }

// Progress writes a line about the run to w every few seconds.
func Progress(w io.Writer) Option { return func(s *settings) { s.progress = w } }
