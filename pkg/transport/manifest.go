package transport

import "fmt"

// Bounds on manifests.
const (
	maxSteps   = 1 << 14 // blocks of warmup
	maxClasses = 16
	maxSites   = 1 << 16
	maxFloats  = MaxContent / 8
)

// Manifest is what a run is: its program and data by digest, and all that decides its draws. Who has it, and the objects that
// it names, can make any block of the run. It travels as the payload of Submit and of Grant.
type Manifest struct {
	Program   Object      // of Inputs: the model's programs and what describes them
	Columns   []Object    // of Inputs: a data column each, raw elements, in the order in which programs take them
	Precision string      // f64, f32 or mixed
	Engine    string      // that workers use, by name; empty for any
	Seed      uint64      // of all randomness
	Chains    uint32      // of the run
	Width     uint32      // chains of a pack: pack p has those from p·Width on
	Super     uint32      // chains that start at one point; 1 for each its own
	Pooled    bool        // warmup is pooled over all chains; else each chain adapts by itself
	Warmup    []Step      // blocks of warmup
	Block     uint32      // draws of each chain in a block of sampling
	Draws     uint64      // of each chain in sampling, as submitted
	Thin      uint32      // transitions a draw of sampling takes
	Save      bool        // the draws of warmup are kept
	Stop      StopRule    // when sampling may end before Draws
	Lease     uint32      // ms that a lease lasts without renewal
	Late      uint32      // ms without a block after which a pack is leased a second time; 0: never
	Classes   []string    // replay classes that may run it; none: that of the first worker
	Kernel    KernelSpec  // how chains move
	Inits     []InitSpec  // the programs of starting points
	Starts    []StartSpec // where chains start: one for all, or one for each
	Keep      []string    // sites whose draws are kept, in the program's order
	About     []byte      // JSON, run.json as it stands before the first draw: for the sink and for people
	Files     []File      // of Inputs: the copies of what the run was given that About's files name, for the run's directory
	Deadline  uint32      // ms that half of the packs wait at an open barrier for those that are late; 0: no barrier is open
	Open      uint32      // windows of warmup, from the first on, whose barriers are open: a decision may do without packs that are late
}

// Object names an object of a bucket.
type Object struct {
	Digest Digest // of its bytes
	Size   uint64 // of them
}

// Step is a block of warmup.
type Step struct {
	Draws   uint32 // transitions of each chain
	Barrier bool   // a decision follows it, which all packs wait for; it ends a window, or a round of one
	Window  uint32 // that it is of, from 0
	Round   uint32 // of the window, from 0
}

// StopRule ends sampling once it holds for all parameters. A bound of 0 asks for nothing.
type StopRule struct {
	Every uint32  // blocks between evaluations; 0: there is no rule
	RHat  float64 // at most
	ESS   float64 // bulk and tail, at least
}

// KernelSpec is the configuration of a kernel and its adaptation.
type KernelSpec struct {
	Name             string  // nuts, hmc
	MaxTreeDepth     uint32  // of NUTS
	TrajectoryLength float64 // of HMC
	TrajectoryJitter float64 // of HMC
	TargetAcceptance float64
	Metric           string
	StepSize         float64   // of all transitions; 0: found in warmup
	InverseMass      []float64 // that warmup begins with: D numbers, or D² row by row; none: the default
}

// InitSpec is a program of starting points, in the program object under its name, and the sites whose values it takes.
type InitSpec struct {
	Program string
	Sites   []string
}

// StartSpec is where a chain starts.
type StartSpec struct {
	Init  uint32   // index of Inits
	Given [][]byte // of the values of its sites, raw elements
}

func (m *Manifest) fields(c *codec) {
	m.Program.visit(c, "Program")
	list(c, "Columns", &m.Columns, maxColumns, func(c *codec, o *Object) { o.visit(c, "Column") })
	c.text("Precision", &m.Precision, MaxToken)
	c.text("Engine", &m.Engine, MaxToken)
	c.u64("Seed", &m.Seed)
	c.u32("Chains", &m.Chains)
	c.u32("Width", &m.Width)
	c.u32("Super", &m.Super)
	c.flag("Pooled", &m.Pooled)
	list(c, "Warmup", &m.Warmup, maxSteps, func(c *codec, s *Step) { s.visit(c) })
	c.u32("Block", &m.Block)
	c.u64("Draws", &m.Draws)
	c.u32("Thin", &m.Thin)
	c.flag("Save", &m.Save)
	m.Stop.visit(c)
	c.u32("Lease", &m.Lease)
	c.u32("Late", &m.Late)
	list(c, "Classes", &m.Classes, maxClasses, func(c *codec, s *string) { c.text("Class", s, maxText) })
	m.Kernel.visit(c)
	list(c, "Inits", &m.Inits, maxChains, func(c *codec, i *InitSpec) { i.visit(c) })
	list(c, "Starts", &m.Starts, maxChains, func(c *codec, s *StartSpec) { s.visit(c) })
	list(c, "Keep", &m.Keep, maxSites, func(c *codec, s *string) { c.text("Site", s, maxText) })
	c.bytes("About", &m.About, MaxMessage)
	c.more(func() bool { return len(m.Files) > 0 || m.Deadline > 0 }, func(c *codec) {
		list(c, "Files", &m.Files, maxFiles, func(c *codec, f *File) { f.visit(c) })
		c.more(func() bool { return m.Deadline > 0 }, func(c *codec) {
			c.u32("Deadline", &m.Deadline)
			c.u32("Open", &m.Open)
		})
	})
}

