package runner

import "github.com/drey-sampler/drey/pkg/store"

// SetFiles replaces the means of writing the run directory.
func (c *Config) SetFiles(o store.Options) { c.files = o }
