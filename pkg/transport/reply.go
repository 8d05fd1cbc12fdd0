package transport

import (
	"context"
	"errors"
)

// maxText bounds what people read: reasons, names, log lines.
const maxText = 4 << 10

// Command identifies a request, so that carrying it out twice is carrying it out once. A party counts its commands from 0
// and takes a new, larger Incarnation when it forgets where it was.
type Command struct {
	Party       PartyID // who asks
	Incarnation uint64  // of the party's process
	Sequence    uint64  // of the command within it
}

func (m *Command) visit(c *codec) {
	outer := c.where
	c.where += "Command."
	c.party("Party", &m.Party)
	c.u64("Incarnation", &m.Incarnation)
	c.u64("Sequence", &m.Sequence)
	c.where = outer
}

// Done replies that a request was carried out, and that there is nothing else to say.
type Done struct{}

func (m *Done) fields(*codec) {}

// Failure replies that a request was not carried out.
type Failure struct {
	Kind Kind   // of the error
	Op   string // what was done
	Run  RunID  // the run it is about, or NoRun
	Text string // what is wrong and what to do
}

func (m *Failure) fields(c *codec) {
	c.choice("Kind", (*uint8)(&m.Kind), uint8(len(kindNames)))
	c.text("Op", &m.Op, MaxToken)
	c.run("Run", &m.Run)
	c.text("Text", &m.Text, maxText)
}

// Fail returns the reply for an error; a long text is cut.
func Fail(err error) *Failure {
	f := &Failure{Kind: KindOf(err), Run: NoRun, Text: err.Error()}
	var e *Error
	if errors.As(err, &e) {
		f.Op, f.Run, f.Text = e.Op, or(e.Run, NoRun), e.Err.Error()
	}
	f.Op, f.Text = cut(f.Op, MaxToken), cut(f.Text, maxText)
	return f
}

// cut returns at most n bytes of a text, as UTF-8.
func cut(text string, n int) string {
	out := make([]byte, 0, min(n, len(text)))
	for _, r := range text { // an illegal byte becomes the replacement character
		if next := string(r); len(out)+len(next) <= n {
			out = append(out, next...)
			continue
		}
		break
	}
	return string(out)
}

// Err returns the error that Fail was given, as far as it travels.
func (m *Failure) Err() error {
	e := &Error{Kind: m.Kind, Op: m.Op, Run: m.Run, Err: errors.New(m.Text)}
	if e.Run == NoRun {
		e.Run = ""
	}
	return e
}

// Ask sends a request and returns the reply, which is of type R. A Failure comes back as its error.
func Ask[R Message](ctx context.Context, t Transport, request Sealed) (R, error) {
	var zero R
	e, err := Seal(request)
	if err != nil {
		return zero, err
	}
	payload, err := t.Request(ctx, e)
	if err != nil {
		return zero, err
	}
	m, err := Decode(payload)
	if err != nil {
		return zero, err
	}
	if f, ok := m.(*Failure); ok {
		return zero, f.Err()
	}
	if reply, ok := m.(R); ok {
		return reply, nil
	}
	return zero, Errorf(Corrupt, e.Subject.Verb, "the reply is %s: run the same version of drey everywhere", NameOf(m))
}

// Answer encodes a reply, or a Failure for err if it is not nil, and sends it.
func Answer(ctx context.Context, r Received, reply Message, err error) error {
	if err != nil {
		reply = Fail(err)
	}
	payload, err := Encode(reply)
	if err == nil {
		return r.Reply(ctx, payload)
	}
	failure, other := Encode(Fail(err)) // who asked would wait for nothing
	if other == nil {
		other = r.Reply(ctx, failure)
	}
	return errors.Join(err, other)
}

// Send seals a message and publishes it.
func Send(ctx context.Context, t Transport, m Sealed) error {
	e, err := Seal(m)
	if err != nil {
		return err
	}
	return t.Publish(ctx, e)
}
