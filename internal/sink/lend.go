package sink

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// archiveTime is how long a run stays open that nobody fetches blocks of any more.
const archiveTime = 10 * time.Second

// archive is the run that others fetch blocks of. The zero value has none.
type archive struct {
	mu     sync.Mutex // held while blocks are read; guards the fields below
	run    transport.RunID
	reader *store.Reader
	used   time.Time
}

// lend returns blocks that another coordinator lacks, as many of the first as a message holds.
func (k *keeper) lend(ctx context.Context, m *transport.Fetch) (transport.Message, error) {
	a := &k.archive
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = time.Now()
	if a.reader == nil || a.run != m.Run || !a.has(m.Wants) {
		if err := k.unlock(ctx, m.Run); err != nil {
			return nil, err
		}
	}
	reply, err := k.pick(ctx, m)
	if err != nil { // whatever is wrong, the next one begins anew
		err = errors.Join(err, a.drop())
	}
	return reply, err
}

// unlock opens the run, as far as it is here now.
func (k *keeper) unlock(ctx context.Context, run transport.RunID) error {
	a := &k.archive
	if err := a.drop(); err != nil {
		return err
	}
	if err := k.sink.Note(ctx, k.view, run); err != nil && transport.KindOf(err) != transport.Unavailable {
		return err
	}
	r, err := store.Open(k.sink.cfg.Path(run))
	if err != nil {
		return transport.Errorf(transport.Unavailable, "fetch", "%w", err)
	}
	a.run, a.reader = run, r
	return nil
}

// has reports whether what is open has all blocks that are wanted.
func (a *archive) has(wants []transport.Want) bool {
	return !slices.ContainsFunc(wants, func(w transport.Want) bool {
		return int(w.Pack) < a.reader.Packs() && w.Until > uint64(a.reader.Blocks(int(w.Pack)))
	})
}

// pick returns the blocks that are wanted and here.
func (k *keeper) pick(ctx context.Context, m *transport.Fetch) (*transport.Fetched, error) {
	r := k.archive.reader
	var list []*transport.Block
	for _, w := range m.Wants {
		if int(w.Pack) >= r.Packs() {
			return nil, transport.Errorf(transport.Invalid, "fetch", "run %s has no pack %d", m.Run, w.Pack)
		}
		for i := w.From; i < min(w.Until, uint64(r.Blocks(int(w.Pack)))); i++ {
			b, err := k.stored(ctx, m.Run, int(w.Pack), int(i))
			if err != nil {
				return nil, err
			}
			list = append(list, b)
			if n := transport.Batch(list); n < len(list) {
				return &transport.Fetched{Blocks: values(list[:n])}, nil
			}
		}
	}
	return &transport.Fetched{Blocks: values(list)}, nil
}

// values returns blocks as messages hold them.
func values(list []*transport.Block) []transport.Block {
	var out []transport.Block
	for _, b := range list {
		out = append(out, *b)
	}
	return out
}

// stored returns a block of the store as its worker made it; an error of kind Corrupt if its bytes are others.
func (k *keeper) stored(ctx context.Context, run transport.RunID, pack, index int) (*transport.Block, error) {
	r := k.archive.reader
	b, err := r.Block(pack, index)
	if err != nil {
		return nil, transport.Errorf(transport.Corrupt, "fetch", "%w", err)
	}
	text, err := verified(run, &r.Run().Schema, &b)
	if err != nil {
		return nil, err
	}
	out := &transport.Block{
		Lease: transport.LeaseRef{Run: run, Pack: transport.PackID(pack)}, Worker: k.sink.cfg.Group.Name, Index: b.Index,
		Previous: b.Previous, Digest: b.Digest, Leapfrogs: b.Leapfrogs, Divergences: b.Divergences,
	}
	out.Content, err = transport.Pack(ctx, k.sink.cfg.Group.Transport.Objects(transport.Outcome), text)
	return out, err
}

// verified returns the content of a block; an error of kind Corrupt if it does not have the block's digest.
func verified(run transport.RunID, schema *store.Schema, b *store.Block) ([]byte, error) {
	text, err := contentBytes(schema, b)
	if err == nil && transport.BlockDigest(run, transport.PackID(b.Pack), b.Index, b.Previous, transport.DigestOf(text)) != b.Digest {
		err = transport.Errorf(transport.Corrupt, "sink", "block %d of pack %d of run %s is damaged here: its bytes do not have its digest", b.Index, b.Pack, run)
	}
	return text, err
}

// contentBytes returns the content of a block as it was when its worker encoded it.
func contentBytes(schema *store.Schema, b *store.Block) ([]byte, error) {
	m, err := transport.Decode(b.State)
	if err != nil {
		return nil, err
	}
	c, ok := m.(*transport.Content)
	if !ok {
		return nil, transport.Errorf(transport.Corrupt, "fetch", "the state after block %d of pack %d is %s", b.Index, b.Pack, transport.NameOf(m))
	}
	columns := schema.Columns()
	for i, data := range b.Columns {
		name := columns[i].Name
		if site := i - (len(columns) - len(schema.Sites)); site >= 0 {
			name = schema.Sites[site].Name
		}
		c.Columns = append(c.Columns, transport.Column{Name: name, DType: dtypes[columns[i].DType], Elements: uint32(columns[i].Elements), Data: data})
	}
	return transport.Encode(c)
}

// drop closes what is open. mu is held.
func (a *archive) drop() error {
	r := a.reader
	a.reader = nil
	if r == nil {
		return nil
	}
	return r.Close()
}

// rest closes what nobody has used for a while. What can't be closed has been read all the same.
func (a *archive) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.used) >= archiveTime {
		_ = a.drop()
	}
}

func (a *archive) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.drop()
}
