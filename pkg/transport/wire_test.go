package transport

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files and the messages of docs/wire.md")

// filler gives the fields of a message values that differ from one another.
type filler struct{ n uint64 }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(f.n)
	case reflect.Int64:
		v.SetInt(-int64(f.n))
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.5)
	case reflect.String:
		v.SetString(fmt.Sprintf("t-%d", f.n))
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(f.n & 0xFF)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() { // others do not travel
				f.fill(v.Field(i))
			}
		}
		if p, ok := v.Addr().Interface().(*Payload); ok {
			p.Size = 2
		}
	default:
		panic(v.Kind())
	}
}

func (m *Block) setDigest() {
	m.Digest = BlockDigest(m.Lease.Run, m.Lease.Pack, m.Index, m.Previous, m.Content.Digest)
}

// sample returns a message all of whose fields are set, consistently.
func sample(t Type) Message {
	m := messageTypes[t]()
	f := filler{}
	f.fill(reflect.ValueOf(m).Elem())
	switch m := m.(type) {
	case *Block:
		m.setDigest()
	case *Copy:
		m.Blocks[0].setDigest()
		m.Blocks[1].setDigest()
	case *Fetched:
		m.Blocks[0].setDigest()
		m.Blocks[1].setDigest()
	case *Content:
		m.Chains, m.Draws = 2, 3
		for i := range m.Columns {
			m.Columns[i].DType, m.Columns[i].Elements = F64, 1
			m.Columns[i].Data = bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 6)
		}
	case *Manifest:
		m.Chains, m.Width, m.Super, m.Starts[0].Init, m.Starts[1].Init = 2, 1, 1, 0, 1
		m.Deadline, m.Open = 0, 0
	case *RunStatus:
		m.TimingDependent, m.Late, m.Compile = false, nil, 0
	case *Heartbeat:
		m.Compiled = nil
	}
	return m
}

// later returns the samples whose fields that came later are set too, by their type.
func later() map[Type]Message {
	m, s, h := sample(47).(*Manifest), sample(51).(*RunStatus), sample(56).(*Heartbeat)
	m.Deadline, m.Open = 60_000, 3
	s.TimingDependent, s.Late = true, []LateStatus{{1, 14, []PackID{3, 9}}}
	h.Compiled = []Compilation{{"r1", 1500}, {"r2", 1}}
	return map[Type]Message{47: m, 51: s, 56: h}
}

// numbers returns all types in order.
func numbers() []Type {
	var out []Type
	for n := range messageTypes {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// TestGoldenBytes: messages have the wire form that they had when the golden files were written.
func TestGoldenBytes(t *testing.T) {
	check := func(n Type, m Message, suffix string) {
		b, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, m) {
			t.Errorf("%s: decoded\n%+v\nwant\n%+v", NameOf(m), back, m)
		}
		path := filepath.Join("testdata", "wire", fmt.Sprintf("%02d-%s%s.hex", n, NameOf(m), suffix))
		text := hex.Dump(b)
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(golden) != text {
			t.Errorf("%s: the bytes differ from %s: a change of the wire form needs a new Version\n%s", NameOf(m), path, text)
		}
	}
	for _, n := range numbers() {
		check(n, sample(n), "")
	}
	for n, m := range later() {
		check(n, m, "-later")
	}
	for _, s := range []*RunStatus{later()[51].(*RunStatus), sample(51).(*RunStatus)} {
		s.Compile = 1.5
		check(51, s, map[bool]string{true: "-later-compile", false: "-compile"}[s.TimingDependent])
	}
}

// TestFieldsThatCameLater: they are written where they say something, and nowhere else.
func TestFieldsThatCameLater(t *testing.T) {
	for n, m := range later() {
		full, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Encode(sample(n))
		if err != nil {
			t.Fatal(err)
		}
		body := plain[:len(plain)-checksumBytes]
		if !bytes.HasPrefix(full, body) {
			t.Errorf("%s: fields that came later change those before", NameOf(m))
		}
		silent := append(slices.Clone(body), make([]byte, len(full)-len(plain))...)
		if _, err := Decode(seal(silent)); err == nil || !strings.Contains(err.Error(), "say nothing") && !strings.Contains(err.Error(), "after its end") {
			t.Errorf("%s with fields that say nothing: %v", NameOf(m), err)
		}
		if _, err := Decode(seal(full[:len(body)+1])); err == nil {
			t.Errorf("%s: a part of the fields that came later is read", NameOf(m))
		}
	}
}

// TestNumbersAreBits: NaN and its like survive outside of columns, where all NaN are one.
func TestNumbersAreBits(t *testing.T) {
	odd := math.Float64frombits(0xFFF0000000000123)
	b, err := Encode(&Decision{Run: "r", StepSize: odd})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := math.Float64bits(m.(*Decision).StepSize); got != 0xFFF0000000000123 {
		t.Errorf("NaN became %#x", got)
	}
	raw := binary.LittleEndian.AppendUint64(nil, 0xFFF0000000000123)
	raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(math.Inf(-1)))
	narrow := binary.LittleEndian.AppendUint32(nil, 0xFF800001)
	narrow = binary.LittleEndian.AppendUint32(narrow, math.Float32bits(float32(math.Inf(-1))))
	c := &Content{Chains: 1, Draws: 2, States: make([]EndState, 1), Columns: []Column{{"x", F64, 1, raw}, {"y", F32, 1, narrow}, {"z", U64, 1, raw}}}
	if b, err = Encode(c); err != nil {
		t.Fatal(err)
	}
	if m, err = Decode(b); err != nil {
		t.Fatal(err)
	}
	columns := m.(*Content).Columns
	for i, want := range []string{"000000000000f87f000000000000f0ff", "0000c07f000080ff", hex.EncodeToString(raw)} {
		if got := hex.EncodeToString(columns[i].Data); got != want {
			t.Errorf("column %d: %s, want %s", i, got, want)
		}
	}
	if binary.LittleEndian.Uint64(raw) != 0xFFF0000000000123 {
		t.Error("Encode wrote into the caller's column")
	}
}

