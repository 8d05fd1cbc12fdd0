package transport

// maxSignature is the bytes of an Ed25519 signature, maxKey of a public key.
const (
	maxSignature = 64
	maxKey       = 32
)

// MaxName bounds the bytes of a run's name.
const MaxName = 4 * MaxToken

// Submit starts a run from a manifest. Reply: Submitted. The same manifest by the same command is one run.
type Submit struct {
	Command   Command
	Name      string  // for people; may be empty
	Manifest  Payload // Manifest, encoded; an object of Inputs
	Key       []byte  // Ed25519 public key of who signs, or empty
	Signature []byte  // by it, of the manifest's bytes; or empty
}

func (m *Submit) fields(c *codec) {
	m.Command.visit(c)
	c.text("Name", &m.Name, MaxName)
	m.Manifest.visit(c, "Manifest")
	c.bytes("Key", &m.Key, maxKey)
	c.bytes("Signature", &m.Signature, maxSignature)
}

// Subject implements Sealed.
func (m *Submit) Subject() Subject { return control(m, m.Command.Party) }

// Submitted has the new run's id.
type Submitted struct {
	Run RunID
}

func (m *Submitted) fields(c *codec) { c.run("Run", &m.Run) }

// Stop ends a run after the blocks that are in the ledger. Reply: Done.
type Stop struct {
	Command Command
	Run     RunID
	Reason  string
}

func (m *Stop) fields(c *codec) {
	m.Command.visit(c)
	c.run("Run", &m.Run)
	c.text("Reason", &m.Reason, maxText)
}

// Subject implements Sealed.
func (m *Stop) Subject() Subject { return control(m, m.Command.Party) }

// Extend raises the number of draws of every chain of a run. Reply: Done.
type Extend struct {
	Command Command
	Run     RunID
	Target  uint64 // draws of each chain when the run is complete: a total, so that a repeated command adds nothing
}

func (m *Extend) fields(c *codec) {
	m.Command.visit(c)
	c.run("Run", &m.Run)
	c.u64("Target", &m.Target)
}

// Subject implements Sealed.
func (m *Extend) Subject() Subject { return control(m, m.Command.Party) }

// Resume lets a run go on that was stopped or paused. Reply: Done.
type Resume struct {
	Command Command
	Run     RunID
}

func (m *Resume) fields(c *codec) {
	m.Command.visit(c)
	c.run("Run", &m.Run)
}

// Subject implements Sealed.
func (m *Resume) Subject() Subject { return control(m, m.Command.Party) }

// DrainWorker asks for a worker to hand its packs over and finish. Reply: Done.
type DrainWorker struct {
	Command Command
	Worker  PartyID
}

func (m *DrainWorker) fields(c *codec) {
	m.Command.visit(c)
	c.party("Worker", &m.Worker)
}

// Subject implements Sealed.
func (m *DrainWorker) Subject() Subject { return control(m, m.Command.Party) }

// RunEnd tells the workers of a run that it needs no more blocks.
type RunEnd struct {
	Run    RunID
	State  RunState
	Reason string // the stop rule that holds, who stopped it, or what failed
}

func (m *RunEnd) fields(c *codec) {
	c.run("Run", &m.Run)
	c.choice("State", (*uint8)(&m.State), uint8(runStates))
	c.text("Reason", &m.Reason, maxText)
}

// Subject implements Sealed.
func (m *RunEnd) Subject() Subject { return Subject{Channel: Decisions, Run: m.Run} }

// RunState is how far a run is.
type RunState uint8

// The states of a run.
const (
	Waiting RunState = iota // for workers
	Warming                 // in warmup
	Sampling
	Stopped // before its target, by a person; it can be resumed
	Failed  // a pack failed; RunEnd says why
	Complete
	runStates
)

// String returns the state in a word.
func (s RunState) String() string {
	return [...]string{"waiting", "warmup", "sampling", "stopped", "failed", "done", "unknown"}[min(s, runStates)]
}
