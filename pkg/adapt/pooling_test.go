package adapt_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// normalReports returns reports of chains that drew n positions from a normal with the given standard deviations and correlation of
// neighbours, and what dual averaging and acceptance came to.
func normalReports(p adapt.Pooling, n int, sds []float64, correlation, logStepSize, acceptance float64) []adapt.Report {
	d := len(sds)
	precision := precisionOf(d, correlation)
	var out []adapt.Report
	for c := range p.Chains {
		random := rand.New(rand.NewPCG(uint64(c), 3))
		var x, g, lp [][]float64
		for range n {
			z := make([]float64, d)
			last := 0.0
			for i := range z {
				last = correlation*last + math.Sqrt(1-correlation*correlation)*random.NormFloat64()
				if i == 0 {
					last = random.NormFloat64()
				}
				z[i] = last
			}
			q, grad, density := make([]float64, d), make([]float64, d), 0.0
			for i := range z {
				for k := range z {
					grad[i] -= precision[i][k] * z[k] / sds[i]
					density -= z[i] * precision[i][k] * z[k] / 2
				}
				q[i] = 7 + sds[i]*z[i]
			}
			x, g, lp = append(x, q), append(g, grad), append(lp, []float64{density})
		}
		r := adapt.Report{Chain: c, LogStepSize: logStepSize, AcceptanceRate: acceptance, LogDensity: moments(lp, false)}
		r.Positions = moments(x, p.Metric == adapt.MetricDense)
		if p.Metric == adapt.MetricDraws || p.Metric == adapt.MetricGradients {
			r.Gradients = moments(g, false)
		}
		out = append(out, r)
	}
	return out
}

// precisionOf returns the inverse of the correlation matrix of an AR(1) series of length d.
func precisionOf(d int, phi float64) [][]float64 {
	out := make([][]float64, d)
	for i := range out {
		out[i] = make([]float64, d)
		out[i][i] = (1 + phi*phi) / (1 - phi*phi)
		if i == 0 || i == d-1 {
			out[i][i] = 1 / (1 - phi*phi)
		}
		if d == 1 {
			out[i][i] = 1
		}
	}
	for i := range d - 1 {
		out[i][i+1], out[i+1][i] = -phi/(1-phi*phi), -phi/(1-phi*phi)
	}
	return out
}

func pooling(metric adapt.MetricKind, warmup int) adapt.Pooling {
	a := adapt.DefaultAdaptation()
	a.Metric, a.Pooled = metric, true
	return adapt.Pooling{Adaptation: a, Warmup: warmup, Chains: 32, Superchain: 2, Early: true}
}

func decide(t *testing.T, p adapt.Pooling, last *adapt.Decision, reports []adapt.Report) *adapt.Decision {
	t.Helper()
	d, err := p.Decide(last, reports)
	if err != nil {
		t.Fatal(err)
	}
	back, err := adapt.ParseDecision(d.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Append(nil), d.Append(nil)) {
		t.Fatalf("a decision comes back as %+v, was %+v", back, d)
	}
	return back
}

