package kernels_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/drey-sampler/drey/pkg/adapt"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/kernels"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
	"github.com/drey-sampler/drey/pkg/tensor/vmap"
)

// laneParams are the parameters of Run that differ between lanes besides those of the chain.
var laneParams = []string{"Control.Until", "Control.Seed", "Control.Chain"}

// inLanes returns Run over lanes and which of its parameters are batched.
func inLanes(t testing.TB, run *tensor.Func, width int) (*tensor.Func, []bool) {
	t.Helper()
	batched := make([]bool, len(run.In))
	for i, p := range run.In {
		chain := i >= kernels.ControlInputs && i < kernels.ControlInputs+len(run.Out)
		batched[i] = chain || slices.Contains(laneParams, p.Name)
	}
	g, err := vmap.Of(run, width, batched)
	if err != nil {
		t.Fatal(err)
	}
	return g, batched
}

// batch is a Run program over lanes beside hosts that each run one of them alone.
type batch struct {
	all   *host
	alone []*host
}

func newBatch(t testing.TB, lanes, p *kernels.Programs[kernels.NUTSState, adapt.State], width int) batch {
	t.Helper()
	g, _ := inLanes(t, lanes.Run, width)
	var donate []engine.Donation
	for i := range g.Out {
		donate = append(donate, engine.Donation{In: kernels.ControlInputs + i, Out: i})
	}
	b := batch{all: &host{t, g, load(t, g, nil, donate).s}}
	y, precision := schoolsData()
	for lane := range width {
		h := newHost(t, p)
		q := make([]float64, 10)
		for i := range q {
			q[i] = 0.1 * float64((7*lane+3*i)%11-5)
		}
		h.start(p.Init, vector(q...), scalar(0.35), vector(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), y, precision)
		b.alone = append(b.alone, h)
	}
	b.share("y", y)
	b.share("precision", precision)
	for _, o := range p.Run.Out {
		b.put(o.Name, func(lane int) *tensor.Array { return b.alone[lane].get(o.Name) })
	}
	return b
}

// share sets what all lanes have in common.
func (b batch) share(name string, a *tensor.Array) {
	b.all.set(name, a)
	for _, h := range b.alone {
		h.set(name, a)
	}
}

// put sets a parameter of each lane.
func (b batch) put(name string, of func(lane int) *tensor.Array) {
	var all *tensor.Array
	width := len(b.alone)
	for lane, h := range b.alone {
		a := of(lane)
		h.set(name, a)
		if all == nil {
			all = tensor.NewArray(a.DType, append(slices.Clone(a.Shape), width))
		}
		for i, x := range a.Bits {
			all.Bits[i*width+lane] = x
		}
	}
	b.all.set(name, all)
}

