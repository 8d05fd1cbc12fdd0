package nats

import (
	"crypto/subtle"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats-server/v2/server"
)

// gate lets connections in, or not.
type gate struct {
	secret string
	admit  func(Claim) (*Permissions, error)
	log    *slog.Logger
}

// Check implements server.Authentication.
func (g *gate) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	if subtle.ConstantTimeCompare([]byte(o.Password), []byte(g.secret)) == 1 {
		c.RegisterUser(&server.User{Username: o.Username})
		return true
	}
	p, err := g.admit(Claim{o.Username, o.Password, c.GetTLSConnectionState(), c.RemoteAddress()})
	if err != nil {
		if g.log != nil {
			g.log.Warn("connection refused", "party", o.Username, "from", c.RemoteAddress(), "reason", err)
		}
		return false
	}
	user := &server.User{Username: o.Username}
	if p != nil {
		user.Permissions = &server.Permissions{
			Publish: &server.SubjectPermission{Allow: p.Publish}, Subscribe: &server.SubjectPermission{Allow: p.Subscribe},
		}
	}
	c.RegisterUser(user)
	return true
}

// lines hands a server's lines to a logger. What it calls an error is mostly a client's.
type lines struct{ log *slog.Logger }

func (l lines) Noticef(format string, v ...any) {
	l.log.Debug("nats", "line", fmt.Sprintf(format, v...))
}
func (l lines) Warnf(format string, v ...any)  { l.log.Warn("nats", "line", fmt.Sprintf(format, v...)) }
func (l lines) Errorf(format string, v ...any) { l.log.Warn("nats", "line", fmt.Sprintf(format, v...)) }
func (l lines) Fatalf(format string, v ...any) {
	l.log.Error("nats", "line", fmt.Sprintf(format, v...))
}
func (l lines) Debugf(string, ...any) {}
func (l lines) Tracef(string, ...any) {}