// TestPooledSchedule: windows follow one another to the last draw, and each part is there as soon as there is room for it.
func TestPooledSchedule(t *testing.T) {
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricDense} {
		a := pooling(metric, 0).Adaptation
		for n := range 2100 {
			windows := a.Windows(n)
			next, counts := 0, map[adapt.WindowKind]int{}
			for _, w := range windows {
				if w.First != next || w.Last < w.First {
					t.Fatalf("%d draws: %v", n, windows)
				}
				next = w.Last + 1
				counts[w.Kind]++
			}
			if next != n {
				t.Fatalf("%d draws: windows of %d: %v", n, next, windows)
			}
			if n > 0 && !windows[len(windows)-1].Kind.Barrier() {
				t.Fatalf("%d draws: the last window has no decision: %v", n, windows)
			}
			want := map[bool]int{true: min(max(2, n/100), 5)}[n >= 50]
			if got := counts[adapt.WindowRound]; n >= 50 && got != want {
				t.Fatalf("%d draws: %d rounds, want %d: %v", n, got, want, windows)
			}
			if got := counts[adapt.WindowProbation] == 1; got != (n >= 400) {
				t.Fatalf("%d draws: %v", n, windows)
			}
			if got := counts[adapt.WindowSettle] == 1; n >= 50 && got != (metric == adapt.MetricDense) {
				t.Fatalf("%d draws: %v", n, windows)
			}
		}
	}
	want := []adapt.Window{{First: 0, Last: 9, Kind: adapt.WindowOpening}, {First: 10, Last: 13, Kind: adapt.WindowFast}, {First: 14, Last: 29, Kind: adapt.WindowPooled},
		{First: 30, Last: 39, Kind: adapt.WindowFast}, {First: 40, Last: 79, Kind: adapt.WindowPooled}, {First: 80, Last: 89, Kind: adapt.WindowRound}, {First: 90, Last: 99, Kind: adapt.WindowRound}}
	if got := pooling(adapt.MetricDraws, 0).PooledSchedule(100); !slices.Equal(got, want) {
		t.Errorf("100 draws: %v, want %v", got, want)
	}
}

func TestSuperchainSize(t *testing.T) {
	for chains, want := range map[int]int{1: 1, 16: 1, 62: 1, 63: 1, 64: 4, 65: 1, 66: 2, 96: 4, 128: 8, 1000: 8, 1024: 64} {
		if got := adapt.SuperchainSize(chains); got != want {
			t.Errorf("%d chains: superchains of %d, want %d", chains, got, want)
		}
	}
}

// TestPooledMetric: of normal draws each metric is what its definition says: variances, √(variance of draws / variance of gradients),
// and the covariance matrix.
func TestPooledMetric(t *testing.T) {
	sds, phi := []float64{0.001, 3, 20}, 0.6
	for metric, want := range map[adapt.MetricKind][]float64{
		adapt.MetricDraws: {1e-6, 9, 400},
		// The gradients' variances are the diagonal of the precision matrix.
		adapt.MetricGradients: {1e-6 * math.Sqrt(0.64), 9 * math.Sqrt(0.64/1.36), 400 * math.Sqrt(0.64)},
		adapt.MetricDense:     {1e-6, 0.0018, 0.0072, 0.0018, 9, 36, 0.0072, 36, 400},
		adapt.MetricUnit:      nil,
	} {
		p := pooling(metric, 1000)
		d := decide(t, p, nil, normalReports(p, 200, sds, phi, -1, 0.8))
		if d = decide(t, p, d, normalReports(p, 200, sds, phi, -1, 0.8)); len(d.InverseMass) != len(want) {
			t.Fatalf("%s: %v", metric, d.InverseMass)
		}
		for i, w := range want {
			// 6,400 draws: variances to 1.8 %, and to 5 standard errors; shrinkage takes a thousandth.
			if got := d.InverseMass[i]; math.Abs(got-w) > 0.1*math.Abs(w) {
				t.Errorf("%s: element %d is %v, want %v", metric, i, got, w)
			}
		}
		if !(d.RHat < 1.01 && d.ESS > 2000) || d.Converged != 1 {
			t.Errorf("%s: R-hat %v, ESS %v, %d windows converged", metric, d.RHat, d.ESS, d.Converged)
		}
	}
}

// TestPooledMetricOfStragglers: a chain far out, with gradients a million times larger, does not scale the others' metric.
func TestPooledMetricOfStragglers(t *testing.T) {
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricGradients, adapt.MetricDense} {
		p := pooling(metric, 1000)
		reports := normalReports(p, 20, []float64{2}, 0, -1, 0.8)
		far := &reports[5]
		far.Positions.Mean[0], far.Positions.M2[0] = 1e4, 1e8
		if metric != adapt.MetricDense {
			far.Gradients.M2[0] *= 1e12
		}
		d := decide(t, p, nil, reports)
		if got := d.InverseMass[0]; got < 2 || got > 8 {
			t.Errorf("%s: inverse mass %v, want about 4", metric, got)
		}
		if d.RHat < 1.1 {
			t.Errorf("%s: R-hat %v", metric, d.RHat)
		}
	}
}

