package runner

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/reference"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Names of engines in Config. EngineAuto is wasm, or the XLA engine at hand where a measurement finds it faster. EngineXLA is
// the platform that plugin.Best finds; xla.Prefix and a platform name one.
const (
	EngineAuto      = "auto"
	EngineWasm      = "wasm"
	EngineReference = "reference"
	EngineXLA       = "xla"
)

// Engines returns the names of engines that Config takes.
func Engines() []string {
	names := []string{EngineAuto, EngineWasm, EngineReference, EngineXLA}
	for _, platform := range slices.Backward(plugin.Platforms) {
		names = append(names, xla.Prefix+platform)
	}
	return names
}

// XLAPlatform returns the platform of one of XLA's engines, "" for EngineXLA; ok is false for other engines.
func XLAPlatform(engine string) (platform string, ok bool) {
	if engine == EngineXLA {
		return "", true
	}
	return strings.CutPrefix(engine, xla.Prefix)
}

// How chains adapt in Config.
const (
	AdaptAuto     = "auto" // pooled from adapt.PooledFrom chains on
	AdaptPooled   = "pooled"
	AdaptPerChain = "per-chain"
)

// MetricDefault is the metric of Config that stands for the project's default.
const MetricDefault = "diag"

// Config is what a run is told besides its model.
type Config struct {
	Chains int // default 4
	Warmup int // transitions; default 1000
	Draws  int // kept draws a chain; default 1000
	Thin   int // transitions a kept draw; default 1
	// Seed of all randomness; nil, the default, draws one, which is recorded.
	Seed   *uint64
	Engine string // default EngineAuto
	// Batch is the number of chains that a call of the engine advances; 0, the default, is 1 on engines that run a chain as fast
	// alone, and on XLA's as many as there are, up to a width beyond which no more is gained. It changes no draw but by
	// XLA's rounding.
	Batch int
	// Workers is the number of threads that run chains; 0, the default, takes a thread a core. It changes no draw.
	Workers int

	Kernel           chain.Kernel // default nuts
	MaxTreeDepth     int          // NUTS; default 10
	TrajectoryLength float64      // HMC; default 2π
	TrajectoryJitter float64      // HMC, in [0, 1); default 0
	TargetAccept     float64      // in (0, 1); default 0.8
	Metric           string       // diag (the default), diag-draws, diag-grad, dense or unit
	// Adapt says whether chains adapt together: AdaptAuto, the default, AdaptPooled or AdaptPerChain. Pooled, warmup ends before
	// Warmup transitions when the chains have converged.
	Adapt    string
	StepSize float64 // of all transitions; 0, the default: found in warmup
	// InverseMassMatrix is JSON: {site: [variances]}, or {"sites": […], "dense": [[…]]}, on unconstrained space.
	InverseMassMatrix Document
	InitStrategy      model.InitStrategy // default uniform
	// Init is JSON: site → constrained value, or a list of these, one a chain.
	Init Document

	SaveWarmup bool
	Save       []string // sites to store; none: all latent, deterministic and auxiliary ones
	Exclude    []string // sites not to store

	// StopRHat and StopESS end sampling, before Draws draws, once R-hat of all parameters is at most the one and their bulk and tail
	// ESS are at least the other; 0, the default, asks for nothing. They need a Dir.
	StopRHat, StopESS float64

	Dir       string // of the run; "" keeps the draws in memory
	Overwrite bool   // of a run that Dir holds

	Began time.Time // when the program began, from which the run's total time counts; default: now
	// Notice is told, in a line, which engine EngineAuto has chosen and why, where there was a choice; nil: nobody is.
	Notice func(line string)

	files store.Options // of the run directory; tests put failing ones here
}

// Document is a JSON text and the base name of the file it came from, "" where it came from code.
type Document struct {
	Text   []byte
	Source string
}

// InputError is an error in what a run is told besides its model and data, which only the model shows: starting values, the
// inverse mass matrix, names of sites.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *InputError) Unwrap() error { return e.Err }

