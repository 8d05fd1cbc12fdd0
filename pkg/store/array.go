package store

import (
	"fmt"
	"math"
	"slices"
)

// Array is the draws of one site or statistic: chains × draws × the site's shape, read from disk when it is asked for.
// Its draws are the common prefix of the chains. It is valid until its Reader is closed.
type Array struct {
	r     *Reader
	phase Phase
	site  Site
	col   int
	shape []int // chains, draws, then the site's

	err error // guarded by r.mu
}

// Draws returns the draws of a site in a phase.
func (r *Reader) Draws(site string, phase Phase) (*Array, error) {
	for i := range r.run.Schema.Sites {
		if s := &r.run.Schema.Sites[i]; s.Name == site {
			return r.array(*s, r.run.Schema.siteColumn(i), phase), nil
		}
	}
	names := make([]string, 0, len(r.run.Schema.Sites))
	for _, s := range r.run.Schema.Sites {
		names = append(names, s.Name)
	}
	return nil, fmt.Errorf("store: %s has no site %q; it has %v", r.dir, site, names)
}

// Stat returns the draws of a sample statistic, by its name in a segment (StatSites).
func (r *Reader) Stat(name string, phase Phase) (*Array, error) {
	if !r.run.Schema.SampleStats {
		return nil, fmt.Errorf("store: %s has no sample statistics", r.dir)
	}
	for i, s := range StatSites() {
		if s.Name == name {
			return r.array(s, i, phase), nil
		}
	}
	return nil, fmt.Errorf("store: there is no sample statistic %q", name)
}

func (r *Reader) array(site Site, col int, phase Phase) *Array {
	shape := append([]int{len(r.blocks[phase]), r.Len(phase)}, site.Shape...)
	return &Array{r: r, phase: phase, site: site, col: col, shape: shape}
}

// Shape returns the number of chains, of draws, and the site's shape.
func (a *Array) Shape() []int { return slices.Clone(a.shape) }

// Site returns the description of the site; of a statistic it has no kind.
func (a *Array) Site() Site { return a.site }

// At returns one element as a float64 (Bool is 0 or 1, 64-bit integers round), given its chain, draw and position in
// the site. An element that can't be read is NaN, and Err says why. At panics if an index is out of range.
func (a *Array) At(index ...int) float64 {
	if len(index) != len(a.shape) {
		panic(fmt.Sprintf("store: At of %s with %d indices for shape %v", a.site.Name, len(index), a.shape))
	}
	element := 0
	for k, i := range index {
		if i < 0 || i >= a.shape[k] {
			panic(fmt.Sprintf("store: At of %s: index %v is outside shape %v", a.site.Name, index, a.shape))
		}
		if k >= 2 {
			element = element*a.shape[k] + i
		}
	}
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	b := a.r.find(a.phase, index[0], int64(index[1]))
	v, err := a.r.view(b, a.col)
	if err != nil {
		a.err = err
		return math.NaN()
	}
	return v.float((b.at(index[0])+index[1]-int(b.first))*a.r.cols[a.col].width + element)
}

// Err returns the first error that At met since the Array was made.
func (a *Array) Err() error {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	return a.err
}

// Element returns all draws of one element, by its flat row-major position in the site: a slice a chain. Chains lie one after
// another in memory.
func (a *Array) Element(element int) ([][]float64, error) {
	width := a.width(element)
	all, n := make([]float64, a.shape[0]*a.shape[1]), a.shape[1]
	out := make([][]float64, a.shape[0])
	for c := range out {
		out[c] = all[c*n : (c+1)*n : (c+1)*n]
	}
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	for _, b := range a.r.stored[a.phase] { // a segment after another: there may be many more than can be open
		if b.first >= int64(n) {
			continue
		}
		v, err := a.r.view(b, a.col)
		if err != nil {
			return nil, err
		}
		for c := b.chain; c < b.chain+b.chains; c++ {
			v.floats(out[c][b.first:min(n, int(b.first)+b.n)], b.at(c)*width+element, width)
		}
	}
	return out, nil
}

// Bits appends to dst the draws of one element in one chain as bit patterns in the low bits of a word (I32
// sign-extended, Bool 0 or 1), for what a float64 would round.
func (a *Array) Bits(dst []uint64, chain, element int) ([]uint64, error) {
	err := a.each(chain, element, func(bits uint64) { dst = append(dst, bits) })
	return dst, err
}

// Draw writes one draw of the whole site to dst, row-major; dst has the site's size.
func (a *Array) Draw(dst []float64, chain, draw int) error {
	width := a.r.cols[a.col].width
	if len(dst) != width || chain < 0 || chain >= a.shape[0] || draw < 0 || draw >= a.shape[1] {
		panic(fmt.Sprintf("store: Draw of %s: chain %d, draw %d, %d elements for shape %v", a.site.Name, chain, draw, len(dst), a.shape))
	}
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	b := a.r.find(a.phase, chain, int64(draw))
	v, err := a.r.view(b, a.col)
	if err != nil {
		return err
	}
	row := b.at(chain) + draw - int(b.first)
	for i := range dst {
		dst[i] = v.float(row*width + i)
	}
	return nil
}

// each calls f with the bits of one element in each draw of a chain.
func (a *Array) each(chain, element int, f func(uint64)) error {
	width := a.width(element)
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	left := a.shape[1]
	for i := range a.r.blocks[a.phase][chain] {
		b := &a.r.blocks[a.phase][chain][i]
		if left == 0 {
			break
		}
		v, err := a.r.view(b, a.col)
		if err != nil {
			return err
		}
		n := min(b.n, left)
		left -= n
		for row := b.at(chain); row < b.at(chain)+n; row++ {
			f(v.bits(row*width + element))
		}
	}
	return nil
}

// width returns the number of elements of the site, of which element must be one.
func (a *Array) width(element int) int {
	width := a.r.cols[a.col].width
	if element < 0 || element >= width {
		panic(fmt.Sprintf("store: element %d of %s, which has %d", element, a.site.Name, width))
	}
	return width
}
