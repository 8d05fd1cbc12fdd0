package adapt

import (
	"fmt"
	"math"
)

// Decision ends a window of pooled warmup for all chains of a run. It is a result: who has it computes nothing again.
type Decision struct {
	Windows []Window // of the whole warmup, those that are over too
	Window  int      // the one that ends; warmup is over where it is the last
	// StepSize is that of the next transition, LogStepSize its logarithm.
	StepSize, LogStepSize float64
	// InverseMass is the inverse mass matrix: D variances, or D² elements row by row for MetricDense; nil for MetricUnit, whose
	// metric stays.
	InverseMass []float64
	Search      bool // each chain searches for a step size that suits the metric, from StepSize on
	Rounds      Rounds
	Converged   int     // windows in a row, this one the last, whose chains had converged
	RHat        float64 // largest nested R-hat of a position's elements and the log density in the window; NaN without all chains
	ESS         float64 // smallest effective sample size of them, of all chains that were there together
	// Suspects are the chains whose log density at the end of warmup was unlike that of the others: they may be in a mode of
	// their own.
	Suspects []int
}

// Rounds is what the rounds at the end of warmup have measured: the last one's log step size and acceptance rate, the slope of the
// rate, and the sums of weights and of weighted estimates of the log step size that has the target.
type Rounds struct{ Count, LogStepSize, Rate, Slope, Weight, Sum float64 }

// Next returns the number of the next window, len(d.Windows) for sampling.
func (d *Decision) Next() int { return d.Window + 1 }

// barrier returns the first window, from the given one on, that ends with a decision.
func barrier(windows []Window, from int) (int, error) {
	for k := max(from, 0); k < len(windows); k++ {
		if windows[k].Kind.Barrier() {
			return k, nil
		}
	}
	return 0, fmt.Errorf("adapt: no decision is due after window %d of %d", from-1, len(windows))
}

const (
	decisionVersion = 1    // of what Append writes
	mostWindows     = 4096 // of a warmup
)

// Append appends the decision to dst. The format, little-endian: version u32; number of windows u32 and, of each, its first and
// last draw and kind, u32; Window u32; StepSize, LogStepSize, the numbers of Rounds, RHat and ESS, f64 each; Search u32, 0 or 1;
// Converged u32; the lengths u32 and elements of InverseMass, f64, and Suspects, u32.
func (d *Decision) Append(dst []byte) []byte {
	w := writer{dst}
	w.u32(decisionVersion)
	w.u32(uint32(len(d.Windows)))
	for _, x := range d.Windows {
		w.u32(uint32(x.First))
		w.u32(uint32(x.Last))
		w.u32(uint32(x.Kind))
	}
	w.u32(uint32(d.Window))
	r := d.Rounds
	w.floats(d.StepSize, d.LogStepSize, r.Count, r.LogStepSize, r.Rate, r.Slope, r.Weight, r.Sum, d.RHat, d.ESS)
	search := uint32(0)
	if d.Search {
		search = 1
	}
	w.u32(search)
	w.u32(uint32(d.Converged))
	w.u32(uint32(len(d.InverseMass)))
	w.floats(d.InverseMass...)
	w.u32(uint32(len(d.Suspects)))
	for _, c := range d.Suspects {
		w.u32(uint32(c))
	}
	return w.b
}

// ParseDecision reads what Append wrote. The error says that it is damaged or of another version.
func ParseDecision(b []byte) (*Decision, error) {
	r := reader{b: b}
	if v := r.u32(); v != decisionVersion {
		return nil, fmt.Errorf("adapt: a decision has version %d, this program reads %d", v, decisionVersion)
	}
	d := &Decision{}
	for n := min(r.u32(), mostWindows); n > 0 && !r.short; n-- {
		d.Windows = append(d.Windows, Window{int(r.u32()), int(r.u32()), WindowKind(r.u32())})
	}
	d.Window = int(r.u32())
	d.StepSize, d.LogStepSize = r.float(), r.float()
	d.Rounds = Rounds{r.float(), r.float(), r.float(), r.float(), r.float(), r.float()}
	d.RHat, d.ESS = r.float(), r.float()
	search := r.u32()
	d.Search, d.Converged = search == 1, int(r.u32())
	d.InverseMass = r.floats(int(r.u32()))
	for n := r.u32(); n > 0 && !r.short; n-- {
		d.Suspects = append(d.Suspects, int(r.u32()))
	}
	if err := r.end("the bytes of a decision"); err != nil {
		return nil, err
	}
	if search > 1 {
		return nil, fmt.Errorf("adapt: a decision is damaged: its search is %d", search)
	}
	return d, d.check()
}

// check returns an error unless the windows follow one another and the numbers can be used.
func (d *Decision) check() error {
	next := 0
	for i, w := range d.Windows {
		if w.First != next || w.Last < w.First || w.Last >= math.MaxInt32 || w.Kind < WindowFast || w.Kind > WindowProbation {
			return fmt.Errorf("adapt: window %d of a decision, draws %d to %d of kind %d, can't be", i, w.First, w.Last, w.Kind)
		}
		next = w.Last + 1
	}
	if d.Window < 0 || d.Window >= len(d.Windows) || !d.Windows[d.Window].Kind.Barrier() {
		return fmt.Errorf("adapt: a decision is about window %d of %d, which has none", d.Window, len(d.Windows))
	}
	if !(d.StepSize > 0) || math.IsInf(d.StepSize, 0) || !isNumber(d.LogStepSize) {
		return fmt.Errorf("adapt: a decision has step size %v, logarithm %v", d.StepSize, d.LogStepSize)
	}
	for i, v := range d.InverseMass {
		if !isNumber(v) {
			return fmt.Errorf("adapt: element %d of a decision's inverse mass matrix is %v", i, v)
		}
	}
	return nil
}
