//go:build cgo && (linux || darwin)

package xla

import (
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/xla/internal/pjrt"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/lower"
	"github.com/drey-sampler/drey/pkg/tensor/simplify"
)

// Built returns nil: this build has XLA.
func Built() error { return nil }

// Engine compiles programs with a plugin for its first device.
type Engine struct {
	*connection
	programs cache
}

var _ engine.Engine = (*Engine)(nil)

// connection is a client of a plugin: one a plugin and process.
type connection struct {
	client   *pjrt.Client
	platform string
	info     Info
	kind     string // of the device
}

var (
	connecting  sync.Mutex
	connections = map[string]*connection{}
)

// Open returns the engine of a platform (cpu, cuda or tpu); "" is that of plugin.Best. A
// *plugin.MissingError says that there is none.
func Open(platform string, cfg Config) (engine.Engine, error) {
	c, err := connect(platform, cfg)
	if err != nil {
		return nil, err
	}
	dir := cfg.Programs
	if dir == "" {
		if dir, err = plugin.Dir(); err != nil {
			return nil, err
		}
		dir = filepath.Join(dir, "programs")
	}
	return &Engine{c, cache{dir}}, nil
}

// Describe describes the engine that Open returns.
func Describe(platform string, cfg Config) (Info, error) {
	c, err := connect(platform, cfg)
	if err != nil {
		return Info{}, err
	}
	return c.info, nil
}

func connect(platform string, cfg Config) (*connection, error) {
	path, err := cfg.Plugin, error(nil)
	switch {
	case path != "":
	case platform == "":
		_, path, err = plugin.Best()
	default:
		path, err = plugin.Find(platform)
	}
	if err != nil {
		return nil, err
	}
	connecting.Lock()
	defer connecting.Unlock()
	c := connections[path]
	if c == nil {
		if c, err = dial(path); err != nil {
			return nil, fmt.Errorf("xla: %s: %w", path, err)
		}
		connections[path] = c
	}
	if platform != "" && platform != c.platform {
		return nil, fmt.Errorf("xla: %s is a plugin for %s, not for %s", path, c.platform, platform)
	}
	return c, nil
}

// logVariable is how XLA's C++ code is told which of its log lines to print: 2 and up are errors.
const logVariable = "TF_CPP_MIN_LOG_LEVEL"

// flagsVariable has options of XLA's compiler that a user sets.
const flagsVariable = "XLA_FLAGS"

func dial(path string) (*connection, error) {
	if os.Getenv(logVariable) == "" {
		if err := os.Setenv(logVariable, "2"); err != nil {
			return nil, err
		}
	}
	// All platforms know the option. One of its kind that the user sets takes its place. It comes first: XLA reads no further than
	// the first word that is no option.
	if flags := os.Getenv(flagsVariable); !strings.Contains(flags, "xla_backend_extra_options") {
		if err := os.Setenv(flagsVariable, strings.TrimSpace(smallLoops+" "+flags)); err != nil {
			return nil, err
		}
	}
	p, err := pjrt.Load(path)
	if err != nil {
		return nil, err
	}
	client, err := p.NewClient()
	if err != nil {
		return nil, err
	}
	platform, version, devices, err := client.Describe()
	if err != nil {
		return nil, err
	}
	attributes, err := p.Attributes()
	if err != nil {
		return nil, err
	}
	major, minor := p.Version()
	c := &connection{client: client, platform: platform, kind: devices[0].Kind}
	build, err := identify(path)
	if err != nil {
		return nil, err
	}
	c.info = Info{Name: Prefix + platform, Plugin: path, API: fmt.Sprintf("%d.%d", major, minor), Version: version, Build: build, Attributes: attributes}
	for _, d := range devices {
		c.info.Devices = append(c.info.Devices, d.Kind)
	}
	return c, nil
}

