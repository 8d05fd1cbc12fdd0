// Command eight-schools samples Rubin's eight schools, non-centred.
package main

import (
	"github.com/drey-sampler/drey"
	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
)

func main() { drey.Main(eightschools.EightSchools, drey.DataFunc(eightschools.Data)) }
