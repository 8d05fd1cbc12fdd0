package transport

import "fmt"

// maxFloats bounds an array of numbers in contents: what fits into MaxContent.
const maxFloats = MaxContent / 8

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
	Content     Payload   // MomentArrays, encoded, an object of Results; empty when only step sizes are pooled
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

// MomentArrays are the moments of each chain of a pack over a window: of positions on unconstrained space and of gradients
// of the log density there. Each array has the chains one after another; a chain has D numbers, or D(D+1)/2 of the lower
// triangle, row by row.
type MomentArrays struct {
	Dim          uint32    // D
	Dense        bool      // the M2 arrays are lower triangles
	Count        []float64 // draws that count, a whole number, of each chain
	PositionMean []float64 // D of each chain
	PositionM2   []float64 // sums of products of deviations from the mean
	GradientMean []float64
	GradientM2   []float64
}

func (m *MomentArrays) fields(c *codec) {
	c.u32("Dim", &m.Dim)
	c.flag("Dense", &m.Dense)
	c.floats("Count", &m.Count, maxChains)
	c.floats("PositionMean", &m.PositionMean, maxFloats)
	c.floats("PositionM2", &m.PositionM2, maxFloats)
	c.floats("GradientMean", &m.GradientMean, maxFloats)
	c.floats("GradientM2", &m.GradientM2, maxFloats)
}

func (m *MomentArrays) check() error {
	mean := uint64(len(m.Count)) * uint64(m.Dim)
	m2 := uint64(len(m.Count)) * triangle(m.Dim, m.Dense)
	for _, a := range []struct {
		name string
		have int
		want uint64
	}{
		{"PositionMean", len(m.PositionMean), mean}, {"PositionM2", len(m.PositionM2), m2},
		{"GradientMean", len(m.GradientMean), mean}, {"GradientM2", len(m.GradientM2), m2},
	} {
		if m.Dim > maxFloats || uint64(a.have) != a.want {
			return fmt.Errorf("field %s: %d numbers, want %d", a.name, a.have, a.want)
		}
	}
	return nil
}

// triangle returns how many numbers a matrix of dimension d has: its diagonal, or its lower triangle if it is dense.
func triangle(d uint32, dense bool) uint64 {
	if dense {
		return uint64(d) * (uint64(d) + 1) / 2
	}
	return uint64(d)
}

// Metric is an inverse mass matrix on unconstrained space.
type Metric struct {
	Dim    uint32    // D
	Dense  bool      // Values is the lower triangle, row by row, rather than the diagonal
	Values []float64 // the inverse mass matrix
}

func (m *Metric) fields(c *codec) {
	c.u32("Dim", &m.Dim)
	c.flag("Dense", &m.Dense)
	c.floats("Values", &m.Values, maxFloats)
}

func (m *Metric) check() error {
	if want := triangle(m.Dim, m.Dense); m.Dim > maxFloats || uint64(len(m.Values)) != want {
		return fmt.Errorf("field Values: %d numbers, want %d", len(m.Values), want)
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
	Metric          Payload    // Metric, encoded, an object of Outcome; empty for the metric before
	Included        []Included // packs that it was made from, in order; none: all of the run
	Excluded        []Excluded // packs that were late, if the run allows that
	Next            uint32     // the block of Manifest.Warmup that follows, by its place there
	Sampling        bool       // warmup is over: what follows are draws
	TimingDependent bool       // the clock had a say: the run can't be repeated bit for bit
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
