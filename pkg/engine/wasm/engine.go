// Package wasm is the embedded engine: it generates one WebAssembly module per program (fused loops in SIMD pairs, real
// branches and loops, register-tiled linear algebra) and runs it with wazero's optimizing compiler. Nothing needs to be
// installed, and a program and an input give the same bits on every machine.
package wasm

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/expand"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// Generator names the version of the code generator: the same program, input and Generator give the same bits.
const Generator = "drey-wasm-2"

// Engine compiles programs to WebAssembly. The zero value is ready to use.
type Engine struct{}

var _ engine.Engine = Engine{}

// Name returns "wasm".
func (Engine) Name() string { return "wasm" }

// maxMemory is what wasm32 can address.
const maxMemory = 1 << 32

// Compile generates and compiles the module of f. It fails where the program's memory exceeds 4 GiB, counting twice what
// its arrays take, or a large buffer would be copied on each turn of a loop.
func (Engine) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	if err := engine.CheckOptions(f, opt); err != nil {
		return nil, err
	}
	x, code, err := generate(f, opt)
	if err != nil {
		return nil, err
	}
	giveWay()
	ctx := context.Background()
	x.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(maxMemory>>16))
	x.compiled, err = x.runtime.CompileModule(ctx, code)
	if err != nil {
		x.runtime.Close(ctx)
		return nil, fmt.Errorf("wasm: %s: the generated module does not compile: %w", f.Name, err)
	}
	giveWay()
	return x, nil
}

// giveWay lets other goroutines have this core. A run's programs compile on all cores at once, and Go itself takes a core
// away only after 10 to 20 ms: whoever wants it for a moment would wait as long.
func giveWay() { runtime.Gosched() }

// Executable is a compiled module and the layout of its memory.
type Executable struct {
	f        *tensor.Func
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	in, out  []slot
	initial  []dataSegment
	runs     map[int]*indexRuns // by parameter of indices
	pauses   bool               // the program may return before it is done
}

// slot is where a parameter or result lies in memory.
type slot struct{ addr, size int }

// generate returns the layout and the binary of f. A mistake of the generator comes back as an error that names the
// program, not as a panic of the process that compiles it.
func generate(f *tensor.Func, opt engine.Options) (x *Executable, code []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			x, code, err = nil, nil, fmt.Errorf("wasm: %s: the code generator failed: %v; please report the program", f.Name, r)
		}
	}()
	g, err := prepare(f)
	if err != nil {
		return nil, nil, err
	}
	giveWay()
	donated := map[int]int{}
	for _, d := range opt.Donate {
		donated[d.In] = d.Out
	}
	p := newPlan(g)
	l := newLiveness(p, donated)
	pl := newPlacement(l, 64)
	if err := pl.checkUpdates(p.root, false); err != nil {
		return nil, nil, err
	}
	e := newEmitter(p, l, pl, donated)
	e.program()
	// An index may reach the end of static memory, and the proof looks as far again.
	pages := (2*e.top + 1<<16 + 64) >> 16
	if pages > maxMemory>>16 {
		return nil, nil, fmt.Errorf("wasm: %s needs %d MiB of memory, counting its arrays twice; the wasm engine addresses 4096 MiB", f.Name, pages>>4)
	}
	x = &Executable{f: f, initial: e.initial, runs: e.runs, pauses: p.heavy > 0}
	for _, v := range g.Body.Params {
		x.in = append(x.in, slot{pl.addr(l.ids[v]), v.Size() * v.DType().Size()})
	}
	for i, v := range g.Body.Results {
		x.out = append(x.out, slot{pl.addr(l.outs[i]), v.Size() * v.DType().Size()})
	}
	return x, module(e.a.body(), pages), nil
}

// prepare brings f into the form the code generator takes. It simplifies before the expansions, on the program as it is
// meant, and after them, on what they have in common.
func prepare(f *tensor.Func) (*tensor.Func, error) {
	g, err := lower(simplify.Exact(f))
	if err != nil {
		return nil, err
	}
	if g, err = unrollScans(g); err != nil {
		return nil, err
	}
	return simplify.Exact(expand.Run(g)), nil
}

// NewSession instantiates the module.
func (x *Executable) NewSession() (engine.Session, error) {
	ctx := context.Background()
	mod, err := x.runtime.InstantiateModule(ctx, x.compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, fmt.Errorf("wasm: %s: %w", x.f.Name, err)
	}
	m := mod.Memory()
	mem, ok := m.Read(0, m.Size())
	if !ok {
		mod.Close(ctx)
		return nil, fmt.Errorf("wasm: %s: no memory", x.f.Name)
	}
	for _, d := range x.initial {
		copy(mem[d.offset:], d.bytes)
	}
	return &session{x: x, mod: mod, mem: mem, run: mod.ExportedFunction("run"), stack: make([]uint64, 1), fuel: firstFuel}, nil
}

// Close frees the module.
func (x *Executable) Close() error { return x.runtime.Close(context.Background()) }

// session is an instance of the module with its memory, whose size never changes.
type session struct {
	x     *Executable
	mod   api.Module
	mem   []byte
	run   api.Function
	stack []uint64
	fuel  float64 // work that takes about callTime
}

// A call can not be preempted; heavy programs return after about callTime, from the speed measured so far.
const callTime = 500 * time.Microsecond

func (s *session) Put(param int, data []byte) error {
	if err := engine.CheckPut(s.x.f, param, len(data)); err != nil {
		return err
	}
	copyYielding(s.mem[s.x.in[param].addr:], data)
	if r := s.x.runs[param]; r != nil {
		r.put(s.mem, data)
	}
	return nil
}

// copyYielding copies src to dst. A copy can not be preempted either, and the first one into new memory meets a page fault
// every 4 KiB, so that large data would hold up the garbage collector for a second.
func copyYielding(dst, src []byte) {
	const chunk = 1 << 16
	for ; len(src) > chunk; dst, src = dst[chunk:], src[chunk:] {
		copy(dst, src[:chunk])
		giveWay()
	}
	copy(dst, src)
}

func (s *session) Run() error {
	for {
		if !s.x.pauses {
			return s.call()
		}
		binary.LittleEndian.PutUint64(s.mem[fuelAt:], uint64(int64(s.fuel)))
		start := time.Now()
		if err := s.call(); err != nil {
			return err
		}
		if binary.LittleEndian.Uint32(s.mem[resumeAt:]) == 0 {
			return nil
		}
		giveWay()
		s.fuel *= min(2, max(0.5, float64(callTime)/float64(time.Since(start)+1)))
	}
}

func (s *session) call() error {
	if err := s.run.CallWithStack(context.Background(), s.stack); err != nil {
		return fmt.Errorf("wasm: %s: %w", s.x.f.Name, err)
	}
	return nil
}

func (s *session) Get(result int, dst []byte) error {
	if err := engine.CheckGet(s.x.f, result, len(dst)); err != nil {
		return err
	}
	out := s.x.out[result]
	copy(dst, s.mem[out.addr:out.addr+out.size])
	return nil
}

func (s *session) Close() error { return s.mod.Close(context.Background()) }
