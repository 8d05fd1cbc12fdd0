package shell

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/transport"
)

// submission is a run as it was submitted.
type submission struct {
	submit   *transport.Submit
	manifest *transport.Manifest
}

// maxManifest bounds an encoded manifest in bytes: starting values of very many chains.
const maxManifest = 64 << 20

// submit begins a run. What the machine keeps of it is the message itself: name, manifest and signature.
func (r *reign) submit(ctx context.Context, m *transport.Submit) (transport.Message, error) {
	s, err := r.open(ctx, m)
	if err != nil {
		return nil, err
	}
	if err := r.check(ctx, s.manifest); err != nil {
		return nil, err
	}
	text, err := transport.Encode(m)
	if err != nil {
		return nil, err
	}
	id := runID(m)
	out, err := r.propose(ctx, &coordinator.Submit{Run: coordinator.RunID(id), Spec: specOf(s.manifest, text)})
	if err == nil {
		err = refusal(out, id)
	}
	if err != nil {
		return nil, err
	}
	if out.Code == coordinator.OK {
		r.event(id, "run submitted", "name", m.Name, "by", string(m.Command.Party))
	}
	return &transport.Submitted{Run: id}, nil
}

// open reads the manifest of a submission and checks who signed it.
func (s *Shell) open(ctx context.Context, m *transport.Submit) (*submission, error) {
	text, err := m.Manifest.Unpack(ctx, s.cfg.Transport.Objects(transport.Inputs), maxManifest)
	if err != nil {
		return nil, err
	}
	if s.cfg.Verify != nil {
		if err := s.cfg.Verify(text, m.Key, m.Signature); err != nil {
			return nil, transport.Errorf(transport.Refused, "submit", "%w", err)
		}
	}
	inner, err := transport.Decode(text)
	if err != nil {
		return nil, err
	}
	manifest, ok := inner.(*transport.Manifest)
	if !ok {
		return nil, transport.Errorf(transport.Invalid, "submit", "%s is no manifest", transport.NameOf(inner))
	}
	return &submission{m, manifest}, nil
}

// check refuses a run that this coordinator can't bring to its end.
func (r *reign) check(ctx context.Context, m *transport.Manifest) error {
	if m.Pooled && r.cfg.Adapter == nil {
		return transport.Errorf(transport.Invalid, "submit", "this coordinator does not pool warmup: submit the run with --adapt per-chain")
	}
	if err := sink.Check(m); err != nil || r.cfg.Check == nil {
		return err
	}
	err := r.cfg.Check(ctx, r.cfg.Transport.Objects(transport.Inputs), m)
	if err != nil && transport.KindOf(err) != transport.Unavailable {
		err = transport.Errorf(transport.Refused, "submit", "%w", err)
	}
	return err
}

// specOf returns what the machine knows of a run.
func specOf(m *transport.Manifest, submit []byte) coordinator.Spec {
	return coordinator.Spec{
		Packs: m.Packs(), Warmup: steps(m, 0), BlockDraws: m.Block, Draws: m.Draws, CheckEvery: m.Stop.Every,
		LeaseMillis: m.Lease, LateMillis: m.Late, Classes: m.Classes, Engine: m.Engine, Width: m.Width, Manifest: submit,
	}
}

// steps returns the blocks of warmup from one on.
func steps(m *transport.Manifest, from uint32) []coordinator.Step {
	var out []coordinator.Step
	for _, s := range m.Warmup[from:] {
		out = append(out, coordinator.Step{Draws: s.Draws, Barrier: s.Barrier, Open: m.IsOpen(s)})
	}
	return out
}

// maxLabel is how much of a run's name is in its id.
const maxLabel = 40

// runID returns the id of a run: what its name has of a token's letters, and a digest of the command and the manifest, so that a
// submission that comes twice is one run.
func runID(m *transport.Submit) transport.RunID {
	label := strings.Map(func(c rune) rune {
		if c < 0x80 && transport.IsToken(string(c)) {
			return c
		}
		return '-'
	}, m.Name)
	label = strings.Trim(label[:min(len(label), maxLabel)], "-")
	if label == "" {
		label = "run"
	}
	id := commandID(m.Command)
	sum := sha256.Sum256(append(id[:], m.Manifest.Digest[:]...))
	return transport.RunID(label + "-" + hex.EncodeToString(sum[:5]))
}

// submission returns a run as it was submitted; an error of kind NotFound if there is none.
func (s *Shell) submission(ctx context.Context, run transport.RunID) (*submission, error) {
	s.mu.Lock()
	known := s.manifests[run]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var text []byte
	s.cfg.Machine.View(func(m *coordinator.Machine) { text = m.Manifest(coordinator.RunID(run)) })
	if text == nil {
		return nil, transport.Errorf(transport.NotFound, "coordinator", "there is no run %s", run)
	}
	m, err := transport.Decode(text)
	if err != nil {
		return nil, err
	}
	submit, ok := m.(*transport.Submit)
	if !ok {
		return nil, transport.Errorf(transport.Corrupt, "coordinator", "run %s was submitted as %s", run, transport.NameOf(m))
	}
	opened, err := s.open(ctx, submit)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manifests[run] = opened
	return opened, nil
}

// Manifest implements sink.View.
func (s *Shell) Manifest(ctx context.Context, run transport.RunID) (*transport.Manifest, error) {
	x, err := s.submission(ctx, run)
	if err != nil {
		return nil, err
	}
	return x.manifest, nil
}

// control carries a user's command about a run out.
func (r *reign) control(ctx context.Context, run transport.RunID, reason string, by transport.Command, cmd coordinator.Command) (transport.Message, error) {
	out, err := r.propose(ctx, cmd)
	if err == nil && out.Code == coordinator.OK {
		if _, stopped := cmd.(*coordinator.Stop); stopped {
			r.abandon(coordinator.RunID(run))
		}
		r.event(run, "run "+verbOf(cmd), "by", string(by.Party), "reason", reason)
	}
	return done(out, err, run)
}

func verbOf(cmd coordinator.Command) string {
	switch cmd.(type) {
	case *coordinator.Stop:
		return "stopped"
	case *coordinator.Resume:
		return "resumed"
	}
	return "extended"
}
