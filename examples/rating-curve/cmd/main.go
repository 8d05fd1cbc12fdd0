// Command rating-curve fits a river's rating curve.
package main

import (
	"github.com/drey-sampler/drey"
	ratingcurve "github.com/drey-sampler/drey/examples/rating-curve"
)

func main() { drey.Main(ratingcurve.RatingCurve, drey.DataFunc(ratingcurve.Data)) }
