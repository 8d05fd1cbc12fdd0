package shell

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Bounds of what a status lists.
const (
	listedLeases = 2048
	listedRuns   = 4096
	listedFleet  = 2048

	listedSuspects = 2048
)

// publish broadcasts how runs are that go on.
func (r *reign) publish(ctx context.Context) error {
	ticker := time.NewTicker(publishTime)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		var running []coordinator.RunID
		r.cfg.Machine.View(func(m *coordinator.Machine) {
			for _, id := range m.Runs() {
				if p, ok := m.Progress(id); ok && p.Status == coordinator.Running {
					running = append(running, id)
				}
			}
		})
		for _, id := range running {
			if status, err := r.status(ctx, transport.RunID(id)); err == nil {
				r.out.put(status.(*transport.RunStatus))
			}
		}
		r.forgetWorkers()
	}
}

// status returns how a run is.
func (r *reign) status(ctx context.Context, run transport.RunID) (transport.Message, error) {
	s, err := r.submission(ctx, run)
	if err != nil {
		return nil, err
	}
	var state coordinator.RunState
	var p coordinator.Progress
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		id := coordinator.RunID(run)
		state, _ = m.Run(id)
		p, _ = m.Progress(id)
	})
	decisions, err := r.taken(run)
	if err != nil {
		return nil, err
	}
	took := seconds(p.Times)
	out := &transport.RunStatus{
		Run: run, Name: s.submit.Name, State: progressState(p), Error: state.Reason, Notice: r.notice(run, &p), Window: min(p.Least, p.Warmup), Windows: p.Warmup,
		Transitions: p.Transitions, Committed: committedDraws(s.manifest, &state), Target: uint64(s.manifest.Chains) * state.Draws,
		Seconds: float64(took.Total), Warmup: float64(took.Warmup), Sampling: float64(took.Sampling), Compile: float64(took.Compile),
		ESSRate: math.NaN(), SecondsLeft: math.NaN(), NestedRHat: math.NaN(), Leases: leases(run, &state, p.Most),
	}
	if p.Warm {
		list := suspects(decisions)
		out.Suspects = list[:min(len(list), listedSuspects)]
	}
	if out.TimingDependent = s.manifest.Deadline > 0; out.TimingDependent {
		out.Late = lateOf(decisions)
	}
	if p.Most > 0 {
		if err := r.cfg.Sink.Describe(ctx, r, run, out); err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("a run has no diagnostics", "run", string(run), "reason", err.Error())
		}
	}
	out.SecondsLeft = secondsLeft(out, s.manifest)
	return out, nil
}

// leases returns who has which pack of a run, and how far it is.
func leases(run transport.RunID, state *coordinator.RunState, most uint32) (out []transport.LeaseStatus) {
	for i, pack := range state.Packs[:min(len(state.Packs), listedLeases)] {
		l := transport.LeaseStatus{Lease: transport.LeaseRef{Run: run, Pack: transport.PackID(i)}, Committed: uint64(pack.Blocks), Behind: uint64(most - pack.Blocks)}
		if n := len(pack.Leases); n > 0 { // of a late pack the later one
			l.Lease.Epoch, l.Worker = transport.Epoch(pack.Leases[n-1].Epoch), string(pack.Leases[n-1].Worker)
		}
		out = append(out, l)
	}
	return out
}

// secondsLeft estimates when a run will have what it is for, from how it sampled so far: its draws, or the effective sample size of
// its stop rule where R-hat holds already.
func secondsLeft(s *transport.RunStatus, m *transport.Manifest) float64 {
	if s.State >= transport.Stopped || s.Committed == 0 || s.Sampling == 0 {
		return math.NaN()
	}
	left := s.Sampling / float64(s.Committed) * float64(s.Target-min(s.Committed, s.Target))
	if m.Stop.Every == 0 || m.Stop.ESS == 0 || !(s.ESSRate > 0) {
		return left
	}
	for _, p := range s.Parameters {
		if m.Stop.RHat > 0 && !(p.RHat <= m.Stop.RHat) {
			return left
		}
	}
	return min(left, max(0, m.Stop.ESS/s.ESSRate-s.Sampling))
}

