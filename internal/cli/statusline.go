package cli

import (
	"github.com/drey-sampler/drey/internal/cli/progress"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// statusLine is a run's status as drey watch --json prints it.
type statusLine struct {
	Run         transport.RunID  `json:"run"`
	Name        string           `json:"name"`
	State       string           `json:"state"`
	Error       string           `json:"error,omitempty"`
	Notice      string           `json:"notice,omitempty"`
	Window      uint32           `json:"window"`
	Windows     uint32           `json:"windows"`
	Transitions uint64           `json:"warmup_transitions"`
	Committed   uint64           `json:"committed"`
	Target      uint64           `json:"target"`
	Seconds     store.Float      `json:"seconds"`
	Compile     store.Float      `json:"compile_seconds"`
	Warmup      store.Float      `json:"warmup_seconds"`
	Sampling    store.Float      `json:"sampling_seconds"`
	SecondsLeft store.Float      `json:"seconds_left"`
	ESSRate     store.Float      `json:"ess_per_second"`
	NestedRHat  store.Float      `json:"nested_r_hat"`
	Leapfrogs   uint64           `json:"leapfrogs"`
	Divergences uint64           `json:"divergences"`
	Parameters  []parameterLine  `json:"parameters"`
	Chains      []chainLine      `json:"chains"`
	Points      []divergenceLine `json:"diverged"`
	Places      []placeLine      `json:"divergence_places"`
	Suspects    []uint32         `json:"suspect_chains"`
	Timing      bool             `json:"timing_dependent"`
	Late        []lateLine       `json:"late_decisions"`
	Leases      []leaseLine      `json:"packs"`
	Workers     []workerLine     `json:"workers"`
}

type parameterLine struct {
	Name       string      `json:"name"`
	Mean       store.Float `json:"mean"`
	SD         store.Float `json:"sd"`
	MCSE       store.Float `json:"mcse"`
	ESS        store.Float `json:"ess"`
	RHat       store.Float `json:"r_hat"`
	NestedRHat store.Float `json:"nested_r_hat"`
}

type chainLine struct {
	Chain       uint32      `json:"chain"`
	Worker      string      `json:"worker"`
	StepSize    store.Float `json:"step_size"`
	Acceptance  store.Float `json:"acceptance_rate"`
	EBFMI       store.Float `json:"e_bfmi"`
	Leapfrogs   uint64      `json:"leapfrogs"`
	Divergences uint32      `json:"divergences"`
}

type divergenceLine struct {
	Chain    uint32                 `json:"chain"`
	Draw     uint64                 `json:"draw"`
	Position map[string]store.Float `json:"position"`
}

type placeLine struct {
	Parameter string      `json:"parameter"`
	Count     uint32      `json:"divergences"`
	Low       uint32      `json:"below_q10"`
	High      uint32      `json:"above_q90"`
	Median    store.Float `json:"median_share_below"`
}

// lateLine is a decision of warmup that was taken without some packs.
type lateLine struct {
	Window   uint32             `json:"window"`
	Included uint32             `json:"included"` // how many packs it was taken from
	Excluded []transport.PackID `json:"excluded"`
}

type leaseLine struct {
	Pack      transport.PackID `json:"pack"`
	Epoch     transport.Epoch  `json:"epoch"`
	Worker    string           `json:"worker"`
	Committed uint64           `json:"committed_blocks"`
	Behind    uint64           `json:"behind"`
}

func statusLineOf(c progress.Cluster) statusLine {
	s := c.Status
	out := statusLine{
		Run: s.Run, Name: s.Name, State: s.State.String(), Error: s.Error, Notice: s.Notice, Window: s.Window, Windows: s.Windows,
		Transitions: s.Transitions, Committed: s.Committed, Target: s.Target,
		Seconds: store.Float(s.Seconds), Compile: store.Float(s.Compile), Warmup: store.Float(s.Warmup), Sampling: store.Float(s.Sampling),
		SecondsLeft: store.Float(s.SecondsLeft), ESSRate: store.Float(s.ESSRate), NestedRHat: store.Float(s.NestedRHat),
		Leapfrogs: s.Leapfrogs, Divergences: s.Divergences,
		Parameters: []parameterLine{}, Chains: []chainLine{}, Points: []divergenceLine{},
		Places: []placeLine{}, Suspects: append([]uint32{}, s.Suspects...), Leases: []leaseLine{}, Workers: []workerLine{},
		Timing: s.TimingDependent, Late: []lateLine{},
	}
	for _, l := range s.Late {
		out.Late = append(out.Late, lateLine(l))
	}
	for _, p := range s.Parameters {
		out.Parameters = append(out.Parameters, parameterLine{p.Name, store.Float(p.Mean), store.Float(p.SD), store.Float(p.MCSE), store.Float(p.ESS), store.Float(p.RHat), store.Float(p.NestedRHat)})
	}
	for _, x := range s.Chains {
		out.Chains = append(out.Chains, chainLine{x.Chain, x.Worker, store.Float(x.StepSize), store.Float(x.Acceptance), store.Float(x.EBFMI), x.Leapfrogs, x.Divergences})
	}
	for _, p := range s.Points {
		at := map[string]store.Float{}
		for i, name := range s.Names[:min(len(s.Names), len(p.Position))] {
			at[name] = store.Float(p.Position[i])
		}
		out.Points = append(out.Points, divergenceLine{p.Chain, p.Draw, at})
	}
	for _, p := range s.Places {
		out.Places = append(out.Places, placeLine{p.Name, p.Count, p.Low, p.High, store.Float(p.Median)})
	}
	for _, l := range s.Leases {
		out.Leases = append(out.Leases, leaseLine{l.Lease.Pack, l.Lease.Epoch, l.Worker, l.Committed, l.Behind})
	}
	for i := range c.Workers {
		out.Workers = append(out.Workers, workerLineOf(&c.Workers[i]))
	}
	return out
}
