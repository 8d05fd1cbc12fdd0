package transport

// Bounds on what status messages list; the coordinator chooses the worst or latest.
const (
	maxParameters  = 256
	maxDivergences = 128
	maxPosition    = 512 // numbers of a position
	maxPlaces      = 16
	maxListed      = 2048 // chains and packs
	maxWorkers     = 2048
)

// Status asks how a run is. Reply: RunStatus.
type Status struct {
	Command Command
	Run     RunID
}

func (m *Status) fields(c *codec) {
	m.Command.visit(c)
	c.run("Run", &m.Run)
}

// Subject implements Sealed.
func (m *Status) Subject() Subject { return control(m, m.Command.Party) }

// ParameterStatus is the diagnostics of one element of a site, over committed draws. What can't be computed yet is NaN.
type ParameterStatus struct {
	Name       string // with its index: theta[3]
	Mean       float64
	SD         float64
	MCSE       float64 // of the mean
	ESS        float64
	RHat       float64 // split
	NestedRHat float64
}

// ChainStatus is a chain's, over committed draws.
type ChainStatus struct {
	Chain       uint32
	Worker      string // who made its last block
	StepSize    float64
	Acceptance  float64 // mean acceptance rate
	EBFMI       float64
	Leapfrogs   uint64
	Divergences uint32
}

// DivergencePoint is where a transition diverged.
type DivergencePoint struct {
	Chain    uint32
	Draw     uint64
	Position []float64 // where its trajectory began, in the order of the status' Names
}

// DivergencePlace says where divergent trajectories begin, as one parameter has it: by chance a tenth of them begins in each tail.
type DivergencePlace struct {
	Name   string
	Count  uint32  // of divergences that are told apart
	Low    uint32  // of them, that begin below the 10 % quantile of all draws
	High   uint32  // that begin above the 90 % quantile
	Median float64 // of the shares of all draws that lie below where they begin
}

// LeaseStatus is a pack's.
type LeaseStatus struct {
	Lease     LeaseRef
	Worker    string // who holds it; empty if nobody does
	Committed uint64 // blocks in the ledger
	Behind    uint64 // blocks fewer than the foremost pack
}

// RunStatus is the state of a run: the reply to Status, and published as it changes.
type RunStatus struct {
	Run         RunID
	Name        string
	State       RunState
	Error       string  // why it failed
	Notice      string  // what keeps it from going on, and what to do; empty where nothing does
	Window      uint32  // of warmup
	Windows     uint32  // of warmup, all
	Transitions uint64  // of each chain in warmup, made and planned: it may end early
	Committed   uint64  // draws of all chains in the ledger
	Target      uint64  // of them
	Seconds     float64 // that it has been going on, waiting for workers included
	Warmup      float64 // seconds of warmup, until the last chain had ended it
	Sampling    float64 // seconds since then
	ESSRate     float64 // smallest ESS per second of sampling
	SecondsLeft float64 // to the target, or to what its stop rule asks for; NaN if unknown
	NestedRHat  float64 // the largest
	Leapfrogs   uint64
	Divergences uint64
	Parameters  []ParameterStatus // the worst, by R-hat and by ESS
	Chains      []ChainStatus
	Names       []string          // of the numbers of a DivergencePoint's position
	Points      []DivergencePoint // the latest divergences
	Places      []DivergencePlace // of parameters in whose tails divergences gather, the clearest first
	Suspects    []uint32          // chains that ended pooled warmup unlike the others: they may be in a mode of their own
	Leases      []LeaseStatus

	TimingDependent bool         // the clock may have a say in its draws: it has a deadline of warmup
	Late            []LateStatus // the decisions of warmup that were taken without packs that were late
	Compile         float64      // seconds that its program took to compile where that took longest, within those of waiting and of warmup
}

// LateStatus is a decision of warmup that was taken without some packs.
type LateStatus struct {
	Window   uint32 // of warmup, that it ended
	Included uint32 // how many packs it was taken from
	Excluded []PackID
}

