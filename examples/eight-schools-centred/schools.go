// Package eightschoolscentred is eight schools in its centred form, whose funnel makes chains diverge: what the
// reparametrisation of package eightschools is for.
package eightschoolscentred

import (
	"github.com/drey-sampler/drey"
	eightschools "github.com/drey-sampler/drey/examples/eight-schools"
	"github.com/drey-sampler/drey/pkg/model"
)

// EightSchoolsCentred is eightschools.Centred.
func EightSchoolsCentred(c *model.Context, d eightschools.Schools) { eightschools.Centred(c, d) }

// Data returns the data of package eightschools.
func Data() (drey.Data, error) { return eightschools.Data() }
