package program

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"

	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// What a manifest begins with.
const (
	formatName    = "drey program"
	formatVersion = 1
	manifestName  = "manifest.json"
)

// manifest is manifest.json.
type manifest struct {
	Format    string              `json:"format"`
	Version   int                 `json:"version"`
	Model     string              `json:"model"`
	Float     string              `json:"float"`
	Dimension int                 `json:"dimension"`
	Sites     []site              `json:"sites"`
	Coords    map[string][]string `json:"coords"`
	Columns   []column            `json:"columns"`
	Programs  map[string]program  `json:"programs"`

	Unavailable map[string]string `json:"unavailable"`
}

type site struct {
	Name               string     `json:"name"`
	Kind               model.Kind `json:"kind"`
	DType              string     `json:"dtype"`
	Shape              []int      `json:"shape"`
	Dims               []string   `json:"dims"`
	Distribution       string     `json:"distribution"`
	Constraint         string     `json:"constraint"`
	Offset             int        `json:"offset"`
	UnconstrainedShape []int      `json:"unconstrained_shape"`
}

type column struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Given bool   `json:"given"`
	entry
}

type program struct {
	Outputs []string `json:"outputs"`
	entry
}

// entry is an entry of the archive.
type entry struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// modelName is what a model's name may be: part of the name of a directory.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// parseManifest reads manifest.json and checks what it says about itself.
func parseManifest(text []byte) (*manifest, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	switch {
	case head.Format != formatName:
		return nil, fmt.Errorf("%s: the format is %q, want %q: not a program file", manifestName, head.Format, formatName)
	case head.Version > formatVersion:
		return nil, fmt.Errorf("the file has version %d of the format, this drey reads version %d: get a newer drey", head.Version, formatVersion)
	case head.Version < formatVersion:
		return nil, fmt.Errorf("the file has version %d of the format, this drey reads version %d: export the model again", head.Version, formatVersion)
	}
	m := &manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	if !modelName.MatchString(m.Model) {
		return nil, fmt.Errorf("%s: the model's name is %q: want letters, digits, '.', '_' and '-', at most 64", manifestName, m.Model)
	}
	return m, nil
}

// describe returns the manifest as the model package has it, without the columns.
func (m *manifest) describe() (model.Manifest, error) {
	out := model.Manifest{Model: m.Model, Float: m.Float, Dimension: m.Dimension, Coords: m.Coords, Unavailable: m.Unavailable}
	for _, s := range m.Sites {
		info := model.SiteInfo{
			Name: s.Name, Kind: s.Kind, DType: s.DType, Shape: s.Shape, Dims: s.Dims,
			Distribution: s.Distribution, Constraint: s.Constraint, Offset: s.Offset,
		}
		if _, err := size(s.Shape); err != nil {
			return out, fmt.Errorf("site %q: %w", s.Name, err)
		}
		if s.Kind == model.Latent {
			n, err := size(s.UnconstrainedShape)
			if err != nil {
				return out, fmt.Errorf("site %q: %w", s.Name, err)
			}
			info.UnconstrainedSize = n
		}
		out.Sites = append(out.Sites, info)
	}
	return out, nil
}

// size returns the number of elements of a shape.
func size(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt32/d {
			return 0, fmt.Errorf("the shape %v is negative or too large", shape)
		}
		n *= d
	}
	return n, nil
}

// layout returns the dtype of a column and its number of elements.
func (c *column) layout() (tensor.DType, int, error) {
	dtype := tensor.ParseDType(c.DType)
	if dtype == tensor.Invalid {
		return dtype, 0, fmt.Errorf("data %q: unknown dtype %q", c.Name, c.DType)
	}
	n, err := size(c.Shape)
	if err != nil {
		return dtype, 0, fmt.Errorf("data %q: %w", c.Name, err)
	}
	return dtype, n, nil
}
