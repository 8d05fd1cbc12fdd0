package coordinator

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// coder writes values or reads them: one function of a type says its form for both. Numbers are little-endian and of fixed
// width, so that a value has one form only. The zero coder writes.
type coder struct {
	out     []byte
	in      []byte
	reading bool
	err     error // of reading
}

var errShort = errors.New("it ends too soon")

func (c *coder) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.in = nil
}

// next returns the next n bytes of what is read; nil if there are fewer.
func (c *coder) next(n int) []byte {
	if c.err != nil || n > len(c.in) {
		c.fail(errShort)
		return nil
	}
	b := c.in[:n]
	c.in = c.in[n:]
	return b
}

func (c *coder) u8(v *uint8) {
	if !c.reading {
		c.out = append(c.out, *v)
	} else if b := c.next(1); b != nil {
		*v = b[0]
	}
}

func (c *coder) u32(v *uint32) {
	if !c.reading {
		c.out = binary.LittleEndian.AppendUint32(c.out, *v)
	} else if b := c.next(4); b != nil {
		*v = binary.LittleEndian.Uint32(b)
	}
}

func (c *coder) u64(v *uint64) {
	if !c.reading {
		c.out = binary.LittleEndian.AppendUint64(c.out, *v)
	} else if b := c.next(8); b != nil {
		*v = binary.LittleEndian.Uint64(b)
	}
}

func (c *coder) bool(v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	c.u8(&b)
	if b > 1 {
		c.fail(fmt.Errorf("a truth value is %d", b))
	}
	*v = b == 1
}

func (c *coder) epoch(v *Epoch) { c.u64((*uint64)(v)) }

func (c *coder) fixed(v []byte) {
	if !c.reading {
		c.out = append(c.out, v...)
	} else if b := c.next(len(v)); b != nil {
		copy(v, b)
	}
}

// bytes is for at most limit bytes; none are nil.
func (c *coder) bytes(v *[]byte, limit int) {
	n := uint32(len(*v))
	c.u32(&n)
	if !c.reading {
		c.out = append(c.out, *v...)
		return
	}
	if int64(n) > int64(limit) {
		c.fail(fmt.Errorf("%d bytes where %d are allowed", n, limit))
		return
	}
	*v = append([]byte(nil), c.next(int(n))...)
}

func (c *coder) text(v *string, limit int) {
	b := []byte(*v)
	c.bytes(&b, limit)
	*v = string(b)
}

func (c *coder) run(v *RunID)       { c.text((*string)(v), MaxName) }
func (c *coder) worker(v *WorkerID) { c.text((*string)(v), MaxName) }

// list is for at most limit elements; each has at least a byte, so that a length can't ask for more memory than was sent.
func list[T any](c *coder, v *[]T, limit int, element func(*T)) {
	n := uint32(len(*v))
	c.u32(&n)
	if !c.reading {
		for i := range *v {
			element(&(*v)[i])
		}
		return
	}
	*v = nil
	if int64(n) > int64(limit) {
		c.fail(fmt.Errorf("%d elements where %d are allowed", n, limit))
	}
	for range n {
		if c.err != nil {
			return
		}
		var e T
		element(&e)
		*v = append(*v, e)
	}
}

// digests is for at most limit digests, of which a ledger has very many.
func (c *coder) digests(v *[]Digest, limit int) {
	n := uint32(len(*v))
	c.u32(&n)
	if !c.reading {
		for i := range *v {
			c.out = append(c.out, (*v)[i][:]...)
		}
		return
	}
	*v = nil
	if int64(n) > int64(limit) {
		c.fail(fmt.Errorf("%d elements where %d are allowed", n, limit))
	}
	b := c.next(int(n) * len(Digest{}))
	if len(b) == 0 {
		return
	}
	*v = make([]Digest, n)
	for i := range *v {
		copy((*v)[i][:], b[i*len(Digest{}):])
	}
}

// finish returns the error of reading a whole value.
func (c *coder) finish(what string) error {
	if c.err == nil && len(c.in) > 0 {
		c.err = fmt.Errorf("%d bytes follow it", len(c.in))
	}
	if c.err != nil {
		return fmt.Errorf("coordinator: %s is damaged, or of another version: %w", what, c.err)
	}
	return nil
}
