package chain

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Kernel names a transition kernel.
type Kernel string

// The kernels.
const (
	NUTS Kernel = "nuts"
	HMC  Kernel = "hmc"
)

// Config says how chains are made.
type Config struct {
	Seed   uint64
	Kernel Kernel // default NUTS
	// MaxTreeDepth is NUTS's largest number of doublings; default 10.
	MaxTreeDepth int
	// TrajectoryLength is HMC's, in units of time; default 2π, NumPyro's.
	TrajectoryLength float64
	// TrajectoryJitter is the relative half width, in [0, 1), of a uniform factor on HMC's trajectory length; default 0.
	TrajectoryJitter float64
	// TargetAcceptanceRate is what step size adaptation aims at, in (0, 1); default 0.8.
	TargetAcceptanceRate float64
	Metric               adapt.MetricKind // default MetricDraws
	// StepSize is used in all transitions where it is positive; 0, the default, has it found in warmup.
	StepSize float64
	// InverseMass is the inverse mass matrix on unconstrained space that warmup begins with: D variances, or D² elements
	// row by row, which MetricDense and MetricUnit take. MetricUnit keeps it. nil is the unit matrix, but for a diagonal
	// metric that warmup is long enough to find 1/|gradient at the start|.
	InverseMass []float64
	Warmup      int // transitions, at most; default 1000
	// Pooled has the chains of a run adapt together: at the end of each window of adapt.Adaptation.PooledSchedule a chain waits for
	// Program.Decide.
	Pooled bool
	// Superchain is the number of chains, one after another, that begin at one place; 0, the default, is 1.
	Superchain int
	Thin       int // transitions a kept draw; default 1
	SaveWarmup bool
	// Batch is the number of chains that a call of the programs advances: 0, the default, has Workers run one at a time, n > 0
	// has PackWorkers run packs of up to n. It changes no draw on an engine that keeps bits.
	Batch int
	// Keep says which sites of Manifest.Kept are handed to the sink; nil keeps all.
	Keep func(site string) bool
}

// DefaultConfig returns the defaults, with seed 0.
func DefaultConfig() Config {
	return Config{
		Kernel: NUTS, MaxTreeDepth: kernels.DefaultNUTS().MaxTreeDepth, TrajectoryLength: kernels.DefaultHMC().TrajectoryLength,
		TargetAcceptanceRate: adapt.DefaultDualAveraging().TargetAcceptanceRate, Metric: adapt.MetricDraws,
		Warmup: 1000, Thin: 1,
	}
}

// Validate returns an error that joins all problems.
func (c Config) Validate() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Warmup < 0 {
		problem("chain: %d warmup draws", c.Warmup)
	}
	if c.Batch < 0 {
		problem("chain: batches of %d chains", c.Batch)
	}
	if c.Superchain < 0 {
		problem("chain: superchains of %d chains", c.Superchain)
	}
	if c.Thin < 1 {
		problem("chain: thinning by %d, want at least 1", c.Thin)
	}
	if c.StepSize < 0 || math.IsInf(c.StepSize, 0) || math.IsNaN(c.StepSize) {
		problem("chain: step size %v is not positive", c.StepSize)
	}
	if i := firstBad(c.InverseMass); i >= 0 {
		problem("chain: element %d of the inverse mass matrix, %v, is not finite", i, c.InverseMass[i])
	}
	problems = append(problems, c.adaptation().Validate(), c.validateKernel())
	return errors.Join(problems...)
}

func (c Config) validateKernel() error {
	switch c.Kernel {
	case NUTS:
		return c.nuts().Validate()
	case HMC:
		return c.hmc().Validate()
	}
	return fmt.Errorf("chain: unknown kernel %q (want %s or %s)", c.Kernel, NUTS, HMC)
}

func firstBad(x []float64) int {
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return i
		}
	}
	return -1
}

func (c Config) nuts() kernels.NUTS {
	k := kernels.DefaultNUTS()
	k.MaxTreeDepth, k.Abreast = c.MaxTreeDepth, c.Batch > 0
	return k
}

func (c Config) hmc() kernels.HMC {
	k := kernels.DefaultHMC()
	k.TrajectoryLength, k.Jitter = c.TrajectoryLength, c.TrajectoryJitter
	return k
}

func (c Config) adaptation() adapt.Adaptation {
	a := adapt.DefaultAdaptation()
	a.Step.TargetAcceptanceRate = c.TargetAcceptanceRate
	a.Metric, a.Pooled = c.Metric, c.Pooled
	return a
}

// Pooling returns what takes the decisions of the pooled warmup of a run of so many chains, which ends when they have converged.
func (c Config) Pooling(chains int) adapt.Pooling {
	return adapt.Pooling{Adaptation: c.adaptation(), Warmup: c.Warmup, Chains: chains, Superchain: max(1, c.Superchain), Early: true}
}

// dense reports whether the given inverse mass matrix is a full one, for positions of length dim.
func (c Config) dense(dim int) bool { return dim > 1 && len(c.InverseMass) == dim*dim }

// steep reports whether warmup begins with the metric of the first gradient: where none is given and the metric moves.
func (c Config) steep() bool {
	moves := func(w adapt.Window) bool { return w.Kind == adapt.WindowMoving || w.Kind == adapt.WindowOpening }
	return c.InverseMass == nil && slices.ContainsFunc(c.adaptation().Windows(c.Warmup), moves)
}

// inverseMass returns the inverse mass matrix that chains begin with, as an array of the program's shape.
func (c Config) inverseMass(float tensor.DType, shape []int) (*tensor.Array, error) {
	a := tensor.NewArray(float, shape)
	one := tensor.EncodeFloat(float, 1)
	dim := shape[0]
	switch {
	case c.InverseMass == nil && len(shape) == 1:
		for i := range a.Bits {
			a.Bits[i] = one
		}
	case c.InverseMass == nil:
		for i := range dim {
			a.Bits[i*dim+i] = one
		}
	case len(c.InverseMass) == len(a.Bits):
		for i, x := range c.InverseMass {
			a.Bits[i] = tensor.EncodeFloat(float, x)
		}
	case len(c.InverseMass) == dim && len(shape) == 2:
		for i, x := range c.InverseMass {
			a.Bits[i*dim+i] = tensor.EncodeFloat(float, x)
		}
	default:
		return nil, fmt.Errorf("chain: the inverse mass matrix has %d elements for %d dimensions and metric %s", len(c.InverseMass), dim, c.Metric)
	}
	return a, nil
}
