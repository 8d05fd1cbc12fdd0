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
	for _, parts := range transport.Parts(files.Files) {
		if err := c.fetch(ctx, dir, parts); err != nil {
			return fmt.Errorf("client: %s: %w", parts[0].Name, err)
		}
	}
	return nil
}

// fetch writes a file whole, or not at all.
func (c *Client) fetch(ctx context.Context, dir string, parts []transport.File) error {
	name := parts[0].Name
	if !filepath.IsLocal(name) || name != filepath.Base(name) {
		return transport.Errorf(transport.Refused, "pull", "the coordinator names a file outside the run's directory")
	}
	path := filepath.Join(dir, name)
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	err = transport.GetFile(ctx, c.transport.Objects(transport.Outcome), parts, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".tmp"))
	}
	return os.Rename(path+".tmp", path)
}