// progressState returns what a run is doing.
func progressState(p coordinator.Progress) transport.RunState {
	switch {
	case p.Status != coordinator.Running:
		return stateOf(p.Status)
	case p.Leases == 0 && p.Most == 0:
		return transport.Waiting
	case p.Least < p.Warmup:
		return transport.Warming
	}
	return transport.Sampling
}

// committedDraws returns the draws of all chains in the ledger that count.
func committedDraws(m *transport.Manifest, s *coordinator.RunState) uint64 {
	var n uint64
	for i, pack := range s.Packs {
		_, chains := m.Pack(transport.PackID(i))
		if warmup := uint32(len(s.Warmup)); pack.Blocks > warmup {
			n += uint64(chains) * min(uint64(pack.Blocks-warmup)*uint64(m.Block), s.Draws)
		}
	}
	return n
}

// submitted returns when a run was submitted, by the submitter's clock; zero if it does not say.
func submitted(m *transport.Manifest) time.Time {
	var about store.Run
	if err := json.Unmarshal(m.About, &about); err != nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, about.Created)
	if err != nil {
		return time.Time{}
	}
	return at
}

// list returns all runs, the latest last.
func (r *reign) list(ctx context.Context) (transport.Message, error) {
	var ids []coordinator.RunID
	states := map[coordinator.RunID]coordinator.RunState{}
	progress := map[coordinator.RunID]coordinator.Progress{}
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		ids = m.Runs()
		ids = ids[max(0, len(ids)-listedRuns):]
		for _, id := range ids {
			states[id], _ = m.Run(id)
			progress[id], _ = m.Progress(id)
		}
	})
	out := &transport.RunList{}
	for _, id := range ids {
		s, err := r.submission(ctx, transport.RunID(id))
		if err != nil {
			return nil, err
		}
		state := states[id]
		line := transport.RunSummary{
			Run: transport.RunID(id), Name: s.submit.Name, State: progressState(progress[id]), Chains: s.manifest.Chains,
			Committed: committedDraws(s.manifest, &state), Target: uint64(s.manifest.Chains) * state.Draws,
		}
		if at := submitted(s.manifest); !at.IsZero() {
			line.Submitted = at.UnixNano()
		}
		out.Runs = append(out.Runs, line)
	}
	return out, nil
}

// goneTime is how long a worker without packs is listed of which nothing is heard: it has ended, or lost its way here.
const goneTime = time.Minute

// fleet returns all workers that are known, by name.
func (r *reign) fleet() *transport.WorkerList {
	var workers []coordinator.WorkerState
	r.cfg.Machine.View(func(m *coordinator.Machine) { workers = m.Workers() })
	out := &transport.WorkerList{}
	r.Shell.mu.Lock()
	defer r.Shell.mu.Unlock()
	for _, w := range workers[:min(len(workers), listedFleet)] {
		line := transport.WorkerSummary{
			Worker: transport.PartyID(w.Worker), Class: w.Class, Packs: uint32(len(w.Held)), SinceMillis: w.Silent, Draining: w.Drained,
		}
		if i := r.workers[line.Worker]; i != nil { // the machine hears only what changes it, heartbeats don't
			line.Host, line.Slots, line.LeapfrogRate = i.host, i.slots, i.rate
			line.SinceMillis = min(line.SinceMillis, uint64(time.Since(i.heard).Milliseconds()))
		}
		if line.Packs == 0 && line.SinceMillis > uint64(goneTime.Milliseconds()) {
			continue
		}
		out.Workers = append(out.Workers, line)
	}
	return out
}

// forgetWorkers drops what workers said that the machine has forgotten.
func (r *reign) forgetWorkers() {
	known := map[transport.PartyID]bool{}
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		for _, w := range m.Workers() {
			known[transport.PartyID(w.Worker)] = true
		}
	})
	r.Shell.mu.Lock()
	defer r.Shell.mu.Unlock()
	for name := range r.workers {
		if !known[name] {
			delete(r.workers, name)
		}
	}
}

// pull puts the files of a run's directory, as far as the ledger is, where a client can fetch them.
func (r *reign) pull(ctx context.Context, run transport.RunID) (transport.Message, error) {
	files, err := r.cfg.Sink.Files(ctx, r, run, r.cfg.Transport.Objects(transport.Outcome))
	return &transport.Pulled{Files: files}, err
}
