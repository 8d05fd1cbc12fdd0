package chain

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
	"github.com/drey-sampler/drey/pkg/tensor/vmap"
)

// A measurement of speed is the best of a few, each of at least this time: what else runs on the machine only ever makes them
// slower. Of calls that are long themselves one is enough.
const (
	speedTrials = 3
	speedTrial  = 4 * time.Millisecond
	longCall    = 50 * time.Millisecond
)

// GradientSeconds returns the time in which an engine computes the log density and gradient of one chain, most of a leapfrog
// step, while so many threads do so, each for packs of so many lanes: the time of a call divided by lanes and threads. The
// chains stand at the origin. It compiles one program and takes some hundredths of a second besides, longer where a gradient
// does: one that takes more than limit on a thread alone is not measured further.
func GradientSeconds(eng engine.Engine, b *model.Bundle, columns []model.Column, lanes, threads int, limit float64) (seconds float64, err error) {
	c, err := newGradient(eng, b, columns, lanes)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	sessions := make([]engine.Session, threads)
	defer func() {
		for _, s := range sessions {
			if s != nil {
				err = errors.Join(err, s.Close())
			}
		}
	}()
	for i := range sessions {
		if sessions[i], err = c.session(); err != nil {
			return 0, err
		}
		begin := time.Now()
		if err := sessions[i].Run(); err != nil { // finds memory, wakes threads
			return 0, err
		}
		if t := time.Since(begin).Seconds() / float64(lanes); t > limit {
			return t, nil
		}
	}
	for range speedTrials {
		t, err := timeCalls(sessions)
		if err != nil {
			return 0, err
		}
		if each := t / float64(lanes); seconds == 0 || each < seconds {
			seconds = each
		}
		if t*float64(threads) > longCall.Seconds() {
			break
		}
	}
	return seconds, nil
}

// newGradient compiles the log density and gradient for packs of lanes, alone for one.
func newGradient(eng engine.Engine, b *model.Bundle, columns []model.Column, lanes int) (*compiled, error) {
	f, kept, err := WithoutUnused(simplify.Run(b.LogDensity), 1)
	if err != nil {
		return nil, err
	}
	if len(b.LogDensity.In) != 1+len(columns) {
		return nil, fmt.Errorf("chain: model %s: %d data columns for a program that takes %d", b.Manifest.Model, len(columns), len(b.LogDensity.In)-1)
	}
	c := &compiled{first: 1}
	for _, i := range kept {
		c.columns = append(c.columns, columns[i-1].Bytes)
	}
	if lanes > 1 {
		batched := make([]bool, len(f.In))
		batched[0] = true
		if f, err = vmap.Of(f, lanes, batched); err != nil {
			return nil, fmt.Errorf("chain: %w", err)
		}
		f = simplify.Exact(f)
	}
	c.exe, err = eng.Compile(f, engine.Options{})
	return c, err
}

// timeCalls returns the time of a call of a session divided by their number, while all run.
func timeCalls(sessions []engine.Session) (float64, error) {
	var wg sync.WaitGroup
	seconds, errs := make([]float64, len(sessions)), make([]error, len(sessions))
	for i, s := range sessions {
		wg.Go(func() {
			errs[i] = Guard(func() error {
				begin, calls := time.Now(), 0
				for n := 1; time.Since(begin) < speedTrial; n *= 2 { // the clock costs as much as a small gradient
					for range n {
						if err := s.Run(); err != nil {
							return err
						}
					}
					calls += n
				}
				seconds[i] = time.Since(begin).Seconds() / float64(calls)
				return nil
			})
		})
	}
	wg.Wait()
	total := 0.0
	for _, t := range seconds {
		total += t
	}
	return total / float64(len(sessions)*len(sessions)), errors.Join(errs...)
}
