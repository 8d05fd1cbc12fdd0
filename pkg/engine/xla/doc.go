// Package xla is the engine for GPUs, TPUs and large dense models: it prints a program as StableHLO, which a PJRT plugin
// compiles and runs (package plugin finds it). Results agree with tensor/eval within rounding, not bit for bit: XLA
// reorders sums and has its own transcendental functions.
//
// It needs cgo, on Linux or macOS; a build without it says so when XLA is asked for. Arrays stay on the device between
// runs, donated ones in place. Compiled programs are kept on disk. Nothing is freed by finalisers: Session.Close frees the
// device's memory, Executable.Close the program; clients last as long as the process.
package xla

// Config says where an engine finds what it needs.
type Config struct {
	Plugin string // path of the plugin; "" is the one that plugin.Find returns
	// Programs is the directory of compiled programs; "" is drey/xla/programs in the user's cache directory.
	Programs string
}

// Info describes an engine and what it runs on.
type Info struct {
	Name       string            // of the engine: xla:cpu, xla:cuda or xla:tpu
	Plugin     string            // its path
	API        string            // version of the PJRT API
	Version    string            // of the platform's runtime, as the plugin names it
	Build      string            // of the plugin
	Devices    []string          // their kinds
	Attributes map[string]string // what else the plugin says of itself
}

// Prefix begins the names of XLA's engines; what follows is the platform.
const Prefix = "xla:"
