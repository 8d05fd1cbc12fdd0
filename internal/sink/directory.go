package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// directory is an open run directory.
type directory struct {
	blocks   Keeper
	manifest *transport.Manifest
	columns  []transport.Column // of blocks whose draws are kept, without data
	noted    time.Time          // when the ledger was last written down; guarded by Sink.mu

	mu    sync.Mutex  // held while the ledger is read and written down, so that no older one follows; guards the fields below
	state store.State // that run.json has on disk
	over  bool        // the run has ended: the directory was let go
	held  int         // how many work in it who need it beyond the run's end: it is not let go
}

// errLetGo says that a directory has to be opened again.
var errLetGo = errors.New("sink: the directory was let go")

// note writes the ledger down; once the run has ended, over, with how it went, and lets the directory go. In a group that is the part of
// the ledger that is here, and a run has ended when all of it is.
func (d *directory) note(l View, run transport.RunID, group bool) (over bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return true, errLetGo
	}
	ledger, ending, err := l.Ledger(run)
	if err != nil {
		return false, err
	}
	here := ledger
	if group {
		here = d.here(l, run, ledger)
	}
	if err := d.blocks.SetLedger(here); err != nil {
		return false, err
	}
	if ending.State == "" {
		return false, d.resumed(ledger.Draws)
	}
	if n := lag(here, ledger); n > 0 {
		return false, transport.Errorf(transport.Unavailable, "sink", "%d blocks of run %s are still to be fetched from the other coordinators", n, run)
	}
	if err := d.end(ending, ledger.Draws); err != nil || d.held > 0 {
		return false, err
	}
	d.over = true
	return true, d.blocks.Close()
}

// hold opens the directory of a run and keeps it from being let go. Who has held it unholds it, and then notes how the run is.
func (s *Sink) hold(ctx context.Context, l View, run transport.RunID) (*directory, error) {
	for {
		d, err := s.open(ctx, l, run)
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		over := d.over
		if !over {
			d.held++
		}
		d.mu.Unlock()
		if !over {
			return d, nil
		}
		s.drop(run, d)
	}
}

func (d *directory) unhold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held--
}

// dtypes are the wire's names of the store's element types.
var dtypes = map[store.DType]transport.DType{
	store.F64: transport.F64, store.F32: transport.F32, store.I64: transport.I64, store.I32: transport.I32,
	store.U64: transport.U64, store.U32: transport.U32, store.Bool: transport.Bool,
}

// openDirectory opens the directory of a run, or makes it from what the manifest says about the run.
func openDirectory(cfg Config, run transport.RunID, m *transport.Manifest) (*directory, error) {
	open := cfg.Open
	if open == nil {
		open = cfg.openPath
	}
	w, err := open(run, m)
	if err != nil {
		return nil, err
	}
	r := w.Run()
	d := &directory{blocks: w, manifest: m, state: r.State, noted: time.Now()}
	for _, c := range r.Schema.Columns() {
		d.columns = append(d.columns, transport.Column{Name: c.Name, DType: dtypes[c.DType], Elements: uint32(c.Elements)})
	}
	return d, nil
}

// openPath opens the directory of a run at its path, or makes it.
func (cfg *Config) openPath(run transport.RunID, m *transport.Manifest) (Keeper, error) {
	path, packs := cfg.Path(run), int(m.Packs())
	if store.Exists(path) {
		return store.OpenBlocks(path, packs, cfg.Files)
	}
	about, err := describe(m)
	if err != nil {
		return nil, err
	}
	about.Cluster = string(run)
	return store.CreateBlocks(path, about, nil, packs, false, cfg.Files)
}

// Check returns an error of kind Invalid unless a run directory can be made from a manifest.
func Check(m *transport.Manifest) error {
	_, err := describe(m)
	return err
}

