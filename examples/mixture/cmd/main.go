// Command mixture fits a mixture of two normal distributions.
package main

import (
	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/examples/mixture"
)

func main() { drey.Main(mixture.Mixture, drey.DataFunc(mixture.Data)) }
