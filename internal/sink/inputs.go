package sink

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// inputTime is how long after something else than that nobody answers a copy of an input is asked for again.
const inputTime = time.Minute

// input is a copy of what a run was given, and the objects that have it.
type input struct {
	store.Input
	parts []transport.File
}

// inputsOf returns the copies that a manifest names. Those of a manifest from before there were any in it are nobody's.
func inputsOf(about *store.Run, m *transport.Manifest) ([]input, error) {
	var out []input
	for _, parts := range transport.Parts(m.Files) {
		name := parts[0].Name
		i := slices.IndexFunc(about.Files, func(in store.Input) bool { return in.Name == name })
		if i < 0 || slices.ContainsFunc(out, func(in input) bool { return in.Name == name }) {
			return nil, transport.Errorf(transport.Invalid, "sink", "the run's manifest has a file %q that its description does not name, or has it twice", name)
		}
		out = append(out, input{about.Files[i], parts})
	}
	return out, nil
}

// Collect has the directories of all runs have copies of what they were given, until ctx ends. Draws do not wait for them.
func (s *Sink) Collect(ctx context.Context, l View) {
	if s.cfg.Inputs == nil {
		return
	}
	ticker := time.NewTicker(keepTime)
	defer ticker.Stop()
	again := map[transport.RunID]time.Time{}
	for {
		for _, run := range l.Runs() {
			if time.Now().Before(again[run]) {
				continue
			}
			err := s.collect(ctx, l, run)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				delete(again, run)
				continue
			}
			if transport.KindOf(err) != transport.Unavailable {
				again[run] = time.Now().Add(inputTime)
			}
			s.cfg.Log.Warn("a run's directory has not all copies of its inputs yet", "run", string(run), "reason", err.Error())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// collect has the directory of a run have the copies that its manifest names.
func (s *Sink) collect(ctx context.Context, l View, run transport.RunID) error {
	if s.cfg.Inputs == nil {
		return nil
	}
	select {
	case s.collecting <- struct{}{}:
		defer func() { <-s.collecting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	whole := s.collected[run]
	s.mu.Unlock()
	if whole {
		return nil
	}
	m, err := l.Manifest(ctx, run)
	if err != nil {
		return err
	}
	lacking, err := s.lacking(run, m)
	if err == nil && len(lacking) > 0 {
		err = s.add(ctx, l, run, lacking)
	}
	if err == nil {
		s.mu.Lock()
		s.collected[run] = true
		s.mu.Unlock()
	}
	return err
}

// lacking returns the copies of a manifest that the run's directory does not have.
func (s *Sink) lacking(run transport.RunID, m *transport.Manifest) ([]input, error) {
	if len(m.Files) == 0 {
		return nil, nil
	}
	var about store.Run
	if err := json.Unmarshal(m.About, &about); err != nil {
		return nil, transport.Errorf(transport.Invalid, "sink", "the run's description: %w", err)
	}
	all, err := inputsOf(&about, m)
	if err != nil || !store.Exists(s.cfg.Path(run)) {
		return all, err
	}
	here, err := store.ReadRun(s.cfg.Path(run))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(in input) bool { return slices.Contains(here.Files, in.Input) }), nil
}

// add fetches copies into a run's directory. A run that has ended lets it go again.
func (s *Sink) add(ctx context.Context, l View, run transport.RunID, lacking []input) error {
	d, err := s.hold(ctx, l, run)
	if err != nil {
		return err
	}
	blocks := d.blocks.(*store.BlockWriter) // New sees to it
	for _, in := range lacking {
		if err = blocks.Keep(in.Input, func(w io.Writer) error { return transport.GetFile(ctx, s.cfg.Inputs, in.parts, w) }); err != nil {
			break
		}
	}
	d.unhold()
	if _, ending, unknown := l.Ledger(run); unknown != nil || ending.State == "" {
		return errors.Join(err, unknown)
	}
	if noted := s.Note(ctx, l, run); transport.KindOf(noted) != transport.Unavailable { // else it waits for blocks of others
		err = errors.Join(err, noted)
	}
	return err
}
