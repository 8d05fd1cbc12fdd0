package model

import (
	"fmt"
	"slices"
)

// Manifest describes a bundle: what its programs take and what their results mean.
type Manifest struct {
	Model     string              `json:"model"`
	Float     string              `json:"float"`     // f64 or f32
	Dimension int                 `json:"dimension"` // length of the position
	Sites     []SiteInfo          `json:"sites"`     // in order of first appearance, factors left out
	Coords    map[string][]string `json:"coords,omitempty"`
	Columns   []ColumnInfo        `json:"columns"` // the data parameters of every program, in order
	Statics   map[string]int      `json:"statics,omitempty"`
	Plates    []PlateInfo         `json:"plates,omitempty"`
	// Unavailable says why a program of the bundle is missing: its name → the reason.
	Unavailable map[string]string `json:"unavailable,omitempty"`
}

// SiteInfo describes a site of a model.
type SiteInfo struct {
	Name  string   `json:"name"`
	Kind  Kind     `json:"kind"`
	DType string   `json:"dtype"`
	Shape []int    `json:"shape"` // of the value, on constrained space
	Dims  []string `json:"dims"`  // a name for each dimension: the plate's, the site's own, or NAME_dim_I
	// Distribution names the distribution of a latent or observed site, Constraint says its support in words.
	Distribution string `json:"distribution,omitempty"`
	Constraint   string `json:"constraint,omitempty"`
	// Offset and UnconstrainedSize say which elements of the position a latent or auxiliary site has.
	Offset            int `json:"offset"`
	UnconstrainedSize int `json:"unconstrained_size"`
}

// ColumnInfo describes a data column.
type ColumnInfo struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// PlateInfo describes a plate; Rows is smaller than Size where the log density takes a subsample of indices.
type PlateInfo struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	Rows int    `json:"rows"`
}

// Site returns the description of a site, or nil.
func (m *Manifest) Site(name string) *SiteInfo {
	for i := range m.Sites {
		if m.Sites[i].Name == name {
			return &m.Sites[i]
		}
	}
	return nil
}

// Kept returns the sites that Constrain gives, in its order: latent, auxiliary and deterministic ones.
func (m *Manifest) Kept() []SiteInfo {
	var out []SiteInfo
	for _, s := range m.Sites {
		if s.Kind != Observed && s.Kind != ParamSite {
			out = append(out, s)
		}
	}
	return out
}

// isLatent reports whether the site has a part of the position.
func (s *SiteInfo) isLatent() bool { return s.Kind == Latent || s.Kind == Auxiliary }

// dimNames names the dimensions of a value of a site: plates by their axis of the batch shape, the last ones by the
// site's own names, others as ArviZ does.
func (s *Site) dimNames(shape []int) []string {
	out := make([]string, len(shape))
	for i := range out {
		out[i] = fmt.Sprintf("%s_dim_%d", s.Name, i)
	}
	batch := s.batchRank(shape)
	for _, p := range s.Plates {
		if axis := batch + p.Dim; axis >= 0 && shape[axis] == p.Size {
			out[axis] = p.Name
		}
	}
	if len(s.dims) > len(shape) {
		s.fail("has %d names of dimensions for shape %v", len(s.dims), shape)
	}
	copy(out[len(shape)-len(s.dims):], s.dims)
	return out
}

// batchRank returns how many of the dimensions of a value are batch dimensions. A deterministic value has no event shape
// to tell: it is taken to have its plates' dimensions first and event dimensions after them where that fits.
func (s *Site) batchRank(shape []int) int {
	if s.Kind.random() {
		return len(shape) - len(s.Dist.Event())
	}
	depth := 0
	for _, p := range s.Plates {
		depth = max(depth, -p.Dim)
	}
	fits := func(rank int) bool {
		return rank <= len(shape) && !slices.ContainsFunc(s.Plates, func(p Plate) bool { return shape[rank+p.Dim] != p.Size })
	}
	if len(s.dims) > 0 && fits(len(shape)-len(s.dims)) && len(shape)-len(s.dims) >= depth {
		return len(shape) - len(s.dims)
	}
	if fits(depth) {
		return depth
	}
	return len(shape)
}

func columnInfos(columns []Column) []ColumnInfo {
	out := make([]ColumnInfo, len(columns))
	for i, c := range columns {
		out[i] = ColumnInfo{c.Name, c.DType.String(), c.Shape}
	}
	return out
}
