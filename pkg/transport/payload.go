package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Digest is a SHA-256.
type Digest [32]byte

// DigestOf returns the SHA-256 of data.
func DigestOf(data []byte) Digest { return sha256.Sum256(data) }

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MaxInline is the largest payload in bytes that travels within its message.
const MaxInline = 512 << 10

// Payload is bytes within a message, or their name in an object store if they are too many.
type Payload struct {
	Size   uint64 // bytes
	Digest Digest // of the bytes
	Inline []byte // the bytes; empty when they are an object
	known  bool   // Digest was computed in this process, of these very bytes
}

// Pack returns a payload for data: inline if it has at most MaxInline bytes, else put into objects. The payload shares the
// memory of data.
func Pack(ctx context.Context, objects Objects, data []byte) (Payload, error) {
	p := Payload{Size: uint64(len(data)), Digest: DigestOf(data), known: true}
	if len(data) <= MaxInline {
		p.Inline = data
		return p, nil
	}
	_, err := objects.Put(ctx, data)
	return p, err
}

// Unpack returns the bytes of a payload, at most limit of them, whose digest it has checked.
func (p *Payload) Unpack(ctx context.Context, objects Objects, limit int64) ([]byte, error) {
	switch {
	case p.Size > uint64(limit):
		return nil, Errorf(Invalid, "payload", "%d bytes, at most %d are accepted here", p.Size, limit)
	case uint64(len(p.Inline)) == p.Size:
		if !p.known && DigestOf(p.Inline) != p.Digest {
			return nil, Errorf(Corrupt, "payload", "the bytes are not those of digest %s", p.Digest)
		}
		return p.Inline, nil
	}
	data, err := objects.Get(ctx, p.Digest, limit)
	if err == nil && uint64(len(data)) != p.Size {
		err = Errorf(Corrupt, "payload", "object %s has %d bytes, its message says %d", p.Digest, len(data), p.Size)
	}
	return data, err
}

func (p *Payload) visit(c *codec, name string) {
	outer := c.where
	c.where += name + "."
	c.u64("Size", &p.Size)
	c.digest("Digest", &p.Digest)
	c.bytes("Inline", &p.Inline, MaxInline)
	if c.mode != describing && c.err == nil && len(p.Inline) != 0 && uint64(len(p.Inline)) != p.Size {
		c.fail("Inline", "%d bytes, Size says %d", len(p.Inline), p.Size)
	}
	c.where = outer
}
