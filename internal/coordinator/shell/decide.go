package shell

import (
	"context"
	"slices"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Adapter decides how warmup goes on. What it returns is a function of its argument alone.
type Adapter interface {
	Adapt(b *Barrier) (*Adaptation, error)
}

// Barrier is the end of a window, or of a round of one, that all packs of a run have reached, or those that did so in time.
type Barrier struct {
	Manifest *transport.Manifest
	Step     int                  // place in Manifest.Warmup of the block that ended
	Moments  []*transport.Moments // of each pack, without who made them; nil for one that is late
	Contents [][]byte             // of each pack's Moments; nil where there is none
	Last     *transport.Decision  // nil before the first
	Metric   []byte               // the content of the last decision that had one, nil without any
}

// Adaptation is what an Adapter decides.
type Adaptation struct {
	StepSize float64
	Metric   []byte // content of Decision.Metric; nil for the one before
	Next     int    // place in Manifest.Warmup of the block that follows; at its length or beyond, sampling does
	Suspects []int  // chains that are unlike the others as warmup ends
}

// decide takes a decision that is due, unless that is under way. What can't be decided now is due again later.
func (r *reign) decide(ctx context.Context, a coordinator.DecisionDue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deciding[a.Run] != nil || ctx.Err() != nil {
		return
	}
	own, end := context.WithCancel(ctx)
	r.deciding[a.Run] = end
	r.work.Go(func() {
		defer end()
		again, err := r.conclude(own, a)
		r.mu.Lock()
		delete(r.deciding, a.Run)
		r.mu.Unlock()
		wanted := own.Err() == nil && r.wanted(a)
		if late := len(a.Excluded) > 0; late && ctx.Err() == nil { // one of them may have come meanwhile
			again = true
			if err != nil && wanted {
				r.cfg.Log.Info("a decision without late packs was not taken", "run", string(a.Run), "block", a.K, "reason", err.Error())
			}
		} else if err != nil && wanted {
			r.cfg.Log.Error("a decision can't be taken yet", "run", string(a.Run), "block", a.K, "reason", err.Error())
		}
		if again {
			r.due(ctx) // what became due while this was under way
		}
	})
}

// wanted reports whether a decision is still to be taken: not where the run was stopped, or has ended, meanwhile.
func (r *reign) wanted(a coordinator.DecisionDue) (due bool) {
	r.cfg.Machine.View(func(m *coordinator.Machine) { _, due = m.Without(a.Run, a.K) })
	return due
}

// abandon ends the decision of a run that is under way: nobody needs it any more. What is due later is decided then.
func (r *reign) abandon(run coordinator.RunID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end := r.deciding[run]; end != nil {
		end()
	}
}

// conclude computes a decision and proposes it; again says that it was taken.
func (r *reign) conclude(ctx context.Context, a coordinator.DecisionDue) (again bool, err error) {
	s, err := r.submission(ctx, transport.RunID(a.Run))
	if err != nil {
		return false, err
	}
	cmd := &coordinator.Decide{Run: a.Run, K: a.K, Inputs: a.Inputs, Excluded: a.Excluded}
	if a.Warmup {
		err = r.adapt(ctx, s, cmd)
	} else {
		err = r.judge(ctx, s, cmd)
	}
	if err != nil {
		return false, err
	}
	out, err := r.propose(ctx, cmd)
	if err == nil {
		err = refusal(out, transport.RunID(a.Run))
	}
	return err == nil, err
}

// adapt has the adapter decide how warmup goes on.
func (r *reign) adapt(ctx context.Context, s *submission, cmd *coordinator.Decide) error {
	var reports [][]byte
	r.cfg.Machine.View(func(m *coordinator.Machine) { reports = m.Reports(cmd.Run) })
	b := &Barrier{Manifest: s.manifest, Moments: make([]*transport.Moments, len(reports)), Contents: make([][]byte, len(reports))}
	for i, report := range reports {
		if slices.Contains(cmd.Excluded, uint32(i)) {
			continue
		}
		var err error
		if b.Moments[i], b.Contents[i], err = r.momentsOf(ctx, report); err != nil {
			return err
		}
	}
	taken, err := r.taken(transport.RunID(cmd.Run))
	if err != nil {
		return err
	}
	b.Step = stepOf(s.manifest, taken, cmd.K)
	for _, d := range taken {
		b.Last = d
		if d.Metric.Size > 0 {
			if b.Metric, err = d.Metric.Unpack(ctx, r.cfg.Transport.Objects(transport.Outcome), transport.MaxContent); err != nil {
				return err
			}
		}
	}
	x, err := r.cfg.Adapter.Adapt(b)
	if err != nil {
		return err
	}
	d, err := r.decision(ctx, b, x, transport.RunID(cmd.Run), uint64(len(taken)+1))
	if err != nil {
		return err
	}
	r.attend(d, cmd)
	warmup := s.manifest.Warmup
	if d.Sampling {
		cmd.Replan = b.Step+1 < len(warmup)
	} else if cmd.Replan = int(d.Next) != b.Step+1; cmd.Replan {
		cmd.Rest = steps(s.manifest, d.Next)
	}
	cmd.Payload, err = transport.Encode(d)
	return err
}

// maxInlineMetric is the largest metric in bytes that a decision carries itself: the machine keeps all decisions of a run.
const maxInlineMetric = 64 << 10

// decision returns a decision as it travels.
func (r *reign) decision(ctx context.Context, b *Barrier, x *Adaptation, run transport.RunID, version uint64) (*transport.Decision, error) {
	at := b.Manifest.Warmup[b.Step]
	d := &transport.Decision{
		Run: run, Version: version, Window: at.Window, Round: at.Round, StepSize: x.StepSize, Next: uint32(x.Next),
		Sampling: x.Next >= len(b.Manifest.Warmup), Term: r.term,
	}
	for _, c := range x.Suspects {
		d.Suspects = append(d.Suspects, uint32(c))
	}
	if x.Metric == nil {
		return d, nil
	}
	d.Metric = transport.Payload{Size: uint64(len(x.Metric)), Digest: transport.DigestOf(x.Metric), Inline: x.Metric}
	if len(x.Metric) <= maxInlineMetric {
		return d, nil
	}
	d.Metric.Inline = nil
	_, err := r.cfg.Transport.Objects(transport.Outcome).Put(ctx, x.Metric)
	return d, err
}

// taken returns the decisions of a run's warmup as they travel. Each is decoded once.
func (s *Shell) taken(run transport.RunID) ([]*transport.Decision, error) {
	var list []coordinator.Decision
	s.cfg.Machine.View(func(m *coordinator.Machine) { list = m.Decisions(coordinator.RunID(run)) })
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.decisions[run]
	for _, x := range list[min(len(out), len(list)):] {
		d, err := decode(x.Payload)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	s.decisions[run] = out
	return out, nil
}

func decode(payload []byte) (*transport.Decision, error) {
	m, err := transport.Decode(payload)
	if err != nil {
		return nil, err
	}
	d, ok := m.(*transport.Decision)
	if !ok {
		return nil, transport.Errorf(transport.Corrupt, "decision", "a decision is %s", transport.NameOf(m))
	}
	return d, nil
}

// stepOf returns the place in the manifest's warmup of block k, to which decisions may have turned.
func stepOf(m *transport.Manifest, taken []*transport.Decision, k uint32) int {
	step := 0
	for range k {
		if step < len(m.Warmup) && m.Warmup[step].Barrier && len(taken) > 0 {
			step, taken = int(taken[0].Next), taken[1:]
		} else {
			step++
		}
	}
	return step
}

// judge evaluates the stop rule after a block of sampling.
func (r *reign) judge(ctx context.Context, s *submission, cmd *coordinator.Decide) error {
	var warmup uint32
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		if p, ok := m.Progress(cmd.Run); ok {
			warmup = p.Warmup
		}
	})
	run := transport.RunID(cmd.Run)
	draws := uint64(cmd.K+1-warmup) * uint64(s.manifest.Block)
	holds, figures, err := r.cfg.Sink.Holds(ctx, r, run, draws)
	if err != nil {
		return err
	}
	text := "stop rule does not hold yet"
	if cmd.Stop = holds; holds {
		text = "stop rule holds"
	}
	r.event(run, text, "figures", figures)
	return nil
}

// catchUp returns the decision after a version.
func (r *reign) catchUp(ctx context.Context, m *transport.Catchup) (transport.Message, error) {
	if _, err := r.submission(ctx, m.Run); err != nil {
		return nil, err
	}
	decisions, err := r.taken(m.Run)
	if err != nil {
		return nil, err
	}
	reply := &transport.CatchupReply{Latest: uint64(len(decisions)), Decision: transport.Decision{Run: m.Run}}
	if m.After < reply.Latest {
		reply.Decision = *decisions[m.After]
	}
	return reply, nil
}
