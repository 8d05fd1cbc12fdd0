package adapt

import (
	"fmt"
	"math"
)

// Report is what a chain tells at a barrier of pooled warmup, about the window that ends there.
type Report struct {
	Chain          int     // global index
	LogStepSize    float64 // log ε̄: the averaged iterate of its dual averaging; log ε where that rests
	AcceptanceRate float64 // mean
	LogDensity     Moments // of one element
	Positions      Moments // of D elements; products of deviations for MetricDense
	Gradients      Moments // of D elements; none unless the metric is diagonal
}

// dimension returns D.
func (r *Report) dimension() int { return len(r.Positions.Mean) }

// checkReports returns an error unless reports are those of chains 0, 1, …, of one window and one metric. Where some may be late at
// least half are there.
func (p Pooling) checkReports(reports []Report, late bool) error {
	if n := len(reports); n > p.Chains || n < p.Chains && (!late || 2*n < p.Chains) {
		return fmt.Errorf("adapt: %d reports of %d chains", n, p.Chains)
	}
	first := &reports[0]
	chain := -1
	for i := range reports {
		r := &reports[i]
		d := r.dimension()
		m2, gradients := d, 0
		if p.Metric == MetricDense {
			m2 = d * d
		}
		if p.Metric.diagonal() {
			gradients = d
		}
		switch {
		case r.Chain <= chain || r.Chain >= p.Chains || len(reports) == p.Chains && r.Chain != i:
			return fmt.Errorf("adapt: report %d is of chain %d", i, r.Chain)
		case d != first.dimension() || len(r.Positions.M2) != m2 || len(r.Gradients.Mean) != gradients || len(r.Gradients.M2) != gradients ||
			len(r.LogDensity.Mean) != 1 || len(r.LogDensity.M2) != 1:
			return fmt.Errorf("adapt: the report of chain %d has moments of another dimension or metric", r.Chain)
		case r.Positions.Count != first.Positions.Count || r.LogDensity.Count != r.Positions.Count || gradients > 0 && r.Gradients.Count != r.Positions.Count:
			return fmt.Errorf("adapt: the report of chain %d is of %v draws, that of chain %d of %v", r.Chain, r.Positions.Count, first.Chain, first.Positions.Count)
		}
		chain = r.Chain
	}
	return nil
}

// reportVersion is the version of what AppendReports writes.
const reportVersion = 1

// AppendReports appends the reports of a pack to dst. The format, little-endian: version u32, number of reports u32, D u32, number
// of elements of Positions.M2 u32 and of Gradients u32; for each report chain u32, then f64s: LogStepSize, AcceptanceRate, the
// number of draws, the mean and M2 of the log density, of positions and of gradients. The reports are alike.
func AppendReports(dst []byte, reports []Report) []byte {
	w := writer{dst}
	w.u32(reportVersion)
	w.u32(uint32(len(reports)))
	for i := range reports {
		r := &reports[i]
		if i == 0 {
			w.u32(uint32(r.dimension()))
			w.u32(uint32(len(r.Positions.M2)))
			w.u32(uint32(len(r.Gradients.Mean)))
		}
		w.u32(uint32(r.Chain))
		w.floats(r.LogStepSize, r.AcceptanceRate, r.Positions.Count)
		for _, x := range [][]float64{r.LogDensity.Mean, r.LogDensity.M2, r.Positions.Mean, r.Positions.M2, r.Gradients.Mean, r.Gradients.M2} {
			w.floats(x...)
		}
	}
	return w.b
}

// ParseReports reads what AppendReports wrote. The error says that it is damaged or of another version.
func ParseReports(b []byte) ([]Report, error) {
	r := reader{b: b}
	if v := r.u32(); v != reportVersion {
		return nil, fmt.Errorf("adapt: reports have version %d, this program reads %d", v, reportVersion)
	}
	n := int(r.u32())
	if n == 0 {
		return nil, r.end("reports")
	}
	d, m2, g := int(r.u32()), int(r.u32()), int(r.u32())
	if each := 4 + 8*(5+float64(d)+float64(m2)+2*float64(g)); float64(n)*each != float64(len(r.b)) {
		return nil, fmt.Errorf("adapt: reports of %d chains and %d dimensions have %d bytes: they are damaged", n, d, len(b))
	}
	reports := make([]Report, n)
	for i := range reports {
		x := &reports[i]
		x.Chain = int(r.u32())
		x.LogStepSize, x.AcceptanceRate = r.float(), r.float()
		count := r.float()
		x.LogDensity = Moments{count, r.floats(1), r.floats(1)}
		x.Positions = Moments{count, r.floats(d), r.floats(m2)}
		if g > 0 {
			x.Gradients = Moments{count, r.floats(g), r.floats(g)}
		}
	}
	return reports, r.end("reports")
}

// isNumber reports whether x is neither NaN nor infinite.
func isNumber(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
