package adapt

import (
	"fmt"
	"math"

	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
)

// Pooling takes the decisions of a pooled warmup. They are a function of the reports alone, which come in the order of chains: the
// same whoever ran the chains, in whatever packs and in whatever order.
type Pooling struct {
	Adaptation
	Warmup     int  // transitions, at most
	Chains     int  // of the run
	Superchain int  // chains that began at one place: SuperchainSize
	Early      bool // warmup ends when the chains have converged
}

// Thresholds of pooled warmup.
const (
	convergedRHat    = 1.01  // the nested R-hat of Margossian et al. (2024), section 5, as diag.MaxRHat
	convergedESS     = 400.0 // of all chains: variances to 7 %
	convergedWindows = 2     // in a row: one may look converged by chance
	// suspectDistance, in standard deviations of the other chains' means, is beyond what one of 10,000 chains reaches by chance.
	suspectDistance = 5.0
)

// Decide returns the decision after the reports of all chains on the window that comes after last, nil for the first one. In the
// first OpenWindows it takes those of half of the chains or more; warmup then does not end early, whatever they say.
func (p Pooling) Decide(last *Decision, reports []Report) (*Decision, error) {
	if p.Chains < 1 || p.Superchain < 1 || p.Chains%p.Superchain != 0 {
		return nil, fmt.Errorf("adapt: %d chains do not make superchains of %d", p.Chains, p.Superchain)
	}
	d := &Decision{Windows: p.PooledSchedule(p.Warmup), Window: -1}
	if last != nil {
		d.Windows, d.Window, d.Converged, d.Rounds = last.Windows, last.Window, last.Converged, last.Rounds
		d.LogStepSize, d.InverseMass = last.LogStepSize, last.InverseMass
	}
	var err error
	if d.Window, err = barrier(d.Windows, d.Next()); err != nil {
		return nil, err
	}
	if err := p.checkReports(reports, d.Window < OpenWindows(d.Windows)); err != nil {
		return nil, err
	}
	v, err := p.see(reports)
	if err != nil {
		return nil, err
	}
	d.RHat, d.ESS = v.rhat, v.leastESS
	scale := p.decide(d, v)
	if d.LogStepSize, d.StepSize, err = stepSize(d.LogStepSize, scale); err != nil {
		return nil, err
	}
	return d, d.check()
}

// decide fills in a decision about its window; the step size that it names has yet to be multiplied by √scale, for the metric that has
// changed.
func (p Pooling) decide(d *Decision, v *view) (scale float64) {
	scale = 1
	switch d.Windows[d.Window].Kind {
	case WindowOpening:
		d.InverseMass, d.Search = p.metric(v, nil), p.Metric != MetricUnit
		d.poolSteps(v.reports)
	case WindowPooled:
		before := d.InverseMass
		d.InverseMass, d.Search = p.metric(v, before), p.Metric == MetricDense
		d.poolSteps(v.reports)
		scale = v.curvature(before) / v.curvature(d.InverseMass)
		p.judge(d)
	case WindowSettle:
		d.poolSteps(v.reports)
	case WindowRound:
		p.round(d, v.reports)
	case WindowProbation:
		p.gate(d, v.reports)
	}
	if !(scale > 0) || math.IsInf(scale, 0) {
		scale = 1
	}
	return scale
}

// poolSteps makes the step size the geometric mean of the chains' averaged ones, those left out that are no step sizes.
func (d *Decision) poolSteps(reports []Report) {
	sum, n := 0.0, 0.0
	for i := range reports {
		if x := reports[i].LogStepSize; isNumber(x) {
			sum, n = sum+x, n+1
		}
	}
	if n > 0 {
		d.LogStepSize = sum / n
	}
	d.Rounds = Rounds{}
}

// judge counts the windows in a row that had converged, and ends the warmup after so many.
func (p Pooling) judge(d *Decision) {
	if !(d.RHat < convergedRHat && d.ESS >= convergedESS) {
		d.Converged = 0
		return
	}
	d.Converged++
	at := d.Windows[d.Window].Last + 1
	if p.Early && d.Converged >= convergedWindows && d.Next() < len(d.Windows) {
		if rest := p.ending(at, p.Warmup); rest[len(rest)-1].Last < p.Warmup {
			d.Windows = append(d.Windows[:d.Next():d.Next()], rest...)
		}
	}
}