func (m *RunStatus) fields(c *codec) {
	m.head(c)
	list(c, "Parameters", &m.Parameters, maxParameters, visitParameter)
	list(c, "Chains", &m.Chains, maxListed, visitChain)
	list(c, "Names", &m.Names, maxPosition, func(c *codec, s *string) { c.text("Name", s, maxText) })
	list(c, "Points", &m.Points, maxDivergences, func(c *codec, p *DivergencePoint) {
		c.u32("Chain", &p.Chain)
		c.u64("Draw", &p.Draw)
		c.floats("Position", &p.Position, maxPosition)
	})
	list(c, "Places", &m.Places, maxPlaces, func(c *codec, p *DivergencePlace) {
		c.text("Name", &p.Name, maxText)
		c.u32("Count", &p.Count)
		c.u32("Low", &p.Low)
		c.u32("High", &p.High)
		c.f64("Median", &p.Median)
	})
	list(c, "Suspects", &m.Suspects, maxListed, func(c *codec, n *uint32) { c.u32("Chain", n) })
	list(c, "Leases", &m.Leases, maxListed, func(c *codec, l *LeaseStatus) {
		l.Lease.visit(c)
		c.text("Worker", &l.Worker, MaxToken)
		c.u64("Committed", &l.Committed)
		c.u64("Behind", &l.Behind)
	})
	c.more(func() bool { return m.TimingDependent || m.Compile > 0 }, func(c *codec) {
		c.flag("TimingDependent", &m.TimingDependent)
		list(c, "Late", &m.Late, maxSteps, func(c *codec, l *LateStatus) {
			c.u32("Window", &l.Window)
			c.u32("Included", &l.Included)
			list(c, "Excluded", &l.Excluded, maxListed, func(c *codec, p *PackID) { c.pack("Pack", p) })
		})
		c.more(func() bool { return m.Compile > 0 }, func(c *codec) { c.f64("Compile", &m.Compile) })
	})
}

func (m *RunStatus) head(c *codec) {
	c.run("Run", &m.Run)
	c.text("Name", &m.Name, MaxName)
	c.choice("State", (*uint8)(&m.State), uint8(runStates))
	c.text("Error", &m.Error, maxText)
	c.text("Notice", &m.Notice, maxText)
	c.u32("Window", &m.Window)
	c.u32("Windows", &m.Windows)
	c.u64("Transitions", &m.Transitions)
	c.u64("Committed", &m.Committed)
	c.u64("Target", &m.Target)
	c.f64("Seconds", &m.Seconds)
	c.f64("Warmup", &m.Warmup)
	c.f64("Sampling", &m.Sampling)
	c.f64("ESSRate", &m.ESSRate)
	c.f64("SecondsLeft", &m.SecondsLeft)
	c.f64("NestedRHat", &m.NestedRHat)
	c.u64("Leapfrogs", &m.Leapfrogs)
	c.u64("Divergences", &m.Divergences)
}

func visitParameter(c *codec, p *ParameterStatus) {
	c.text("Name", &p.Name, maxText)
	c.f64("Mean", &p.Mean)
	c.f64("SD", &p.SD)
	c.f64("MCSE", &p.MCSE)
	c.f64("ESS", &p.ESS)
	c.f64("RHat", &p.RHat)
	c.f64("NestedRHat", &p.NestedRHat)
}

func visitChain(c *codec, s *ChainStatus) {
	c.u32("Chain", &s.Chain)
	c.text("Worker", &s.Worker, MaxToken)
	c.f64("StepSize", &s.StepSize)
	c.f64("Acceptance", &s.Acceptance)
	c.f64("EBFMI", &s.EBFMI)
	c.u64("Leapfrogs", &s.Leapfrogs)
	c.u32("Divergences", &s.Divergences)
}

// Subject implements Sealed.
func (m *RunStatus) Subject() Subject { return Subject{Channel: Progress, Run: m.Run} }

// Runs asks which runs there are. Reply: RunList.
type Runs struct {
	Command Command
}

func (m *Runs) fields(c *codec) { m.Command.visit(c) }

// Subject implements Sealed.
func (m *Runs) Subject() Subject { return control(m, m.Command.Party) }

