//go:build unix

package cluster

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/drey-sampler/drey/pkg/transport"
)

// The soak's length and the time between two kills are for whoever runs it: make soak, and CI for two minutes.
var (
	soak      = flag.Duration("soak", 0, "how long TestSoak kills workers; 0 leaves it out")
	killEvery = flag.Duration("kill-every", 20*time.Second, "time between two kills of TestSoak")
)

// TestSoak: a worker is killed every now and then, of two or three, another one started; whatever is made meanwhile, run after run,
// has the right draws.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("skipped: -soak 2m says for how long")
	}
	u, worker, _ := open(t)
	const seed = 31
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	workers := []*process{worker(), worker()}
	next := time.Now().Add(*killEvery)
	until := time.Now().Add(*soak)
	for n := 0; time.Now().Before(until); n++ {
		s := schools{seed: seed + n, draws: 8000}
		run := s.submit(t, u)
		await(t, "the run is done", func() bool {
			if time.Now().After(next) {
				i := random.IntN(len(workers))
				workers[i].kill()
				workers[i] = worker()
				next = time.Now().Add(*killEvery)
			}
			return u.state(t, run) == transport.Complete
		})
		s.check(t, u, run)
	}
}
