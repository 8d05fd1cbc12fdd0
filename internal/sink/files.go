package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Files puts the draws that a run's ledger has now into objects, as the files of a directory that stands for itself. Written in
// the order of the result they are no run until they are all there.
func (s *Sink) Files(ctx context.Context, l View, run transport.RunID, objects transport.Objects) (files []transport.File, err error) {
	if err := s.whole(ctx, l, run); err != nil {
		return nil, err
	}
	if err := s.collect(ctx, l, run); transport.KindOf(err) == transport.Unavailable && err != nil {
		return nil, err
	} else if err != nil { // the draws are worth having without them
		s.cfg.Log.Warn("a run is fetched without all copies of its inputs", "run", string(run), "reason", err.Error())
	}
	if d := s.known(run); d != nil { // it goes on
		_, ending, err := l.Ledger(run)
		if err == nil {
			err = d.took(ending)
		}
		if err != nil {
			return nil, err
		}
	}
	temp, err := os.MkdirTemp("", "drey-pull-")
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	dir := filepath.Join(temp, "run")
	names, err := compact(s.cfg.Path(run), dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		parts, err := transport.PutFile(ctx, objects, name, func(w io.Writer) error { return copyFile(w, filepath.Join(dir, name)) })
		if err != nil {
			return nil, fmt.Errorf("sink: %s: %w", name, err)
		}
		files = append(files, parts...)
	}
	return files, nil
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

func compact(from, to string) ([]string, error) {
	r, err := store.Open(from)
	if err != nil {
		return nil, err
	}
	names, err := r.Compact(to, store.Options{BufferBytes: batchBytes})
	return names, errors.Join(err, r.Close())
}
