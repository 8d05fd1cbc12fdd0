package worker_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/internal/chain"
	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/internal/job"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/transport"
)

type schools struct {
	Y     tensor.Value `drey:"y"`
	Sigma tensor.Value `drey:"sigma"`
}

// eightSchools is the non-centred model.
func eightSchools(c *model.Context, d schools) {
	centred := func(c *model.Context, d schools) {
		mu := c.Sample("mu", dist.Normal(0, 5))
		tau := c.Sample("tau", dist.HalfCauchy(5))
		school := c.Plate("school", d.Sigma.Dim(0))
		theta := school.Sample("theta", dist.Normal(mu, tau))
		school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
	}
	model.With(centred, model.Reparam(map[string]model.Reparameterization{"theta": model.LocScaleReparam{}}))(c, d)
}

var data = model.Data{"y": []float64{28, 8, -3, 7, -1, 1, 18, 12}, "sigma": []int{15, 10, 16, 11, 9, 11, 10, 18}}

type jobOf = job.Job

// sample is a run of a test.
type sample struct {
	job      *job.Job
	manifest *transport.Manifest
}

// newSample returns a run of chains in packs: a warmup of 90 transitions in blocks of 40, 40 and 10, sampling in blocks of 25.
func newSample(t testing.TB, change func(*job.Job, *transport.Manifest)) *sample {
	t.Helper()
	return sampleOf(t, eightSchools, change)
}

// nowhere is a model without a place to start.
func nowhere(c *model.Context, d schools) {
	eightSchools(c, d)
	c.Factor("hole", d.Sigma.Sum().Mul(0).Log())
}

func sampleOf(t testing.TB, fn func(*model.Context, schools), change func(*job.Job, *transport.Manifest)) *sample {
	t.Helper()
	m, err := model.New("schools", tensor.F64, fn, data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.Compile(m, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := &sample{
		job: &job.Job{Bundle: b, Columns: m.Columns, Config: chain.DefaultConfig(), Starts: []chain.Start{{Init: b.Init}}},
		manifest: &transport.Manifest{
			Chains: 7, Width: 2, Super: 1, Warmup: []transport.Step{{Draws: 40}, {Draws: 40}, {Draws: 10}}, Block: 25, Draws: 160, Lease: 2000,
		},
	}
	x.job.Config.Seed = 3
	if change != nil {
		change(x.job, x.manifest)
	}
	x.job.Config.Warmup = 0
	for _, s := range x.manifest.Warmup {
		x.job.Config.Warmup += int(s.Draws)
	}
	return x
}

// rows are the draws of a chain: a digest of all that each holds.
type rows [][]string

// alone returns the draws that count of all chains, run one after another in one go without a cluster.
func (x *sample) alone(t testing.TB) rows {
	t.Helper()
	p, err := chain.Compile(wasm.Engine{}, x.job.Bundle, x.job.Columns, x.job.Config, x.job.Starts)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w, err := p.NewWorker()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := x.sink(p)
	for i := range s.rows {
		c := p.NewChain(i, x.job.Starts[0])
		if err := w.Advance(c, chain.Goal{Draws: int(x.manifest.Draws), Slice: time.Hour}, s); err != nil {
			t.Fatal(err)
		}
	}
	return s.rows
}

// sink returns what collects the draws of all chains.
func (x *sample) sink(p *chain.Program) *rowSink {
	s := &rowSink{rows: make(rows, x.manifest.Chains)}
	for _, site := range p.Sites() {
		s.widths = append(s.widths, tensor.NumElements(site.Shape)*tensor.ParseDType(site.DType).Size())
	}
	return s
}

// rowSink makes rows of batches of sampling.
type rowSink struct {
	rows   rows
	widths []int
}

func (s *rowSink) Append(b *chain.Batch) error {
	for k := range b.Len {
		var row []byte
		for _, v := range []float64{b.LogDensity[k], b.Energy[k]} {
			row = binary.LittleEndian.AppendUint64(row, math.Float64bits(v))
		}
		row = append(row, 0)
		if b.Diverging[k] {
			row[len(row)-1] = 1
		}
		for _, v := range []float64{b.AcceptanceRate[k], b.StepSize[k]} {
			row = binary.LittleEndian.AppendUint64(row, math.Float64bits(v))
		}
		row = binary.LittleEndian.AppendUint32(row, uint32(b.TreeDepth[k]))
		row = binary.LittleEndian.AppendUint32(row, uint32(b.Steps[k]))
		for i, v := range b.Values {
			row = append(row, v[k*s.widths[i]:(k+1)*s.widths[i]]...)
		}
		if !b.Warmup {
			s.rows[b.Chain] = append(s.rows[b.Chain], digest(row))
		}
	}
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// draws returns the draws that count in the ledger, after checking its lineage: each block goes on from the one before, has the
// bytes that its digest says, and the draws that its place says, none of them twice.
func (c *cluster) draws() rows {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(rows, c.info.Chains)
	run, _ := c.m.Run(runID)
	for p := range c.spec.Packs {
		first, chains := c.info.Pack(transport.PackID(p))
		var previous transport.Digest
		next := map[bool]uint64{}
		ledger := c.m.Ledger(runID, p)
		if len(ledger) != len(c.committed[p]) {
			c.t.Fatalf("pack %d: %d blocks in the ledger, %d durable", p, len(ledger), len(c.committed[p]))
		}
		for k, b := range c.committed[p] {
			raw := c.contents[b.Digest]
			m, err := transport.Decode(raw)
			if err != nil {
				c.t.Fatal(err)
			}
			content := m.(*transport.Content)
			switch want := transport.BlockDigest(runID, transport.PackID(p), uint64(k), previous, transport.DigestOf(raw)); {
			case b.Digest != want || ledger[k] != coordinator.Digest(want):
				c.t.Errorf("pack %d: block %d has digest %s, its bytes and the block before give %s", p, k, b.Digest, want)
			case content.Chain != first || content.Chains != chains || content.First != next[content.Warmup]:
				c.t.Errorf("pack %d: block %d has draws from %d on of chains from %d on", p, k, content.First, content.Chain)
			}
			previous = b.Digest
			next[content.Warmup] += uint64(content.Draws)
			if !content.Warmup {
				out.add(content)
			}
		}
		for i := first; i < first+chains; i++ {
			if n := uint64(len(out[i])); n < run.Draws {
				c.t.Errorf("chain %d has %d draws of %d", i, n, run.Draws)
			}
			out[i] = out[i][:min(uint64(len(out[i])), run.Draws)]
		}
	}
	return out
}

// add adds the draws of a block.
func (r rows) add(c *transport.Content) {
	for lane := range int(c.Chains) {
		for k := range int(c.Draws) {
			var row []byte
			for _, col := range c.Columns {
				width := int(col.Elements) * col.DType.Size()
				at := (lane*int(c.Draws) + k) * width
				row = append(row, col.Data[at:at+width]...)
			}
			r[int(c.Chain)+lane] = append(r[int(c.Chain)+lane], digest(row))
		}
	}
}

// check compares draws with those of an undisturbed run.
func (c *cluster) check(want rows) {
	c.t.Helper()
	got := c.draws()
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			c.t.Errorf("chain %d has other draws than without a cluster", i)
		}
	}
}
