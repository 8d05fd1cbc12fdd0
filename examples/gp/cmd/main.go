// Command gp fits a Gaussian process.
package main

import (
	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/examples/gp"
)

func main() { drey.Main(gp.GP, drey.DataFunc(gp.Data)) }