// identify tells the builds of a plugin apart, whose API and platform do not say which one they are: by the file's size and
// a sum of its ends, which hold the places of everything between them.
func identify(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	const end = 1 << 16
	h := crc32.NewIEEE()
	for _, at := range []int64{0, max(0, info.Size()-end)} {
		if _, err := io.Copy(h, io.NewSectionReader(f, at, end)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x-%08x", info.Size(), h.Sum32()), nil
}

// compilerOptions keep the meaning of a program: no arithmetic that ignores NaN, no wider or narrower intermediate results,
// and on GPUs no operation whose result depends on the order in which threads come. Those for CPUs make loops faster, too.
func compilerOptions(platform, path string) []pjrt.Option {
	switch platform {
	case "cpu":
		return []pjrt.Option{
			{Name: "xla_cpu_enable_fast_math", Value: false}, {Name: "xla_cpu_enable_fast_min_max", Value: false}, {Name: "xla_allow_excess_precision", Value: false},
			// Registers of the whole width where there are such; it changes no result.
			{Name: "xla_cpu_prefer_vector_width", Value: 512},
		}
	case "cuda":
		out := []pjrt.Option{{Name: "xla_gpu_deterministic_ops", Value: true}, {Name: "xla_allow_excess_precision", Value: false}}
		// Beside the plugin, where NVIDIA's wheels put ptxas and libdevice.
		toolkit := filepath.Join(filepath.Dir(path), "..", "..", "nvidia", "cu13")
		if _, err := os.Stat(toolkit); err == nil {
			out = append(out, pjrt.Option{Name: "xla_gpu_cuda_data_dir", Value: toolkit})
		}
		return out
	}
	return nil
}

// analysed makes XLA look at what each turn of a loop reads and writes before it copies what the loop carries: one chain of eight schools
// takes a ninth of the time, packs of them two thirds. It is for programs that isOrdered says it is right about.
var analysed = pjrt.Option{Name: "xla_cpu_copy_insertion_use_region_analysis", Value: true}

// unoptimised about halves the time that a program takes to compile, and makes slower code.
var unoptimised = pjrt.Option{Name: "xla_backend_optimization_level", Value: 0}

// Name returns "xla:cpu", "xla:cuda" or "xla:tpu".
func (e *Engine) Name() string { return e.info.Name }

// Version names what can change a bit of a result: the plugin's compiler and the device.
func (e *Engine) Version() string {
	parts := []string{e.Name(), "PJRT " + e.info.API, e.info.Version, "build " + e.info.Build, e.kind}
	for _, k := range slices.Sorted(maps.Keys(e.info.Attributes)) {
		parts = append(parts, k+" "+e.info.Attributes[k])
	}
	if e.platform == "cpu" {
		parts = append(parts, runtime.GOARCH, processor())
	}
	return strings.Join(parts, ", ")
}

// Compile rewrites f for the device (package lower), prints it as StableHLO and compiles it, or loads what an earlier process
// compiled.
func (e *Engine) Compile(f *tensor.Func, opt engine.Options) (engine.Executable, error) {
	if err := engine.CheckOptions(f, opt); err != nil {
		return nil, err
	}
	lowered, changed, err := lower.For(e.platform, f)
	if err != nil {
		return nil, fmt.Errorf("xla: %s: %w", f.Name, err)
	}
	if changed {
		lowered = simplify.Exact(lowered)
	}
	var special []pjrt.Option
	if e.platform == lower.CPU {
		if lowered, err = withLoops(lowered); err != nil {
			return nil, fmt.Errorf("xla: %s: %w", f.Name, err)
		}
		if isOrdered(lowered.Body) {
			special = append(special, analysed)
		}
		if opt.Seldom {
			special = append(special, unoptimised)
		}
	}
	options := pjrt.CompileOptions(append(compilerOptions(e.platform, e.info.Plugin), special...)...)
	module, err := module(lowered, opt)
	if err != nil {
		return nil, fmt.Errorf("xla: %s: %w", f.Name, err)
	}
	x := &executable{f: f, donate: slices.Clone(opt.Donate)}
	if x.program, err = e.program(module, options); err != nil {
		return nil, fmt.Errorf("xla: %s: %w", f.Name, locate(err, module))
	}
	return x, nil
}

// program returns the compiled module, from the cache where it has it.
func (e *Engine) program(module string, options []byte) (*pjrt.Executable, error) {
	key := e.programs.key(module, e.Version(), string(options), os.Getenv(flagsVariable))
	if code := e.programs.load(key); code != nil {
		if x, err := e.client.Deserialize(code); err == nil {
			return x, nil
		}
	}
	x, err := e.client.Compile([]byte(module), options)
	if err != nil {
		return nil, err
	}
	// A plugin that can not serialise, or a cache that can not be written, costs the next process its time and no more.
	if code, err := x.Serialize(); err == nil {
		e.programs.store(key, code)
	}
	return x, nil
}

type executable struct {
	f       *tensor.Func
	donate  []engine.Donation
	program *pjrt.Executable
}

// NewSession allocates the parameters on the device.
func (x *executable) NewSession() (engine.Session, error) {
	c, err := x.program.NewCall(x.f.In, x.f.Out, x.donate)
	if err != nil {
		return nil, fmt.Errorf("xla: %s: session: %w", x.f.Name, err)
	}
	return &session{x.f, c}, nil
}

// Close frees the program on the device.
func (x *executable) Close() error { return x.program.Destroy() }

type session struct {
	f    *tensor.Func
	call *pjrt.Call
}

var _ engine.Keeper = (*session)(nil)

// Put copies data to the device.
func (s *session) Put(param int, data []byte) error {
	if err := engine.CheckPut(s.f, param, len(data)); err != nil {
		return err
	}
	return s.explain("put", s.call.Put(param, data))
}

// Run executes the program and waits for it.
func (s *session) Run() error { return s.explain("run", s.call.Run()) }

// Get copies a result from the device.
func (s *session) Get(result int, dst []byte) error {
	if err := engine.CheckGet(s.f, result, len(dst)); err != nil {
		return err
	}
	return s.explain("get", s.call.Get(result, dst))
}

// Keep implements engine.Keeper.
func (s *session) Keep(results []int) error {
	for _, i := range results {
		if i < 0 || i >= len(s.f.Out) || !s.call.Donates(i) {
			return fmt.Errorf("xla: %s: keep: result %d is not donated to a parameter", s.f.Name, i)
		}
		if err := s.explain("keep", s.call.Keep(i, engine.SizeOf(s.f.Out[i]))); err != nil {
			return err
		}
	}
	return nil
}

// Kept implements engine.Keeper.
func (s *session) Kept(result int, dst []byte) error {
	if err := engine.CheckGet(s.f, result, len(dst)); err != nil {
		return err
	}
	if !s.call.IsKept(result) {
		return fmt.Errorf("xla: %s: result %d was not kept", s.f.Name, result)
	}
	return s.explain("kept", s.call.Kept(result, dst))
}

// Close frees the parameters and results on the device.
func (s *session) Close() error { return s.explain("close", s.call.Destroy()) }

func (s *session) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("xla: %s: %s: %w", s.f.Name, what, err)
}
