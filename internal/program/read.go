package program

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/drey-sampler/drey/pkg/model"
)

// Extension ends the name of a program file.
const Extension = ".drey"

// Named reports whether a word on a command line is the path of a program file.
func Named(word string) bool { return strings.EqualFold(filepath.Ext(word), Extension) }

// Limits of what is read, in bytes. They are far beyond what a model needs and stop a damaged or hostile file from taking
// all memory; the arrays, which the manifest says the sizes of, fit the 4 GiB that a wasm module can address.
const (
	maxFile     = 4 << 30
	maxManifest = 16 << 20
	maxProgram  = 256 << 20
	maxData     = 4 << 30
)

// File is a program file.
type File struct {
	Model   *model.Model
	Content []byte // of the file, to keep a copy
}

// Read reads a program file. Errors name the file and what is wrong with it.
func Read(path string) (*File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("program: %s: no such file", path)
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("program: %s is a directory, want a program file", path)
	case err == nil && info.Size() > maxFile:
		return nil, fmt.Errorf("program: %s has %d bytes: a program file has at most %d", path, info.Size(), int64(maxFile))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("program: %s can't be read: %w", path, errors.Unwrap(err))
	}
	m, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("program: %s: %w", path, err)
	}
	return &File{m, content}, nil
}
