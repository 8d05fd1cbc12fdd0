package transport

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
)

// Version is the version of the wire form. A program reads the messages of its own version only: a change of meaning or
// form raises it; a new type of message does not, nor a list at the end of one, which is left out where it is empty.
const Version = 1

// magic is the first byte of every message: no text and no JSON begins with it.
const magic = 0xD5

const (
	headerBytes   = 4 // magic u8, version u8, type u16
	checksumBytes = 4 // CRC-32C of all before it
)

// MaxMessage is the largest encoded message in bytes that a transport carries; NATS allows a MiB with the headers.
const MaxMessage = 768 << 10

// MaxContent is the largest encoded content of a block or of moments, which may travel as an object.
const MaxContent = 1 << 30

// Message is one of the messages of this package, as a pointer to its struct.
type Message interface {
	fields(c *codec)
}

// Sealed is a Message that is published or requested, rather than one that replies or is the content of another.
type Sealed interface {
	Message
	// Subject returns where the message is published; nobody else's subject opens it.
	Subject() Subject
}

// consistent is a Message whose fields depend on one another.
type consistent interface {
	check() error
}

// identified is a Sealed with an identity beyond its subject, for the transport's filter of duplicates.
type identified interface {
	id() string
}

// Type is the number of a message on the wire.
type Type uint16

// messageTypes has for each Type its struct. Numbers are never used again for anything else.
var messageTypes = map[Type]func() Message{
	1: func() Message { return new(Done) }, 2: func() Message { return new(Failure) },
	10: func() Message { return new(Register) }, 11: func() Message { return new(Lease) }, 12: func() Message { return new(LeaseReply) },
	13: func() Message { return new(Renew) }, 14: func() Message { return new(RenewReply) }, 15: func() Message { return new(Release) },
	16: func() Message { return new(LeaseExpired) }, 17: func() Message { return new(Drain) },
	20: func() Message { return new(Block) }, 21: func() Message { return new(Content) }, 22: func() Message { return new(Commit) },
	23: func() Message { return new(CommitReply) }, 24: func() Message { return new(Committed) },
	25: func() Message { return new(Copy) }, 26: func() Message { return new(Copied) }, 27: func() Message { return new(Fetch) },
	28: func() Message { return new(Fetched) }, 29: func() Message { return new(Join) },
	30: func() Message { return new(Moments) }, 32: func() Message { return new(Decision) },
	33: func() Message { return new(Catchup) }, 34: func() Message { return new(CatchupReply) },
	40: func() Message { return new(Submit) }, 41: func() Message { return new(Submitted) }, 42: func() Message { return new(Stop) },
	43: func() Message { return new(Extend) }, 44: func() Message { return new(Resume) }, 45: func() Message { return new(DrainWorker) },
	46: func() Message { return new(RunEnd) }, 47: func() Message { return new(Manifest) },
	50: func() Message { return new(Status) }, 51: func() Message { return new(RunStatus) }, 52: func() Message { return new(Runs) },
	53: func() Message { return new(RunList) }, 54: func() Message { return new(Workers) }, 55: func() Message { return new(WorkerList) },
	56: func() Message { return new(Heartbeat) }, 57: func() Message { return new(Pull) }, 58: func() Message { return new(Pulled) },
	60: func() Message { return new(LogRecord) },
}

// typeNumbers is the inverse of messageTypes.
var typeNumbers = func() map[reflect.Type]Type {
	out := map[reflect.Type]Type{}
	for n, make := range messageTypes {
		out[reflect.TypeOf(make())] = n
	}
	return out
}()

// TypeOf returns the number of a message's type.
func TypeOf(m Message) Type { return typeNumbers[reflect.TypeOf(m)] }

// NameOf returns the name of a message's struct.
func NameOf(m Message) string { return reflect.TypeOf(m).Elem().Name() }

// limit returns the largest encoding of a message in bytes.
func limit(m Message) int {
	switch m.(type) {
	case *Content, *Manifest:
		return MaxContent
	}
	return MaxMessage
}

// Encode returns the wire form of a message: the same bytes for the same message everywhere. An error is of kind Invalid and
// names the field that is too long or does not fit the others.
func Encode(m Message) ([]byte, error) {
	c := codec{mode: writing, buf: make([]byte, 0, encoded(m))}
	if err := c.message(m); err != nil {
		return nil, err
	}
	out := binary.LittleEndian.AppendUint32(c.buf, crc32.Checksum(c.buf, castagnoli))
	if err := fits(m, len(out)); err != nil {
		return nil, err
	}
	return out, nil
}

// digested returns the digest of a message's wire form, with or without the data of columns, and its length. Data that are digested
// get canonical NaNs.
func digested(m Message, draws bool) (digest Digest, size int, err error) {
	s := &sum{draws: draws, sha: sha256.New()}
	c := codec{mode: writing, buf: make([]byte, 0, 2*small), sum: s}
	if err := c.message(m); err != nil {
		return digest, 0, err
	}
	s.add(c.buf)
	s.add(binary.LittleEndian.AppendUint32(nil, s.crc))
	s.sha.Sum(digest[:0])
	return digest, s.size, fits(m, s.size)
}

