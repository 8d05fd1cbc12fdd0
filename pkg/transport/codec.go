package transport

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// codec visits the fields of a message in order: to write them, to read them, or to say what they are. One visit serves all
// three, so that they cannot differ. All numbers are little-endian and of fixed size; there is one encoding of a message.
type codec struct {
	mode  codecMode
	buf   []byte // writing: what is written; reading: what is left
	err   error  // the first problem
	where string // prefix of field names, of the elements of a list
	doc   []Field
	sum   *sum // takes what is written, before buf grows large; nil: all is in buf
}

// sum is the digest of what is written, with its length.
type sum struct {
	draws bool // the data of columns are digested
	sha   hash.Hash
	crc   uint32
	size  int
}

func (s *sum) add(b []byte) {
	s.sha.Write(b)
	s.crc = crc32.Update(s.crc, castagnoli, b)
	s.size += len(b)
}

// small is the length of what is copied to be digested with others.
const small = 1024

type codecMode uint8

const (
	writing codecMode = iota
	reading
	describing
)

// Field describes a field of a message for docs/wire.md.
type Field struct {
	Name string // Go's name of the field; Outer[].Name of the elements of a list
	Form string // how it is encoded
}

func (c *codec) fail(name, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s%s: %w", c.where, name, fmt.Errorf(format, args...))
	}
}

// describe notes the form of a field; it reports whether that is all there is to do, as after an error.
func (c *codec) describe(name, form string) bool {
	if c.mode == describing {
		c.doc = append(c.doc, Field{c.where + name, form})
	}
	return c.mode == describing || c.err != nil
}