// describe returns the description of a run.
func describe(m *transport.Manifest) (store.Run, error) {
	var r store.Run
	if err := json.Unmarshal(m.About, &r); err != nil {
		return r, transport.Errorf(transport.Invalid, "sink", "the run's description: %w", err)
	}
	if _, err := inputsOf(&r, m); err != nil {
		return r, err
	}
	r.Files, r.State = nil, store.Running // copies of inputs are named once they are there
	if r.Settings.Chains != int(m.Chains) {
		return r, transport.Errorf(transport.Invalid, "sink", "the run's description has %d chains, its manifest %d", r.Settings.Chains, m.Chains)
	}
	if err := r.Validate(); err != nil {
		return r, transport.Errorf(transport.Invalid, "sink", "the run's description: %w", err)
	}
	return r, nil
}

// block returns a block as the store has it. An error says that it does not fit the run, whatever its digest.
func (d *directory) block(b *transport.Block, c *transport.Content) (store.Block, error) {
	if uint32(b.Lease.Pack) >= d.manifest.Packs() {
		return store.Block{}, fmt.Errorf("the run has %d packs", d.manifest.Packs())
	}
	first, chains := d.manifest.Pack(b.Lease.Pack)
	if c.Chain != first || c.Chains != chains {
		return store.Block{}, fmt.Errorf("it is of chains %d to %d, the pack has %d to %d", c.Chain, c.Chain+c.Chains-1, first, first+chains-1)
	}
	out := store.Block{
		Pack: uint32(b.Lease.Pack), Index: b.Index, Previous: b.Previous, Digest: b.Digest, Chain: int(first), Chains: int(chains),
		Phase: store.Sampling, First: int64(c.First), Draws: int(c.Draws), Leapfrogs: b.Leapfrogs, Divergences: b.Divergences,
	}
	if c.Warmup {
		out.Phase = store.Warmup
	}
	if kept := !c.Warmup || d.manifest.Save; kept != (len(c.Columns) > 0) {
		return store.Block{}, fmt.Errorf("it has %d columns, and whether draws are kept is %v", len(c.Columns), kept)
	}
	if len(c.Columns) > 0 && len(c.Columns) != len(d.columns) {
		return store.Block{}, fmt.Errorf("it has %d columns, want %d", len(c.Columns), len(d.columns))
	}
	for i, col := range c.Columns {
		want := &d.columns[i]
		if col.Name != want.Name && "site:"+col.Name != want.Name || col.DType != want.DType || col.Elements != want.Elements {
			return store.Block{}, fmt.Errorf("column %d is %s with %d elements, want %s with %d", i, col.Name, col.Elements, want.Name, want.Elements)
		}
		out.Columns = append(out.Columns, col.Data)
	}
	end := *c
	end.Columns = nil
	var err error
	out.State, err = transport.Encode(&end)
	return out, err
}

// end records how a run ended that was to have so many draws of each chain. mu is held.
func (d *directory) end(e Ending, draws uint64) error {
	if d.state == e.State && d.blocks.Run().Seconds == e.Seconds { // else it was extended, and has ended again
		return nil
	}
	counts, err := d.blocks.Counts()
	if err != nil {
		return err
	}
	err = d.blocks.Update(func(run *store.Run) {
		run.State, run.Error, run.Counts, run.Seconds, run.Warmup = e.State, e.Error, counts, e.Seconds, e.Warmup
		run.Settings.Draws = max(run.Settings.Draws, int(draws)) // it may have been extended
	})
	if err == nil {
		d.state = e.State
	}
	return err
}

// took records how long a run has taken that goes on.
func (d *directory) took(e Ending) error {
	return d.blocks.Update(func(run *store.Run) { run.Seconds, run.Warmup = e.Seconds, e.Warmup })
}

// resumed records that a run that had ended goes on. mu is held.
func (d *directory) resumed(draws uint64) error {
	if d.state == store.Running {
		return nil
	}
	err := d.blocks.Update(func(run *store.Run) {
		run.State, run.Error, run.Settings.Draws = store.Running, "", max(run.Settings.Draws, int(draws))
	})
	if err == nil {
		d.state = store.Running
	}
	return err
}
