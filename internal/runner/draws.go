package runner

import "github.com/drey-sampler/drey/pkg/store"

// Draws are the draws of a run, on disk or in memory.
type Draws interface {
	// Run returns the run's description.
	Run() *store.Run
	// Len returns the number of draws that every chain has in a phase: the common prefix that all results are of.
	Len(phase store.Phase) int
	// Notice says, if chains have unequal numbers of draws in a phase, that the common prefix is used; else "".
	Notice(phase store.Phase) string
	// Site returns the draws of a site.
	Site(name string, phase store.Phase) (Array, error)
	// Stat returns the draws of a sample statistic, by its name in store.StatSites.
	Stat(name string, phase store.Phase) (Array, error)
	// Close frees the draws; arrays can't be used after it.
	Close() error
}

// Array is the draws of one site or statistic: chains × draws × the site's shape.
type Array interface {
	Shape() []int
	Site() store.Site
	// At returns an element by chain, draw and position in the site; it panics if an index is out of range.
	At(index ...int) float64
	// Element returns all draws of one element, by its flat row-major position in the site: a slice a chain.
	Element(element int) ([][]float64, error)
	// Draw writes one draw of the whole site to dst, row-major; dst has the site's size.
	Draw(dst []float64, chain, draw int) error
}

// Open opens the draws of a run directory.
func Open(dir string) (Draws, error) {
	r, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	return onDisk{r}, nil
}

// onDisk is a run directory as Draws.
type onDisk struct{ *store.Reader }

func (d onDisk) Site(name string, phase store.Phase) (Array, error) { return d.Draws(name, phase) }

func (d onDisk) Stat(name string, phase store.Phase) (Array, error) {
	return d.Reader.Stat(name, phase)
}
