// Package imported compares models that were written in NumPyro and JAX, and exported, with what NumPyro and JAX compute of
// them. python/fixtures/write.py writes testdata.
package imported

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/drey-sampler/drey/internal/program"
	"github.com/drey-sampler/drey/pkg/model"
)

//go:embed testdata
var files embed.FS

// Fixture is a program file and what its model's own tools compute.
type Fixture struct {
	Name      string
	Model     *model.Model         `json:"-"`
	Points    []Point              `json:"points"`
	Draws     []Draw               `json:"draws"`     // none of a model without programs that draw
	Posterior map[string]Reference `json:"posterior"` // by site; none where it takes long to know
}

// Point is a position on unconstrained space with the log density, Jacobians included, its gradient, and the constrained and
// deterministic values by site, row-major.
type Point struct {
	Position   []float64            `json:"position"`
	LogDensity float64              `json:"log_density"`
	Gradient   []float64            `json:"gradient"`
	Values     map[string][]float64 `json:"values"`
}

// Draw is a draw of the model's sites with JAX's key of (Seed, Chain, Number), by site, row-major: Predictive given the latent
// sites of the point of that number, Prior from the prior.
type Draw struct {
	Number     int                  `json:"draw"`
	Predictive map[string][]float64 `json:"predictive"`
	Prior      map[string][]float64 `json:"prior"`
}

// Seed and Chain are those of all Draws.
const (
	Seed  = 1<<40 + 3
	Chain = 5
)

// Reference is the means of a site's elements over NumPyro's draws and their Monte Carlo standard errors, 0 for an element
// that does not vary.
type Reference struct {
	Mean []float64 `json:"mean"`
	MCSE []float64 `json:"mcse"`
}

// Names returns the names of the fixtures.
func Names() ([]string, error) {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), program.Extension); ok {
			out = append(out, name)
		}
	}
	return out, nil
}

// Load reads a fixture.
func Load(name string) (*Fixture, error) {
	text, err := files.ReadFile("testdata/" + name + ".json")
	if err != nil {
		return nil, err
	}
	f := &Fixture{Name: name}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	content, err := files.ReadFile("testdata/" + name + program.Extension)
	if err != nil {
		return nil, err
	}
	f.Model, err = program.Parse(content)
	return f, err
}
