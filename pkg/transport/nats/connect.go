package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/drey-sampler/drey/pkg/transport"
)

// Config says how to connect.
type Config struct {
	URL      string            // of the server, or several with commas between
	Server   *Server           // one in this process, instead of a URL
	Party    transport.PartyID // who connects, and the user's name: replies come to inboxes of its name
	Password string            // if the server wants one; a user and password in URL come before
	TLS      *tls.Config       // nil for none
}

// inboxes is the prefix of the subjects of replies; the party's name follows, so that nobody reads another's.
const inboxes = "drey.inbox."

// connection is a transport over a connection to a server.
type connection struct {
	conn *client.Conn
	js   jetstream.JetStream
	done chan struct{} // closed by Close

	mu      sync.Mutex // guards the fields below
	closed  bool
	open    map[transport.Subscription]bool
	refused map[*context.CancelCauseFunc]string // what is under way, by subject: ended if the server refuses it
}

var _ transport.Transport = (*connection)(nil)

// Connect connects to a server whose streams Prepare has made. The connection is made anew whenever it is lost, until Close.
func Connect(ctx context.Context, cfg Config) (transport.Transport, error) {
	return connect(ctx, cfg)
}

func connect(ctx context.Context, cfg Config) (*connection, error) {
	if !transport.IsToken(string(cfg.Party)) {
		return nil, transport.Errorf(transport.Invalid, "connect", "%q is no name of a party: 1 to %d letters, digits, - and _", cfg.Party, transport.MaxToken)
	}
	c := &connection{done: make(chan struct{}), open: map[transport.Subscription]bool{}, refused: map[*context.CancelCauseFunc]string{}}
	options := []client.Option{
		client.Name("drey " + string(cfg.Party)), client.CustomInboxPrefix(inboxes + string(cfg.Party)),
		client.PingInterval(pingInterval), client.MaxPingsOutstanding(lostPings), client.MaxReconnects(-1),
		client.ReconnectWait(reconnectWait), client.ErrorHandler(c.problem), client.IgnoreAuthErrorAbort(),
	}
	if deadline, ok := ctx.Deadline(); ok {
		options = append(options, client.Timeout(time.Until(deadline)))
	}
	if cfg.Server != nil {
		cfg.Password = cfg.Server.secret
	} else if cfg.TLS != nil {
		options = append(options, client.Secure(cfg.TLS))
	}
	options = append(options, client.UserInfo(string(cfg.Party), cfg.Password))
	switch {
	case cfg.Server != nil:
		options = append(options, client.InProcessServer(cfg.Server.server))
	case cfg.URL == "":
		return nil, transport.Errorf(transport.Invalid, "connect", "%w", errNoServer)
	default:
		if err := CheckURL(cfg.URL); err != nil {
			return nil, err
		}
	}
	var err error
	if c.conn, err = client.Connect(cfg.URL, options...); err != nil {
		return nil, fault("connect", err)
	}
	if c.js, err = jetstream.New(c.conn); err != nil {
		c.conn.Close()
		return nil, fault("connect", err)
	}
	return c, nil
}

// schemes are those of URLs that a NATS server is reached at.
var schemes = []string{"nats", "tls", "ws", "wss"}

// CheckURL returns an error of kind Invalid unless all URLs of a list, with commas between, are of NATS servers.
func CheckURL(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(word))
		if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" {
			return transport.Errorf(transport.Invalid, "connect", "%q is no URL of a cluster: want nats://HOST:PORT", word)
		}
	}
	return nil
}

// Redacted returns URLs, with commas between, without the passwords and tokens in them: for logs and messages.
func Redacted(list string) string {
	words := strings.Split(list, ",")
	for i, word := range words {
		if u, err := url.Parse(strings.TrimSpace(word)); err == nil && u.User != nil {
			if _, ok := u.User.Password(); !ok { // a token
				u.User = url.User("xxxxx")
			}
			words[i] = u.Redacted()
		}
	}
	return strings.Join(words, ",")
}

// A server whose machine is gone, or whose process sleeps, says nothing: after lostPings pings without an answer a connection to it
// is lost, and another server of the cluster is tried while leases still last.
const (
	pingInterval = 3 * time.Second
	lostPings    = 2
)

// reconnectWait is the pause between attempts to connect again: short beside a lease, long beside an attempt.
const reconnectWait = 200 * time.Millisecond

// problem hears of errors that belong to no call. A refused publication ends the call that waits for its confirmation.
func (c *connection) problem(_ *client.Conn, _ *client.Subscription, err error) {
	if !errors.Is(err, client.ErrPermissionViolation) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for cancel, subject := range c.refused {
		if strings.Contains(err.Error(), `"`+subject+`"`) {
			(*cancel)(transport.Errorf(transport.Refused, "publish", "the server does not let this user publish on %s", subject))
		}
	}
}

// refusable returns a context that ends when the server refuses to let a subject be published on, or the connection is
// closed.
func (c *connection) refusable(ctx context.Context, subject string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	key := &cancel
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused[key] = subject
	if c.closed {
		cancel(errClosed("publish"))
	}
	return ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.refused, key)
		cancel(nil)
	}
}

// errClosed is what everything returns after Close.
func errClosed(op string) error {
	return transport.Errorf(transport.Unavailable, op, "the connection or the subscription is closed")
}

// fault gives an error of the client or the server its kind.
func fault(op string, err error) error {
	var own *transport.Error
	if errors.As(err, &own) {
		return err
	}
	kind := transport.Unavailable
	var untrusted *tls.CertificateVerificationError
	var alert *net.OpError // where crypto/tls puts what the other side objects to
	switch {
	case errors.As(err, &untrusted), errors.As(err, &alert) && alert.Op == "remote error":
		kind = transport.Refused
	case isAny(err, jetstream.ErrObjectNotFound, jetstream.ErrBucketNotFound, jetstream.ErrStreamNotFound, jetstream.ErrConsumerNotFound):
		kind = transport.NotFound
	case isAny(err, client.ErrPermissionViolation, client.ErrAuthorization, client.ErrAuthExpired):
		kind = transport.Refused
	case isAny(err, client.ErrMaxPayload, client.ErrBadSubject):
		kind = transport.Invalid
	case isAny(err, jetstream.ErrDigestMismatch):
		kind = transport.Corrupt
	}
	return transport.Errorf(kind, op, "%w", err)
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

func (c *connection) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	close(c.done)
	subscriptions := make([]transport.Subscription, 0, len(c.open))
	for s := range c.open {
		subscriptions = append(subscriptions, s)
	}
	for cancel := range c.refused {
		(*cancel)(errClosed("publish"))
	}
	c.mu.Unlock()
	var errs []error
	for _, s := range subscriptions {
		errs = append(errs, s.Close())
	}
	c.conn.Close()
	return errors.Join(errs...)
}

// adopt notes a new subscription, to be closed with the connection.
func (c *connection) adopt(s transport.Subscription) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed("subscribe")
	}
	c.open[s] = true
	return nil
}

func (c *connection) forget(s transport.Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, s)
}
