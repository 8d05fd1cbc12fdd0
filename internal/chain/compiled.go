package chain

import (
	"errors"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// compiled is a program whose last parameters are the data columns that it uses.
type compiled struct {
	exe     engine.Executable
	columns [][]byte
	first   int // parameter of columns[0]
}

// compile makes f, whose last parameters are all data columns, executable.
func (c *compiled) compile(p *Program, f *tensor.Func, donate []engine.Donation) error {
	c.first = len(f.In) - len(p.columns)
	f, kept, err := WithoutUnused(simplify.Run(f), c.first)
	if err != nil {
		return err
	}
	for _, i := range kept {
		c.columns = append(c.columns, p.columns[i-c.first])
	}
	c.exe, err = p.engine.Compile(f, engine.Options{Donate: donate})
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
