package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// FormatVersion is the version of the run directory that this package writes; it reads this one and earlier ones.
const FormatVersion = 1

// State says how far a run has come.
type State string

// The states. A run that was killed stays Running in its file; Reader.Live tells it from one that goes on.
const (
	Running     State = "running"
	Done        State = "done"
	Interrupted State = "interrupted"
	Failed      State = "failed"
)

// Float is a float64 whose NaN and infinities are null in JSON; null reads as NaN.
type Float float64

// MarshalJSON returns the shortest text that reads back to the same bits, or null.
func (f Float) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON reads a number or null.
func (f *Float) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Float(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(f))
}

// Run is run.json: everything needed to repeat a run, and how it went.
type Run struct {
	Format   int       `json:"format"`                // version of the directory's layout
	ID       string    `json:"id"`                    // random, 32 hex digits; the other files name it
	Cluster  string    `json:"cluster_run,omitempty"` // the run's id on the cluster that makes it
	Model    string    `json:"model"`
	Program  Program   `json:"program"`
	Seed     uint64    `json:"seed"`
	Versions Versions  `json:"versions"`
	Files    []Input   `json:"files"`
	Digest   string    `json:"program_digest"` // SHA-256 of the program's canonical text, hex
	Settings Settings  `json:"settings"`
	Schema   Schema    `json:"schema"`
	State    State     `json:"state"`
	Error    string    `json:"error,omitempty"`
	Created  string    `json:"created"` // UTC, RFC 3339
	Seconds  Seconds   `json:"seconds"`
	Counts   RunCounts `json:"counts"`
	Warmup   *Warmed   `json:"warmup,omitempty"` // nil while it goes on
	// TimingDependent says that the clock may have had a say in the draws: the same program, seed and version need not give them again.
	TimingDependent bool `json:"timing_dependent,omitempty"`
}

// Warmed is how the warmup of a run went.
type Warmed struct {
	Transitions int            `json:"transitions"`        // of each chain: fewer than Settings.Warmup where it ended early
	Suspects    []int          `json:"suspects,omitempty"` // chains that ended it unlike the others: they may be in a mode of their own
	Late        []LateDecision `json:"late,omitempty"`     // its decisions that were taken without packs that were late
}

// LateDecision is a decision of pooled warmup that was taken without some of the run's packs: pack p has chains p·Settings.Batch on.
type LateDecision struct {
	Window   int   `json:"window"`   // of warmup, that it ended
	Included int   `json:"included"` // how many packs it was taken from
	Excluded []int `json:"excluded"` // the packs that it did without
}

// Program names the executable that made a run: the one that resumes, extends and predicts it.
type Program struct {
	Name       string `json:"name"`        // the command, e.g. drey
	ImportPath string `json:"import_path"` // of its main package
	BuiltIn    bool   `json:"built_in"`    // the model is one of drey's own
}

// Versions are those that can change a bit of the draws.
type Versions struct {
	Drey          string `json:"drey"`
	Go            string `json:"go"`
	CodeGenerator string `json:"code_generator"`
	CanonicalText string `json:"canonical_text"` // of the text that Run.Digest is taken over
}

// Input is a copy of one of the run's inputs.
type Input struct {
	Role   string `json:"role"`   // data, program, init or inverse_mass_matrix
	Name   string `json:"name"`   // inside the run directory
	Source string `json:"source"` // the base name of the file that was given, or "" if it came from code
	SHA256 string `json:"sha256"` // hex; of data: over the raw columns, of others: over the bytes of the file
}

// Settings are the choices of a run that its draws depend on, and which of its sites are kept.
type Settings struct {
	Chains           int      `json:"chains"`
	Warmup           int      `json:"warmup"` // transitions
	Draws            int      `json:"draws"`  // kept draws a chain
	Thin             int      `json:"thin"`   // transitions a kept draw
	Kernel           string   `json:"kernel"`
	Precision        string   `json:"precision"`
	Engine           string   `json:"engine"`
	Batch            int      `json:"batch,omitempty"` // chains that a call of the engine advances
	TargetAccept     Float    `json:"target_accept"`
	MaxTreeDepth     int      `json:"max_tree_depth"`
	TrajectoryLength Float    `json:"trajectory_length"`
	TrajectoryJitter Float    `json:"trajectory_jitter"`
	Metric           string   `json:"metric"`
	Adapt            string   `json:"adapt,omitempty"` // pooled or per-chain
	StepSize         Float    `json:"step_size"`       // 0: found in warmup
	InitStrategy     string   `json:"init_strategy"`
	Gradient         string   `json:"gradient,omitempty"`
	SaveWarmup       bool     `json:"save_warmup"`
	Save             []string `json:"save,omitempty"`
	Exclude          []string `json:"exclude,omitempty"`
}

// Seconds are wall-clock durations.
type Seconds struct {
	Trace    Float `json:"trace"`
	Compile  Float `json:"compile"`
	Warmup   Float `json:"warmup"`
	Sampling Float `json:"sampling"`
	Total    Float `json:"total"`
}

// RunCounts are totals over all chains.
type RunCounts struct {
	Leapfrogs       int64 `json:"leapfrogs"` // of sampling
	WarmupLeapfrogs int64 `json:"warmup_leapfrogs"`
	Divergences     int64 `json:"divergences"` // of sampling
}

// Validate returns all problems that keep a run from being stored, joined, or nil.
func (r *Run) Validate() error {
	var errs []error
	if r.Settings.Chains <= 0 {
		errs = append(errs, fmt.Errorf("store: a run needs at least one chain, not %d", r.Settings.Chains))
	}
	if r.Settings.Draws < 0 {
		errs = append(errs, fmt.Errorf("store: %d draws", r.Settings.Draws))
	}
	for _, f := range r.Files {
		if !inputName(f.Name) {
			errs = append(errs, fmt.Errorf("store: %q is no name of an input's copy: use one of %v", f.Name, inputNames))
		}
	}
	switch r.State {
	case Running, Done, Interrupted, Failed:
	default:
		errs = append(errs, fmt.Errorf("store: unknown state %q", r.State))
	}
	return errors.Join(append(errs, r.Schema.Validate())...)
}

// ReadRun reads run.json of a directory.
func ReadRun(dir string) (*Run, error) {
	path := filepath.Join(dir, runFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, e := os.Stat(dir); e != nil {
			return nil, fmt.Errorf("store: %s: no such directory", dir)
		}
		return nil, fmt.Errorf("store: %s is not a run directory: it has no %s", dir, runFile)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var version struct {
		Format int `json:"format"`
	}
	r := new(Run)
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	if version.Format < 1 || version.Format > FormatVersion {
		return nil, fmt.Errorf("store: %s has format %d, this drey reads up to %d: use a newer drey", path, version.Format, FormatVersion)
	}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return r, nil
}

// encode returns the text of run.json.
func (r *Run) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("store: %s: %w", runFile, err)
	}
	return b.Bytes(), nil
}
