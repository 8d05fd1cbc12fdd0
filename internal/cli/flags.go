package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
)

// choice is a flag with a few legal words.
type choice struct {
	value *string
	words []string
}

func (c *choice) String() string {
	if c.value == nil { // pflag asks a zero value
		return ""
	}
	return *c.value
}

func (c *choice) Type() string { return strings.Join(c.words, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return errors.New("unknown word")
	}
	*c.value = s
	return nil
}

// runFlags are the flags of a command that begins runs.
type runFlags struct {
	command      string // its name, for messages
	config       runner.Config
	seed         uint64
	kernel       string
	precision    string
	initStrategy string
	data         string
	init         string
	inverseMass  string
	output       outputFlags
	flags        *pflag.FlagSet
}

// outputFlags say what a command that samples shows.
type outputFlags struct{ json, quiet bool }

func (o *outputFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&o.json, "json", false, "print one JSON object instead of the table")
	f.BoolVar(&o.quiet, "quiet", false, "show no progress")
}

// add defines the flags with the program's defaults.
func (r *runFlags) add(f *pflag.FlagSet, p *Program) {
	r.addModel(f, p)
	f.StringVar(&r.config.Dir, "out", r.config.Dir, "run `directory` (default: runs/MODEL-TIME-SEED)")
	f.BoolVar(&r.config.Overwrite, "overwrite", r.config.Overwrite, "replace the run in --out")
	r.output.add(f)
}

// addModel defines those that say which draws a run makes, wherever it runs.
func (r *runFlags) addModel(f *pflag.FlagSet, p *Program) {
	r.flags = f
	r.config = p.Config
	c := &r.config
	r.kernel, r.precision, r.initStrategy = string(c.Kernel), string(p.Precision), string(c.InitStrategy)
	f.SortFlags = false
	f.StringVar(&r.data, "data", "", "`file` of data: json, csv, parquet, arrow or npy")
	f.IntVar(&c.Chains, "chains", c.Chains, "number of chains")
	f.IntVar(&c.Warmup, "warmup", c.Warmup, "warmup transitions a chain")
	f.IntVar(&c.Draws, "draws", c.Draws, "kept draws a chain")
	f.IntVar(&c.Thin, "thin", c.Thin, "transitions for each kept draw")
	f.Uint64Var(&r.seed, "seed", 0, "of all randomness (default: one is drawn, printed and recorded)")
	f.Var(&choice{&c.Engine, runner.Engines()}, "engine", "what runs the model")
	f.IntVar(&c.Batch, "batch", c.Batch, "chains that a call of the engine advances (default: 1, and many on xla)")
	f.Var(&choice{&r.precision, model.Precisions()}, "precision", "of the model's numbers; mixed: f32 for what runs over rows of data")
	f.Var(&choice{&r.kernel, []string{string(chain.NUTS), string(chain.HMC)}}, "kernel", "how chains move")
	f.Float64Var(&c.TrajectoryLength, "trajectory-length", c.TrajectoryLength, "of hmc, in units of time")
	f.Float64Var(&c.TrajectoryJitter, "trajectory-jitter", c.TrajectoryJitter, "of hmc: relative half width of a random factor, 0 to 1")
	f.Float64Var(&c.TargetAccept, "target-accept", c.TargetAccept, "acceptance rate that the step size is adapted to, 0 to 1")
	f.IntVar(&c.MaxTreeDepth, "max-tree-depth", c.MaxTreeDepth, "of nuts: doublings of a trajectory at most")
	f.Var(&choice{&c.Metric, []string{runner.MetricDefault, "diag-draws", "diag-grad", "dense", "unit"}}, "metric", "inverse mass matrix that warmup finds")
	f.Var(&choice{&c.Adapt, []string{runner.AdaptAuto, runner.AdaptPooled, runner.AdaptPerChain}}, "adapt", "warmup of all chains together or of each alone; auto: together from 16 chains on")
	f.Var(&choice{&r.initStrategy, []string{
		string(model.InitUniform), string(model.InitMedian), string(model.InitMean), string(model.InitPrior), string(model.InitValue),
	}}, "init-strategy", "where chains start")
	f.StringVar(&r.init, "init", "", "JSON `file` of starting values: an object of sites, or a list with one a chain")
	f.Float64Var(&c.StepSize, "step-size", c.StepSize, "fixed step size (default: found in warmup)")
	f.StringVar(&r.inverseMass, "inverse-mass-matrix", "", "JSON `file` of the inverse mass matrix that warmup begins with")
	f.BoolVar(&c.SaveWarmup, "save-warmup", c.SaveWarmup, "store the warmup draws too")
	f.StringSliceVar(&c.Save, "save", c.Save, "`sites` to store, separated by commas (default: all)")
	f.StringSliceVar(&c.Exclude, "exclude", c.Exclude, "`sites` not to store")
}