// MaxChains bounds the chains of a run: starts and figures of each are in memory.
const MaxChains = 1 << 20

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	c := chain.DefaultConfig()
	return Config{
		Chains: 4, Warmup: c.Warmup, Draws: 1000, Thin: c.Thin, Engine: EngineAuto, Kernel: c.Kernel, MaxTreeDepth: c.MaxTreeDepth,
		TrajectoryLength: c.TrajectoryLength, TargetAccept: c.TargetAcceptanceRate, Metric: MetricDefault, Adapt: AdaptAuto, InitStrategy: model.InitUniform,
	}
}

// Validate returns an error that joins all problems that can be seen without the model.
func (c Config) Validate() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Chains < 1 {
		problem("%d chains: a run needs at least 1", c.Chains)
	}
	if c.Chains > MaxChains {
		problem("%d chains: at most %d", c.Chains, MaxChains)
	}
	if c.Draws < 0 {
		problem("%d draws", c.Draws)
	}
	if c.Batch < 0 {
		problem("batches of %d chains", c.Batch)
	}
	if c.Workers < 0 {
		problem("%d workers", c.Workers)
	}
	if n := float64(c.Warmup) + float64(c.Draws)*float64(c.Thin); n >= math.MaxUint32 {
		problem("%.3g transitions a chain: draw numbers have 32 bits", n)
	}
	if !slices.Contains(Engines(), c.Engine) {
		problem("unknown engine %q (want one of %s)", c.Engine, strings.Join(Engines(), ", "))
	}
	if !slices.Contains([]string{AdaptAuto, AdaptPooled, AdaptPerChain}, c.Adapt) {
		problem("unknown adaptation %q (want %s, %s or %s)", c.Adapt, AdaptAuto, AdaptPooled, AdaptPerChain)
	}
	for _, name := range c.Exclude {
		if slices.Contains(c.Save, name) {
			problem("site %q is both to be saved and excluded", name)
		}
	}
	if c.StopRHat < 0 || c.StopESS < 0 || math.IsNaN(c.StopRHat+c.StopESS) {
		problem("a stop rule of R-hat %v and ESS %v", c.StopRHat, c.StopESS)
	}
	hasInit := len(c.Init.Text) > 0
	if c.InitStrategy == model.InitValue && !hasInit {
		problem("start strategy %q needs the values of sites (--init FILE)", c.InitStrategy)
	}
	if c.InitStrategy != model.InitValue {
		problems = append(problems, model.Options{Init: c.InitStrategy}.Validate())
	}
	problems = append(problems, c.chain(0).Validate())
	return errors.Join(problems...)
}

// chain returns the part of the configuration that chains need.
func (c Config) chain(seed uint64) chain.Config {
	metric := adapt.MetricKind(c.Metric)
	if c.Metric == MetricDefault {
		metric = adapt.DefaultAdaptation().Metric
	}
	superchain := 1
	if c.pooled() && len(c.Init.Text) == 0 { // else chains begin where they are told
		superchain = adapt.SuperchainSize(c.Chains)
	}
	return chain.Config{
		Seed: seed, Kernel: c.Kernel, MaxTreeDepth: c.MaxTreeDepth, TrajectoryLength: c.TrajectoryLength, TrajectoryJitter: c.TrajectoryJitter,
		TargetAcceptanceRate: c.TargetAccept, Metric: metric, StepSize: c.StepSize, Warmup: c.Warmup, Thin: c.Thin, SaveWarmup: c.SaveWarmup,
		Pooled: c.pooled(), Superchain: superchain, Keep: c.keeps,
	}
}

// StopRule returns the rule that may end sampling.
func (c Config) StopRule() transport.StopRule {
	rule := transport.StopRule{RHat: c.StopRHat, ESS: c.StopESS}
	if rule.RHat > 0 || rule.ESS > 0 {
		rule.Every = 1
	}
	return rule
}

// pooled reports whether warmup is pooled over the chains.
func (c Config) pooled() bool {
	return c.Adapt == AdaptPooled || c.Adapt == AdaptAuto && c.Chains >= adapt.PooledFrom
}