// message writes a message without its checksum.
func (c *codec) message(m Message) error {
	c.buf = append(c.buf, magic, Version)
	c.buf = binary.LittleEndian.AppendUint16(c.buf, uint16(TypeOf(m)))
	if s, ok := m.(consistent); ok {
		if err := s.check(); err != nil {
			return Errorf(Invalid, "encode "+NameOf(m), "%w", err)
		}
	}
	if m.fields(c); c.err != nil {
		return &Error{Kind: Invalid, Op: "encode " + NameOf(m), Err: c.err}
	}
	return nil
}

// fits returns an error if a message of so many bytes is too long.
func fits(m Message, size int) error {
	if size > limit(m) {
		return Errorf(Invalid, "encode "+NameOf(m), "the message has %d bytes, at most %d", size, limit(m))
	}
	return nil
}

// encoded returns about how many bytes a message has, so that a large one is written in one piece of memory.
func encoded(m Message) int {
	const rest = 1024 // all that is small
	switch m := m.(type) {
	case *Block:
		return rest + len(m.Content.Inline)
	case *Content:
		n := rest
		for i := range m.Columns {
			n += len(m.Columns[i].Data) + len(m.Columns[i].Name) + 16
		}
		for i := range m.States {
			n += len(m.States[i].Bytes) + 4
		}
		return n
	}
	return rest / 4
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Decode returns the message whose wire form is b. It never panics; an error is of kind Corrupt and says what is wrong:
// truncated, too long, damaged, another version, an unknown type, a field with an illegal value. Byte slices of the message
// share b's memory.
func Decode(b []byte) (Message, error) {
	m, err := decode(b)
	if err != nil {
		return nil, &Error{Kind: Corrupt, Op: "decode", Err: err}
	}
	return m, nil
}

func decode(b []byte) (Message, error) {
	switch {
	case len(b) < headerBytes+checksumBytes:
		return nil, fmt.Errorf("the message is truncated: %d bytes", len(b))
	case b[0] != magic:
		return nil, fmt.Errorf("this is no message of drey: it begins with byte %#02x", b[0])
	case b[1] != Version:
		return nil, fmt.Errorf("a message of version %d, this program reads version %d: run the same version of drey everywhere", b[1], Version)
	}
	t := Type(binary.LittleEndian.Uint16(b[2:]))
	newMessage, ok := messageTypes[t]
	if !ok {
		return nil, fmt.Errorf("a message of unknown type %d: run the same version of drey everywhere", t)
	}
	m := newMessage()
	if len(b) > limit(m) {
		return nil, fmt.Errorf("%s: the message has %d bytes, at most %d", NameOf(m), len(b), limit(m))
	}
	body := b[:len(b)-checksumBytes]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(body):]) {
		return nil, fmt.Errorf("%s: the checksum is wrong: the message is damaged or truncated", NameOf(m))
	}
	c := codec{mode: reading, buf: body[headerBytes:]}
	m.fields(&c)
	if c.err != nil {
		return nil, fmt.Errorf("%s: %w", NameOf(m), c.err)
	}
	if len(c.buf) > 0 {
		return nil, fmt.Errorf("%s: %d bytes after its end", NameOf(m), len(c.buf))
	}
	if s, ok := m.(consistent); ok {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", NameOf(m), err)
		}
	}
	return m, nil
}

// Seal encodes a message for its subject.
func Seal(m Sealed) (Envelope, error) {
	payload, err := Encode(m)
	if err != nil {
		return Envelope{}, err
	}
	e := Envelope{Subject: m.Subject(), Payload: payload}
	if i, ok := m.(identified); ok {
		e.ID = i.id()
	}
	return e, e.Subject.Check()
}

// Direct is a Transport within one process, which carries what Hand returns: messages as they are. Neither who sent one nor who
// received it changes it any more, or what it refers to.
type Direct interface {
	Transport
	Direct()
}

// Hand returns the envelope of a message for a transport: sealed, or with the message itself for one that is Direct.
func Hand(t Transport, m Sealed) (Envelope, error) {
	if _, ok := t.(Direct); !ok {
		return Seal(m)
	}
	e := Envelope{Subject: m.Subject(), message: m}
	if i, ok := m.(identified); ok {
		e.ID = i.id()
	}
	return e, e.Subject.Check()
}

// Open decodes what an envelope carries. A message whose subject is another than the envelope's is an error of kind Refused:
// the sender is not who the message says.
func Open(e Envelope) (Sealed, error) {
	if e.message != nil {
		return e.message, nil
	}
	m, err := Decode(e.Payload)
	if err != nil {
		return nil, err
	}
	s, ok := m.(Sealed)
	if !ok {
		return nil, Errorf(Refused, "open", "%s came on %s, where it never does", NameOf(m), e.Subject)
	}
	if s.Subject() != e.Subject {
		return nil, Errorf(Refused, "open", "%s for %s came on %s", NameOf(m), s.Subject(), e.Subject)
	}
	return s, nil
}

// control returns the subject of a request: its name is the verb.
func control(m Message, from PartyID) Subject {
	return Subject{Channel: Control, Verb: strings.ToLower(NameOf(m)), Party: from}
}

// Fields describes the fields of a message in the order in which they are encoded.
func Fields(m Message) []Field {
	c := codec{mode: describing}
	m.fields(&c)
	return c.doc
}

// Messages returns one of each message, empty, by number.
func Messages() map[Type]Message {
	out := map[Type]Message{}
	for n, make := range messageTypes {
		out[n] = make()
	}
	return out
}
