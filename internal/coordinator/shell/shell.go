package shell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Machine is a coordinator.Journal or coordinator.Replica: what keeps the machine.
type Machine interface {
	// Propose has a command applied. After an error it may or may not have been.
	Propose(ctx context.Context, cmd coordinator.Command) (coordinator.Result, error)
	// View calls f with the machine, which f must neither change nor keep.
	View(f func(*coordinator.Machine))
}

// Config is what a shell is told.
type Config struct {
	Name      transport.PartyID // of the coordinator
	Machine   Machine
	Transport transport.Transport
	Sink      *sink.Sink
	Adapter   Adapter // nil: runs that pool warmup are refused
	// Membership is the group's, which others may join; nil for a coordinator that is alone.
	Membership Membership
	// Verify returns an error unless a manifest's signature is by a key that is trusted; nil trusts all.
	Verify func(manifest, key, signature []byte) error
	// Check returns an error unless the program that a manifest names can be run by workers; nil takes all.
	Check func(ctx context.Context, inputs transport.Objects, m *transport.Manifest) error
	// OnLead is called each time this coordinator has begun to lead, when requests are answered; nil does nothing.
	OnLead func()
	Log    *slog.Logger
}

// Shell does what a machine decides. Its methods may be called from several goroutines.
type Shell struct {
	cfg Config

	mu        sync.Mutex // guards the fields below
	manifests map[transport.RunID]*submission
	workers   map[transport.PartyID]*introduction
	decisions map[transport.RunID][]*transport.Decision // of warmup, decoded
	sequence  uint64                                    // of log records
}

// introduction is what a worker says about itself that decides nothing; it is lost with the shell.
type introduction struct {
	host  string
	slots uint32
	rate  float64 // leapfrogs per second, by its last heartbeat
	beat  uint64  // number of that
	heard time.Time
}

// New returns a shell that does nothing until Lead.
func New(cfg Config) (*Shell, error) {
	if !transport.IsToken(string(cfg.Name)) {
		return nil, fmt.Errorf("shell: the coordinator's name %q: want 1 to %d letters, digits, - and _", cfg.Name, transport.MaxToken)
	}
	if cfg.Machine == nil || cfg.Transport == nil || cfg.Sink == nil || cfg.Log == nil {
		return nil, errors.New("shell: no machine, transport, sink or log")
	}
	return &Shell{
		cfg: cfg, manifests: map[transport.RunID]*submission{}, workers: map[transport.PartyID]*introduction{},
		decisions: map[transport.RunID][]*transport.Decision{},
	}, nil
}

// Times of a shell.
const (
	tickTime    = 500 * time.Millisecond // between ticks: a lease ends that much late at most
	publishTime = time.Second            // between broadcasts of how runs are
	dueTime     = 2 * time.Second        // until decisions that could not be taken are tried again
	mostRest    = 250 * time.Millisecond // between proposals of what is gathered
	faultTime   = time.Second            // until a part that broke is begun again
)

// Bounds of what is done at once.
const (
	requests = 256     // being answered
	outgoing = 1 << 16 // messages to be sent; beyond them the oldest are lost
)

// Alone leads for as long as ctx goes on: the shell of a coordinator.Journal.
func (s *Shell) Alone(ctx context.Context) error {
	var term uint64
	s.cfg.Machine.View(func(m *coordinator.Machine) { term = m.Term() + 1 })
	return errors.Join(s.Lead(ctx, term), s.cfg.Sink.Close())
}

// Follow leads whenever a replica does, and keeps draws all the while where there are others, until ctx ends.
func (s *Shell) Follow(ctx context.Context, r *coordinator.Replica) error {
	var keeping sync.WaitGroup
	if s.cfg.Sink.Grouped() {
		keeping.Go(func() {
			_ = s.keep(ctx, "copies", func(ctx context.Context) error { return s.cfg.Sink.Keep(ctx, s) })
		})
	}
	keeping.Go(func() { s.cfg.Sink.Collect(ctx, s) })
	keeping.Go(func() { s.cfg.Sink.Gather(ctx, s) })
	s.follow(ctx, r)
	keeping.Wait()
	return s.cfg.Sink.Close()
}