// seal gives bytes a right checksum.
func seal(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(slices.Clone(b), crc32.Checksum(b, castagnoli))
}

// TestBadMessages: what is wrong with a message is said.
func TestBadMessages(t *testing.T) {
	good, err := Encode(sample(20))
	if err != nil {
		t.Fatal(err)
	}
	body := good[:len(good)-checksumBytes]
	change := func(at int, v byte) []byte {
		b := slices.Clone(body)
		b[at] = v
		return b
	}
	for _, c := range []struct {
		name, text string
		b          []byte
	}{
		{"empty", "truncated: 0 bytes", nil},
		{"short", "truncated: 7 bytes", good[:7]},
		{"JSON", "begins with byte 0x7b", []byte(`{"run": 1}`)},
		{"version", "of version 2, this program reads version 1", seal(change(1, 2))},
		{"type", "of unknown type 21012", seal(change(3, 0x52))},
		{"cut", "Block: the checksum is wrong", good[:len(good)-1]},
		{"damaged", "Block: the checksum is wrong", append(change(20, 99), good[len(body):]...)},
		{"cut and sealed", "Block: Content.Inline: the message is truncated", seal(body[:len(body)-1])},
		{"more", "Block: 1 bytes after its end", seal(append(slices.Clone(body), 0))},
		{"long token", "Block: Run: a length of 255, at most 64", seal(change(4, 255))},
		{"no token", `Block: Run: ".-3" is no token`, seal(change(8, '.'))},
		{"too long", "at most 786432", seal(append(slices.Clone(body), make([]byte, MaxMessage)...))},
		{"index", "Block: field Digest", seal(change(4+4+3+4+8+4+4, 77))},
		{"flag", "RenewReply: Drain: 2 is none of its 2 values", seal(append([]byte{magic, Version, 14, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 2))},
		{"count", "truncated: 1000 elements in 0 bytes", seal([]byte{magic, Version, 53, 0, 0xE8, 3, 0, 0})},
		{"element", `RunList: Runs[0].Run: "" is no token`, seal([]byte{magic, Version, 53, 0, 1, 0, 0, 0, 0, 0, 0, 0})},
	} {
		_, err := Decode(c.b)
		if err == nil || KindOf(err) != Corrupt || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
}

// TestLimitsOfFields: what is too long is not sent.
func TestLimitsOfFields(t *testing.T) {
	for _, m := range []Message{
		&Failure{Run: NoRun, Text: strings.Repeat("x", maxText+1)},
		&Failure{Run: NoRun, Kind: 200},
		&Failure{Run: "a b"},
		&Failure{Run: NoRun, Text: "\xff"},
		&Submitted{},
		&Content{Chains: 1},
		&Content{Columns: []Column{{Name: "x", Elements: 1 << 31, Data: []byte{1}}}},
		&Manifest{Chains: 2, Width: 3},
		&Manifest{Chains: 1, Width: 1, Super: 1, Block: 1, Thin: 1, Lease: 1, Inits: make([]InitSpec, 1), Starts: make([]StartSpec, 1), Pooled: true, Deadline: 1},
		&Manifest{Chains: 1, Width: 1, Super: 1, Block: 1, Thin: 1, Lease: 1, Inits: make([]InitSpec, 1), Starts: make([]StartSpec, 1), Deadline: 1, Open: 1},
		&Moments{Lease: LeaseRef{Run: "r"}, Worker: "w", Acceptance: []float64{1}},
		&Block{Lease: LeaseRef{Run: "r"}, Worker: "w"},
		&Copy{To: "c", Blocks: []Block{{Lease: LeaseRef{Run: "r"}, Worker: "w"}}},
	} {
		if _, err := Encode(m); KindOf(err) != Invalid || err == nil {
			t.Errorf("%s: %v, want an error that is invalid", NameOf(m), err)
		}
	}
	if f := Fail(Errorf(Refused, "x", "%s", strings.Repeat("ü", maxText))); len(f.Text) != maxText {
		t.Errorf("a text was cut to %d bytes, want %d", len(f.Text), maxText)
	}
}

// TestErrorsSayTheirKindOnce: however often an error is wrapped, or comes over the wire.
func TestErrorsSayTheirKindOnce(t *testing.T) {
	inner := Errorf(Refused, "check", "no key that is trusted")
	outer := Errorf(Refused, "submit", "%w", inner)
	far := Errorf(Refused, "ask", "%s", Fail(outer).Text)
	for _, err := range []error{inner, outer, far} {
		if n := strings.Count(err.Error(), "(refused)"); n != 1 || !strings.HasSuffix(err.Error(), " (refused)") {
			t.Errorf("%q says its kind %d times", err, n)
		}
	}
	if got := Errorf(Unavailable, "ask", "%w", inner).Error(); !strings.HasSuffix(got, "(refused) (unavailable)") {
		t.Errorf("%q lacks a kind", got)
	}
}

// TestOpenChecksTheSender: a message on another's subject is refused.
func TestOpenChecksTheSender(t *testing.T) {
	for _, n := range numbers() {
		s, ok := sample(n).(Sealed)
		if !ok {
			b, err := Encode(sample(n))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(Envelope{Payload: b}); KindOf(err) != Refused {
				t.Errorf("%s: %v, want an error that is refused", NameOf(sample(n)), err)
			}
			continue
		}
		e, err := Seal(s)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Open(e); err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("%s: %+v, %v", NameOf(s), back, err)
		}
		if parsed, err := ParseSubject(e.Subject.String()); err != nil || parsed != e.Subject {
			t.Errorf("%s: its subject is parsed as %+v, %v", NameOf(s), parsed, err)
		}
		for _, other := range []Subject{{Channel: e.Subject.Channel, Run: "other", Party: "other", Verb: "other"}, {Channel: Heartbeats, Party: "x"}} {
			if _, err := Open(Envelope{Subject: other, Payload: e.Payload}); KindOf(err) != Refused {
				t.Errorf("%s on %s: %v, want an error that is refused", NameOf(s), other, err)
			}
		}
	}
}

// FuzzDecode: any bytes are a message or an error, and a message has one encoding.
func FuzzDecode(f *testing.F) {
	for _, n := range numbers() {
		b, err := Encode(sample(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[2 : len(b)-checksumBytes])
	}
	for _, m := range later() {
		b, err := Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[2 : len(b)-checksumBytes])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		raw := append([]byte{magic, Version}, body...)
		if _, err := Decode(raw); err == nil && len(raw) < headerBytes+checksumBytes {
			t.Fatal("a message of a few bytes")
		}
		b := seal(raw)
		m, err := Decode(b)
		if err != nil {
			if KindOf(err) != Corrupt {
				t.Fatalf("%v: want an error that is corrupt", err)
			}
			return
		}
		again, err := Encode(m)
		if _, ok := m.(*Content); ok { // whose NaN become canonical
			return
		}
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s: encoded again it is\n%x, %v\nnot\n%x", NameOf(m), again, err, b)
		}
	})
}
