package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/drey-sampler/drey/pkg/transport"
)

// SigningKey signs the manifests of runs, which name programs and data by digest.
type SigningKey struct{ key ed25519.PrivateKey }

// NewSigningKey makes a key.
func NewSigningKey() (*SigningKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	return &SigningKey{key}, nil
}

// ParseSigningKey reads a key as PEM has it, PKCS #8.
func ParseSigningKey(text []byte) (*SigningKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("trust: no PRIVATE KEY in PEM form: want an Ed25519 key as drey certs and openssl genpkey make them")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("trust: the signing key: %w", err)
	}
	if k, ok := key.(ed25519.PrivateKey); ok {
		return &SigningKey{k}, nil
	}
	return nil, fmt.Errorf("trust: the signing key is a %T: want an Ed25519 key", key)
}

// PEM returns the key as ParseSigningKey reads it, and its public part for a Root.
func (k *SigningKey) PEM() (private, public []byte, err error) {
	secret, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, nil, fmt.Errorf("trust: %w", err)
	}
	open, err := x509.MarshalPKIXPublicKey(k.key.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("trust: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}), nil
}

// Sign returns the public key and the signature of a manifest, as transport.Submit carries them.
func (k *SigningKey) Sign(manifest []byte) (key, signature []byte) {
	return k.key.Public().(ed25519.PublicKey), ed25519.Sign(k.key, manifest)
}

// Root is the public keys whose signatures count. A nil Root lets everything pass, a Root without keys nothing.
type Root struct{ keys []ed25519.PublicKey }

// ParseRoot reads public keys as PEM has them, one after another.
func ParseRoot(text []byte) (*Root, error) {
	r := &Root{}
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("trust: key %d of the trust root: %w", len(r.keys), err)
		}
		k, ok := key.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("trust: key %d of the trust root is a %T: want Ed25519 keys", len(r.keys), key)
		}
		r.keys, text = append(r.keys, k), rest
	}
	if len(r.keys) == 0 {
		return nil, fmt.Errorf("trust: the trust root has no PUBLIC KEY in PEM form")
	}
	return r, nil
}

// Verify returns an error of kind Refused unless a key of the root has signed the manifest.
func (r *Root) Verify(manifest, key, signature []byte) error {
	if r == nil {
		return nil
	}
	if len(signature) == 0 {
		return transport.Errorf(transport.Refused, "verify", "the run is not signed: submit it with a signing key that this cluster trusts (signing.pem, beside the certificate)")
	}
	for _, k := range r.keys {
		if !k.Equal(ed25519.PublicKey(key)) {
			continue
		}
		if ed25519.Verify(k, manifest, signature) {
			return nil
		}
		return transport.Errorf(transport.Refused, "verify", "the signature is not of this run: it was changed after it was signed")
	}
	return transport.Errorf(transport.Refused, "verify", "the run is signed by a key that is not in the trust root (trust.pem of coordinators and workers)")
}
