package transport

import "fmt"

// maxPacks bounds the packs that a decision names: as many as MaxMessage has room for.
const maxPacks = 16384

// Moments is what a pack reports at the end of a window of warmup, or of a round of its last one.
type Moments struct {
	Lease       LeaseRef
	Worker      PartyID   // who made them
	Window      uint32    // of warmup, from 0
	Round       uint32    // of the window, from 0
	Block       uint64    // index of the block that ends it
	Digest      Digest    // of that block: the moments count once it is in the ledger
	Decision    uint64    // version of the decision that the draws were made with
	LogStepSize []float64 // log of each chain's averaged step size
	Acceptance  []float64 // mean acceptance rate of each chain
	Leapfrogs   uint64    // of the window
	Divergences uint32    // likewise
	Content     Payload   // the reports of its chains, as package adapt writes them; an object of Results
}

func (m *Moments) fields(c *codec) {
	m.Lease.visit(c)
	c.party("Worker", &m.Worker)
	c.u32("Window", &m.Window)
	c.u32("Round", &m.Round)
	c.u64("Block", &m.Block)
	c.digest("Digest", &m.Digest)
	c.u64("Decision", &m.Decision)
	c.floats("LogStepSize", &m.LogStepSize, maxChains)
	c.floats("Acceptance", &m.Acceptance, maxChains)
	c.u64("Leapfrogs", &m.Leapfrogs)
	c.u32("Divergences", &m.Divergences)
	m.Content.visit(c, "Content")
}

// Subject implements Sealed.
func (m *Moments) Subject() Subject {
	return Subject{Channel: Statistics, Run: m.Lease.Run, Pack: m.Lease.Pack, Party: m.Worker}
}

func (m *Moments) id() string {
	return fmt.Sprintf("%s/%d/%d.%d/%d", m.Lease.Run, m.Lease.Pack, m.Window, m.Round, m.Lease.Epoch)
}

func (m *Moments) check() error {
	if len(m.LogStepSize) != len(m.Acceptance) {
		return fmt.Errorf("field Acceptance: %d chains, LogStepSize has %d", len(m.Acceptance), len(m.LogStepSize))
	}
	return nil
}

// Included is moments of a pack that a decision has used.
type Included struct {
	Pack   PackID
	Digest Digest // of the block that ended the pack's window
}

// Excluded is a pack that a decision has done without.
type Excluded struct {
	Pack   PackID
	Reason string
}

// Decision ends a window of warmup for all packs. It is a result, not a recipe: who has it computes nothing again.
type Decision struct {
	Run             RunID
	Version         uint64 // from 1, one more each time
	Window          uint32 // that ends
	Round           uint32 // of the window
	StepSize        float64
	Metric          Payload    // the whole decision, metric included, as package adapt writes it; an object of Outcome
	Included        []Included // packs that it was made from, in order; none: all of the run
	Excluded        []Excluded // packs that were late, if the run allows that
	Next            uint32     // the block of Manifest.Warmup that follows, by its place there
	Sampling        bool       // warmup is over: what follows are draws
	TimingDependent bool       // the clock had a say: the run can't be repeated bit for bit
	Suspects        []uint32   // chains that ended warmup unlike the others, where it is over
	Term            uint64     // of the coordinator that decided
}

func (m *Decision) fields(c *codec) {
	c.run("Run", &m.Run)
	m.visit(c)
}

func (m *Decision) visit(c *codec) {
	c.u64("Version", &m.Version)
	c.u32("Window", &m.Window)
	c.u32("Round", &m.Round)
	c.f64("StepSize", &m.StepSize)
	m.Metric.visit(c, "Metric")
	list(c, "Included", &m.Included, maxPacks, func(c *codec, i *Included) {
		c.pack("Pack", &i.Pack)
		c.digest("Digest", &i.Digest)
	})
	list(c, "Excluded", &m.Excluded, maxPacks, func(c *codec, e *Excluded) {
		c.pack("Pack", &e.Pack)
		c.text("Reason", &e.Reason, maxText)
	})
	c.u32("Next", &m.Next)
	c.flag("Sampling", &m.Sampling)
	c.flag("TimingDependent", &m.TimingDependent)
	list(c, "Suspects", &m.Suspects, maxChains, func(c *codec, n *uint32) { c.u32("Chain", n) })
	c.u64("Term", &m.Term)
}

// Subject implements Sealed.
func (m *Decision) Subject() Subject { return Subject{Channel: Decisions, Run: m.Run} }

// Catchup asks for the decision after a version, or for the last one: who has missed some asks until there is no more.
// Reply: CatchupReply.
type Catchup struct {
	Command Command
	Run     RunID
	After   uint64 // version; 0 for the first
}

func (m *Catchup) fields(c *codec) {
	m.Command.visit(c)
	c.run("Run", &m.Run)
	c.u64("After", &m.After)
}

// Subject implements Sealed.
func (m *Catchup) Subject() Subject { return control(m, m.Command.Party) }

// CatchupReply has the next decision, and says how many there are.
type CatchupReply struct {
	Latest   uint64   // version of the last decision, 0 before the first
	Decision Decision // that after the version asked for; its Version is 0 if there is none
}

func (m *CatchupReply) fields(c *codec) {
	c.u64("Latest", &m.Latest)
	outer := c.where
	c.where += "Decision."
	c.run("Run", &m.Decision.Run)
	m.Decision.visit(c)
	c.where = outer
}
