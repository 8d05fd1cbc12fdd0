package transport_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
)

// content returns a content of two columns, short and long, with a NaN of a sign and payload of its own in both.
func content() *transport.Content {
	odd := binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN())|1<<63|5)
	c := &transport.Content{Chains: 2, Draws: 100, States: []transport.EndState{{Bytes: make([]byte, 5000)}, {Bytes: []byte("state")}}}
	for i, elements := range []uint32{1, 300} {
		data := make([]byte, 2*100*int(elements)*8)
		copy(data[16*i:], odd)
		c.Columns = append(c.Columns, transport.Column{Name: "x", Elements: elements, Data: data})
	}
	return c
}

// TestEnclose: a message that is enclosed has the digest and size of the one that is packed, and canonical NaNs.
func TestEnclose(t *testing.T) {
	raw, err := transport.Encode(content())
	if err != nil {
		t.Fatal(err)
	}
	m := content()
	p, err := transport.Enclose(m, true)
	if err != nil {
		t.Fatal(err)
	}
	if p.Digest != transport.DigestOf(raw) || p.Size != uint64(len(raw)) || p.IsObject() {
		t.Errorf("size %d, digest %s, an object: %v; want %d bytes, digest %s", p.Size, p.Digest, p.IsObject(), len(raw), transport.DigestOf(raw))
	}
	if got, err := p.Message(t.Context(), nil, transport.MaxContent); got != m || err != nil {
		t.Errorf("the message is %v, %v", got, err)
	}
	decoded, err := transport.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for i, col := range decoded.(*transport.Content).Columns {
		if !bytes.Equal(col.Data, m.Columns[i].Data) {
			t.Errorf("column %d is not the one that travels", i)
		}
	}
	m.Columns[1].Data[40]++
	if other, err := transport.Enclose(m, true); err != nil || other.Digest == p.Digest {
		t.Errorf("another draw has the same digest, or an error: %v", err)
	}
}

// TestEncloseWithoutDraws: the digest is of all but the data of columns, and the size of all.
func TestEncloseWithoutDraws(t *testing.T) {
	whole, err := transport.Enclose(content(), true)
	if err != nil {
		t.Fatal(err)
	}
	digest := func(change func(c *transport.Content)) transport.Digest {
		m := content()
		change(m)
		p, err := transport.Enclose(m, false)
		if err != nil {
			t.Fatal(err)
		}
		if p.Size != whole.Size {
			t.Errorf("size %d, want %d", p.Size, whole.Size)
		}
		return p.Digest
	}
	first := digest(func(*transport.Content) {})
	if digest(func(c *transport.Content) { c.Columns[0].Data[80]++ }) != first {
		t.Error("a draw changes the digest")
	}
	for name, change := range map[string]func(*transport.Content){
		"a long state": func(c *transport.Content) { c.States[0].Bytes[4000]++ }, "a short state": func(c *transport.Content) { c.States[1].Bytes[1]++ },
		"the first draw's number": func(c *transport.Content) { c.First++ }, "a name": func(c *transport.Content) { c.Columns[0].Name = "y" },
	} {
		if digest(change) == first {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

// TestEnclosedStays: a message that refers to one that was not encoded can't be encoded.
func TestEnclosedStays(t *testing.T) {
	p, err := transport.Enclose(content(), true)
	if err != nil {
		t.Fatal(err)
	}
	b := &transport.Block{Lease: transport.LeaseRef{Run: "r"}, Worker: "w", Content: p}
	b.Digest = transport.BlockDigest("r", 0, 0, transport.Digest{}, p.Digest)
	if _, err := transport.Encode(b); transport.KindOf(err) != transport.Invalid || err == nil {
		t.Errorf("error %v", err)
	}
	if _, err := p.Message(t.Context(), nil, 10); transport.KindOf(err) != transport.Invalid || err == nil {
		t.Errorf("beyond the limit: error %v", err)
	}
}
