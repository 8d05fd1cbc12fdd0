package chain

import (
	"errors"

	"github.com/drey-sampler/drey/pkg/engine"
)

// sessions are those of a thread, with the data in them.
type sessions struct{ run, transform engine.Session }

// open makes the sessions of a thread; after an error there are none.
func (s *sessions) open(p *Program) error {
	var err error
	if s.run, err = p.run.session(); err != nil {
		return err
	}
	if s.transform, err = p.transform.session(); err != nil {
		return errors.Join(err, s.run.Close())
	}
	return nil
}

// Close frees the sessions.
func (s *sessions) Close() error { return errors.Join(s.run.Close(), s.transform.Close()) }
