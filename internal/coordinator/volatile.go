package coordinator

import (
	"context"
	"sync"
)

// Volatile is a machine that is lost with its process: that of a run whose draws are, too. The zero Volatile is ready to use; its
// methods may be called from several goroutines.
type Volatile struct {
	mu      sync.Mutex // guards the field below
	machine Machine
}

// Propose applies a command.
func (v *Volatile) Propose(ctx context.Context, cmd Command) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	own, err := DecodeCommand(EncodeCommand(cmd)) // the machine keeps slices of what it applies
	if err != nil {
		return Result{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.machine.Apply(own), nil
}

// View calls f with the machine, which f must neither change nor keep.
func (v *Volatile) View(f func(*Machine)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f(&v.machine)
}
