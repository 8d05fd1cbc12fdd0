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
	// message is what the bytes encode, which nobody needs in a process that has it; nil: there are bytes.
	message Message
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

// Enclose returns a payload that is a message itself, for a transport that is Direct: its bytes are never written. The message gets
// canonical NaNs where they are digested, and is not to be changed any more. Where nothing outlives the process, draws may be false: the
// digest is not of the data of columns then, but tells blocks apart by what else they have, their chains' states after those draws.
func Enclose(m Message, draws bool) (Payload, error) {
	digest, size, err := digested(m, draws)
	return Payload{Size: uint64(size), Digest: digest, message: m}, err
}

// Message returns the message that a payload is or encodes, in at most limit bytes, whose digest it has checked.
func (p *Payload) Message(ctx context.Context, objects Objects, limit int64) (Message, error) {
	if p.message != nil && p.Size <= uint64(limit) {
		return p.message, nil
	}
	data, err := p.Unpack(ctx, objects, limit)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

// IsObject reports whether the bytes are an object.
func (p *Payload) IsObject() bool { return p.Size > 0 && len(p.Inline) == 0 && p.message == nil }

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
	if c.mode == writing && p.message != nil {
		c.fail("Inline", "a message that is not encoded stays within its process")
	}
	c.bytes("Inline", &p.Inline, MaxInline)
	if c.mode != describing && c.err == nil && len(p.Inline) != 0 && uint64(len(p.Inline)) != p.Size {
		c.fail("Inline", "%d bytes, Size says %d", len(p.Inline), p.Size)
	}
	c.where = outer
}
