package memory

import (
	"bytes"
	"context"
	"sync"

	"github.com/drey-sampler/drey/pkg/transport"
)

// bucket holds objects.
type bucket struct {
	mu   sync.Mutex // guards the field below
	held map[transport.Digest][]byte
}

var _ transport.Objects = (*bucket)(nil)

func (b *bucket) Put(ctx context.Context, data []byte) (transport.Digest, error) {
	if ctx.Err() != nil {
		return transport.Digest{}, errContext(ctx, "put", "before it began")
	}
	if int64(len(data)) > transport.MaxObject {
		return transport.Digest{}, transport.Errorf(transport.Invalid, "put", "an object of %d bytes, at most %d", len(data), transport.MaxObject)
	}
	name := transport.DigestOf(data)
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.held[name]; !ok {
		b.held[name] = bytes.Clone(data)
	}
	return name, nil
}

func (b *bucket) Get(ctx context.Context, name transport.Digest, limit int64) ([]byte, error) {
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

func (b *bucket) Delete(ctx context.Context, name transport.Digest) error {
	if ctx.Err() != nil {
		return errContext(ctx, "delete", "before it began")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.held, name)
	return nil
}