// run runs both and compares all that a chain is, bit for bit.
func (b batch) run(what string) {
	t := b.all.t
	t.Helper()
	width := len(b.alone)
	for _, h := range append([]*host{b.all}, b.alone...) {
		if err := h.session.Run(); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range b.all.run.Out {
		got := b.all.get(o.Name)
		for lane, h := range b.alone {
			for i, w := range h.get(o.Name).Bits {
				if g := got.Bits[i*width+lane]; g != w {
					t.Fatalf("%s: lane %d of %d: %s: element %d has the bits %#x, want %#x", what, lane, width, o.Name, i, g, w)
				}
			}
		}
	}
}

// numbers returns a number of each lane.
func (b batch) numbers(name string) []float64 { return b.all.get(name).Float64s() }

// TestLanesAreChains: Run over lanes does to each what it does to a chain alone: warmup and sampling, cut anywhere, with
// lanes that have reached their last draw or filled their buffers while others go on.
func TestLanesAreChains(t *testing.T) {
	for name, abreast := range map[string]bool{"alike": false, "abreast": true} {
		t.Run(name, func(t *testing.T) { lanesAreChains(t, abreast) })
	}
}

func lanesAreChains(t *testing.T, abreast bool) {
	const capacity = 6
	spec := schoolsSpec(kernels.DefaultNUTS(), capacity)
	p, err := spec.Build()
	if err != nil {
		t.Fatal(err)
	}
	spec.Kernel, spec.Abreast, spec.Rolled = kernels.NUTS{MaxTreeDepth: kernels.DefaultNUTS().MaxTreeDepth, Abreast: abreast}, abreast, abreast
	lanes, err := spec.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{1, 7} {
		b := newBatch(t, lanes, p, width)
		b.put("Control.Seed", func(lane int) *tensor.Array { return u64(uint64(1000 + lane/3)) })
		b.put("Control.Chain", func(lane int) *tensor.Array { return u32(uint32(lane)) })
		control := func(ticks, every, phase int) {
			b.share("Control.Ticks", i32(int32(ticks)))
			b.share("Control.Every", i32(int32(every)))
			b.share("Control.Phase", i32(int32(phase)))
		}
		until := func(n func(lane int) int) {
			b.put("Control.Until", func(lane int) *tensor.Array { return u32(uint32(n(lane))) })
		}
		rows := func(n func(lane int) int) {
			b.put("Counts.Row", func(lane int) *tensor.Array { return i32(int32(n(lane))) })
			b.put("Counts.Skipped", func(int) *tensor.Array { return i32(0) })
		}
		none := func(int) int { return 0 }
		until(func(int) int { return 40 })
		for i := range 12 {
			control(25, 1, 1)
			rows(none)
			b.run(fmt.Sprintf("warmup %d", i))
			if i%2 == 0 { // a chain that has been in a batch goes on alone
				for _, o := range p.Run.Out {
					all := b.all.get(o.Name)
					b.put(o.Name, func(of int) *tensor.Array { return lane(all, of) })
				}
			}
		}
		control(1<<20, 2, 0) // lane 3 has no draw left, the others have until their buffers are full
		until(func(lane int) int { return 100 * (lane % 4 * 5 % 3) })
		rows(none)
		b.run("until")
		if rows := b.numbers("Counts.Row"); width > 3 && (rows[3] != 0 || rows[1] != capacity) {
			t.Fatalf("%v rows are in use", rows)
		}
		until(func(int) int { return 1 << 20 })
		control(1<<20, 1, 0)
		rows(func(lane int) int { return lane }) // lane 6 begins with full buffers
		b.run("rows")
		for _, n := range b.numbers("Counts.Row") {
			if n != capacity {
				t.Fatalf("%v rows are in use", b.numbers("Counts.Row"))
			}
		}
	}
}

// TestLanesWriteRows: nothing but the writing of a row has as many rows as the buffers or the checkpoints.
func TestLanesWriteRows(t *testing.T) {
	const capacity, depth = 97, 13
	p, err := schoolsSpec(kernels.NUTS{MaxTreeDepth: depth}, capacity).Build()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := inLanes(t, p.Run, 5)
	for _, f := range []*tensor.Func{f, simplify.Exact(f), simplify.Run(f)} {
		written := map[int]int{}
		var visit func(r *tensor.Region)
		visit = func(r *tensor.Region) {
			for _, n := range r.Nodes {
				for _, rows := range []int{capacity, depth} {
					switch n.Op {
					case tensor.OpGet, tensor.OpReshape: // a name of what is there
					case tensor.OpScatter, tensor.OpDynamicUpdate:
						if n.Shape[0] == rows {
							written[rows]++
						}
					default:
						if slices.Contains(n.Shape, rows) {
							t.Errorf("a %s of %s", n.Op, n.Results()[0])
						}
					}
				}
				for _, g := range n.Regions {
					visit(g)
				}
			}
		}
		visit(f.Body)
		if written[capacity] != 9 || written[depth] != 5 {
			t.Errorf("%v writes, want 9 of buffers and 5 of checkpoints", written)
		}
	}
}

// BenchmarkLanes times a tick of many lanes of eight schools.
func BenchmarkLanes(b *testing.B) {
	const ticks, width = 100, 64
	p, err := schoolsSpec(kernels.DefaultNUTS(), 256).Build()
	if err != nil {
		b.Fatal(err)
	}
	l := newBatch(b, p, p, width)
	l.put("Control.Seed", func(int) *tensor.Array { return u64(1) })
	l.put("Control.Chain", func(lane int) *tensor.Array { return u32(uint32(lane)) })
	l.put("Control.Until", func(int) *tensor.Array { return u32(1 << 31) })
	l.share("Control.Ticks", i32(ticks))
	least := time.Hour
	for b.Loop() {
		began := time.Now()
		if err := l.all.session.Run(); err != nil {
			b.Fatal(err)
		}
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(least.Nanoseconds())/ticks/width, "ns/tick/lane")
}

// lane returns a lane of an array whose last axis is that of the lanes.
func lane(a *tensor.Array, of int) *tensor.Array {
	k := len(a.Shape) - 1
	out := tensor.NewArray(a.DType, a.Shape[:k])
	for i := range out.Bits {
		out.Bits[i] = a.Bits[i*a.Shape[k]+of]
	}
	return out
}
