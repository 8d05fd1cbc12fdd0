package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Files of a directory of credentials; the first three have the names that Kubernetes and cert-manager give them.
const (
	AuthorityFile = "ca.crt"
	CertFile      = "tls.crt"
	KeyFile       = "tls.key"
	RootFile      = "trust.pem"   // public keys whose signatures count; not there: runs need none
	SigningFile   = "signing.pem" // of who submits
)

// Credentials are what a process shows, and what it wants to be shown.
type Credentials struct {
	Identity Identity
	Root     *Root       // nil without RootFile
	Signing  *SigningKey // nil without SigningFile

	cert      tls.Certificate
	authority *x509.CertPool
}

// Load reads a directory of credentials. A certificate that does not hold now is an error: the other sides would refuse it.
func Load(dir string) (*Credentials, error) {
	c := &Credentials{authority: x509.NewCertPool()}
	ca, err := os.ReadFile(filepath.Join(dir, AuthorityFile))
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	if !c.authority.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("trust: %s has no certificate in PEM form", filepath.Join(dir, AuthorityFile))
	}
	if c.cert, err = tls.LoadX509KeyPair(filepath.Join(dir, CertFile), filepath.Join(dir, KeyFile)); err != nil {
		return nil, fmt.Errorf("trust: the certificate in %s: %w", dir, err)
	}
	if now := time.Now(); now.Before(c.cert.Leaf.NotBefore) || now.After(c.cert.Leaf.NotAfter) {
		return nil, fmt.Errorf("trust: the certificate in %s holds from %s to %s: make a new one", dir, c.cert.Leaf.NotBefore.Format(time.DateTime), c.cert.Leaf.NotAfter.Format(time.DateTime))
	}
	if c.Identity, err = IdentityOf(c.cert.Leaf); err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, dir)
	}
	if text, err := optional(filepath.Join(dir, RootFile)); err != nil {
		return nil, err
	} else if text != nil {
		if c.Root, err = ParseRoot(text); err != nil {
			return nil, fmt.Errorf("%w (in %s)", err, dir)
		}
	}
	if text, err := optional(filepath.Join(dir, SigningFile)); err != nil {
		return nil, err
	} else if text != nil {
		if c.Signing, err = ParseSigningKey(text); err != nil {
			return nil, fmt.Errorf("%w (in %s)", err, dir)
		}
	}
	return c, nil
}

// optional returns the text of a file, nil if there is none.
func optional(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	return text, nil
}

// ClientTLS returns what connects to the NATS servers of the cluster.
func (c *Credentials) ClientTLS() *tls.Config {
	t := c.base()
	t.VerifyConnection = c.asks(Coordinator, Server)
	return t
}

// ServerTLS returns what listens for parties of all roles.
func (c *Credentials) ServerTLS() *tls.Config {
	t := c.base()
	t.ClientAuth, t.ClientCAs = tls.RequireAndVerifyClientCert, c.authority
	return t
}

// PeerTLS returns what coordinators listen and dial with among themselves: nobody else's certificate is taken on either side.
func (c *Credentials) PeerTLS() *tls.Config {
	t := c.ServerTLS()
	t.VerifyConnection = c.asks(Coordinator)
	return t
}

func (c *Credentials) base() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.cert}, RootCAs: c.authority}
}

// asks returns a check that the other side, whose certificate has been verified, has one of some roles.
func (c *Credentials) asks(roles ...Role) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		id, err := IdentityOf(s.PeerCertificates[0])
		if err != nil {
			return err
		}
		for _, r := range roles {
			if id.Role == r {
				return nil
			}
		}
		return fmt.Errorf("trust: the other side, %s, is a %s: want a %s", id.Name, id.Role, roles[0])
	}
}
