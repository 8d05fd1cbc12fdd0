package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Config says what a worker is.
type Config struct {
	Name    transport.PartyID // of the worker
	Host    string            // where it runs, for people
	Version string            // of drey
	Slots   int               // packs that it advances at once: its cores, or 1 on an accelerator
	Width   int               // chains of the largest pack that it takes; 0: any
	Engine  engine.Engine     // that runs the chains
	// Lanes has the engine advance all chains of a pack in one call, rather than one chain after another.
	Lanes bool
	// Verify returns an error unless a manifest's signature is by a key that is trusted; nil trusts all.
	Verify func(manifest, key, signature []byte) error
	// Local returns the job of a manifest, by the digest of its bytes, that this process has itself, or nil; a nil Local has
	// none. Jobs of others are fetched.
	Local func(manifest transport.Digest) *job.Job
	Log   *slog.Logger // whose lines say which worker it is
}

// Validate returns an error that joins all problems.
func (c *Config) Validate() error {
	var problems []error
	if !transport.IsToken(string(c.Name)) {
		problems = append(problems, fmt.Errorf("worker: the name %q: want 1 to %d letters, digits, - and _", c.Name, transport.MaxToken))
	}
	if c.Slots < 1 || c.Slots > MaxSlots {
		problems = append(problems, fmt.Errorf("worker: %d packs at once, want 1 … %d", c.Slots, MaxSlots))
	}
	if c.Width < 0 || c.Width > math.MaxInt32 {
		problems = append(problems, fmt.Errorf("worker: packs of %d chains at most", c.Width))
	}
	if c.Engine == nil || c.Log == nil {
		problems = append(problems, errors.New("worker: no engine, or no log"))
	}
	return errors.Join(problems...)
}

// MaxSlots is what a cluster lets one worker hold.
const MaxSlots = 256

// uncommitted is how many blocks of a pack may be made and not in the ledger: enough to hide a sink that commits a few times a
// second behind blocks of seconds, and little to make again.
const uncommitted = 4

// Times that no lease decides.
const (
	requestTime = 5 * time.Second         // after which a request is taken for lost
	firstRetry  = 50 * time.Millisecond   // pause after a request that failed; it doubles
	lastRetry   = 2 * time.Second         // at most
	resendTime  = 60 * time.Second        // without a commit, after which blocks are published again: twice the time of a redelivery
	beatTime    = 2 * time.Second         // between heartbeats
	urgeTime    = time.Second             // for which a pack waits for room before its lease is renewed to ask for it
	drainBlocks = 2500 * time.Millisecond // that a drained worker gives its packs to finish their blocks
	drainTime   = 4500 * time.Millisecond // after which it gives its leases back, committed blocks or not
)

// maxClass is the longest replay class in bytes.
const maxClass = 64

// Class returns the replay class of an engine in a version of drey: workers of one class make the same bits. The version counts
// because kernels and adaptation are drey's own code, which each worker traces by itself.
func Class(e engine.Engine, version string) string {
	class := e.Name()
	switch x := e.(type) {
	case wasm.Engine:
		class += " " + wasm.Generator
	case interface{ Version() string }: // XLA
		class += " " + x.Version()
	}
	class += " " + version
	if len(class) > maxClass {
		sum := sha256.Sum256([]byte(class))
		class = fmt.Sprintf("%.30s %s", e.Name(), hex.EncodeToString(sum[:16]))
	}
	return class
}
