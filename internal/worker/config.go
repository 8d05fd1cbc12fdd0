package worker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
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
	// Packs is how many it holds at most, which take turns at the slots, a block each; 0, the default, is as many as Slots.
	Packs int
	// Uncommitted is how many blocks of a pack may be made and not in the ledger; 0, the default, is 4.
	Uncommitted int
	// Backlog is how many blocks of all packs may be; 0, the default, is as many as Uncommitted lets there be.
	Backlog int
	Engine  engine.Engine // that runs the chains
	// Lanes has the engine advance all chains of a pack in one call, rather than one chain after another.
	Lanes bool
	// Verify returns an error unless a manifest's signature is by a key that is trusted; nil trusts all.
	Verify func(manifest, key, signature []byte) error
	// Local returns the job of a manifest, by the digest of its bytes, that this process has itself, or nil; a nil Local has
	// none. Jobs of others are fetched.
	Local func(manifest transport.Digest) *job.Job
	// Cuts keeps the blocks that the worker is within when it is to end: it then ends at once. nil: it goes on with them for 2.5 s, and
	// what is unfinished then is lost.
	Cuts Cuts
	// Volatile says that nothing of a run outlives the process, nor goes anywhere else: the digest of a block need not be of its draws.
	Volatile bool
	// Watcher is told what the worker does; nil: nobody is.
	Watcher Watcher
	Log     *slog.Logger // whose lines say which worker it is
}

// Watcher is told what a worker does, by whoever shows that in the same process. Its methods return at once; they are called from
// several goroutines.
type Watcher interface {
	// Compiled says that a program was compiled, and how long that took.
	Compiled(took time.Duration)
	// Making says that a pack begins to wait for a slot or to make a block, 1, or that it has ended that, −1.
	Making(change int)
	// Begun says that a pack is leased, and which chains it has. Only their Index and Status may be called.
	Begun(chains []*chain.Chain)
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
	if c.Packs < 0 || c.Packs > maxPacks || c.Uncommitted < 0 || c.Backlog < 0 {
		problems = append(problems, fmt.Errorf("worker: %d packs, of each of which %d blocks are not committed, of all %d: want 0 … %d packs, and nothing negative", c.Packs, c.Uncommitted, c.Backlog, maxPacks))
	}
	if c.Engine == nil || c.Log == nil {
		problems = append(problems, errors.New("worker: no engine, or no log"))
	}
	return errors.Join(problems...)
}

// What a cluster lets one worker do at once, and hold.
const (
	MaxSlots = 256
	maxPacks = 1024
)

// withDefaults returns the configuration with numbers in the place of zeros.
func (c Config) withDefaults() Config {
	c.Packs = cmp.Or(c.Packs, c.Slots)
	c.Uncommitted = cmp.Or(c.Uncommitted, uncommitted)
	c.Backlog = cmp.Or(c.Backlog, math.MaxInt)
	return c
}

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