// Constants of the rounds.
const (
	firstSlope   = 0.5  // fall of the acceptance rate by log step size near its target: 0.2 to 0.7 on the posteriors of docs/warmup.md
	leastSlope   = 0.25 // of what two rounds give
	largestSlope = 1.0
	stepForSlope = 0.1  // apart in log step size, so that two rounds give a slope
	longestStep  = 1.0  // of the log step size
	rateForHalf  = 0.05 // distance from the target at which an estimate weighs half
)

// round makes a step of Newton's method on the chains' mean acceptance rate as a function of the log step size, which a round measures to
// about 0.02; the estimates of all rounds count, those nearer the target more. Dual averaging would need more of them: it is made for
// rates of single transitions.
func (p Pooling) round(d *Decision, reports []Report) {
	sum := 0.0
	for i := range reports {
		sum += reports[i].AcceptanceRate
	}
	rate, r := sum/float64(len(reports)), &d.Rounds
	if math.IsNaN(rate) {
		return
	}
	if r.Count == 0 {
		r.Slope = firstSlope
	} else if step := d.LogStepSize - r.LogStepSize; math.Abs(step) > stepForSlope {
		r.Slope = min(max((r.Rate-rate)/step, leastSlope), largestSlope)
	}
	r.Count, r.LogStepSize, r.Rate = r.Count+1, d.LogStepSize, rate
	miss := rate - p.Step.TargetAcceptanceRate
	estimate := d.LogStepSize + min(max(miss/r.Slope, -longestStep), longestStep)
	off := miss / rateForHalf
	weight := 1 / (1 + float64(off*off))
	r.Weight, r.Sum = r.Weight+weight, r.Sum+float64(weight*estimate)
	d.LogStepSize = r.Sum / r.Weight
}

// gate finds the chains whose mean log density is far from that of the others, and has all chains go on for as long again while the
// warmup has room for it: no chain is started anew, and none is left out.
func (p Pooling) gate(d *Decision, reports []Report) {
	d.Suspects = suspects(reports)
	at := d.Windows[d.Window].Last + 1
	if len(d.Suspects) > 0 && at+probationDraws <= p.Warmup {
		d.Windows = append(d.Windows[:d.Next():d.Next()], Window{at, at + probationDraws - 1, WindowProbation})
	}
}

// suspects returns the chains whose mean log density is more than suspectDistance standard deviations from the mean of the
// others', or is no number; none where fewer than three others have one.
func suspects(reports []Report) []int {
	var out []int
	for i := range reports {
		var others Moments
		others.Mean, others.M2 = []float64{0}, []float64{0}
		for k := range reports {
			if k != i && isNumber(reports[k].LogDensity.Mean[0]) {
				others.add(Moments{1, reports[k].LogDensity.Mean, []float64{0}})
			}
		}
		if others.Count < 3 {
			return nil
		}
		distance := reports[i].LogDensity.Mean[0] - others.Mean[0]
		limit := float64(suspectDistance*suspectDistance) * others.M2[0] / (others.Count - 1) * (1 + 1/others.Count)
		if !(float64(distance*distance) <= limit) {
			out = append(out, i)
		}
	}
	return out
}

// stepSize returns the logarithm of a step size times √scale, and that step size: computed by a traced program, the same on every machine.
func stepSize(logStepSize, scale float64) (log, size float64, err error) {
	in := []tensor.Param{{Name: "log_step_size", DType: tensor.F64}, {Name: "scale", DType: tensor.F64}}
	f, err := tensor.Trace("step_size", tensor.F64, in, func(v []tensor.Value) []tensor.Value {
		x := v[0].Add(v[1].Log().Mul(0.5))
		return []tensor.Value{x, stepSizeOf(x)}
	})
	if err != nil {
		return 0, 0, fmt.Errorf("adapt: %w", err)
	}
	one := func(x float64) *tensor.Array { return tensor.ArrayOf(tensor.F64, nil, []float64{x}) }
	out, err := eval.Run(f, []*tensor.Array{one(logStepSize), one(scale)})
	if err != nil {
		return 0, 0, fmt.Errorf("adapt: the step size of a decision: %w", err)
	}
	return out[0].Float64s()[0], out[1].Float64s()[0], nil
}
