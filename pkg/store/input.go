package store

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Keep adds a copy of an input to a run that has none of that name yet; run.json names it once it is durable. Blocks are written
// meanwhile.
func (b *BlockWriter) Keep(in Input, write func(io.Writer) error) error {
	if !inputName(in.Name) {
		return fmt.Errorf("store: %q is no name of an input's copy: use one of %v", in.Name, inputNames)
	}
	if err := atomicFile(b.w.fsys, filepath.Join(b.w.dir, in.Name), write); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("store: %s was closed before it had %s", b.w.dir, in.Name)
	}
	return b.w.Update(func(r *Run) {
		r.Files = append(slices.DeleteFunc(slices.Clone(r.Files), func(f Input) bool { return f.Name == in.Name }), in)
	})
}

// copies returns what writes the copies of a run's inputs once more.
func (r *Reader) copies() []Copy {
	var out []Copy
	for _, f := range r.run.Files {
		out = append(out, Copy{Name: f.Name, Write: func(w io.Writer) error {
			in, err := os.Open(filepath.Join(r.dir, f.Name))
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = io.Copy(w, in)
			return err
		}})
	}
	return out
}
