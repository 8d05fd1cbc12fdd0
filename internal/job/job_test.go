package job_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/memory"
)

type schools struct {
	Y     tensor.Value `drey:"y"`
	Sigma tensor.Value `drey:"sigma"`
}

func eightSchools(c *model.Context, d schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Sigma.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	c.Deterministic("twice", theta.Mul(2))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

var data = model.Data{"y": []float64{28, 8, -3, 7, -1, 1, 18, 12}, "sigma": []int{15, 10, 16, 11, 9, 11, 10, 18}}

// made is a job of three chains, the first of which begins at a given mu.
func made(t *testing.T, change func(*job.Job)) *job.Job {
	t.Helper()
	m, err := model.New("schools", tensor.F64, eightSchools, data)
	if err != nil {
		t.Fatal(err)
	}
	given, err := model.Compile(m, model.Options{Init: model.InitMedian, Given: []string{"mu"}})
	if err != nil {
		t.Fatal(err)
	}
	free, err := model.Compile(m, model.Options{Init: model.InitMedian})
	if err != nil {
		t.Fatal(err)
	}
	j := &job.Job{Bundle: given, Columns: m.Columns, Config: chain.DefaultConfig()}
	mu := binary.LittleEndian.AppendUint64(nil, math.Float64bits(3.5))
	j.Starts = []chain.Start{{Init: given.Init, Given: [][]byte{mu}}, {Init: free.Init}, {Init: free.Init}}
	j.Config.Seed, j.Config.Warmup, j.Config.Keep = 5, 40, func(site string) bool { return site != "theta" }
	if change != nil {
		change(j)
	}
	return j
}

// manifest is one of a job with three chains.
func manifest(warmup int) *transport.Manifest {
	m := &transport.Manifest{Chains: 3, Width: 3, Super: 1, Block: 10, Draws: 10, Lease: 1000}
	if warmup > 0 {
		m.Warmup = []transport.Step{{Draws: uint32(warmup)}}
	}
	return m
}

func objects(t *testing.T) transport.Objects {
	t.Helper()
	bus, err := memory.New(transport.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return bus.Connect().Objects(transport.Inputs)
}

// TestRoundTrip: a job that has travelled, its manifest as bytes, makes the same draws and ends in the same states.
func TestRoundTrip(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]func(*job.Job){
		"nuts": nil,
		"hmc": func(j *job.Job) {
			j.Config.Kernel, j.Config.TrajectoryJitter, j.Config.SaveWarmup = chain.HMC, 0.2, true
		},
		"dense": func(j *job.Job) {
			j.Config.Metric, j.Config.Thin, j.Config.TargetAcceptanceRate = adapt.MetricDense, 2, 0.9
		},
		"step size": func(j *job.Job) {
			j.Config.Warmup, j.Config.StepSize, j.Config.MaxTreeDepth, j.Config.Superchain = 0, 0.2, 4, 3
			j.Config.InverseMass = []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
		},
	} {
		if testing.Short() && name != "hmc" && name != "step size" {
			continue
		}
		before, o := made(t, change), objects(t)
		m := manifest(before.Config.Warmup)
		if err := before.Put(ctx, o, m); err != nil {
			t.Fatal(err)
		}
		wire, err := transport.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := transport.Decode(wire)
		if err != nil {
			t.Fatal(err)
		}
		after, err := job.Get(ctx, o, back.(*transport.Manifest))
		if err != nil {
			t.Fatal(err)
		}
		if after.Bundle.Digest != before.Bundle.Digest {
			t.Errorf("%s: the program has another digest", name)
		}
		want, got := run(t, before), run(t, after)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: other draws", name)
		}
	}
}

// collector keeps all that batches hold.
type collector struct{ all []byte }

func (s *collector) Append(b *chain.Batch) error {
	s.all = append(s.all, byte(b.Chain), byte(b.Len))
	for k := range b.Len {
		s.all = binary.LittleEndian.AppendUint64(s.all, math.Float64bits(b.Energy[k]))
	}
	for _, v := range b.Values {
		s.all = append(s.all, v...)
	}
	return nil
}

// run returns all draws of a job's chains and their states after ten.
func run(t *testing.T, j *job.Job) []byte {
	t.Helper()
	p, err := chain.Compile(wasm.Engine{}, j.Bundle, j.Columns, j.Config, j.Starts)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w, err := p.NewWorker()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := &collector{}
	for i, start := range j.Starts {
		c := p.NewChain(i, start)
		if err := w.Advance(c, chain.Goal{Draws: 10, Slice: time.Hour}, s); err != nil {
			t.Fatal(err)
		}
		s.all = c.AppendState(s.all)
	}
	return s.all
}

