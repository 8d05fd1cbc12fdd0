package sink

import (
	"context"
	"time"

	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Times of putting runs together.
const (
	gatherTime = 5 * time.Second  // between looks for runs that have ended
	regretTime = 10 * time.Minute // until a run is tried again that could not be put together: the disk may have been full
)

// Gather puts together the files of runs that have ended, a run at a time, until ctx ends. Others write and read them meanwhile.
func (s *Sink) Gather(ctx context.Context, l View) {
	ticker := time.NewTicker(gatherTime)
	defer ticker.Stop()
	type look struct {
		blocks uint64 // that the run had
		again  time.Time
	}
	looks := map[transport.RunID]look{}
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, run := range l.Runs() {
			ledger, ending, err := l.Ledger(run)
			if err != nil || ending.State == "" {
				continue
			}
			blocks := uint64(0)
			for _, h := range ledger.Heads {
				blocks += h.Blocks
			}
			if last, ok := looks[run]; ok && last.blocks == blocks && time.Now().Before(last.again) || !store.Scattered(s.cfg.Path(run)) {
				continue
			}
			begin := time.Now()
			err = s.gather(ctx, l, run)
			switch {
			case ctx.Err() != nil:
				return
			case transport.KindOf(err) == transport.Unavailable:
				continue // not all is here yet
			case err != nil:
				s.cfg.Log.Warn("a run's files stay many: they could not be put together", "run", string(run), "reason", err.Error())
			default:
				s.cfg.Log.Info("a run's files were put together", "run", string(run), "seconds", time.Since(begin).Seconds())
			}
			looks[run] = look{blocks, time.Now().Add(regretTime)}
		}
	}
}

// gather puts the files of a run together.
func (s *Sink) gather(ctx context.Context, l View, run transport.RunID) error {
	d, err := s.hold(ctx, l, run)
	if err != nil {
		return err
	}
	files, ok := d.blocks.(*store.BlockWriter)
	if _, err = d.note(l, run, s.cfg.Group != nil); err == nil && ok {
		schema := files.Run().Schema
		err = files.Gather(ctx, func(b *store.Block) error {
			_, err := verified(run, &schema, b)
			return err
		})
	}
	d.unhold()
	if noted := s.Note(ctx, l, run); err == nil { // which lets it go
		err = noted
	}
	return err
}