// RunSummary is a line of RunList.
type RunSummary struct {
	Run       RunID
	Name      string
	State     RunState
	Chains    uint32
	Committed uint64 // draws of all chains
	Target    uint64 // of them
	Submitted int64  // ns since 1970, UTC
}

// RunList replies to Runs, the latest last.
type RunList struct {
	Runs []RunSummary
}

func (m *RunList) fields(c *codec) {
	list(c, "Runs", &m.Runs, maxRuns, func(c *codec, r *RunSummary) {
		c.run("Run", &r.Run)
		c.text("Name", &r.Name, MaxName)
		c.choice("State", (*uint8)(&r.State), uint8(runStates))
		c.u32("Chains", &r.Chains)
		c.u64("Committed", &r.Committed)
		c.u64("Target", &r.Target)
		c.i64("Submitted", &r.Submitted)
	})
}

// Workers asks which workers there are. Reply: WorkerList.
type Workers struct {
	Command Command
}

func (m *Workers) fields(c *codec) { m.Command.visit(c) }

// Subject implements Sealed.
func (m *Workers) Subject() Subject { return control(m, m.Command.Party) }

// WorkerSummary is a line of WorkerList.
type WorkerSummary struct {
	Worker       PartyID
	Host         string
	Class        string // replay class
	Slots        uint32
	Packs        uint32  // that it holds leases of
	LeapfrogRate float64 // per second
	SinceMillis  uint64  // since it was last heard of
	Draining     bool
}

// WorkerList replies to Workers, by name.
type WorkerList struct {
	Workers []WorkerSummary
}

func (m *WorkerList) fields(c *codec) {
	list(c, "Workers", &m.Workers, maxWorkers, func(c *codec, w *WorkerSummary) {
		c.party("Worker", &w.Worker)
		c.text("Host", &w.Host, 4*MaxToken)
		c.text("Class", &w.Class, maxText)
		c.u32("Slots", &w.Slots)
		c.u32("Packs", &w.Packs)
		c.f64("LeapfrogRate", &w.LeapfrogRate)
		c.u64("SinceMillis", &w.SinceMillis)
		c.flag("Draining", &w.Draining)
	})
}

// PackProgress is what a worker has made of a pack, committed or not.
type PackProgress struct {
	Lease       LeaseRef
	Block       uint64 // that it is making
	Uncommitted uint32 // blocks that it has sent and not seen committed
	Draws       uint64 // of each chain, in the phase
	Divergences uint64
}

// Heartbeat is what a worker says about itself every second or so. It proves nothing: leases are renewed by Renew.
type Heartbeat struct {
	Worker       PartyID
	Sequence     uint64  // of the heartbeat, so that late ones can be dropped
	LeapfrogRate float64 // per second, lately
	Busy         float64 // fraction of the time spent in programs, lately
	MemoryBytes  uint64  // of the process
	Packs        []PackProgress
	Compiled     []Compilation // of the runs that it has packs of, where it has compiled their program
}

// Compilation is how long a worker took to compile the program of a run.
type Compilation struct {
	Run    RunID
	Millis uint32
}

func (m *Heartbeat) fields(c *codec) {
	c.party("Worker", &m.Worker)
	c.u64("Sequence", &m.Sequence)
	c.f64("LeapfrogRate", &m.LeapfrogRate)
	c.f64("Busy", &m.Busy)
	c.u64("MemoryBytes", &m.MemoryBytes)
	list(c, "Packs", &m.Packs, maxLeases, func(c *codec, p *PackProgress) {
		p.Lease.visit(c)
		c.u64("Block", &p.Block)
		c.u32("Uncommitted", &p.Uncommitted)
		c.u64("Draws", &p.Draws)
		c.u64("Divergences", &p.Divergences)
	})
	c.more(func() bool { return len(m.Compiled) > 0 }, func(c *codec) {
		list(c, "Compiled", &m.Compiled, maxLeases, func(c *codec, x *Compilation) {
			c.run("Run", &x.Run)
			c.u32("Millis", &x.Millis)
		})
	})
}

// Subject implements Sealed.
func (m *Heartbeat) Subject() Subject { return Subject{Channel: Heartbeats, Party: m.Worker} }
