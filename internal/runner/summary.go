package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/store"
)

// Summary says what a run's draws are like.
type Summary struct {
	Run         *store.Run
	Draws       int // that every chain has
	Prob        float64
	Divergences int64 // of the draws counted in Draws and those thinned away, where the run says
	Leapfrogs   int64 // of the same
	EBFMI       []float64
	Saturated   int         // draws whose tree reached the largest depth
	Parameters  []Parameter // without those of a reparametrisation's auxiliary sites, unless Settings.Save names them
	Notice      string      // says, if chains have unequal numbers of draws, that the common prefix is used
	HPDI        bool        // whether MarshalJSON writes the intervals of highest density
}

// Parameter is an element of a site.
type Parameter struct {
	Name string // flat: theta[0,1]
	Site string
	Kind store.Kind
	diag.Summary
	Begins diag.Place // where divergent trajectories begin; zero where none did
}

// Summarise returns the summary of a run's sampling draws, with intervals of probability prob.
func Summarise(d Draws, prob float64) (*Summary, error) {
	run := d.Run()
	s := &Summary{Run: run, Draws: d.Len(store.Sampling), Prob: prob, Notice: d.Notice(store.Sampling),
		Divergences: run.Counts.Divergences, Leapfrogs: run.Counts.Leapfrogs}
	var diverged diverged
	if run.Schema.SampleStats {
		var err error
		if diverged, err = s.statistics(d); err != nil {
			return nil, err
		}
	}
	type element struct{ site, index int }
	var elements []element
	for i := range run.Schema.Sites {
		site := &run.Schema.Sites[i]
		if site.Kind == store.Auxiliary && !slices.Contains(run.Settings.Save, site.Name) {
			continue
		}
		for k, name := range store.FlatNames(*site) {
			s.Parameters = append(s.Parameters, Parameter{Name: name, Site: site.Name, Kind: site.Kind})
			elements = append(elements, element{i, k})
		}
	}
	arrays := make([]Array, len(run.Schema.Sites))
	for i := range arrays {
		var err error
		if arrays[i], err = d.Site(run.Schema.Sites[i].Name, store.Sampling); err != nil {
			return nil, err
		}
	}
	return s, forEach(len(elements), func(i int) error {
		draws, err := arrays[elements[i].site].Element(elements[i].index)
		if err != nil {
			return err
		}
		s.Parameters[i].Summary, s.Parameters[i].Begins = diag.Summarise(draws, prob), diverged.place(draws)
		return nil
	})
}

// statistics reads what the sample statistics tell, and returns where trajectories diverged.
func (s *Summary) statistics(d Draws) (diverged, error) {
	element := func(name string) ([][]float64, error) {
		a, err := d.Stat(name, store.Sampling)
		if err != nil {
			return nil, err
		}
		return a.Element(0)
	}
	energies, err := element("energy")
	if err != nil {
		return nil, err
	}
	s.EBFMI = diag.EBFMI(energies)
	depths, err := element("tree_depth")
	if err != nil {
		return nil, err
	}
	diverging, err := element("diverging")
	if err != nil {
		return nil, err
	}
	if s.Run.State == store.Running || s.Run.State == store.Failed { // killed: run.json has no counts
		steps, err := element("n_steps")
		if err != nil {
			return nil, err
		}
		s.Divergences, s.Leapfrogs = total(diverging), total(steps)
	}
	for _, chain := range depths {
		for _, x := range chain {
			if x >= float64(s.Run.Settings.MaxTreeDepth) && s.Run.Settings.Kernel == "nuts" {
				s.Saturated++
			}
		}
	}
	return divergedOf(diverging), nil
}

// total returns the sum of whole numbers.
func total(chains [][]float64) (n int64) {
	for _, chain := range chains {
		for _, x := range chain {
			n += int64(x)
		}
	}
	return n
}

