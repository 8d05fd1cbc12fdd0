package transport_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

// TestFilesInParts: a file of any length comes back whole, from parts of a bounded size; what is not as the list says is an error.
func TestFilesInParts(t *testing.T) {
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	c := bus.Connect()
	defer c.Close()
	objects := c.Objects(transport.Inputs)
	long := make([]byte, 64<<20+5)
	long[len(long)-1], long[7] = 1, 2
	var all []transport.File
	for _, f := range []struct {
		name  string
		text  []byte
		parts int
	}{{"a", long, 2}, {"b", []byte("short"), 1}, {"c", nil, 1}} {
		parts, err := transport.PutFile(t.Context(), objects, f.name, func(w io.Writer) error {
			for b := f.text; len(b) > 0; {
				n, err := w.Write(b[:min(len(b), 48<<20)])
				if err != nil {
					return err
				}
				b = b[n:]
			}
			return nil
		})
		if err != nil || len(parts) != f.parts {
			t.Fatalf("%s: %d parts, %v, want %d", f.name, len(parts), err, f.parts)
		}
		all = append(all, parts...)
		var back bytes.Buffer
		if err := transport.GetFile(t.Context(), objects, parts, &back); err != nil || !bytes.Equal(back.Bytes(), f.text) {
			t.Errorf("%s: %d bytes came back, %v, want %d", f.name, back.Len(), err, len(f.text))
		}
	}
	if parts := transport.Parts(all); len(parts) != 3 || len(parts[0]) != 2 || parts[1][0].Name != "b" || parts[2][0].Name != "c" {
		t.Errorf("parts %v", parts)
	}
	for kind, change := range map[transport.Kind]func(*transport.Object){
		transport.NotFound: func(o *transport.Object) { o.Digest[0]++ },
		transport.Corrupt:  func(o *transport.Object) { o.Size++ },
		transport.Invalid:  func(o *transport.Object) { o.Size = 1 << 40 },
	} {
		f := all[2]
		change(&f.Object)
		if err := transport.GetFile(t.Context(), objects, []transport.File{f}, io.Discard); err == nil || transport.KindOf(err) != kind {
			t.Errorf("%v, want an error of kind %v", err, kind)
		}
	}
}
