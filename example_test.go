package drey_test

import (
	"context"
	"fmt"
	"log"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type Schools struct {
	Y     tensor.Value `drey:"y,optional"`
	Sigma tensor.Value `drey:"sigma"`
}

func EightSchools(c *model.Context, d Schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Sigma.Dim(0))
	z := school.Sample("z", dist.Normal(0, 1))
	theta := school.Deterministic("theta", mu.Add(tau.Mul(z)))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

// Eight schools (Rubin 1981), sampled from code.
func Example() {
	y := []float64{28, 8, -3, 7, -1, 1, 18, 12}
	sigma := []float64{15, 10, 16, 11, 9, 11, 10, 18}
	post, err := drey.Sample(context.Background(), EightSchools, drey.Data{"y": y, "sigma": sigma},
		drey.Chains(4), drey.Draws(1000), drey.Seed(1))
	if err != nil {
		log.Fatal(err)
	}
	summary := post.Summary() // prints as a table
	mu := summary.Parameter("mu")
	fmt.Printf("mu = %.0f ± %.0f, converged: %t\n", mu.Mean, mu.SD, mu.RHat < 1.01)
	theta := post.Draws("theta")
	fmt.Println("theta:", theta.Shape(), theta.Dims())
	fmt.Println("chain 3, draw 999, school 0 is a number:", theta.At(3, 999, 0) == theta.Chains(0)[3][999])
	// Output:
	// mu = 4 ± 3, converged: true
	// theta: [4 1000 8] [school]
	// chain 3, draw 999, school 0 is a number: true
}
