package shell

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// silentTime is how long nothing may be heard of a worker that is there: several heartbeats.
const silentTime = 10 * time.Second

// candidates are the workers that are heard of, for a run that nobody works on.
type candidates struct {
	engine, class string // that the run wants; "" for any
	width         uint32 // chains of its packs
	narrow        int    // workers that would suit it, but for that
	there         map[string]int
	suit, busy    int
	silent        int // workers that are not heard of
}

// notice says what keeps a run from going on, in a sentence with what to do about it; "" where nothing does.
func (r *reign) notice(run transport.RunID, p *coordinator.Progress) string {
	if p.Status != coordinator.Running || p.Leases > 0 {
		return ""
	}
	c := candidates{there: map[string]int{}}
	var workers []coordinator.WorkerState
	var suits []coordinator.WorkerID
	r.cfg.Machine.View(func(m *coordinator.Machine) {
		id := coordinator.RunID(run)
		state, _ := m.Run(id)
		c.engine, c.class, c.width = state.Spec.Engine, state.Class, state.Spec.Width
		workers, suits = m.Workers(), m.Suits(id)
	})
	r.Shell.mu.Lock()
	defer r.Shell.mu.Unlock()
	for _, w := range workers {
		i := r.workers[transport.PartyID(w.Worker)]
		switch {
		case i == nil || time.Since(i.heard) > silentTime:
			c.silent++
			continue
		case w.Drained:
			continue
		}
		c.there[w.Class]++
		if w.Width > 0 && w.Width < c.width {
			c.narrow++
		}
		if slices.Contains(suits, w.Worker) {
			if c.suit++; i.slots > 0 && len(w.Held) >= int(i.slots) { // a new leader has not heard of slots
				c.busy++
			}
		}
	}
	return c.notice()
}

// howToStart is what has a worker be there.
const howToStart = "start one with drey worker"

func (c *candidates) notice() string {
	switch {
	case len(c.there) == 0 && c.silent == 0:
		return "no worker is registered: " + howToStart
	case len(c.there) == 0:
		return fmt.Sprintf("nothing is heard of any worker (%d are registered): %s", c.silent, howToStart)
	case c.suit == 0 && c.engine != "" && !c.hasEngine():
		return fmt.Sprintf("no worker has the engine %s: there are %s; %s --engine %s", c.engine, c.classes(), howToStart, c.engine)
	case c.suit == 0 && c.narrow > 0:
		return fmt.Sprintf("%d workers take no packs of as many as %d chains (their --batch), and no other suits the run: %s, or submit it with a smaller --batch", c.narrow, c.width, howToStart)
	case c.suit == 0:
		return fmt.Sprintf("no worker is of the replay class of the one that began the run, %q: there are %s; %s of that version and engine", c.class, c.classes(), howToStart)
	case c.busy == c.suit:
		return fmt.Sprintf("all workers that suit the run, %d, are busy with other packs: it waits for its turn, or for more of them", c.suit)
	}
	return ""
}

// hasEngine reports whether a worker has the run's engine.
func (c *candidates) hasEngine() bool {
	for class := range c.there {
		if coordinator.HasEngine(class, c.engine) {
			return true
		}
	}
	return false
}

// classes lists the replay classes that are there, and of how many workers.
func (c *candidates) classes() string {
	var out []string
	for _, class := range slices.Sorted(maps.Keys(c.there)) {
		out = append(out, fmt.Sprintf("%d of %q", c.there[class], class))
	}
	return strings.Join(out, ", ")
}