// TestMixedPrecision: a manifest says that a run is of mixed precision, whose programs are in f64; of no others.
func TestMixedPrecision(t *testing.T) {
	ctx := context.Background()
	for precision, want := range map[model.Precision]string{"": "f64", model.F64: "f64", model.Mixed: "mixed"} {
		j, o, m := made(t, func(j *job.Job) { j.Precision = precision }), objects(t), manifest(40)
		if err := j.Put(ctx, o, m); err != nil || m.Precision != want {
			t.Fatalf("precision %q is %q in the manifest, %v", precision, m.Precision, err)
		}
		if back, err := job.Get(ctx, o, m); err != nil || string(back.Precision) != want {
			t.Errorf("%q comes back as %+v, %v", want, back, err)
		}
		m.Precision = "f32"
		if _, err := job.Get(ctx, o, m); err == nil {
			t.Error("a program in f64 is taken for one in f32")
		}
	}
}

// TestGetRefuses: what does not fit together is said, before anything is compiled.
func TestGetRefuses(t *testing.T) {
	ctx := context.Background()
	j, o := made(t, nil), objects(t)
	good := manifest(40)
	if err := j.Put(ctx, o, good); err != nil {
		t.Fatal(err)
	}
	store := func(text string) transport.Object {
		digest, err := o.Put(ctx, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return transport.Object{Digest: digest, Size: uint64(len(text))}
	}
	program, err := o.Get(ctx, good.Program.Digest, int64(good.Program.Size))
	if err != nil {
		t.Fatal(err)
	}
	text := string(program)
	for name, c := range map[string]struct {
		change func(m *transport.Manifest)
		want   string
		kind   transport.Kind
	}{
		"missing":    {func(m *transport.Manifest) { m.Program.Digest[0]++ }, "job: the program", transport.NotFound},
		"longer":     {func(m *transport.Manifest) { m.Program.Size++ }, "its manifest says", transport.Corrupt},
		"too large":  {func(m *transport.Manifest) { m.Program.Size = 1 << 40 }, "at most 268435456 are read", transport.Invalid},
		"no program": {func(m *transport.Manifest) { m.Program = store("module {}") }, "not a program object", transport.Internal},
		"version": {func(m *transport.Manifest) { m.Program = store(strings.Replace(text, `"version":1`, `"version":2`, 1)) },
			"run the same version of drey everywhere", transport.Internal},
		"damaged": {func(m *transport.Manifest) {
			m.Program = store(strings.Replace(text, "stablehlo.add", "stablehlo.bad", 1))
		}, "bad", transport.Internal},
		"custom call": {func(m *transport.Manifest) {
			m.Program = store(strings.Replace(text, "stablehlo.add ", "stablehlo.custom_call @run_anything", 1))
		}, "a custom call of run_anything", transport.Internal},
		"start":     {func(m *transport.Manifest) { m.Inits[0].Program = "other" }, "other is missing", transport.Internal},
		"fewer":     {func(m *transport.Manifest) { m.Columns = m.Columns[:1] }, "1 data columns for a program that takes 2", transport.Internal},
		"other":     {func(m *transport.Manifest) { m.Columns[0] = store("seven") }, `data "y": 5 bytes`, transport.Internal},
		"precision": {func(m *transport.Manifest) { m.Precision = "f32" }, `precision "f32"`, transport.Internal},
		"types": {func(m *transport.Manifest) {
			m.Program = store(strings.Replace(text, `"dimension":10`, `"dimension":9`, 1))
		},
			"program log_density: its parameters are of other types", transport.Internal},
	} {
		m := *good
		m.Inits, m.Columns = slices.Clone(good.Inits), slices.Clone(good.Columns)
		c.change(&m)
		if _, err := job.Get(ctx, o, &m); err == nil || !strings.Contains(err.Error(), c.want) || transport.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestFiles: copies of inputs are stored beside programs and data; a manifest one of whose copies is not there is refused.
func TestFiles(t *testing.T) {
	ctx := context.Background()
	o, m := objects(t), manifest(40)
	j := made(t, func(j *job.Job) {
		for _, name := range []string{"data.arrow", "init.json"} {
			j.Files = append(j.Files, job.File{Name: name, Write: func(w io.Writer) error { _, err := io.WriteString(w, "a copy: "+name); return err }})
		}
	})
	for range 2 { // put again, they are the same
		if err := j.Put(ctx, o, m); err != nil || len(m.Files) != 2 {
			t.Fatalf("%v, %v", m.Files, err)
		}
	}
	var text bytes.Buffer
	if err := transport.GetFile(ctx, o, m.Files[1:], &text); err != nil || text.String() != "a copy: init.json" || m.Files[1].Name != "init.json" {
		t.Errorf("%+v is %q, %v", m.Files[1], text.String(), err)
	}
	if err := job.Check(ctx, o, m); err != nil {
		t.Error(err)
	}
	if err := o.Delete(ctx, m.Files[1].Object.Digest); err != nil {
		t.Fatal(err)
	}
	if err := job.Check(ctx, o, m); transport.KindOf(err) != transport.NotFound || err == nil || !strings.Contains(err.Error(), "job: init.json") {
		t.Errorf("a copy that is not there: %v", err)
	}
	broken := errors.New("the disk is gone")
	j.Files[0].Write = func(io.Writer) error { return broken }
	if err := j.Put(ctx, o, m); !errors.Is(err, broken) {
		t.Errorf("a copy that can't be made: %v", err)
	}
}