// forEach calls f for 0 … n-1 on all cores and returns the first error in that order.
func forEach(n int, f func(i int) error) error {
	errs := make([]error, n)
	var next sync.Mutex
	at := 0
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				next.Lock()
				i := at
				at++
				next.Unlock()
				if i >= n {
					return
				}
				errs[i] = chain.Guard(func() error { return f(i) })
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// MinESS returns the smallest bulk ESS over the parameters of the model's own sites, those left out that are constant or
// have none; NaN without any.
func (s *Summary) MinESS() float64 {
	least := math.NaN()
	for i := range s.Parameters {
		p := &s.Parameters[i]
		if p.Kind != store.Auxiliary && p.SD != 0 && !math.IsNaN(p.ESSBulk) && !(p.ESSBulk >= least) {
			least = p.ESSBulk
		}
	}
	return least
}

// MarshalJSON returns the object that --json prints; NaN and infinities are null.
func (s *Summary) MarshalJSON() ([]byte, error) {
	run := s.Run
	ebfmi := make([]store.Float, len(s.EBFMI))
	for i, x := range s.EBFMI {
		ebfmi[i] = store.Float(x)
	}
	var b bytes.Buffer
	for i, f := range []struct {
		name  string
		value any
	}{
		{"model", run.Model}, {"chains", run.Settings.Chains}, {"warmup", run.Settings.Warmup}, {"draws", s.Draws}, {"seed", run.Seed},
		{"engine", run.Settings.Engine}, {"precision", run.Settings.Precision}, {"divergences", s.Divergences},
		{"leapfrogs", s.Leapfrogs}, {"warmup_leapfrogs", run.Counts.WarmupLeapfrogs}, {"seconds", run.Seconds}, {"ess_per_second", store.Float(s.ESSRate())}, {"ebfmi", ebfmi},
		{"warmup_transitions", s.Transitions()}, {"suspect_chains", append([]int{}, s.Suspects()...)}, {"divergence_places", s.places()},
		{"timing_dependent", run.TimingDependent}, {"late_decisions", append([]store.LateDecision{}, s.Late()...)},
	} {
		text, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%c%q:%s", "{,"[min(i, 1)], f.name, text)
	}
	b.WriteString(`,"parameters":{`)
	for i := range s.Parameters {
		p := &s.Parameters[i]
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(p.Name)
		if err != nil {
			return nil, err
		}
		b.Write(append(name, ':'))
		p.encode(&b, s.Prob, s.HPDI)
	}
	b.WriteString("}}")
	return b.Bytes(), nil
}

// encode writes the parameter's object; the quantiles are named in percent: q5, q95.
func (p *Parameter) encode(b *bytes.Buffer, prob float64, hpdi bool) {
	low, high := quantileNames(prob)
	type number struct {
		name string
		x    float64
	}
	fields := []number{
		{"mean", p.Mean}, {"sd", p.SD}, {"median", p.Median}, {low, p.QLow}, {high, p.QHigh}, {"mcse_mean", p.MCSEMean}, {"mcse_sd", p.MCSESD},
		{"ess_bulk", p.ESSBulk}, {"ess_tail", p.ESSTail}, {"rhat", p.RHat},
	}
	if hpdi {
		fields = append(fields, number{"hpdi_low", p.HPDILow}, number{"hpdi_high", p.HPDIHigh})
	}
	sep := byte('{')
	for _, f := range fields {
		text := []byte("null")
		if !math.IsNaN(f.x) && !math.IsInf(f.x, 0) {
			text = strconv.AppendFloat(nil, f.x, 'g', -1, 64)
		}
		b.WriteByte(sep)
		fmt.Fprintf(b, "%q:%s", f.name, text)
		sep = ','
	}
	b.WriteByte('}')
}

// quantileNames returns the names of the quantiles at the ends of a central interval: q5 and q95 for 0.9.
func quantileNames(prob float64) (low, high string) {
	percent := math.Round((1-prob)/2*1e8) / 1e6
	return "q" + strconv.FormatFloat(percent, 'f', -1, 64), "q" + strconv.FormatFloat(100-percent, 'f', -1, 64)
}
