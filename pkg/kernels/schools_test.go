package kernels_test

import (
	"testing"
	"time"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// schools is eight schools, non-centred, with the gradient by hand: the target on which a tick is timed. Position: mu, log tau,
// z[8]. mu ~ Normal(0, 5), tau ~ HalfCauchy(5), z ~ Normal(0, 1), y ~ Normal(mu + tau·z, sigma).
type schools struct{}

var (
	schoolsY     = []float64{28, 8, -3, 7, -1, 1, 18, 12}
	schoolsSigma = []float64{15, 10, 16, 11, 9, 11, 10, 18}
)

func (schools) Dim() int { return 10 }

func (schools) At(e model.Env, q tensor.Value) (tensor.Value, tensor.Value) {
	y, precision := e.Data["y"], e.Data["precision"]
	mu, tau, z := q.At(0), q.At(1).Exp(), q.Slice(0, 2, 10)
	r := y.Sub(mu).Sub(z.Mul(tau))
	w := r.Mul(precision)
	scaled := tau.Mul(0.2).Square()
	lp := r.Mul(w).Add(z.Square()).Sum().Mul(-0.5).Sub(mu.Mul(0.2).Square().Mul(0.5)).Sub(scaled.Log1p()).Add(q.At(1))
	gmu := w.Sum().Sub(mu.Mul(0.04))
	gtau := w.Mul(z).Sum().Mul(tau).Add(1.0).Sub(scaled.Mul(2.0).Div(scaled.Add(1.0)))
	return lp, tensor.Concat(0, gmu.Reshape(1), gtau.Reshape(1), w.Mul(tau).Sub(z))
}

func schoolsData() (y, precision *tensor.Array) {
	p := make([]float64, 8)
	for i, s := range schoolsSigma {
		p[i] = 1 / (s * s)
	}
	return vector(schoolsY...), vector(p...)
}

// schoolsSpec is a spec of a kernel on eight schools.
func schoolsSpec[S kernels.Located](k kernels.Kernel[kernels.Params, S, kernels.Info], capacity int) kernels.Spec[kernels.Params, S, adapt.State] {
	return kernels.Spec[kernels.Params, S, adapt.State]{
		Name: "schools", Kernel: k, Target: schools{}, Adapt: adapter{adapt.DefaultAdaptation(), 10, tensor.F64}, Float: tensor.F64, Capacity: capacity,
		Data: []tensor.Param{{Name: "y", DType: tensor.F64, Shape: []int{8}}, {Name: "precision", DType: tensor.F64, Shape: []int{8}}},
		Env: func(v []tensor.Value) model.Env {
			return model.Env{Data: map[string]tensor.Value{"y": v[0], "precision": v[1]}}
		},
	}
}

// BenchmarkTick times a tick on eight schools: the least of many short runs, at a step size that warmup finds.
func BenchmarkTick(b *testing.B) {
	b.Run("nuts", func(b *testing.B) { benchmarkTick(b, schoolsSpec(kernels.DefaultNUTS(), 256)) })
	b.Run("hmc", func(b *testing.B) { benchmarkTick(b, schoolsSpec(kernels.DefaultHMC(), 256)) })
}

func benchmarkTick[S kernels.Located](b *testing.B, spec kernels.Spec[kernels.Params, S, adapt.State]) {
	const ticks = 1000
	p, err := spec.Build()
	if err != nil {
		b.Fatal(err)
	}
	y, precision := schoolsData()
	h := newHost(b, p)
	h.start(p.Init, vector(make([]float64, 10)...), scalar(0.35), vector(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), y, precision)
	h.set("y", y)
	h.set("precision", precision)
	h.advance(1000, 200, 0, 0)
	h.set("Control.Ticks", i32(ticks))
	h.set("Control.Until", u32(1<<31))
	least := time.Hour
	for b.Loop() {
		began := time.Now()
		if err := h.session.Run(); err != nil {
			b.Fatal(err)
		}
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(least.Nanoseconds())/ticks, "ns/tick")
}