func (o *Object) visit(c *codec, name string) {
	outer := c.where
	c.where += name + "."
	c.digest("Digest", &o.Digest)
	c.u64("Size", &o.Size)
	c.where = outer
}

func (s *Step) visit(c *codec) {
	c.u32("Draws", &s.Draws)
	c.flag("Barrier", &s.Barrier)
	c.u32("Window", &s.Window)
	c.u32("Round", &s.Round)
}

func (r *StopRule) visit(c *codec) {
	outer := c.where
	c.where += "Stop."
	c.u32("Every", &r.Every)
	c.f64("RHat", &r.RHat)
	c.f64("ESS", &r.ESS)
	c.where = outer
}

func (k *KernelSpec) visit(c *codec) {
	outer := c.where
	c.where += "Kernel."
	c.text("Name", &k.Name, MaxToken)
	c.u32("MaxTreeDepth", &k.MaxTreeDepth)
	c.f64("TrajectoryLength", &k.TrajectoryLength)
	c.f64("TrajectoryJitter", &k.TrajectoryJitter)
	c.f64("TargetAcceptance", &k.TargetAcceptance)
	c.text("Metric", &k.Metric, MaxToken)
	c.f64("StepSize", &k.StepSize)
	c.floats("InverseMass", &k.InverseMass, maxFloats)
	c.where = outer
}

func (i *InitSpec) visit(c *codec) {
	c.text("Program", &i.Program, MaxToken)
	list(c, "Sites", &i.Sites, maxSites, func(c *codec, s *string) { c.text("Site", s, maxText) })
}

func (s *StartSpec) visit(c *codec) {
	c.u32("Init", &s.Init)
	list(c, "Given", &s.Given, maxSites, func(c *codec, b *[]byte) { c.bytes("Value", b, MaxContent) })
}

// check refuses a manifest that contradicts itself.
func (m *Manifest) check() error {
	switch {
	case m.Chains < 1 || m.Width < 1 || m.Width > maxChains || m.Width > m.Chains:
		return fmt.Errorf("field Width: packs of %d of %d chains", m.Width, m.Chains)
	case m.Super < 1 || m.Chains%m.Super != 0:
		return fmt.Errorf("field Super: %d chains that start at one point do not divide %d chains", m.Super, m.Chains)
	case m.Block < 1 || m.Thin < 1 || m.Lease < 1:
		return fmt.Errorf("fields Block, Thin, Lease: %d, %d and %d, want at least 1 each", m.Block, m.Thin, m.Lease)
	case len(m.Starts) != 1 && uint64(len(m.Starts)) != uint64(m.Chains):
		return fmt.Errorf("field Starts: %d for %d chains, want one, or one for each", len(m.Starts), m.Chains)
	}
	if (m.Deadline > 0) != (m.Open > 0) || m.Open > 0 && !m.Pooled {
		return fmt.Errorf("fields Deadline, Open: %d ms and %d windows, want both or none, and pooled warmup", m.Deadline, m.Open)
	}
	for i, s := range m.Warmup {
		if s.Draws < 1 || s.Barrier && !m.Pooled {
			return fmt.Errorf("field Warmup[%d]: a block of %d draws, or a barrier in a run that does not pool", i, s.Draws)
		}
	}
	for i, s := range m.Starts {
		if uint64(s.Init) >= uint64(len(m.Inits)) || len(s.Given) != len(m.Inits[s.Init].Sites) {
			return fmt.Errorf("field Starts[%d]: program %d and %d values do not fit Inits", i, s.Init, len(s.Given))
		}
	}
	return nil
}

// Packs returns the number of packs.
func (m *Manifest) Packs() uint32 {
	return uint32((uint64(m.Chains) + uint64(m.Width) - 1) / uint64(m.Width))
}

// Pack returns the chains of a pack: the first and how many.
func (m *Manifest) Pack(p PackID) (first, chains uint32) {
	first = uint32(p) * m.Width
	return first, min(m.Width, m.Chains-first)
}

// IsOpen reports whether the decision after a block of warmup may do without packs that are late.
func (m *Manifest) IsOpen(s Step) bool { return s.Barrier && s.Window < m.Open }

// Start returns where a chain starts.
func (m *Manifest) Start(chain uint32) StartSpec {
	if len(m.Starts) == 1 {
		return m.Starts[0]
	}
	return m.Starts[chain]
}
