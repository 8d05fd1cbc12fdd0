package store

import (
	"context"
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
	shape := append([]int{r.run.Settings.Chains, r.Len(phase)}, site.Shape...)
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
	x, err := a.value(index[0], index[1], element)
	if err != nil {
		a.err = err
		return math.NaN()
	}
	return x
}

// value returns one element of a draw. The caller holds mu.
func (a *Array) value(chain, draw, element int) (x float64, err error) {
	err = a.r.steady(func(l *layout) error {
		b := l.find(a.phase, chain, int64(draw))
		s, err := a.r.strip(b, a.col, element, false)
		if err == nil {
			x = s.float(s.index(b.at(chain) + draw - int(b.first)))
		}
		return err
	})
	return x, err
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
	return a.First(context.Background(), element, a.shape[1])
}

// First returns the first draws of each chain, of one element, as Element does. It reads no others, and ends with an error when ctx does.
// It panics if there are fewer.
func (a *Array) First(ctx context.Context, element, draws int) ([][]float64, error) {
	a.check(element)
	if draws < 0 || draws > a.shape[1] {
		panic(fmt.Sprintf("store: the first %d draws of %s, which has %d of each chain", draws, a.site.Name, a.shape[1]))
	}
	all := make([]float64, a.shape[0]*draws)
	out := make([][]float64, a.shape[0])
	for c := range out {
		out[c] = all[c*draws : (c+1)*draws : (c+1)*draws]
	}
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	err := a.r.steady(func(l *layout) error {
		for _, b := range l.stored[a.phase] { // a file after another: there may be many more than can be open
			if b.first >= int64(draws) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("store: %w", err)
			}
			s, err := a.r.strip(b, a.col, element, true)
			if err != nil {
				return err
			}
			for c := b.chain; c < b.chain+b.chains; c++ {
				s.floats(out[c][b.first:min(draws, int(b.first)+b.n)], s.index(b.at(c)), s.step)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
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
	return a.r.steady(func(l *layout) error {
		b := l.find(a.phase, chain, int64(draw))
		row := b.at(chain) + draw - int(b.first)
		var s strip
		for i := range dst {
			if b.table != nil || i == 0 {
				var err error
				if s, err = a.r.strip(b, a.col, i, false); err != nil {
					return err
				}
			} else { // in a segment the elements of a row are together
				s.at = i
			}
			dst[i] = s.float(s.index(row))
		}
		return nil
	})
}

// each calls f with the bits of one element in each draw of a chain.
func (a *Array) each(chain, element int, f func(uint64)) error {
	a.check(element)
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	return a.r.along(a.phase, chain, 0, a.shape[1], func(b *block, row, n int) error {
		s, err := a.r.strip(b, a.col, element, false)
		if err != nil {
			return err
		}
		for i := row; i < row+n; i++ {
			f(s.bits(s.index(i)))
		}
		return nil
	})
}

// check panics unless the site has that element.
func (a *Array) check(element int) {
	if width := a.r.cols[a.col].width; element < 0 || element >= width {
		panic(fmt.Sprintf("store: element %d of %s, which has %d", element, a.site.Name, width))
	}
}
