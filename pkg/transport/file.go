package transport

import (
	"context"
	"io"
)

// maxFiles bounds the files of a run's directory, in parts.
const maxFiles = 4096

// maxPart is how many bytes of a file are one object: whoever stores or fetches a file has so much of it in memory.
const maxPart = 64 << 20

// File is a file of a run's directory, or a part of one: files in a list that have one name and follow one another are parts.
type File struct {
	Name   string // without a path
	Object Object
}

func (f *File) visit(c *codec) {
	c.text("Name", &f.Name, 4*MaxToken)
	f.Object.visit(c, "Object")
}

// PutFile stores what write writes as a file of that name, in as many parts as it takes.
func PutFile(ctx context.Context, objects Objects, name string, write func(io.Writer) error) ([]File, error) {
	w := &partWriter{ctx: ctx, objects: objects, name: name}
	if err := write(w); err != nil {
		return nil, err
	}
	if len(w.held) > 0 || len(w.files) == 0 { // a file without bytes is one too
		if err := w.put(); err != nil {
			return nil, err
		}
	}
	return w.files, nil
}

// partWriter puts what is written to it as parts of a file.
type partWriter struct {
	ctx     context.Context
	objects Objects
	name    string
	held    []byte
	files   []File
}

func (w *partWriter) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		take := min(len(b), maxPart-len(w.held))
		w.held, b = append(w.held, b[:take]...), b[take:]
		if len(w.held) == maxPart {
			if err := w.put(); err != nil {
				return n - len(b), err
			}
		}
	}
	return n, nil
}

func (w *partWriter) put() error {
	digest, err := w.objects.Put(w.ctx, w.held)
	w.files = append(w.files, File{Name: w.name, Object: Object{Digest: digest, Size: uint64(len(w.held))}})
	w.held = w.held[:0]
	return err
}

// GetFile writes the parts of a file to w. Each has the digest and the size that the list says, or it is an error of kind Corrupt;
// one of kind Invalid says that a part is larger than those that PutFile makes.
func GetFile(ctx context.Context, objects Objects, parts []File, w io.Writer) error {
	for _, p := range parts {
		if p.Object.Size > maxPart {
			return Errorf(Invalid, "get", "a part of %s has %d bytes, at most %d are read", p.Name, p.Object.Size, maxPart)
		}
		data, err := objects.Get(ctx, p.Object.Digest, int64(p.Object.Size))
		if err != nil {
			return err
		}
		if uint64(len(data)) != p.Object.Size {
			return Errorf(Corrupt, "get", "object %s has %d bytes, %s is to have %d there", p.Object.Digest, len(data), p.Name, p.Object.Size)
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// Parts returns the lists of parts that the files of a list have, in its order.
func Parts(files []File) [][]File {
	var out [][]File
	for i, f := range files {
		if i > 0 && files[i-1].Name == f.Name {
			out[len(out)-1] = append(out[len(out)-1], f)
		} else {
			out = append(out, []File{f})
		}
	}
	return out
}
