// Package client is a person's side of a cluster: it submits runs, watches them, and fetches what they made.
package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drey-sampler/drey/internal/trust"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// Client is a connection of a person to a cluster. Its methods may be called from several goroutines; they repeat what a
// cluster without a leader does not answer, until ctx ends.
type Client struct {
	transport   transport.Transport
	party       transport.PartyID
	incarnation uint64
	sequence    atomic.Uint64
	signing     *trust.SigningKey // nil: runs are not signed

	// Waiting is told, once for each request, that the cluster has not answered it for a while, and why; nil is told nothing. It is
	// set before the client is used.
	Waiting func(reason error)
}

// New returns a client over a transport, as a party that no other process is. With a signing key it signs what it submits.
func New(t transport.Transport, party transport.PartyID, signing *trust.SigningKey) (*Client, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{transport: t, party: party, incarnation: binary.LittleEndian.Uint64(b[:]), signing: signing}, nil
}

// dialTime is how long a cluster may take to let a client in.
const dialTime = 10 * time.Second

// Dial connects to the cluster at a URL, or several with commas between. Credentials are nil where it wants none.
func Dial(ctx context.Context, at string, credentials *trust.Credentials) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	party, err := trust.NewParty(credentials, "client")
	if err != nil {
		return nil, err
	}
	cfg := nats.Config{URL: at, Party: party}
	var signing *trust.SigningKey
	if credentials != nil {
		cfg.TLS, signing = credentials.ClientTLS(), credentials.Signing
		if role := credentials.Identity.Role; role != trust.Client && role != trust.Coordinator {
			return nil, transport.Errorf(transport.Invalid, "connect", "the credentials are those of a %s, not of a client", role)
		}
	}
	if err := nats.CheckURL(at); err != nil {
		return nil, err
	}
	t, err := nats.Connect(ctx, cfg)
	at = nats.Redacted(at)
	switch kind := transport.KindOf(err); {
	case err == nil:
	case kind == transport.Unavailable:
		return nil, fmt.Errorf("client: nobody answers at %s: is a coordinator running there (drey coordinator), and is its port open? (%w)", at, inner(err))
	case kind == transport.Refused && credentials == nil:
		return nil, fmt.Errorf("client: the cluster at %s wants credentials: --certs DIR, or DREY_CERTS in the environment (%w)", at, inner(err))
	case kind == transport.Refused:
		return nil, fmt.Errorf("client: the cluster at %s does not take these credentials, or they do not know it: they have to be of its authority, as drey certs makes them all at once (%w)", at, inner(err))
	default:
		return nil, fmt.Errorf("client: connect to the cluster at %s: %w", at, inner(err))
	}
	c, err := New(t, party, signing)
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return c, nil
}

// inner returns what an error of a transport is about.
func inner(err error) error {
	if e := (*transport.Error)(nil); errors.As(err, &e) && e.Err != nil {
		return e.Err
	}
	return err
}

// Close ends the connection.
func (c *Client) Close() error { return c.transport.Close() }

// command returns the identity of a new request.
func (c *Client) command() transport.Command {
	return transport.Command{Party: c.party, Incarnation: c.incarnation, Sequence: c.sequence.Add(1)}
}

// Times of requests.
const (
	replyTime  = 5 * time.Second // after which a request is taken for lost
	silence    = 3 * time.Second // after which people should know that there is no answer
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// ask sends a request, again and again while nobody answers: a request that comes twice is carried out once.
func ask[R transport.Message](ctx context.Context, c *Client, request transport.Sealed, within time.Duration) (R, error) {
	begun, told := time.Now(), c.Waiting == nil
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		once, cancel := context.WithTimeout(ctx, within)
		reply, err := transport.Ask[R](once, c.transport, request)
		cancel()
		if err == nil || transport.KindOf(err) != transport.Unavailable {
			return reply, err
		}
		if !told && time.Since(begun) >= silence {
			told = true
			c.Waiting(inner(err))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return reply, fmt.Errorf("client: the cluster does not answer: %w; the last attempt: %w", context.Cause(ctx), err)
		}
	}
}

// Ready waits until the cluster answers: what a run needs can be put then.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.Runs(ctx)
	return err
}

// Put is where Submit's caller stores programs and data.
func (c *Client) Put() transport.Objects { return c.transport.Objects(transport.Inputs) }

