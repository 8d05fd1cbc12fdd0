package model

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/rng"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// Plate is a dimension of independent elements, which a Context carries.
type Plate struct {
	Name   string
	Size   int      // elements of the whole plate
	Rows   int      // elements in use: Size, or fewer with Subsample
	Dim    int      // axis of the batch shape, negative: -1 is the last
	Coords []string // labels of the elements for the output, nil for 0, 1, …

	index tensor.Value // I32 [Rows], absent where all rows are in use
}

// PlateOption changes a plate.
type PlateOption func(*Plate)

// Subsample uses m elements of the plate at a time, chosen without replacement; the log densities of sites in the plate
// are scaled by size/m. Rows and Index say which.
func Subsample(m int) PlateOption { return func(p *Plate) { p.Rows = m } }

// Coords labels the elements of the plate in the output.
func Coords(labels ...string) PlateOption { return func(p *Plate) { p.Coords = labels } }

// Dim puts the plate at a given axis of the batch shape, negative, instead of the first free one from the right.
func Dim(axis int) PlateOption { return func(p *Plate) { p.Dim = axis } }

// Plate returns a Context in which sites have size independent elements along one more axis of their batch shape: the
// first axis from the right that no plate of c has. The plate's name names that dimension in the output.
func (c *Context) Plate(name string, size int, opts ...PlateOption) *Context {
	p := Plate{Name: name, Size: size, Rows: size}
	for _, o := range opts {
		o(&p)
	}
	s := &Site{Name: name, Kind: PlateSite, plate: &p}
	s.File, s.Line = tensor.CallerOutside()
	c.checkPlate(s)
	c.visit(s, nil)
	return &Context{frames: c.frames, plates: append(slices.Clone(c.plates), p)}
}

func (c *Context) checkPlate(s *Site) {
	p := s.plate
	if p.Size < 1 {
		s.fail("size %d, want at least 1", p.Size)
	}
	if p.Rows < 1 || p.Rows > p.Size {
		s.fail("subsample of %d elements of %d", p.Rows, p.Size)
	}
	if p.Coords != nil && len(p.Coords) != p.Size {
		s.fail("%d coords for %d elements", len(p.Coords), p.Size)
	}
	used := map[int]string{}
	for _, q := range c.plates {
		if q.Name == p.Name {
			s.fail("is nested in itself")
		}
		used[q.Dim] = q.Name
	}
	if p.Dim == 0 {
		for p.Dim = -1; used[p.Dim] != ""; p.Dim-- {
		}
	}
	switch {
	case p.Dim > 0:
		s.fail("axis %d, want a negative one: -1 is the last of the batch shape", p.Dim)
	case used[p.Dim] != "":
		s.fail("axis %d is plate %q's", p.Dim, used[p.Dim])
	}
}

// choose draws the rows of a subsampled plate that no handler chose: the first ones of a random permutation.
func (p *Plate) choose(s *Site) {
	switch {
	case s.Value.IsValid():
		if s.Value.Rank() != 1 || s.Value.Dim(0) != p.Rows {
			s.fail("indices %s, want i32[%d]", s.Value, p.Rows)
		}
		p.index = s.Value
	case p.Rows == p.Size:
	case s.key != nil:
		k := s.key.With(rng.PurposeSubsample).Site(p.Name)
		p.index = k.Uniform(p.Size).Argsort(0).Slice(0, 0, p.Rows)
	default:
		s.fail("is subsampled, and nothing seeds or gives its indices")
	}
}

func (p *Plate) scale() float64 { return float64(p.Size) / float64(p.Rows) }

// Index returns the rows in use of the innermost plate of c, I32 [rows]: all of them where it is not subsampled.
func (c *Context) Index() tensor.Value {
	p := c.innermost("index")
	if p.index.IsValid() {
		return p.index
	}
	return tensor.Iota(tensor.I32, 0, p.Rows)
}

// Rows returns the rows of x that the innermost plate of c has in use; x has one for each element of the whole plate
// along its first axis. An absent x stays absent.
func (c *Context) Rows(x tensor.Value) tensor.Value {
	p := c.innermost("rows")
	if !x.IsValid() {
		return x
	}
	if x.Rank() == 0 || x.Dim(0) != p.Size {
		tensor.Fail("plate", "%q: rows of %s, want %d of them", p.Name, x, p.Size)
	}
	if p.index.IsValid() {
		return x.At(p.index)
	}
	return x
}

func (c *Context) innermost(op string) *Plate {
	if len(c.plates) == 0 {
		tensor.Fail(op, "outside of any plate")
	}
	return &c.plates[len(c.plates)-1]
}
