package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/diag"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/store"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// fullDisk lets so many bytes be written to segments.
type fullDisk struct {
	store.OS
	left *int
}

func (d fullDisk) Create(path string) (store.File, error) {
	f, err := d.OS.Create(path)
	if err != nil || !strings.Contains(path, "segment-") {
		return f, err
	}
	return fullFile{f, d.left}, nil
}

type fullFile struct {
	store.File
	left *int
}

func (f fullFile) Write(b []byte) (int, error) {
	if *f.left -= len(b); *f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return f.File.Write(b)
}

// TestFullDisk: a disk that fills up ends the run with an error that names the directory; what was stored is read, and the
// run goes on to the same draws when there is room.
func TestFullDisk(t *testing.T) {
	cfg := short(12)
	cfg.Chains, cfg.Draws = 1, 50_000
	want := run(t, cfg)
	left := 5_000_000 // about half of the draws
	cfg.Dir = filepath.Join(t.TempDir(), "run")
	cfg.SetFiles(store.Options{FS: fullDisk{left: &left}})
	_, err := runner.Run(context.Background(), cfg, schoolsModel(t), nil)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), cfg.Dir) {
		t.Fatalf("a full disk: %v", err)
	}
	d, err := runner.Open(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	n := d.Len(store.Sampling)
	if d.Close(); n == 0 || n >= cfg.Draws {
		t.Errorf("%d draws are kept", n)
	}
	r, err := runner.Resume(context.Background(), cfg.Dir, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Draws.Close()
	if got, want := digests(t, cfg.Dir), digests(t, want); got != want {
		t.Errorf("digests %v, want %v", got, want)
	}
}

// TestNoStartEndsTheRun: the error names the site, and the directory says that the run failed.
func TestNoStartEndsTheRun(t *testing.T) {
	cfg := short(1)
	cfg.Dir = t.TempDir()
	m := runner.Model{Model: bind(t, func(c *model.Context, _ struct{}) {
		x := c.Sample("x", dist.Normal(0, 1))
		c.Factor("wall", x.Square().Add(1.0).Neg().Log())
	}, nil)}
	_, err := runner.Run(context.Background(), cfg, m, nil)
	if err == nil || !strings.Contains(err.Error(), "wall = NaN") {
		t.Fatalf("%v", err)
	}
	r, err := store.ReadRun(cfg.Dir)
	if err != nil || r.State != store.Failed || !strings.Contains(r.Error, "wall") {
		t.Errorf("%+v, %v", r, err)
	}
	d, err := runner.Open(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if s, err := runner.Summarise(d, 0.9); err != nil || s.Draws != 0 {
		t.Errorf("a summary of %+v, %v", s, err)
	}
}

type counts struct {
	X tensor.Value `drey:"x"` // unused by the check
	Y tensor.Value `drey:"y"`
}

// TestObservationsAreChecked: an observation outside its support is said before anything is compiled or written.
func TestObservationsAreChecked(t *testing.T) {
	m := runner.Model{Model: bind(t, func(c *model.Context, d counts) {
		mu := c.Sample("mu", dist.Normal(0, 1))
		c.Plate("row", 3).Observe("y", dist.BernoulliLogits(d.X.Mul(mu)), d.Y)
	}, model.Data{"x": []float64{1, 2, 3}, "y": []float64{0, 1, 2}})}
	cfg := short(1)
	cfg.Dir = filepath.Join(t.TempDir(), "run")
	_, err := runner.Run(context.Background(), cfg, m, nil)
	if err == nil || !strings.Contains(err.Error(), "y[2] = 2") {
		t.Errorf("%v", err)
	}
	if _, err := store.ReadRun(cfg.Dir); err == nil {
		t.Error("a directory was made")
	}
}

// TestSummaryJSON: the object has the fields that are promised, numbers that are not finite are null, and an auxiliary site
// is there when --save names it.
func TestSummaryJSON(t *testing.T) {
	cfg := short(1)
	cfg.Chains, cfg.Save = 1, []string{"mu", "theta_base"}
	r, err := runner.Run(context.Background(), cfg, schoolsModel(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := runner.Summarise(r.Draws, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Model                  string
		Chains, Warmup, Draws  int
		Seed                   uint64
		Engine, Precision      string
		Divergences, Leapfrogs *int64
		WarmupLeapfrogs        *int64 `json:"warmup_leapfrogs"`
		Seconds                map[string]*float64
		EBFMI                  []*float64
		Parameters             map[string]map[string]*float64
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Model != "eight-schools" || got.Chains != 1 || got.Warmup != 150 || got.Draws != 120 || got.Seed != 1 || got.Engine != "wasm" || got.Precision != "f64" ||
		got.Divergences == nil || *got.Leapfrogs < 120 || *got.WarmupLeapfrogs < 150 || len(got.EBFMI) != 1 || len(got.Parameters) != 9 {
		t.Errorf("%s", text)
	}
	for _, name := range []string{"trace", "compile", "warmup", "sampling", "total"} {
		if got.Seconds[name] == nil || *got.Seconds[name] <= 0 {
			t.Errorf("seconds %v", got.Seconds)
		}
	}
	p := got.Parameters["theta_base[7]"]
	if len(p) != 10 || p["rhat"] != nil || p["q5"] == nil || p["ess_bulk"] == nil {
		t.Errorf("theta_base[7]: %v", p)
	}
	least := s.MinESS()
	s.Parameters = append(s.Parameters, runner.Parameter{Summary: diag.Summary{SD: 0, ESSBulk: 1}}, runner.Parameter{Summary: diag.Summary{SD: 1, ESSBulk: math.NaN()}})
	if !(least > 1) || s.MinESS() != least {
		t.Errorf("smallest ESS %v, with a constant and a parameter without one %v", least, s.MinESS())
	}
}