// Submit begins the run of a manifest, whose programs and data have been put. The name is for people, and may be empty.
func (c *Client) Submit(ctx context.Context, m *transport.Manifest, name string) (transport.RunID, error) {
	text, err := transport.Encode(m)
	if err != nil {
		return "", err
	}
	request := &transport.Submit{Command: c.command(), Name: name}
	if c.signing != nil {
		request.Key, request.Signature = c.signing.Sign(text)
	}
	if request.Manifest, err = transport.Pack(ctx, c.Put(), text); err != nil {
		return "", err
	}
	reply, err := ask[*transport.Submitted](ctx, c, request, replyTime)
	if err != nil {
		return "", err
	}
	return reply.Run, nil
}

// Find returns the run that a word means: an id, a name, of which the latest counts, or the beginning of one id alone.
func (c *Client) Find(ctx context.Context, word string) (transport.RunSummary, error) {
	runs, err := c.Runs(ctx)
	if err != nil {
		return transport.RunSummary{}, err
	}
	slices.Reverse(runs) // the latest first
	var begins []transport.RunSummary
	for _, r := range runs {
		switch {
		case string(r.Run) == word, r.Name == word && word != "":
			return r, nil
		case strings.HasPrefix(string(r.Run), word):
			begins = append(begins, r)
		}
	}
	none := func(format string, args ...any) error {
		return transport.Errorf(transport.NotFound, "find", format, args...)
	}
	switch {
	case len(begins) == 1 && word != "":
		return begins[0], nil
	case len(begins) > 1 && word != "":
		return transport.RunSummary{}, none("%d runs begin with %q: name one by its whole id: %s", len(begins), word, listOf(begins))
	case len(runs) == 0:
		return transport.RunSummary{}, none("the cluster has no run %q: it has none yet (drey submit begins one)", word)
	}
	return transport.RunSummary{}, none("the cluster has no run %q: it has %s", word, listOf(runs))
}

// listed is how many runs an error names.
const listed = 5

// listOf names the first of some runs.
func listOf(runs []transport.RunSummary) string {
	var names []string
	for _, r := range runs {
		if len(names) == listed {
			names = append(names, fmt.Sprintf("%d more (drey ls)", len(runs)-listed))
			break
		}
		names = append(names, fmt.Sprintf("%s (%s)", r.Run, r.State))
	}
	return strings.Join(names, ", ")
}

// Runs returns all runs, the latest last.
func (c *Client) Runs(ctx context.Context) ([]transport.RunSummary, error) {
	reply, err := ask[*transport.RunList](ctx, c, &transport.Runs{Command: c.command()}, replyTime)
	if err != nil {
		return nil, err
	}
	return reply.Runs, nil
}

// Workers returns all workers, by name.
func (c *Client) Workers(ctx context.Context) ([]transport.WorkerSummary, error) {
	reply, err := ask[*transport.WorkerList](ctx, c, &transport.Workers{Command: c.command()}, replyTime)
	if err != nil {
		return nil, err
	}
	return reply.Workers, nil
}

// Status returns how a run is.
func (c *Client) Status(ctx context.Context, run transport.RunID) (*transport.RunStatus, error) {
	return ask[*transport.RunStatus](ctx, c, &transport.Status{Command: c.command(), Run: run}, replyTime)
}

// Stop ends a run after the blocks that its foremost pack has.
func (c *Client) Stop(ctx context.Context, run transport.RunID, reason string) error {
	return c.done(ctx, &transport.Stop{Command: c.command(), Run: run, Reason: reason})
}

// Extend has a run go on until each chain has target draws.
func (c *Client) Extend(ctx context.Context, run transport.RunID, target uint64) error {
	return c.done(ctx, &transport.Extend{Command: c.command(), Run: run, Target: target})
}

// Resume has a run go on that was stopped or failed.
func (c *Client) Resume(ctx context.Context, run transport.RunID) error {
	return c.done(ctx, &transport.Resume{Command: c.command(), Run: run})
}

// Drain asks a worker to hand its packs over and finish.
func (c *Client) Drain(ctx context.Context, worker transport.PartyID) error {
	return c.done(ctx, &transport.DrainWorker{Command: c.command(), Worker: worker})
}

func (c *Client) done(ctx context.Context, request transport.Sealed) error {
	_, err := ask[*transport.Done](ctx, c, request, replyTime)
	return err
}
