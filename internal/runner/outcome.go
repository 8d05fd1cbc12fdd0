package runner

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	bus "github.com/drey-sampler/drey/pkg/transport/memory"
)

// outcome is the bucket of what a coordinator keeps by digest beside its log: reports and metrics of pooled warmup. It is a file of the
// run directory, of records: the digest, the length u32 little-endian, the bytes.
type outcome struct {
	bus.Objects // what the file has
	file        *os.File

	mu    sync.Mutex // guards the fields below
	size  int64
	dirty bool // what was put is not certain to be on disk
}

var _ transport.Objects = (*outcome)(nil)

const outcomeHead = len(transport.Digest{}) + 4

// openOutcome opens the bucket of a run directory, or makes it. What a crash has cut off, or not written, nothing refers to.
func openOutcome(dir string) (*outcome, error) {
	f, err := os.OpenFile(filepath.Join(dir, store.OutcomeFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	o := &outcome{file: f}
	b, err := io.ReadAll(f)
	at := 0
	for err == nil && len(b)-at >= outcomeHead {
		name := transport.Digest(b[at:])
		end := at + outcomeHead + int(binary.LittleEndian.Uint32(b[at+len(name):]))
		if end > len(b) || transport.DigestOf(b[at+outcomeHead:end]) != name {
			break
		}
		_, err = o.Objects.Put(context.Background(), b[at+outcomeHead:end])
		at = end
	}
	o.size = int64(at)
	if err == nil {
		err = o.cut()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("runner: %w", err), f.Close())
	}
	return o, nil
}

// cut drops what of the file is no whole record.
func (o *outcome) cut() error {
	if err := o.file.Truncate(o.size); err != nil {
		return err
	}
	_, err := o.file.Seek(o.size, io.SeekStart)
	return err
}

// Put implements transport.Objects. The object is on disk after the next sync.
func (o *outcome) Put(ctx context.Context, data []byte) (transport.Digest, error) {
	name := transport.DigestOf(data)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Has(name) {
		return name, nil
	}
	record := binary.LittleEndian.AppendUint32(bytes.Clone(name[:]), uint32(len(data)))
	record = append(record, data...)
	o.dirty = true
	if _, err := o.file.Write(record); err != nil {
		return name, transport.Errorf(transport.Unavailable, "put", "%w", errors.Join(err, o.cut()))
	}
	o.size += int64(len(record))
	return o.Objects.Put(context.WithoutCancel(ctx), data)
}

// Delete implements transport.Objects. The file keeps what it has: it is small.
func (o *outcome) Delete(context.Context, transport.Digest) error { return nil }

// sync makes durable what was put.
func (o *outcome) sync() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dirty {
		return nil
	}
	if err := o.file.Sync(); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	o.dirty = false
	return nil
}

func (o *outcome) close() error { return o.file.Close() }

// keeping is a transport whose Outcome outlives the process.
type keeping struct {
	transport.Transport
	outcome transport.Objects
}

// Direct implements transport.Direct, which what it is made of is.
func (k keeping) Direct() {}

// Objects returns the large payloads of a bucket.
func (k keeping) Objects(b transport.Bucket) transport.Objects {
	if b == transport.Outcome {
		return k.outcome
	}
	return k.Transport.Objects(b)
}
