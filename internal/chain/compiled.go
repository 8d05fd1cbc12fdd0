package chain

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
	"github.com/drey-sampler/drey/pkg/tensor/vmap"
)

// compiled is a program whose last parameters are the data columns that it uses.
type compiled struct {
	exe     engine.Executable
	columns [][]byte
	first   int // parameter of columns[0]
}

// compile makes f, whose last parameters are all data columns, executable; in a program of packs over lanes, which have
// those parameters apart that apart says and share the others.
func (c *compiled) compile(p *Program, f *tensor.Func, apart func(param int) bool, opt engine.Options) error {
	c.first = len(f.In) - len(p.columns)
	f, kept, err := WithoutUnused(simplify.Run(f), c.first)
	if err != nil {
		return err
	}
	for _, i := range kept {
		c.columns = append(c.columns, p.columns[i-c.first])
	}
	if p.cfg.Batch > 0 {
		batched := make([]bool, len(f.In))
		for i := range c.first {
			batched[i] = apart(i)
		}
		if f, err = vmap.Of(f, p.cfg.Batch, batched); err != nil {
			return fmt.Errorf("chain: %w", err)
		}
		f = simplify.Exact(f) // a lane keeps the bits of a chain alone
	}
	runtime.Gosched() // simplifying takes milliseconds, as the rest will, and others may want this core
	c.exe, err = p.engine.Compile(f, opt)
	return err
}

// session returns a session that has the data.
func (c *compiled) session() (engine.Session, error) {
	s, err := c.exe.NewSession()
	if err != nil {
		return nil, err
	}
	for i, b := range c.columns {
		if err := s.Put(c.first+i, b); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// close frees the program, where it was compiled.
func (c *compiled) close() error {
	if c == nil || c.exe == nil {
		return nil
	}
	err := c.exe.Close()
	c.exe = nil
	return err
}
