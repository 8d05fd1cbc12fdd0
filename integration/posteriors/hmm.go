package posteriors

import (
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// forward returns the log likelihood of a hidden Markov model whose first state has weight 1 for each state: emission
// [T, K] are log densities given the state, transition [K, K] log probabilities, row → column.
func forward(emission, transition tensor.Value) tensor.Value {
	gamma, _ := tensor.Scan(emission.At(0), emission.Slice(0, 1, emission.Dim(0)), func(gamma, e tensor.Value) (tensor.Value, struct{}) {
		return gamma.ExpandDims(1).Add(transition).LogSumExp(0).Add(e), struct{}{}
	})
	return gamma.LogSumExp()
}

// transitions declares the two rows of a transition matrix and returns its logarithm.
func transitions(c *model.Context, alpha1, alpha2 []float64) tensor.Value {
	theta1 := c.Sample("theta1", dist.Dirichlet(alpha1))
	theta2 := c.Sample("theta2", dist.Dirichlet(alpha2))
	return tensor.Stack(0, theta1, theta2).Log()
}

// orderedNormals declares 0 < x[0] < x[1] with a density proportional to that of independent Normal(mean[k], 1).
func orderedNormals(c *model.Context, name string, mean []float64) tensor.Value {
	x := c.Sample(name, dist.ImproperUniform(dist.PositiveOrdered, nil, []int{len(mean)}))
	c.Factor(name+"_prior", dist.Normal(mean, 1).LogProb(x).Sum())
	return x
}

type drives struct {
	U tensor.Value `drey:"u"`
	V tensor.Value `drey:"v"`
}

func hmmDrive(c *model.Context, d drives) {
	transition := transitions(c, []float64{4, 2}, []float64{2, 4})
	phi := orderedNormals(c, "phi", []float64{0, 3})
	lambda := orderedNormals(c, "lambda", []float64{0, 3})
	emission := dist.Exponential(phi).LogProb(d.U.ExpandDims(1)).Add(dist.Exponential(lambda).LogProb(d.V.ExpandDims(1)))
	c.Factor("likelihood", forward(emission, transition))
}

func hmmExample(c *model.Context, d series) {
	transition := transitions(c, []float64{1, 1}, []float64{1, 1})
	mu := orderedNormals(c, "mu", []float64{3, 10})
	c.Factor("likelihood", forward(dist.Normal(mu, 1).LogProb(d.Y.ExpandDims(1)), transition))
}

func hmmPosteriors() []Posterior {
	return []Posterior{
		// The mean of v is 31. With lambda[1] about 3 there is another mode, 61 nats below the posterior's, which chains do not leave.
		of("bball_drive_event_0-hmm_drive_0", "bball_drive_event_0", hmmDrive).from("lambda", 1.0/31, 2.0/31),
		of("hmm_example-hmm_example", "hmm_example", hmmExample),
	}
}
