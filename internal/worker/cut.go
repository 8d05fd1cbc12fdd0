package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Cut is a block that was left unfinished. Whoever makes the block goes on from there, and makes the same one.
type Cut struct {
	Pack     transport.PackID
	Index    uint64           // of the block in its pack
	Previous transport.Digest // of the block before
	// Have is how many of the block's draws there are of each chain: the first of its rows in Content, whose columns have room for all.
	// A chain that had not begun has no state in Content.
	Have    []uint32
	Content *transport.Content
	// Leapfrogs and Divergences are counts over the block's transitions until then.
	Leapfrogs, Divergences int64
}

// Cuts keeps unfinished blocks of the one run that a worker makes. Its methods are called from several goroutines.
type Cuts interface {
	// Keep takes a block. What it refers to is not changed any more.
	Keep(c *Cut)
	// Kept returns the unfinished block of an index of a pack, after one with a digest; nil if there is none.
	Kept(pack transport.PackID, index uint64, previous transport.Digest) (*Cut, error)
}

// cutHead is the length of what stands before the numbers of draws in an encoded cut.
const cutHead = 4 + 8 + len(transport.Digest{}) + 8 + 8 + 4

// Encode returns the bytes of a cut, little-endian: pack u32, index u64, the digest before, leapfrogs and divergences u64, the number of
// chains u32, the number of draws of each u32, and the content as it travels.
func (c *Cut) Encode() ([]byte, error) {
	content, err := transport.Encode(c.Content)
	if err != nil {
		return nil, err
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(c.Pack))
	out = binary.LittleEndian.AppendUint64(out, c.Index)
	out = append(out, c.Previous[:]...)
	out = binary.LittleEndian.AppendUint64(out, uint64(c.Leapfrogs))
	out = binary.LittleEndian.AppendUint64(out, uint64(c.Divergences))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(c.Have)))
	for _, n := range c.Have {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	return append(out, content...), nil
}

// DecodeCut returns the cut that Encode has written.
func DecodeCut(b []byte) (*Cut, error) {
	bad := errors.New("worker: an unfinished block is damaged, or was written by another version")
	if len(b) < cutHead {
		return nil, bad
	}
	c := &Cut{Pack: transport.PackID(binary.LittleEndian.Uint32(b)), Index: binary.LittleEndian.Uint64(b[4:])}
	b = b[12+copy(c.Previous[:], b[12:]):]
	c.Leapfrogs, c.Divergences = int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
	n := int(binary.LittleEndian.Uint32(b[16:]))
	if b = b[20:]; n > len(b)/4 {
		return nil, bad
	}
	for i := range n {
		c.Have = append(c.Have, binary.LittleEndian.Uint32(b[4*i:]))
	}
	m, err := transport.Decode(b[4*n:])
	if err != nil {
		return nil, errors.Join(bad, err)
	}
	content, ok := m.(*transport.Content)
	if !ok || int(content.Chains) != n || slices.Max(c.Have) > content.Draws {
		return nil, bad
	}
	c.Content = content
	return c, nil
}

// cut returns what there is of a block that the pack's chains were stopped within.
func (p *pack) cut(l *lease, at *cursor, previous transport.Digest, made *block, have []uint32) *Cut {
	for _, c := range p.chains {
		var state []byte
		if c.Begun() {
			state = c.AppendState(nil)
		}
		made.content.States = append(made.content.States, transport.EndState{Bytes: state})
	}
	return &Cut{
		Pack: l.Pack, Index: at.index, Previous: previous, Have: have, Content: made.content,
		Leapfrogs: made.leapfrogs, Divergences: made.divergences,
	}
}

// resume gives a collector the draws of a cut of its block.
func (s *collector) resume(c *Cut) error {
	if c.Content.Chain != s.Chain || c.Content.Chains != s.Chains || c.Content.Warmup != s.Warmup || c.Content.First != s.First ||
		c.Content.Draws != s.Draws || len(c.Content.Columns) != len(s.Columns) {
		return fmt.Errorf("worker: the unfinished block %d of pack %d is not one of this run", c.Index, c.Pack)
	}
	for i := range s.Columns {
		if copy(s.Columns[i].Data, c.Content.Columns[i].Data) != len(s.Columns[i].Data) {
			return fmt.Errorf("worker: the unfinished block %d of pack %d has another column %s", c.Index, c.Pack, s.Columns[i].Name)
		}
	}
	copy(s.have, c.Have)
	return nil
}