// TestPooledStepSize: at the end of a window it is the geometric mean of the chains', scaled where the metric has changed.
func TestPooledStepSize(t *testing.T) {
	p := pooling(adapt.MetricDraws, 1000)
	reports := normalReports(p, 100, []float64{1, 10}, 0, 0, 0.8)
	for i := range reports {
		reports[i].LogStepSize = float64(i%3) - 1
	}
	reports[0].LogStepSize = math.NaN() // of a chain whose acceptance rates were none
	mean := 0.0
	for _, r := range reports[1:] {
		mean += r.LogStepSize / 31
	}
	d := decide(t, p, nil, reports)
	requireNear(t, "opening", []float64{d.LogStepSize, d.StepSize}, []float64{mean, math.Exp(mean)}, 1e-13)
	if !d.Search {
		t.Error("no search after the opening")
	}
	// In a metric four times as large step sizes are half as long.
	for i := range d.InverseMass {
		d.InverseMass[i] /= 4
	}
	e := decide(t, p, d, reports)
	if got := e.StepSize / math.Exp(mean); math.Abs(got-0.5) > 0.03 || e.Search {
		t.Errorf("a metric four times as large changes the step size by %v; search: %v", got, e.Search)
	}
}

// TestRounds: Newton's method finds the step size whose acceptance rate is the target, where a round measures it, from a start that is
// three times too large or small.
func TestRounds(t *testing.T) {
	p := pooling(adapt.MetricUnit, 1000)
	rate := func(logStep float64) float64 { return 1 / (1 + 0.25*math.Exp(2.2*(logStep+1.5))) } // 0.8 at −1.5
	for _, start := range []float64{-1.5, -1.5 + math.Log(3), -1.5 - math.Log(3)} {
		d := &adapt.Decision{Windows: p.PooledSchedule(1000), StepSize: 1, LogStepSize: start}
		for d.Windows[d.Window+1].Kind != adapt.WindowRound {
			d.Window++
		}
		rounds := 0
		for d.Windows[d.Next()].Kind == adapt.WindowRound {
			d = decide(t, p, d, normalReports(p, 10, []float64{1}, 0, d.LogStepSize, rate(d.LogStepSize)))
			rounds++
		}
		if got := rate(d.LogStepSize); rounds != 5 || math.Abs(got-0.8) > 0.01 {
			t.Errorf("from %v: log step size %v after %d rounds, acceptance rate %v", start, d.LogStepSize, rounds, got)
		}
	}
}

// TestEarlyEnd: two windows in a row that have converged end the search for a metric; one between that has not begins anew; without
// Early nothing ends.
func TestEarlyEnd(t *testing.T) {
	run := func(early bool, converged ...bool) *adapt.Decision {
		p := pooling(adapt.MetricDraws, 2000)
		p.Early = early
		good := normalReports(p, 100, []float64{1}, 0, -1, 0.8)
		bad := normalReports(p, 100, []float64{1}, 0, -1, 0.8)
		for i := range bad {
			bad[i].Positions.Mean[0] += float64(i % 4)
		}
		d := decide(t, p, nil, good)
		for _, ok := range converged {
			reports := bad
			if ok {
				reports = good
			}
			d = decide(t, p, d, reports)
		}
		return d
	}
	length := func(d *adapt.Decision) int { return d.Windows[len(d.Windows)-1].Last + 1 }
	if d := run(true, true, true); length(d) != d.Windows[d.Window].Last+1+5*10+50 || d.Windows[d.Next()].Kind != adapt.WindowRound {
		t.Errorf("after two converged windows: %v", d.Windows)
	}
	for name, d := range map[string]*adapt.Decision{"one": run(true, true), "with one between": run(true, true, false, true), "not early": run(false, true, true, true)} {
		if length(d) != 2000 {
			t.Errorf("%s: warmup ends at %d", name, length(d))
		}
	}
}

