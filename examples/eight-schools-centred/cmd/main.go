// Command eight-schools-centred samples Rubin's eight schools in the centred form.
package main

import (
	"github.com/drey-sampler/drey"
	centred "github.com/drey-sampler/drey/examples/eight-schools-centred"
)

func main() { drey.Main(centred.EightSchoolsCentred, drey.DataFunc(centred.Data)) }