// take returns the next n bytes, nil if there are fewer.
func (c *codec) take(name string, n int) []byte {
	if n > len(c.buf) {
		c.fail(name, "the message is truncated: %d bytes are left of %d", len(c.buf), n)
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

func (c *codec) u8(name string, v *uint8) {
	if c.describe(name, "u8") {
		return
	}
	if c.mode == writing {
		c.buf = append(c.buf, *v)
	} else if b := c.take(name, 1); b != nil {
		*v = b[0]
	}
}

// choice is a u8 of which only the values below n mean something.
func (c *codec) choice(name string, v *uint8, n uint8) {
	if c.describe(name, "u8 below "+strconv.Itoa(int(n))) {
		return
	}
	c.u8(name, v)
	if c.err == nil && *v >= n {
		c.fail(name, "%d is none of its %d values", *v, n)
	}
}

func (c *codec) flag(name string, v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	c.choice(name, &b, 2)
	if c.mode == reading {
		*v = b == 1
	}
}

func (c *codec) u32(name string, v *uint32) {
	if c.describe(name, "u32") {
		return
	}
	if c.mode == writing {
		c.buf = binary.LittleEndian.AppendUint32(c.buf, *v)
	} else if b := c.take(name, 4); b != nil {
		*v = binary.LittleEndian.Uint32(b)
	}
}

func (c *codec) u64(name string, v *uint64) {
	if c.describe(name, "u64") {
		return
	}
	if c.mode == writing {
		c.buf = binary.LittleEndian.AppendUint64(c.buf, *v)
	} else if b := c.take(name, 8); b != nil {
		*v = binary.LittleEndian.Uint64(b)
	}
}

func (c *codec) i64(name string, v *int64) {
	if c.describe(name, "i64") {
		return
	}
	u := uint64(*v)
	c.u64(name, &u)
	*v = int64(u)
}

// f64 carries the bits of a number, NaN's too.
func (c *codec) f64(name string, v *float64) {
	if c.describe(name, "f64") {
		return
	}
	u := math.Float64bits(*v)
	c.u64(name, &u)
	if c.mode == reading && c.err == nil {
		*v = math.Float64frombits(u)
	}
}

func (c *codec) floats(name string, v *[]float64, limit int) {
	if c.describe(name, "u32 count ≤ "+strconv.Itoa(limit)+", f64 each") {
		return
	}
	n := c.count(name, len(*v), limit, 8)
	if c.mode == reading && n > 0 {
		*v = make([]float64, n)
	}
	for i := range *v {
		c.f64(name, &(*v)[i])
	}
}

// count carries the length of something whose elements have at least size bytes each; 0 after an error.
func (c *codec) count(name string, n, limit, size int) int {
	u := uint32(min(n, math.MaxUint32))
	c.u32(name, &u)
	switch {
	case c.err != nil:
	case int64(u) > int64(limit):
		c.fail(name, "a length of %d, at most %d", u, limit)
	case c.mode == reading && int64(u)*int64(size) > int64(len(c.buf)):
		c.fail(name, "the message is truncated: %d elements in %d bytes", u, len(c.buf))
	default:
		return int(u)
	}
	return 0
}

func (c *codec) bytes(name string, v *[]byte, limit int) {
	if c.describe(name, "u32 length ≤ "+strconv.Itoa(limit)+", bytes") {
		return
	}
	n := c.count(name, len(*v), limit, 1)
	if c.err != nil {
		return
	}
	switch {
	case c.mode == writing && c.sum != nil && n > small:
		c.sum.add(c.buf)
		c.sum.add(*v)
		c.buf = c.buf[:0]
	case c.mode == writing:
		c.buf = append(c.buf, *v...)
	case n > 0:
		*v = c.take(name, n)
	}
}

// text is UTF-8.
func (c *codec) text(name string, v *string, limit int) {
	if c.describe(name, "u32 length ≤ "+strconv.Itoa(limit)+", UTF-8") {
		return
	}
	b := []byte(*v)
	c.bytes(name, &b, limit)
	if c.err == nil && !utf8.Valid(b) {
		c.fail(name, "the text is not UTF-8")
	}
	if c.mode == reading {
		*v = string(b)
	}
}

// token is the text of a RunID or a PartyID.
func (c *codec) token(name string, v *string) {
	if c.describe(name, "u32 length ≤ "+strconv.Itoa(MaxToken)+", token") {
		return
	}
	c.text(name, v, MaxToken)
	if c.err == nil && !IsToken(*v) {
		c.fail(name, "%q is no token: 1 to %d letters, digits, - and _", *v, MaxToken)
	}
}

func (c *codec) run(name string, v *RunID)     { c.token(name, (*string)(v)) }
func (c *codec) party(name string, v *PartyID) { c.token(name, (*string)(v)) }
func (c *codec) pack(name string, v *PackID)   { c.u32(name, (*uint32)(v)) }
func (c *codec) epoch(name string, v *Epoch)   { c.u64(name, (*uint64)(v)) }

func (c *codec) digest(name string, v *Digest) {
	if c.describe(name, "32 bytes") {
		return
	}
	if c.mode == writing {
		c.buf = append(c.buf, v[:]...)
	} else if b := c.take(name, len(v)); b != nil {
		copy(v[:], b)
	}
}

// silent is what describes fields that more carries.
const silent = "; with what follows absent where it says nothing"

// more carries fields that came to the end of a message later: only where they say something, so that messages which do without have
// the bytes that they always had.
func (c *codec) more(says func() bool, visit func(*codec)) {
	switch {
	case c.mode == describing:
		from := len(c.doc)
		visit(c)
		for i := range c.doc[from:] {
			if f := &c.doc[from+i]; !strings.Contains(f.Name, "[") && !strings.HasSuffix(f.Form, silent) {
				f.Form += silent
			}
		}
	case c.mode == writing && says():
		visit(c)
	case c.mode == reading && c.err == nil && len(c.buf) > 0:
		if visit(c); c.err == nil && !says() {
			c.fail("its end", "fields that say nothing")
		}
	}
}

// list carries a count and the elements, whose fields visit does.
func list[T any](c *codec, name string, v *[]T, limit int, visit func(*codec, *T)) {
	outer := c.where
	if c.describe(name, "u32 count ≤ "+strconv.Itoa(limit)+", elements of") {
		if c.mode == describing {
			c.where = outer + name + "[]."
			visit(c, new(T))
			c.where = outer
		}
		return
	}
	n := c.count(name, len(*v), limit, 1)
	for i := 0; i < n && c.err == nil; i++ {
		c.where = outer + name + "[" + strconv.Itoa(i) + "]."
		if c.mode == reading {
			var zero T
			*v = append(*v, zero)
		}
		visit(c, &(*v)[i])
	}
	c.where = outer
}