// TestProbation: a chain whose log density is unlike the others' is named, and all chains go on for as long again while there is room.
func TestProbation(t *testing.T) {
	p := pooling(adapt.MetricUnit, 1000)
	at := func(end int) *adapt.Decision {
		return &adapt.Decision{StepSize: 1, Windows: []adapt.Window{{First: 0, Last: end - 51, Kind: adapt.WindowPooled}, {First: end - 50, Last: end - 1, Kind: adapt.WindowProbation}}}
	}
	good := normalReports(p, 50, []float64{1}, 0, 0, 0.8)
	if d := decide(t, p, at(600), good); len(d.Suspects) != 0 || d.Next() != len(d.Windows) {
		t.Errorf("chains that agree: suspects %v, %v", d.Suspects, d.Windows)
	}
	bad := normalReports(p, 50, []float64{1}, 0, 0, 0.8)
	bad[7].LogDensity.Mean[0] -= 30
	bad[9].LogDensity.Mean[0] = math.NaN()
	d := decide(t, p, at(600), bad)
	if !slices.Equal(d.Suspects, []int{7, 9}) || d.Next() != len(d.Windows)-1 || d.Windows[d.Next()].Kind != adapt.WindowProbation {
		t.Errorf("suspects %v, windows %v", d.Suspects, d.Windows)
	}
	bad[9].LogDensity.Mean[0] = good[9].LogDensity.Mean[0]
	if d = decide(t, p, at(600), bad); !slices.Equal(d.Suspects, []int{7}) {
		t.Errorf("suspects %v, want 7", d.Suspects)
	}
	if d = decide(t, p, at(1000), bad); !slices.Equal(d.Suspects, []int{7}) || d.Next() != len(d.Windows) {
		t.Errorf("without room: suspects %v, windows %v", d.Suspects, d.Windows)
	}
}

