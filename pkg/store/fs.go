package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// FS is what a Writer does to the file system; tests put failing and crashing ones in its place. A Writer calls it from
// one goroutine at a time, and from others for copies of inputs and while it gathers.
type FS interface {
	Mkdir(dir string) error               // with its parents; no error if it exists
	Create(path string) (File, error)     // empties an existing file
	Rename(oldpath, newpath string) error // replaces newpath
	Remove(path string) error
	SyncDir(dir string) error // makes names in dir durable
}

// File is a file being written.
type File interface {
	io.WriteCloser
	Sync() error // makes the content durable
}

// OS is the FS of the operating system.
type OS struct{}

// Mkdir makes dir and its parents.
func (OS) Mkdir(dir string) error { return os.MkdirAll(dir, 0o755) }

// Create opens path for writing, emptied.
func (OS) Create(path string) (File, error) { return os.Create(path) }

// Rename replaces newpath by oldpath.
func (OS) Rename(oldpath, newpath string) error { return os.Rename(oldpath, newpath) }

// Remove removes one file or an empty directory.
func (OS) Remove(path string) error { return os.Remove(path) }

// SyncDir makes the names in dir durable, where the system can do so.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

const tempSuffix = ".tmp"

// writeBuffer is the size of one write: large enough to be cheap, small beside a segment.
const writeBuffer = 64 << 10

// atomicFile makes path hold what write writes, or leaves it as it was: temporary name, sync, rename, sync of the
// directory. An error names path; the temporary file is removed if that can be done.
func atomicFile(fsys FS, path string, write func(io.Writer) error) error {
	return atomicFiles(fsys, []content{{path, write}})
}

// content is what a file is to hold.
type content struct {
	path  string
	write func(io.Writer) error
}

// atomicFiles does for files of one directory what atomicFile does for one, in their order, with one sync of the directory: after a
// crash later files may be there without earlier ones.
func atomicFiles(fsys FS, files []content) (err error) {
	renamed := 0
	defer func() {
		if err == nil {
			return
		}
		for _, f := range files[renamed:] {
			_ = fsys.Remove(f.path + tempSuffix) // the first error is the one to report
		}
	}()
	for _, f := range files {
		if err := writeTemp(fsys, f.path, func(w *syncWriter) error { return f.write(w) }); err != nil {
			return diskError(f.path, err)
		}
	}
	for _, f := range files {
		if err := fsys.Rename(f.path+tempSuffix, f.path); err != nil {
			return diskError(f.path, err)
		}
		renamed++
	}
	last := files[len(files)-1].path
	if err := fsys.SyncDir(filepath.Dir(last)); err != nil {
		return diskError(last, err)
	}
	return nil
}

// syncWriter writes to a file through a buffer.
type syncWriter struct {
	*bufio.Writer
	file File
}

// sync makes durable what was written.
func (w *syncWriter) sync() error {
	if err := w.Flush(); err != nil {
		return err
	}
	return w.file.Sync()
}

// writeTemp makes a file durable under its temporary name.
func writeTemp(fsys FS, path string, write func(*syncWriter) error) error {
	f, err := fsys.Create(path + tempSuffix)
	if err != nil {
		return err
	}
	w := &syncWriter{bufio.NewWriterSize(f, writeBuffer), f}
	err = write(w)
	if err == nil {
		err = w.sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// diskError names the file and, for a full disk, what is lost and what to do.
func diskError(path string, err error) error {
	if isDiskFull(err) {
		if _, missing := os.Stat(filepath.Join(filepath.Dir(path), runFile)); missing != nil {
			return fmt.Errorf("store: %s: the disk is full: free some space and run again: %w", path, err)
		}
		return fmt.Errorf("store: %s: the disk is full; what was stored before is kept: free some space, then go on with drey resume %s: %w",
			path, filepath.Dir(path), err)
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("store: %s: can't be written; choose another --out: %w", path, err)
	}
	return fmt.Errorf("store: %s: %w", path, err)
}
