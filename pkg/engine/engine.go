// Package engine is the boundary between tensor programs and what runs them: Engine, Executable, Session.
//
// An Engine compiles a tensor.Func into an Executable; each thread that runs it has a Session of its own, with a slot of
// memory for every parameter and result that stays there between runs. All engines give the same bits for the same
// program and inputs, those of tensor/eval, up to the bits of NaN; engine/enginetest checks it. So an engine rewrites a
// program only in ways that keep bits (simplify.Exact); who wants simplify.Run calls it before Compile.
//
// Arrays cross the boundary as bytes: elements in row-major order, little-endian, Bool as one byte (0 or 1). Bytes and
// ArrayOf convert.
package engine

import "github.com/drey-sampler/drey/pkg/tensor"

// Engine compiles programs. An Engine is safe for concurrent use.
type Engine interface {
	// Name is the engine's name in flags and reports: "reference", "wasm".
	Name() string

	// Compile makes f executable. It costs milliseconds for a program of thousands of instructions, so callers compile
	// once and keep the Executable. f must not be changed; the Executable may hold on to it. An error says what in f or
	// opt the engine can not do; a Func that traced without error compiles unless it is too large for the engine.
	Compile(f *tensor.Func, opt Options) (Executable, error)
}

// Options are what a caller decides about a program besides its text.
type Options struct {
	// Donate lists the parameters whose memory a result takes over. CheckOptions says what is allowed.
	Donate []Donation
	// Seldom says that the program runs a few times at most: an engine whose compiler takes long may make slower code sooner.
	Seldom bool
}

// Donation makes parameter In hold result Out after each Run, so that the state of a loop that the host drives stays in
// the engine's memory: Put once, Run many times. In and Out have one dtype and shape; a parameter and a result take part
// in at most one donation. Run reads the parameter's old elements before it replaces them, whatever the program does.
type Donation struct{ In, Out int }

// Executable is a compiled program. It is safe for concurrent use.
type Executable interface {
	// NewSession allocates memory for one run at a time of the program: parameters, results and temporaries. Parameter
	// slots begin as zeros (all bits; false). Sessions are independent of each other.
	NewSession() (Session, error)

	// Close frees what the sessions share. All sessions must be closed before.
	Close() error
}

// Session is the memory of one thread: methods must not be called concurrently, but may be called from different
// goroutines in turn. A Session does not allocate on Put, Run and Get once it has run, unless its engine says otherwise.
type Session interface {
	// Put copies data into the slot of a parameter; data is the caller's again on return. An index out of range or a
	// wrong number of bytes gives an error that names the parameter, and the slot keeps what it had. Parameters keep
	// their elements over Run, except donated ones.
	Put(param int, data []byte) error

	// Run executes the program on the parameter slots and fills the result slots. It blocks until it is done. The
	// results are a function of the parameters alone: running again without Put gives the same bits, except where
	// Options.Donate has replaced parameters. After an error the slots hold nothing useful and the Session can only be
	// closed.
	Run() error

	// Get copies a result of the last Run to dst, whose length must be the result's size in bytes. Before the first Run
	// results are unspecified. The result of a donation shares its slot with the parameter: Get gives it until Put
	// overwrites that parameter.
	Get(result int, dst []byte) error

	// Close frees the Session. Closing twice is allowed; other methods must not be called afterwards.
	Close() error
}

// Keeper is a Session that can set donated results aside, for another goroutine to read while it runs on.
type Keeper interface {
	Session

	// Keep sets aside what donated results hold. The memory that the last Keep has set aside takes their place: what their
	// parameters hold is not specified until Put. A result that is not donated gives an error.
	Keep(results []int) error

	// Kept copies what the last Keep has set aside of a result to dst. One goroutine may call it while another uses the
	// session, but for Keep and Close.
	Kept(result int, dst []byte) error
}