// adaptation returns what run.json records of Adapt: what it came to.
func (c Config) adaptation() string {
	if c.pooled() {
		return AdaptPooled
	}
	return AdaptPerChain
}

// keeps reports whether a site is stored.
func (c Config) keeps(site string) bool {
	return (len(c.Save) == 0 || slices.Contains(c.Save, site)) && !slices.Contains(c.Exclude, site)
}

// checkSites returns an error for names of Save and Exclude that no stored site has.
func (c Config) checkSites(kept []model.SiteInfo) error {
	var names []string
	for _, s := range kept {
		names = append(names, s.Name)
	}
	var problems []error
	for _, name := range slices.Concat(c.Save, c.Exclude) {
		if !slices.Contains(names, name) {
			problems = append(problems, fmt.Errorf("the model stores no site %q (sites: %s)", name, strings.Join(names, ", ")))
		}
	}
	return errors.Join(problems...)
}

// engineOf returns the engine of a name that Engines has.
func engineOf(name string) (engine.Engine, error) {
	if platform, ok := XLAPlatform(name); ok {
		return xla.Open(platform, xla.Config{})
	}
	switch name {
	case EngineAuto, EngineWasm:
		return wasm.Engine{}, nil
	case EngineReference:
		return reference.New(), nil
	}
	return nil, fmt.Errorf("unknown engine %q (want one of %s)", name, strings.Join(Engines(), ", "))
}

// Widths of packs on XLA's engines: from 64 chains on, a step of one takes little longer than in wider packs, and beyond 1,024
// no less.
const (
	leastPack = 64
	mostPack  = 1024
)

// batch returns the number of chains of a pack. The packs of a run are about equally wide, and on processors, where
// there are chains enough, each worker has one.
func (c Config) batch(engineName string, workers int) int {
	if c.Batch > 0 {
		return min(c.Batch, c.Chains)
	}
	platform, ok := XLAPlatform(engineName)
	if !ok {
		return 1
	}
	packs := (c.Chains + mostPack - 1) / mostPack
	if platform == "cpu" {
		packs = max(packs, min(workers, c.Chains/leastPack))
	}
	return (c.Chains + packs - 1) / packs
}

// workers returns the number of threads that run chains.
func (c Config) workers() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// settings returns what run.json records of the configuration.
func (c Config) settings(engineName, precision string, batch int) store.Settings {
	return store.Settings{
		Chains: c.Chains, Warmup: c.Warmup, Draws: c.Draws, Thin: c.Thin, Kernel: string(c.Kernel), Precision: precision, Engine: engineName, Batch: batch,
		TargetAccept: store.Float(c.TargetAccept), MaxTreeDepth: c.MaxTreeDepth, TrajectoryLength: store.Float(c.TrajectoryLength),
		TrajectoryJitter: store.Float(c.TrajectoryJitter), Metric: string(c.chain(0).Metric), Adapt: c.adaptation(), StepSize: store.Float(c.StepSize),
		InitStrategy: string(c.InitStrategy), SaveWarmup: c.SaveWarmup, Save: c.Save, Exclude: c.Exclude,
	}
}

// configOf returns the configuration that settings record.
func configOf(r *store.Run) Config {
	s := &r.Settings
	seed := r.Seed
	adaptation := s.Adapt
	if adaptation == "" { // of a run before there was a choice
		adaptation = AdaptPerChain
	}
	return Config{
		Chains: s.Chains, Warmup: s.Warmup, Draws: s.Draws, Thin: s.Thin, Seed: &seed, Engine: s.Engine, Batch: s.Batch, Kernel: chain.Kernel(s.Kernel),
		MaxTreeDepth: s.MaxTreeDepth, TrajectoryLength: float64(s.TrajectoryLength), TrajectoryJitter: float64(s.TrajectoryJitter),
		TargetAccept: float64(s.TargetAccept), Metric: s.Metric, Adapt: adaptation, StepSize: float64(s.StepSize), InitStrategy: model.InitStrategy(s.InitStrategy),
		SaveWarmup: s.SaveWarmup, Save: s.Save, Exclude: s.Exclude,
	}
}
