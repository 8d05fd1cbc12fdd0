package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// trialHolds is how long the certificates of a trial are good.
const trialHolds = 365 * 24 * time.Hour

// AuthorityDir is the directory of the authority's own key in a trial set: keep it away from the cluster.
const AuthorityDir = "authority"

// WriteTrial writes the credentials of a whole cluster: a directory for each role, for Load, and one of the authority. The
// client's has a signing key, the coordinator's and the worker's the trust root that it belongs to. Hosts are where
// coordinators and servers are reached. The directory must be empty or not there.
func WriteTrial(dir string, hosts []string, now time.Time) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("trust: %s is not empty: choose another directory", dir)
	}
	authority, err := NewAuthority(now, trialHolds)
	if err != nil {
		return err
	}
	own, err := authority.Pair()
	if err != nil {
		return err
	}
	signing, err := NewSigningKey()
	if err != nil {
		return err
	}
	private, public, err := signing.PEM()
	if err != nil {
		return err
	}
	if err := writePair(filepath.Join(dir, AuthorityDir), own); err != nil {
		return err
	}
	for _, role := range Roles() {
		pair, err := authority.Issue(now, Identity{role, string(role)}, hosts)
		if err != nil {
			return err
		}
		at := filepath.Join(dir, string(role))
		errs := []error{writePair(at, pair), write(at, AuthorityFile, own.Cert)}
		switch role {
		case Coordinator, Worker:
			errs = append(errs, write(at, RootFile, public))
		case Client:
			errs = append(errs, write(at, SigningFile, private))
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

func writePair(dir string, p Pair) error {
	return errors.Join(write(dir, CertFile, p.Cert), write(dir, KeyFile, p.Key))
}

// write writes a file that only its owner reads: it may be a key.
func write(dir, name string, text []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("trust: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		return fmt.Errorf("trust: %w", err)
	}
	return nil
}
