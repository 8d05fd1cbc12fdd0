// Command radon fits a hierarchical regression of radon in houses.
package main

import (
	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/examples/radon"
)

func main() { drey.Main(radon.Radon, drey.DataFunc(radon.Data)) }
