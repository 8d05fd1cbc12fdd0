package sink

import (
	"context"
	"errors"
	"fmt"
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
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("sink: %w", err)
		}
		digest, err := objects.Put(ctx, data)
		if err != nil {
			return nil, err
		}
		files = append(files, transport.File{Name: name, Object: transport.Object{Digest: digest, Size: uint64(len(data))}})
	}
	return files, nil
}

func compact(from, to string) ([]string, error) {
	r, err := store.Open(from)
	if err != nil {
		return nil, err
	}
	names, err := r.Compact(to, store.Options{BufferBytes: batchBytes})
	return names, errors.Join(err, r.Close())
}