// TestDecideRefuses: reports that are missing, of other chains, dimensions or draws, and a warmup that is over.
func TestDecideRefuses(t *testing.T) {
	p := pooling(adapt.MetricDraws, 30)
	fresh := func() []adapt.Report { return normalReports(p, 5, []float64{1, 1}, 0, 0, 0.8) }
	d := decide(t, p, nil, fresh())
	if _, err := p.Decide(d, fresh()); err == nil {
		t.Error("a decision after the last window")
	}
	for name, spoil := range map[string]func(r []adapt.Report) []adapt.Report{
		"missing": func(r []adapt.Report) []adapt.Report { return r[1:] },
		"order":   func(r []adapt.Report) []adapt.Report { r[3], r[4] = r[4], r[3]; return r },
		"dimension": func(r []adapt.Report) []adapt.Report {
			r[3].Positions.Mean = r[3].Positions.Mean[:1]
			return r
		},
		"gradients": func(r []adapt.Report) []adapt.Report { r[3].Gradients = adapt.Moments{}; return r },
		"draws":     func(r []adapt.Report) []adapt.Report { r[3].Positions.Count++; return r },
	} {
		if _, err := p.Decide(nil, spoil(fresh())); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	p.Superchain = 5
	if _, err := p.Decide(nil, fresh()); err == nil {
		t.Error("superchains that do not divide the chains: no error")
	}
}

// TestReportsTravel: what was appended is read back, for every metric.
func TestReportsTravel(t *testing.T) {
	for _, metric := range []adapt.MetricKind{adapt.MetricDraws, adapt.MetricDense, adapt.MetricUnit} {
		want := normalReports(pooling(metric, 100), 7, []float64{1, 2, 3}, 0.5, -0.5, 0.7)
		got, err := adapt.ParseReports(adapt.AppendReports(nil, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", metric, err)
		}
	}
}

// FuzzParse: whatever the bytes, ParseDecision and ParseReports return, and what they take is written as the same bytes.
func FuzzParse(f *testing.F) {
	p := pooling(adapt.MetricDraws, 100)
	reports := normalReports(p, 3, []float64{1, 2}, 0, 0, 0.8)
	d, err := p.Decide(nil, reports)
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range [][]byte{d.Append(nil), adapt.AppendReports(nil, reports[:2]), adapt.AppendReports(nil, nil)} {
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := adapt.ParseDecision(b); err == nil && !bytes.Equal(d.Append(nil), b) {
			t.Errorf("a decision of %d bytes is written as another", len(b))
		}
		if r, err := adapt.ParseReports(b); err == nil && !bytes.Equal(adapt.AppendReports(nil, r), b) {
			t.Errorf("reports of %d bytes are written as others", len(b))
		}
	})
}

// TestPooledFactor: F·Fᵀ is the matrix, and what has no Cholesky factor gives that of its diagonal.
func TestPooledFactor(t *testing.T) {
	requireNear(t, "diagonal", adapt.PooledFactor([]float64{4, 9}, 2), []float64{2, 3}, 0)
	requireNear(t, "dense", adapt.PooledFactor([]float64{4, 2, 2, 10}, 2), []float64{2, 0, 1, 3}, 1e-15)
	requireNear(t, "indefinite", adapt.PooledFactor([]float64{4, 9, 9, 4}, 2), []float64{2, 0, 0, 2}, 0)
	in := []*tensor.Array{matrix(3, 3, []float64{4, 2, 1, 2, 10, 3, 1, 3, 5})}
	out := evaluate(t, in, func(v []tensor.Value) []tensor.Value { return []tensor.Value{adapt.Factor(v[0])} })
	requireNear(t, "as the programs'", adapt.PooledFactor([]float64{4, 2, 1, 2, 10, 3, 1, 3, 5}, 3), out[0].Float64s(), 1e-15)
}

// TestUpdatePooled: what is observed and what moves in each kind of window.
func TestUpdatePooled(t *testing.T) {
	rates := []float64{0.9, 0.4, 0.7, 0.8}
	x := numbers(4, 2, 5)
	for kind, want := range map[adapt.WindowKind]struct{ observes, steps, moves bool }{
		adapt.WindowFast: {false, true, false}, adapt.WindowOpening: {true, true, true}, adapt.WindowPooled: {true, true, false},
		adapt.WindowSettle: {true, true, false}, adapt.WindowRound: {true, false, false}, adapt.WindowProbation: {true, false, false},
	} {
		a := pooling(adapt.MetricDraws, 100).Adaptation
		out := evaluate(t, []*tensor.Array{matrix(4, 2, flat(x)), vector(rates...), scalar(0.5), vector(1, 1)}, func(v []tensor.Value) []tensor.Value {
			s := a.Init(v[0].At(0), v[2:4])
			for i := range rates {
				s = a.UpdatePooled(s, tensor.In(v[0], int32(kind)), adapt.Seen{AcceptanceRate: v[1].At(i), LogDensity: v[1].At(i).Mul(2.0), Position: v[0].At(i), Gradient: v[0].At(i).Mul(-2.0)})
			}
			w := s.Window
			return []tensor.Value{w.Positions.Count, w.Gradients.Count, w.LogDensity.Mean, w.AcceptanceRate, s.Step.Count, s.StepSize, s.Factor}
		})
		n, steps := 0.0, 0.0
		if want.observes {
			n = 4
		}
		if want.steps {
			steps = 4
		}
		requireNear(t, "counts", []float64{out[0].Float64s()[0], out[1].Float64s()[0], out[4].Float64s()[0]}, []float64{n, n, steps}, 0)
		requireNear(t, "log density, acceptance", []float64{out[2].Float64s()[0], out[3].Float64s()[0]}, []float64{n / 4 * 1.4, n / 4 * 2.8}, 1e-14)
		if moved := out[5].Float64s()[0] != 0.5; moved != want.steps {
			t.Errorf("kind %d: step size %v", kind, out[5].Float64s())
		}
		if moved := out[6].Float64s()[0] != 1; moved != want.moves {
			t.Errorf("kind %d: factor %v", kind, out[6].Float64s())
		}
	}
}
