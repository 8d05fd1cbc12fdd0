package transport

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what an error means to whoever sent the message. The list is closed and only ever appended to: it travels.
type Kind uint8

// The kinds of errors. Only Unavailable is worth a retry of the same message.
const (
	Internal    Kind = iota // a fault of the program: report it
	Invalid                 // the message, the subject or the arguments are wrong; no retry helps
	NotFound                // no such run, pack, object or stream
	StaleEpoch              // the lease belongs to another worker by now: drop the pack
	Unavailable             // nobody answered, or there is no room yet. What was asked may have happened
	Corrupt                 // the bytes are not what was sent: damaged, truncated, or of another version
	Refused                 // not allowed: signature, credentials or replay class
)

var kindNames = []string{"internal", "invalid", "not found", "stale epoch", "unavailable", "corrupt", "refused"}

// String returns the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is an error that crosses the wire with its kind.
type Error struct {
	Kind Kind
	Op   string // what was done: "publish", "lease"; may be empty
	Run  RunID  // the run it is about, if it is about one
	Err  error
}

// Errorf returns an Error with a formatted text.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Err: fmt.Errorf(format, args...)}
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("transport: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.Run != "" {
		b.WriteString("run " + string(e.Run) + ": ")
	}
	text, kind := strings.TrimPrefix(fmt.Sprint(e.Err), "transport: "), " ("+e.Kind.String()+")"
	b.WriteString(strings.TrimSuffix(text, kind) + kind) // said once, where it wraps another of its kind or repeats what came over the wire
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error that err wraps, Internal if there is none. A context that has ended is
// Unavailable.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if isContext(err) {
		return Unavailable
	}
	return Internal
}
