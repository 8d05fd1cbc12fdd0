package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority signs the certificates of a cluster.
type Authority struct {
	cert *x509.Certificate
	der  []byte
	key  *ecdsa.PrivateKey
}

// Pair is a certificate and its key, both as PEM.
type Pair struct{ Cert, Key []byte }

// early is how much before now a certificate begins to hold, for clocks that are behind.
const early = 10 * time.Minute

// NewAuthority makes an authority that holds for a time from now on.
func NewAuthority(now time.Time, holds time.Duration) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	template, err := blank(now, holds, pkix.Name{CommonName: "drey trial authority"})
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	a := &Authority{key: key}
	if a.der, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key); err == nil {
		a.cert, err = x509.ParseCertificate(a.der)
	}
	if err != nil {
		return nil, fmt.Errorf("trust: make an authority: %w", err)
	}
	return a, nil
}

// Pair returns the authority's own certificate, which everybody needs, and its key, which nobody else does.
func (a *Authority) Pair() (Pair, error) { return encode(a.der, a.key) }

// Issue makes a certificate for an identity, as long as the authority's. Hosts are the names and addresses where others
// reach its owner, if they do.
func (a *Authority) Issue(now time.Time, id Identity, hosts []string) (Pair, error) {
	template, err := blank(now, a.cert.NotAfter.Sub(now), pkix.Name{CommonName: id.Name, OrganizationalUnit: []string{string(id.Role)}})
	if err != nil {
		return Pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if id.Role == Coordinator || id.Role == Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		for _, h := range hosts {
			if ip := net.ParseIP(h); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, h)
			}
		}
	}
	if _, err := IdentityOf(template); err != nil {
		return Pair{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("trust: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("trust: make a certificate for %s: %w", id.Name, err)
	}
	return encode(der, key)
}

// blank returns what all certificates begin with.
func blank(now time.Time, holds time.Duration, subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: now.Add(-early), NotAfter: now.Add(holds)}, nil
}

func encode(der []byte, key *ecdsa.PrivateKey) (Pair, error) {
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("trust: %w", err)
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}
