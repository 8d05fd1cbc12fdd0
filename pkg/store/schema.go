package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// DType is the element type of a column, by the name that programs use.
type DType string

// The element types. Bool values are passed as one byte each, 0 or 1.
const (
	F64  DType = "f64"
	F32  DType = "f32"
	I32  DType = "i32"
	I64  DType = "i64"
	U32  DType = "u32"
	U64  DType = "u64"
	Bool DType = "bool"
)

// Size returns the bytes of one element in a row passed to Append, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case F64, I64, U64:
		return 8
	case F32, I32, U32:
		return 4
	case Bool:
		return 1
	}
	return 0
}

// Kind says what a site is in its model.
type Kind string

// The kinds. Latent and deterministic sites are a model's own; auxiliary ones are made by a reparametrisation and shown
// only when they are asked for; predictive ones are drawn given the others.
const (
	Latent        Kind = "latent"
	Deterministic Kind = "deterministic"
	Auxiliary     Kind = "auxiliary"
	Predictive    Kind = "predictive"
)

// Site describes one stored quantity of a model.
type Site struct {
	Name   string              `json:"name"`
	Shape  []int               `json:"shape"`            // empty for a scalar
	Dims   []string            `json:"dims,omitempty"`   // the axes' names (plates), one an axis, or none
	Coords map[string][]string `json:"coords,omitempty"` // dim → the names of its positions
	DType  DType               `json:"dtype"`
	Kind   Kind                `json:"kind"`
}

// Size returns the number of elements.
func (s *Site) Size() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Schema lists what each row of a run holds.
type Schema struct {
	Sites       []Site `json:"sites"`
	SampleStats bool   `json:"sample_stats"` // rows carry the sampler's statistics; predictive draws have none
}

// Stats are the sample statistics of one draw, stored under ArviZ's names.
type Stats struct {
	LogDensity     float64 // lp: log density at the draw on unconstrained space, up to a constant
	Energy         float64 // energy: potential plus kinetic energy at the start of the last transition's accepted state
	Diverging      bool    // diverging
	AcceptanceRate float64 // acceptance_rate: mean over the trajectory, 0 to 1
	StepSize       float64 // step_size
	TreeDepth      int32   // tree_depth
	Steps          int32   // n_steps: leapfrog steps
}

// Columns of statistics, by their places in StatSites.
const (
	statDiverging = 2
	statSteps     = 6
)

// StatSites describes the sample statistics as scalar sites, in their order in a segment.
func StatSites() []Site {
	return []Site{
		{Name: "lp", DType: F64}, {Name: "energy", DType: F64}, {Name: "diverging", DType: Bool},
		{Name: "acceptance_rate", DType: F64}, {Name: "step_size", DType: F64},
		{Name: "tree_depth", DType: I32}, {Name: "n_steps", DType: I32},
	}
}

// Site returns the site of that name, or nil.
func (s *Schema) Site(name string) *Site {
	for i := range s.Sites {
		if s.Sites[i].Name == name {
			return &s.Sites[i]
		}
	}
	return nil
}

// RowBytes returns the size of one row in memory: values, statistics, chain, draw and phase.
func (s *Schema) RowBytes() int {
	n := 4 + 8 + 1
	if s.SampleStats {
		for _, st := range StatSites() {
			n += st.DType.Size()
		}
	}
	for i := range s.Sites {
		n += s.Sites[i].Size() * s.Sites[i].DType.Size()
	}
	return n
}

// Validate returns all problems of the schema joined, or nil.
func (s *Schema) Validate() error {
	var errs []error
	seen := map[string]bool{}
	for i := range s.Sites {
		site := &s.Sites[i]
		if seen[site.Name] {
			errs = append(errs, fmt.Errorf("store: site %q is listed twice", site.Name))
		}
		seen[site.Name] = true
		if err := site.validate(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Site) validate() error {
	size := 1
	for _, d := range s.Shape {
		if d <= 0 {
			return fmt.Errorf("store: site %q has shape %v: a stored site needs at least one element", s.Name, s.Shape)
		}
		if size > (1<<31-1)/d { // the size of a FixedSizeList is an int32
			return fmt.Errorf("store: site %q has shape %v: more than 2^31-1 elements can't be stored", s.Name, s.Shape)
		}
		size *= d
	}
	switch {
	case s.Name == "":
		return errors.New("store: a site has no name")
	case s.DType.Size() == 0:
		return fmt.Errorf("store: site %q has the unknown dtype %q", s.Name, s.DType)
	case s.Kind != Latent && s.Kind != Deterministic && s.Kind != Auxiliary && s.Kind != Predictive:
		return fmt.Errorf("store: site %q has the unknown kind %q", s.Name, s.Kind)
	case len(s.Dims) != 0 && len(s.Dims) != len(s.Shape):
		return fmt.Errorf("store: site %q has %d axes and %d dims", s.Name, len(s.Shape), len(s.Dims))
	}
	for i, dim := range s.Dims {
		if c, ok := s.Coords[dim]; ok && len(c) != s.Shape[i] {
			return fmt.Errorf("store: site %q: dim %q has %d positions and %d coords", s.Name, dim, s.Shape[i], len(c))
		}
	}
	return nil
}

// FlatNames returns the names of a site's elements in row-major order: mu, theta[0], theta[0,1].
func FlatNames(s Site) []string {
	if len(s.Shape) == 0 {
		return []string{s.Name}
	}
	names := make([]string, 0, s.Size())
	idx := make([]int, len(s.Shape))
	var b strings.Builder
	for range s.Size() {
		b.Reset()
		b.WriteString(s.Name)
		for k, i := range idx {
			b.WriteByte("[,"[min(k, 1)])
			b.WriteString(strconv.Itoa(i))
		}
		b.WriteByte(']')
		names = append(names, b.String())
		for k := len(idx) - 1; k >= 0; k-- {
			if idx[k]++; idx[k] < s.Shape[k] {
				break
			}
			idx[k] = 0
		}
	}
	return names
}
