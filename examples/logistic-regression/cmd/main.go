// Command logistic-regression fits a Bayesian logistic regression.
package main

import (
	"github.com/drey-sampler/drey"
	logisticregression "github.com/drey-sampler/drey/examples/logistic-regression"
)

func main() { drey.Main(logisticregression.LogisticRegression, drey.DataFunc(logisticregression.Data)) }
