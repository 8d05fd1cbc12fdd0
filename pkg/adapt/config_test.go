package adapt_test

import (
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
)

func TestValidate(t *testing.T) {
	if err := adapt.DefaultAdaptation().Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*adapt.Adaptation){
		"target 0":      func(a *adapt.Adaptation) { a.Step.TargetAcceptanceRate = 0 },
		"target 1":      func(a *adapt.Adaptation) { a.Step.TargetAcceptanceRate = 1 },
		"target NaN":    func(a *adapt.Adaptation) { a.Step.TargetAcceptanceRate = math.NaN() },
		"gamma 0":       func(a *adapt.Adaptation) { a.Step.Gamma = 0 },
		"final gamma 0": func(a *adapt.Adaptation) { a.Step.FinalGamma = 0 },
		"t0 negative":   func(a *adapt.Adaptation) { a.Step.T0 = -1 },
		"kappa 0.5":     func(a *adapt.Adaptation) { a.Step.Kappa = 0.5 },
		"metric":        func(a *adapt.Adaptation) { a.Metric = "diagonal" },
	} {
		a := adapt.DefaultAdaptation()
		spoil(&a)
		if a.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
