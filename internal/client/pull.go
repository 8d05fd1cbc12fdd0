package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// pullTime is how long a coordinator may take to put a run's files where they can be fetched.
const pullTime = 10 * time.Minute

// Pull writes the directory of a run, as far as its ledger is, which drey's other commands read. The directory must be empty or
// not there.
func (c *Client) Pull(ctx context.Context, run transport.RunID, dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("client: %s is not empty: choose another directory", dir)
	}
	files, err := ask[*transport.Pulled](ctx, c, &transport.Pull{Command: c.command(), Run: run}, pullTime)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	for _, f := range files.Files {
		if err := c.fetch(ctx, dir, f); err != nil {
			return fmt.Errorf("client: %s: %w", f.Name, err)
		}
	}
	return nil
}

// fetch writes a file whole, or not at all.
func (c *Client) fetch(ctx context.Context, dir string, f transport.File) error {
	if !filepath.IsLocal(f.Name) || f.Name != filepath.Base(f.Name) {
		return transport.Errorf(transport.Refused, "pull", "the coordinator names a file outside the run's directory")
	}
	data, err := c.transport.Objects(transport.Outcome).Get(ctx, f.Object.Digest, int64(min(f.Object.Size, uint64(transport.MaxObject))))
	if err != nil {
		return err
	}
	path := filepath.Join(dir, f.Name)
	if err := os.WriteFile(path+".tmp", data, 0o644); err != nil {
		return errors.Join(err, os.Remove(path+".tmp"))
	}
	return os.Rename(path+".tmp", path)
}
