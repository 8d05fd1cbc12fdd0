package nats

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drey-sampler/drey/pkg/transport"
)

// partSize is the bytes of one message of an object: few messages, whose text in base64 is still below every server's limit.
const partSize = 512 << 10

// objects are those of a JetStream object store.
type objects struct {
	c      *connection
	bucket transport.Bucket
}

func (c *connection) Objects(b transport.Bucket) transport.Objects { return &objects{c, b} }

func (o *objects) store(ctx context.Context) (jetstream.ObjectStore, error) {
	select {
	case <-o.c.done:
		return nil, errClosed("objects")
	default:
	}
	return o.c.js.ObjectStore(ctx, o.bucket.String())
}

func (o *objects) Put(ctx context.Context, data []byte) (transport.Digest, error) {
	name := transport.DigestOf(data)
	if int64(len(data)) > transport.MaxObject {
		return name, transport.Errorf(transport.Invalid, "put", "an object of %d bytes, at most %d", len(data), transport.MaxObject)
	}
	store, err := o.store(ctx)
	if err != nil {
		return name, fault("put", err)
	}
	// The server keeps the digest of what it has under a name, in this form.
	whole := "SHA-256=" + base64.URLEncoding.EncodeToString(name[:])
	if info, err := store.GetInfo(ctx, name.String()); err == nil && info.Digest == whole {
		return name, nil
	}
	meta := jetstream.ObjectMeta{Name: name.String(), Opts: &jetstream.ObjectMetaOptions{ChunkSize: partSize}}
	if _, err := store.Put(ctx, meta, bytes.NewReader(data)); err != nil {
		return name, fault("put", err)
	}
	return name, nil
}

func (o *objects) Get(ctx context.Context, name transport.Digest, limit int64) ([]byte, error) {
	store, err := o.store(ctx)
	if err != nil {
		return nil, fault("get", err)
	}
	info, err := look(ctx, store, name)
	if err != nil {
		return nil, fault("get object "+name.String(), err)
	}
	if info.Size > uint64(limit) {
		return nil, transport.Errorf(transport.Invalid, "get", "object %s has %d bytes, at most %d are accepted here", name, info.Size, limit)
	}
	data, err := o.parts(ctx, info)
	if err != nil {
		return nil, fault("get object "+name.String(), err)
	}
	if transport.DigestOf(data) != name {
		return nil, transport.Errorf(transport.Corrupt, "get", "object %s has other bytes: put it again", name)
	}
	return data, nil
}

// look finds an object. One that is not there is looked for again for a moment: a server that slept may still take itself for the
// leader when it wakes up, and does not have what the others confirmed meanwhile.
func look(ctx context.Context, store jetstream.ObjectStore, name transport.Digest) (*jetstream.ObjectInfo, error) {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		info, err := store.GetInfo(ctx, name.String())
		if !errors.Is(err, jetstream.ErrObjectNotFound) || pause > 400*time.Millisecond {
			return info, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// parts reads the bytes of an object, message by message: the client's own way of reading makes a consumer, and whoever may
// do that may have the server send messages on subjects of others.
func (o *objects) parts(ctx context.Context, info *jetstream.ObjectInfo) ([]byte, error) {
	stream, err := o.c.js.Stream(ctx, bucketStream(o.bucket))
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, info.Size)
	part := jetstream.WithGetMsgSubject("$O." + o.bucket.String() + ".C." + info.NUID)
	for after := uint64(0); uint64(len(data)) < info.Size; {
		msg, err := stream.GetMsg(ctx, after+1, part)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break // a part is lost, which the digest tells
		}
		if err != nil {
			return nil, err
		}
		data, after = append(data, msg.Data...), msg.Sequence
	}
	return data, nil
}

func (o *objects) Delete(ctx context.Context, name transport.Digest) error {
	store, err := o.store(ctx)
	if err != nil {
		return fault("delete", err)
	}
	if err := store.Delete(ctx, name.String()); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fault("delete object "+name.String(), err)
	}
	return nil
}