// addStop defines those that end a run before its last draw.
func (r *runFlags) addStop(f *pflag.FlagSet) {
	f.Float64Var(&r.config.StopRHat, "stop-rhat", r.config.StopRHat, "end once R-hat of all parameters is at most this (default: make all draws)")
	f.Float64Var(&r.config.StopESS, "stop-ess", r.config.StopESS, "end once the effective sample sizes of all parameters are at least this")
}

// finish reads the files that flags name and checks what flags alone tell.
func (r *runFlags) finish() error {
	c := &r.config
	c.Kernel, c.InitStrategy = chain.Kernel(r.kernel), model.InitStrategy(r.initStrategy)
	if r.flags.Changed("seed") {
		c.Seed = &r.seed
	}
	var problems []error
	for _, file := range []struct {
		flag, path string
		doc        *runner.Document
	}{{"init", r.init, &c.Init}, {"inverse-mass-matrix", r.inverseMass, &c.InverseMassMatrix}} {
		if file.path == "" {
			continue
		}
		text, err := os.ReadFile(file.path)
		if err != nil {
			problems = append(problems, usage("--%s: %w", file.flag, err))
		}
		*file.doc = runner.Document{Text: text, Source: filepath.Base(file.path)}
	}
	wrong := r.ranges()
	if wrong == nil { // else it would say the same again
		wrong = asUsage(c.Validate())
	}
	return errors.Join(append(problems, wrong)...)
}

// ranges checks numbers, naming their flags, before Validate, which knows no flags.
func (r *runFlags) ranges() error {
	c := &r.config
	var problems []error
	for _, f := range []struct {
		ok         bool
		name, want string
		value      any
	}{
		{c.Chains >= 1, "chains", "at least 1", c.Chains},
		{c.Chains <= runner.MaxChains, "chains", fmt.Sprintf("at most %d", runner.MaxChains), c.Chains},
		{c.Warmup >= 0, "warmup", "0 or more", c.Warmup},
		{c.Draws >= 0, "draws", "0 or more", c.Draws},
		{c.Batch >= 1 || !r.flags.Changed("batch"), "batch", "at least 1", c.Batch},
		{c.Thin >= 1, "thin", "at least 1", c.Thin},
		{c.TargetAccept > 0 && c.TargetAccept < 1, "target-accept", "more than 0 and less than 1", c.TargetAccept},
		{c.MaxTreeDepth >= 1, "max-tree-depth", "at least 1", c.MaxTreeDepth},
		{c.TrajectoryLength > 0, "trajectory-length", "positive", c.TrajectoryLength},
		{c.TrajectoryJitter >= 0 && c.TrajectoryJitter < 1, "trajectory-jitter", "0 or more and less than 1", c.TrajectoryJitter},
		{c.Kernel == chain.HMC || !r.flags.Changed("trajectory-length"), "trajectory-length", "--kernel hmc with it: nuts finds the length itself", c.TrajectoryLength},
		{c.Kernel == chain.HMC || !r.flags.Changed("trajectory-jitter"), "trajectory-jitter", "--kernel hmc with it: nuts finds the length itself", c.TrajectoryJitter},
		{c.Kernel == chain.NUTS || !r.flags.Changed("max-tree-depth"), "max-tree-depth", "--kernel nuts with it: hmc has no tree", c.MaxTreeDepth},
		{c.StepSize > 0 || !r.flags.Changed("step-size"), "step-size", "positive", c.StepSize},
		{c.StopRHat > 1 || !r.flags.Changed("stop-rhat"), "stop-rhat", "more than 1", c.StopRHat},
		{c.StopESS > 0 || !r.flags.Changed("stop-ess"), "stop-ess", "more than 0", c.StopESS},
		{c.InitStrategy != model.InitValue || r.init != "" || len(c.Init.Text) > 0, "init-strategy", "another one, or --init FILE with the values", c.InitStrategy},
	} {
		if !f.ok {
			problems = append(problems, usage("%s: --%s %v: want %s", r.command, f.name, f.value, f.want))
		}
	}
	return errors.Join(problems...)
}

// inputs returns what the flags say of the model.
func (r *runFlags) inputs() inputs {
	return inputs{r.data, model.Precision(r.precision), r.flags.Changed("precision")}
}

// probability checks a --prob flag.
func probability(p float64) error {
	if !(p > 0 && p < 1) {
		return usage("--prob %v: want more than 0 and less than 1", p)
	}
	return nil
}
