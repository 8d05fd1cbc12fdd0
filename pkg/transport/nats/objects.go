package nats

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drey-sampler/drey/pkg/transport"
)

// partSize is the bytes of one message of an object: few messages, which in base64 are still below every server's limit.
const partSize = 512 << 10

// replyTime is how long a server may take to answer a question: one that dies sends no reply, and those who take its place may have
// answered long before the caller's own time is over.
const replyTime = 5 * time.Second

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
	ctx, cancel := context.WithTimeout(ctx, replyTime)
	defer cancel()
	return o.c.js.ObjectStore(ctx, o.bucket.String())
}

func (o *objects) Put(ctx context.Context, data []byte) (transport.Digest, error) {
	name := transport.DigestOf(data)
	if int64(len(data)) > transport.MaxObject {
		return name, transport.Errorf(transport.Invalid, "put", "an object of %d bytes, at most %d", len(data), transport.MaxObject)
	}
	// The server keeps the digest of what it has under a name, in this form.
	whole := "SHA-256=" + base64.URLEncoding.EncodeToString(name[:])
	if info, err := o.find(ctx, name); err == nil && info.Digest == whole {
		return name, nil
	}
	store, err := o.store(ctx)
	if err != nil {
		return name, fault("put", err)
	}
	meta := jetstream.ObjectMeta{Name: name.String(), Opts: &jetstream.ObjectMetaOptions{ChunkSize: partSize}}
	if _, err := store.Put(ctx, meta, bytes.NewReader(data)); err != nil {
		return name, fault("put", err)
	}
	return name, nil
}

func (o *objects) Get(ctx context.Context, name transport.Digest, limit int64) ([]byte, error) {
	info, err := o.look(ctx, name)
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

// look is find, which looks again for a moment for what is not there: a server that slept may still take itself for the leader when
// it wakes up, and does not have what the others confirmed meanwhile.
func (o *objects) look(ctx context.Context, name transport.Digest) (*jetstream.ObjectInfo, error) {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		info, err := o.find(ctx, name)
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

// find returns what the server has under a name.
func (o *objects) find(ctx context.Context, name transport.Digest) (*jetstream.ObjectInfo, error) {
	msg, err := o.lead(ctx, wanted{LastBySubject: "$O." + o.bucket.String() + ".M." + base64.URLEncoding.EncodeToString([]byte(name.String()))})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, jetstream.ErrObjectNotFound
	}
	if err != nil {
		return nil, err
	}
	var info jetstream.ObjectInfo
	if err := json.Unmarshal(msg.Data, &info); err != nil {
		return nil, jetstream.ErrBadObjectMeta
	}
	if info.Deleted {
		return nil, jetstream.ErrObjectNotFound
	}
	return &info, nil
}

// wanted is a message of a stream: the last of a subject, or its first from a sequence number on.
type wanted struct {
	LastBySubject string `json:"last_by_subj,omitempty"`
	Sequence      uint64 `json:"seq,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
}

// answer is a message of a stream as its leader sends it.
type answer struct {
	Sequence uint64 `json:"seq"`
	Data     []byte `json:"data"`
}

// lead asks the leader of the bucket's servers for a message. Where a stream allows direct reads, as those of object stores do, the
// client asks any of them, also one that slept and does not have yet what the others confirmed.
func (o *objects) lead(ctx context.Context, w wanted) (*answer, error) {
	select {
	case <-o.c.done:
		return nil, errClosed("objects")
	default:
	}
	text, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, replyTime)
	defer cancel()
	reply, err := o.c.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET.OBJ_"+o.bucket.String(), text)
	if err != nil {
		return nil, err
	}
	var out struct {
		Message *answer             `json:"message"`
		Error   *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(reply.Data, &out); {
	case err != nil:
		return nil, err
	case out.Error != nil && out.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, jetstream.ErrMsgNotFound
	case out.Error != nil:
		return nil, out.Error
	case out.Message == nil:
		return nil, jetstream.ErrInvalidJetStreamResponse
	}
	return out.Message, nil
}

// parts reads the bytes of an object, message by message: the client's own way of reading makes a consumer, and whoever may
// do that may have the server send messages on subjects of others. Any server may give them, which is several times faster than the
// leader's replies in JSON; what one does not have the leader has.
func (o *objects) parts(ctx context.Context, info *jetstream.ObjectInfo) ([]byte, error) {
	once, cancel := context.WithTimeout(ctx, replyTime)
	stream, err := o.c.js.Stream(once, "OBJ_"+o.bucket.String())
	cancel()
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, info.Size)
	subject := "$O." + o.bucket.String() + ".C." + info.NUID
	for after := uint64(0); uint64(len(data)) < info.Size; {
		once, cancel := context.WithTimeout(ctx, replyTime)
		msg, err := stream.GetMsg(once, after+1, jetstream.WithGetMsgSubject(subject))
		cancel()
		part := &answer{}
		if err == nil {
			part.Sequence, part.Data = msg.Sequence, msg.Data
		} else if errors.Is(err, jetstream.ErrMsgNotFound) {
			part, err = o.lead(ctx, wanted{Sequence: after + 1, NextBySubject: subject})
		}
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break // a part is lost, which the digest tells
		}
		if err != nil {
			return nil, err
		}
		data, after = append(data, part.Data...), part.Sequence
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
