package trust

import (
	"errors"
	"fmt"

	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/nats"
)

// Admit decides about a connection to a server that listens with ServerTLS: by its certificate, which TLS has verified. It is
// for nats.ServerConfig.
func Admit(c nats.Claim) (*nats.Permissions, error) {
	if c.TLS == nil || len(c.TLS.PeerCertificates) == 0 {
		return nil, errors.New("trust: the connection shows no certificate")
	}
	id, err := IdentityOf(c.TLS.PeerCertificates[0])
	if err != nil {
		return nil, err
	}
	party := transport.PartyID(c.User)
	if !id.Covers(party) {
		return nil, fmt.Errorf("trust: the certificate of %s %s does not cover party %.80s: it covers %s and %s-…", id.Role, id.Name, party, id.Name, id.Name)
	}
	s, err := SubjectsOf(id.Role, party)
	if err != nil || s == nil {
		return nil, err
	}
	return &nats.Permissions{Publish: s.Publish, Subscribe: s.Subscribe}, nil
}
