package coordinator

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

// FuzzCommand: bytes that are a command have no other form, and no command breaks a machine.
func FuzzCommand(f *testing.F) {
	for _, cmd := range samples() {
		f.Add(EncodeCommand(cmd))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cmd, err := DecodeCommand(b)
		if err != nil {
			return
		}
		if again := EncodeCommand(cmd); !bytes.Equal(again, b) {
			t.Fatalf("%x comes back as %x", b, again)
		}
		m := midRun(&testing.T{})
		m.Apply(cmd)
		if _, err := Decode(m.Encode()); err != nil {
			t.Fatalf("after %+v: %v", cmd, err)
		}
	})
}

// FuzzSnapshot: bytes that are a snapshot have no other form, and commands do not break its machine. The digest at the end is made
// right, so that what is behind it is tried.
func FuzzSnapshot(f *testing.F) {
	seed := midRun(&testing.T{}).Encode()
	f.Add(seed[:len(seed)-sha256.Size])
	f.Add(new(Machine).Encode()[:24])
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha256.Sum256(b)
		b = append(b[:len(b):len(b)], sum[:]...)
		m, err := Decode(b)
		if err != nil {
			return
		}
		if again := m.Encode(); !bytes.Equal(again, b) {
			t.Fatalf("%x comes back as %x", b, again)
		}
		for _, cmd := range samples() {
			m.Apply(cmd)
		}
		m.Due()
		for _, id := range m.Runs() {
			m.Run(id)
			for _, cmd := range []Command{&Stop{CommandID{9}, id}, &Resume{CommandID{8}, id}, &Extend{CommandID{7}, id, 2000}} {
				m.Apply(cmd)
			}
		}
		m.Apply(&Tick{m.Term() + 1, 0})
		for ms := range uint64(3) {
			m.Apply(&Tick{m.Term(), 1000 * (ms + 1)})
		}
	})
}
