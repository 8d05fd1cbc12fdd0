package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/coordinator/shell"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/internal/sink"
	"github.com/drey-sampler/drey/internal/worker"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
	bus "github.com/drey-sampler/drey/pkg/transport/memory"
)

// Parties of a run of this machine.
const (
	coordinatorName = "coordinator"
	workerName      = "worker"
	runnerName      = "runner"
)

// What a worker does at once, and holds, at most.
const (
	mostSlots = 256
	mostPacks = 1024
)

// linger is how long draws may be in memory alone while more are made.
const linger = time.Second

// running is a run of this machine while it goes on: a coordinator with its sink, and one worker, over a transport in memory. What
// they decide and keep is what those of a cluster do.
type running struct {
	plan     *plan
	keeper   keeper
	cuts     *cuts
	machine  shell.Machine
	progress *progress
	watch    *watch

	bus     *bus.Bus
	id      transport.RunID
	outcome *outcome   // nil where nothing outlives the process
	faulty  chan error // what keeps draws from being stored
	version string     // of drey, that began the run
	row     int        // bytes of a draw
}

// begin returns a run that has yet to go on.
func (p *plan) begin(k keeper, m shell.Machine, events func(Progress)) *running {
	run := k.Run()
	w := newWatch(p, run.Seconds)
	return &running{
		plan: p, keeper: newTimed(k, w.seconds), cuts: &cuts{keeper: k}, machine: m, progress: newProgress(events), watch: w, version: run.Versions.Drey,
		faulty: make(chan error, 1), row: run.Schema.RowBytes(),
	}
}

// run runs the chains to their end, and has what keeps the draws say how it went. The error is what ended the run before.
func (r *running) run(ctx context.Context, run *store.Run) (store.State, error) {
	state, err := r.sample(ctx, run)
	r.watch.end()
	if state == store.Done { // who interrupts it is not to wait
		_ = r.keeper.DropStates() // states that stay only take room
	}
	if kept := r.keeper.Run(); kept.State == state { // it was done, or failed, as the ledger has it
		return state, err
	}
	if kept := r.note(state, err); kept != nil && err == nil {
		return store.Failed, kept
	}
	return state, err
}

// note writes down where the run was ended from outside, with the blocks that chains were within if they can go on there.
func (r *running) note(state store.State, cause error) error {
	var ledger store.Ledger
	var ending sink.Ending
	known := false
	r.machine.View(func(m *coordinator.Machine) {
		if runs := m.Runs(); len(runs) > 0 {
			ledger, ending, known = shell.LedgerOf(m, runs[0])
		}
	})
	var problems []error
	if known && state == store.Interrupted {
		problems = append(problems, r.cuts.write(ledger))
	}
	if known {
		problems = append(problems, r.keeper.SetLedger(ledger))
	}
	counts, err := r.keeper.Counts()
	problems = append(problems, err, r.keeper.Update(func(run *store.Run) {
		if run.State, run.Error, run.Warmup = state, "", ending.Warmup; cause != nil {
			run.Error = cause.Error()
		}
		if err == nil {
			run.Counts = counts
		}
	}))
	return errors.Join(problems...)
}