func (s *Shell) follow(ctx context.Context, r *coordinator.Replica) {
	leads := false
	for {
		for !leads {
			select {
			case leads = <-r.Leadership():
			case <-ctx.Done():
				return
			}
		}
		term, err := r.Lead()
		if err == nil {
			reign, end := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() { done <- s.Lead(reign, term) }()
			select {
			case leads = <-r.Leadership():
			case <-ctx.Done():
			case err = <-done:
				done <- nil
			}
			end()
			err = errors.Join(err, <-done)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.cfg.Log.Warn("the coordinator does not lead any more", "reason", err.Error())
			if !pause(ctx, mostRest) {
				return
			}
			select {
			case leads = <-r.Leadership():
			default: // it does, still or again
			}
		}
	}
}

// pause waits; it reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reign is a shell while it leads.
type reign struct {
	*Shell
	term     uint64
	began    time.Time
	renewals chan *renewal
	out      *outbox
	work     sync.WaitGroup // decisions and ends of runs

	mu       sync.Mutex                               // guards the fields below
	deciding map[coordinator.RunID]context.CancelFunc // decisions under way
	moments  map[place]*report
	arrived  uint64 // reports so far
}

// Lead takes requests and does what the machine decides in a term, until ctx ends or leadership is lost, which is an error. It
// waits until all that it began has ended.
func (s *Shell) Lead(ctx context.Context, term uint64) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	r := &reign{
		Shell: s, term: term, began: time.Now(), renewals: make(chan *renewal), out: newOutbox(),
		deciding: map[coordinator.RunID]context.CancelFunc{}, moments: map[place]*report{},
	}
	if _, err := r.propose(ctx, &coordinator.Tick{Term: term}); err != nil {
		return err
	}
	control, err := s.cfg.Transport.Subscribe(ctx, transport.Filter{Channel: transport.Control})
	if err != nil {
		return fmt.Errorf("shell: %w", err)
	}
	var parts sync.WaitGroup
	broken := make(chan error, 8)
	begin := func(part func(context.Context) error) {
		parts.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				broken <- err
			}
		})
	}
	begin(func(ctx context.Context) error { return r.serve(ctx, control) })
	begin(r.tick)
	begin(r.renew)
	begin(r.send)
	begin(r.publish)
	begin(func(ctx context.Context) error { return r.keep(ctx, "moments", r.collect) })
	begin(func(ctx context.Context) error { return r.keep(ctx, "heartbeats", r.listen) })
	begin(func(ctx context.Context) error {
		return r.keep(ctx, "sink", func(ctx context.Context) error { return s.cfg.Sink.Serve(ctx, s.cfg.Transport, r) })
	})
	r.due(ctx)
	if s.cfg.OnLead != nil {
		s.cfg.OnLead()
	}
	select {
	case <-ctx.Done():
	case err = <-broken:
	}
	end()
	err = errors.Join(err, control.Close())
	parts.Wait()
	r.work.Wait()
	return err
}

// keep runs a part of the shell, and begins it again where it breaks.
func (s *Shell) keep(ctx context.Context, name string, part func(context.Context) error) error {
	for {
		err := part(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.cfg.Log.Warn("a part of the coordinator is begun again", "part", name, "reason", fmt.Sprint(err))
		if !pause(ctx, faultTime) {
			return nil
		}
	}
}

// total returns for how long this coordinator has led, in ms.
func (r *reign) total() uint64 { return uint64(time.Since(r.began).Milliseconds()) }

// propose has a command applied and does what comes of it.
func (r *reign) propose(ctx context.Context, cmd coordinator.Command) (coordinator.Result, error) {
	if _, tick := cmd.(*coordinator.Tick); !tick {
		cmd = &coordinator.Timed{Term: r.term, Total: r.total(), Command: cmd}
	}
	out, err := r.cfg.Machine.Propose(ctx, cmd)
	if err != nil {
		return out, transport.Errorf(transport.Unavailable, "coordinator", "%w", err)
	}
	r.perform(ctx, out.Actions)
	return out, nil
}

// tick tells the machine how time passes. A coordinator that does not lead any more learns it here.
func (r *reign) tick(ctx context.Context) error {
	ticker := time.NewTicker(tickTime)
	defer ticker.Stop()
	last := r.began
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		_, err := r.propose(ctx, &coordinator.Tick{Term: r.term, Total: r.total()})
		if errors.Is(err, coordinator.ErrNotLeader) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("time stands still: the coordinators do not agree, or the log can't be written", "reason", err.Error())
		}
		r.overdue(ctx)
		if time.Since(last) >= dueTime {
			last = time.Now()
			r.due(ctx)
		}
	}
}

// due does what must not be lost.
func (r *reign) due(ctx context.Context) {
	var actions []coordinator.Action
	r.cfg.Machine.View(func(m *coordinator.Machine) { actions = m.Due() })
	r.perform(ctx, actions)
}
