package memory

import (
	"bytes"
	"context"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Objects are objects in the memory of the process. The zero value has none.
type Objects struct {
	mu   sync.Mutex // guards the field below
	held map[transport.Digest][]byte
}

var _ transport.Objects = (*Objects)(nil)

// Has reports whether there is an object of a name.
func (b *Objects) Has(name transport.Digest) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.held[name]
	return ok
}

// Put implements transport.Objects.
func (b *Objects) Put(ctx context.Context, data []byte) (transport.Digest, error) {
	if ctx.Err() != nil {
		return transport.Digest{}, errContext(ctx, "put", "before it began")
	}
	if int64(len(data)) > transport.MaxObject {
		return transport.Digest{}, transport.Errorf(transport.Invalid, "put", "an object of %d bytes, at most %d", len(data), transport.MaxObject)
	}
	name := transport.DigestOf(data)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = map[transport.Digest][]byte{}
	}
	if _, ok := b.held[name]; !ok {
		b.held[name] = bytes.Clone(data)
	}
	return name, nil
}

// Get implements transport.Objects.
func (b *Objects) Get(ctx context.Context, name transport.Digest, limit int64) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, errContext(ctx, "get", "before it began")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.held[name]
	switch {
	case !ok:
		return nil, transport.Errorf(transport.NotFound, "get", "there is no object %s", name)
	case int64(len(data)) > limit:
		return nil, transport.Errorf(transport.Invalid, "get", "object %s has %d bytes, at most %d are accepted here", name, len(data), limit)
	}
	return bytes.Clone(data), nil
}

// Delete implements transport.Objects.
func (b *Objects) Delete(ctx context.Context, name transport.Digest) error {
	if ctx.Err() != nil {
		return errContext(ctx, "delete", "before it began")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.held, name)
	return nil
}