// sample runs the chains to their end. The error is what ended the run before.
func (r *running) sample(ctx context.Context, run *store.Run) (state store.State, err error) {
	if r.bus, err = bus.New(transport.DefaultLimits()); err != nil {
		return store.Failed, err
	}
	conn := r.bus.Connect()
	defer func() { err = errors.Join(err, conn.Close()) }()
	ends, err := conn.Subscribe(ctx, transport.Filter{Channel: transport.Decisions})
	if err != nil {
		return r.stopped(ctx, err)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	defer parts.Wait()
	defer end()
	leads := make(chan struct{})
	failed := make(chan error, 1)
	parts.Go(func() { failed <- r.coordinate(life, leads) })
	select {
	case <-leads:
	case err := <-failed:
		return store.Failed, err
	}
	done, err := r.begin(ctx, conn, run)
	if err != nil || done {
		return r.stopped(ctx, err)
	}
	return r.follow(ctx, ends)
}

// stopped returns the state of a run that an error has ended, if it is one.
func (r *running) stopped(ctx context.Context, err error) (store.State, error) {
	switch {
	case ctx.Err() != nil:
		return store.Interrupted, fmt.Errorf("interrupted: %w", context.Cause(ctx))
	case err != nil:
		return store.Failed, err
	}
	return store.Done, nil
}

// coordinate is the coordinator, until ctx ends.
func (r *running) coordinate(ctx context.Context, leads chan<- struct{}) error {
	log := slog.New(slog.DiscardHandler)
	s, err := sink.New(sink.Config{
		Path:   func(transport.RunID) string { return r.plan.cfg.Dir },
		Open:   func(transport.RunID, *transport.Manifest) (sink.Keeper, error) { return r.keeper, nil },
		Linger: linger, Busy: r.watch.busy,
		Faulty: func(_ transport.RunID, err error) { r.fault(err) }, Log: log,
	})
	if err != nil {
		return err
	}
	sh, err := shell.New(shell.Config{
		Name: coordinatorName, Machine: checked{r.machine, r.outcome, r.fault}, Transport: r.connect(), Sink: s, Adapter: Adapter{},
		OnLead: func() { close(leads) }, Log: log,
	})
	if err != nil {
		return err
	}
	return sh.Alone(ctx)
}

// fault ends the run where draws, or what is decided about them, can't be stored.
func (r *running) fault(err error) {
	select {
	case r.faulty <- err:
	default: // one is enough
	}
}

// connect returns a connection of the coordinator or the worker.
func (r *running) connect() transport.Transport {
	if r.outcome == nil {
		return r.bus.Connect()
	}
	return keeping{r.bus.Connect(), r.outcome}
}

// checked is a machine that tells of commands that could not be kept, with what they refer to.
type checked struct {
	shell.Machine
	outcome *outcome
	fault   func(error)
}

func (c checked) Propose(ctx context.Context, cmd coordinator.Command) (coordinator.Result, error) {
	var out coordinator.Result
	var err error
	if c.outcome != nil {
		err = c.outcome.sync()
	}
	if err == nil {
		out, err = c.Machine.Propose(ctx, cmd)
	}
	if err != nil && ctx.Err() == nil {
		c.fault(err)
	}
	return out, err
}

// begin submits the run, or has it go on to the draws that it is to have, and then says so in its description, so that this never has
// draws that the machine does not know of; done says that there is nothing to do.
func (r *running) begin(ctx context.Context, conn transport.Transport, run *store.Run) (done bool, err error) {
	state, known := stateOf(r.machine)
	if known {
		r.id = transport.RunID(state.Run)
		err = r.goOn(ctx, conn, &state)
	} else {
		err = r.submit(ctx, conn, run)
	}
	if err == nil && (known || run.State != store.Running) {
		err = r.keeper.Update(func(run *store.Run) {
			run.Settings.Draws, run.State, run.Error = r.plan.cfg.Draws, store.Running, ""
		})
	}
	state, _ = stateOf(r.machine)
	return state.Status == coordinator.Done, err
}

// submit makes the run known to the machine.
func (r *running) submit(ctx context.Context, conn transport.Transport, run *store.Run) error {
	m, err := r.plan.manifest(run)
	if err != nil {
		return err
	}
	text, err := transport.Encode(m)
	if err != nil {
		return err
	}
	submit := &transport.Submit{Command: transport.Command{Party: runnerName}, Name: r.plan.model.Name}
	if submit.Manifest, err = transport.Pack(ctx, conn.Objects(transport.Inputs), text); err != nil {
		return err
	}
	reply, err := transport.Ask[*transport.Submitted](ctx, conn, submit)
	if err == nil {
		r.id = reply.Run
	}
	return err
}

// goOn has a run that the machine knows go on.
func (r *running) goOn(ctx context.Context, conn transport.Transport, state *coordinator.RunState) error {
	command := transport.Command{Party: runnerName, Incarnation: uint64(time.Now().UnixNano())}
	if state.Status == coordinator.Failed || state.Status == coordinator.Stopped {
		if _, err := transport.Ask[*transport.Done](ctx, conn, &transport.Resume{Command: command, Run: r.id}); err != nil {
			return err
		}
		command.Sequence++
	}
	if target := uint64(r.plan.cfg.Draws); target > state.Draws {
		if _, err := transport.Ask[*transport.Done](ctx, conn, &transport.Extend{Command: command, Run: r.id, Target: target}); err != nil {
			return err
		}
	}
	return nil
}

// stateOf returns how the run of a machine is; false if it has none.
func stateOf(machine shell.Machine) (state coordinator.RunState, known bool) {
	machine.View(func(m *coordinator.Machine) {
		if runs := m.Runs(); len(runs) > 0 {
			state, known = m.Run(runs[0])
		}
	})
	return state, known
}

// follow runs the worker until the run has ended, or is ended from outside.
func (r *running) follow(ctx context.Context, ends transport.Subscription) (store.State, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	broken := make(chan error, 1)
	over := make(chan *transport.RunEnd, 1)
	watched := r.progress.watch(r)
	work.Go(func() { broken <- worker.Run(life, r.connect(), r.worker()) })
	work.Go(func() { over <- next(life, ends) })
	state, err := store.Interrupted, error(nil)
	select {
	case end := <-over:
		if state = store.Done; end.State == transport.Failed {
			state, err = store.Failed, errors.New(end.Reason)
		}
	case err = <-broken:
		state = store.Failed
	case err = <-r.faulty:
		state = store.Failed
		// The worker need not wait for the ledger to take its last blocks.
		err = errors.Join(err, transport.Send(ctx, r.bus.Connect(), &transport.RunEnd{Run: r.id, State: transport.Failed}))
	case <-ctx.Done():
		err = fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	stop()
	work.Wait()
	watched()
	return state, err
}

// next returns the end of the run; nil if ctx ends before.
func next(ctx context.Context, ends transport.Subscription) *transport.RunEnd {
	for {
		q, err := ends.Next(ctx)
		if err != nil {
			return nil
		}
		if m, err := transport.Open(q.Envelope()); err == nil {
			if end, ok := m.(*transport.RunEnd); ok {
				return end
			}
		}
	}
}

// complete says of each chain whether it has all its draws already.
func (r *running) complete() []bool {
	out := make([]bool, r.plan.cfg.Chains)
	state, known := stateOf(r.machine)
	if !known {
		return out
	}
	var blocks uint32
	r.machine.View(func(m *coordinator.Machine) { blocks = m.Blocks(state.Run) })
	for i := range out {
		out[i] = state.Packs[i/r.plan.width()].Blocks >= blocks
	}
	return out
}

// slots returns how many packs are advanced at once.
func (p *plan) slots() int { return min(p.cfg.workers(), p.packs(), mostSlots) }

// pending returns how many blocks of each pack may be made and not in the ledger. Where there are many packs they take turns, and one
// block of each is enough to go on while others are stored.
func (r *running) pending(s *coordinator.Spec) int {
	packs := int(s.Packs)
	bytes := r.plan.width() * int(s.BlockDraws) * r.row * packs
	return max((fewestPending*r.plan.slots()+packs-1)/packs, min(mostPending, uncommitted/max(1, bytes)))
}

// backlog returns how many blocks of all packs may be: each brings its chains' states, about as long as fewestRows draws at most.
func (r *running) backlog(s *coordinator.Spec) int {
	bytes := r.plan.width() * (int(s.BlockDraws) + fewestRows) * r.row
	return max(fewestPending*r.plan.slots(), backlogBytes/max(1, bytes))
}

// worker returns what the worker is told. Its version is that of the drey which began the run: whoever goes on has compared what can
// change a bit.
func (r *running) worker() worker.Config {
	p := r.plan
	own := p.job()
	packs := p.packs()
	state, _ := stateOf(r.machine)
	return worker.Config{
		Name: workerName, Version: r.version, Slots: p.slots(), Packs: min(packs, mostPacks), Uncommitted: r.pending(&state.Spec),
		Backlog: r.backlog(&state.Spec), Cuts: r.cuts, Engine: p.engine, Lanes: p.chain.Batch > 0, Local: func(transport.Digest) *job.Job { return own }, Watcher: r.watch,
		Volatile: r.outcome == nil,
		Log:      slog.New(slog.DiscardHandler),
	}
}
