// Command linear-regression fits a Bayesian linear regression.
package main

import (
	"github.com/drey-sampler/drey"
	linearregression "github.com/drey-sampler/drey/examples/linear-regression"
)

func main() { drey.Main(linearregression.LinearRegression, drey.DataFunc(linearregression.Data)) }
