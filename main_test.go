package drey

import (
	"strings"
	"testing"

	"github.com/drey-sampler/drey/pkg/model"
)

func TestHyphenated(t *testing.T) {
	for name, want := range map[string]string{
		"EightSchools": "eight-schools", "GP": "gp", "GPModel": "gp-model", "radon": "radon", "My_Model2": "my-model2", "ARK": "ark", "FitGP": "fit-gp",
	} {
		if got := hyphenated(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func aModel(*model.Context, struct{}) {}

type method struct{}

func (method) Fit(*model.Context, struct{}) {}

func TestModelName(t *testing.T) {
	for _, c := range []struct {
		fn   any
		want string
	}{
		{aModel, "a-model"}, {method{}.Fit, "fit"},
		{func(*model.Context, struct{}) {}, ""}, {model.With(aModel), ""},
	} {
		got, err := (&settings{}).modelName(c.fn)
		if got != c.want || (err != nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "drey.Name") {
			t.Errorf("%q, %v; want %q", got, err, c.want)
		}
	}
}
