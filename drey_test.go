package drey_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

func schoolsData() drey.Data {
	return drey.Data{"y": []float64{28, 8, -3, 7, -1, 1, 18, 12}, "sigma": []int{15, 10, 16, 11, 9, 11, 10, 18}}
}

func sample(t *testing.T, options ...drey.Option) *drey.Posterior {
	t.Helper()
	options = append([]drey.Option{drey.Seed(4), drey.Chains(2), drey.Warmup(100), drey.Draws(50)}, options...)
	post, err := drey.Sample(context.Background(), EightSchools, schoolsData(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(post.Err(), post.Close()); err != nil {
			t.Error(err)
		}
	})
	return post
}

// TestMemoryAndDisk compares the draws of one run in memory and on disk, and those of the directory opened later.
func TestMemoryAndDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	memory := sample(t, drey.SaveWarmup())
	disk := sample(t, drey.SaveWarmup(), drey.Out(dir))
	opened, err := drey.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if want := []string{"mu", "tau", "z", "theta"}; !slices.Equal(memory.Sites(), want) {
		t.Fatalf("sites %v, want %v", memory.Sites(), want)
	}
	for _, other := range []*drey.Posterior{disk, opened} {
		for _, site := range memory.Sites() {
			same(t, site, memory.Draws(site), other.Draws(site))
			same(t, site+" in warmup", memory.WarmupDraws(site), other.WarmupDraws(site))
		}
		same(t, "energy", memory.SampleStats("energy"), other.SampleStats("energy"))
		if a, b := memory.Summary().String(), other.Summary().String(); a != b {
			t.Errorf("summaries differ:\n%s%s", a, b)
		}
		if other.Seed() != 4 || other.Divergences() != memory.Divergences() {
			t.Errorf("seed %d, %d divergences; want 4, %d", other.Seed(), other.Divergences(), memory.Divergences())
		}
	}
}

// same compares all elements.
func same(t *testing.T, name string, a, b drey.Array) {
	t.Helper()
	if !slices.Equal(a.Shape(), b.Shape()) {
		t.Errorf("%s: shapes %v and %v", name, a.Shape(), b.Shape())
		return
	}
	index := make([]int, len(a.Shape()))
	for {
		if x, y := a.At(index...), b.At(index...); x != y || math.IsNaN(x) {
			t.Errorf("%s%v: %v and %v", name, index, x, y)
			return
		}
		k := len(index) - 1
		for ; k >= 0; k-- {
			if index[k]++; index[k] < a.Shape()[k] {
				break
			}
			index[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

func TestSummary(t *testing.T) {
	post := sample(t, drey.Exclude("z"))
	s := post.SummaryWith(0.5)
	if s.Draws != 50 || len(s.Parameters) != 10 || len(s.EBFMI) != 2 {
		t.Fatalf("%d draws, %d parameters, %d chains", s.Draws, len(s.Parameters), len(s.EBFMI))
	}
	p := s.Parameter("theta[3]")
	mean, n := 0.0, 0.0
	for _, chain := range post.Draws("theta").Chains(3) {
		for _, x := range chain {
			mean += x
			n++
		}
	}
	if math.Abs(mean/n-p.Mean) > 1e-12*math.Abs(p.Mean) || !(p.Low < p.Median && p.Median < p.High) {
		t.Errorf("theta[3]: mean %v, want %v; %v, %v, %v", p.Mean, mean/n, p.Low, p.Median, p.High)
	}
	if text := s.String(); !strings.Contains(text, "25.0%") || !strings.Contains(text, "theta[7]") || !strings.Contains(text, "Number of divergences") {
		t.Errorf("the table lacks something:\n%s", text)
	}
	var object struct{ Parameters map[string]map[string]float64 }
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	if err != nil || object.Parameters["theta[3]"]["mean"] != p.Mean {
		t.Errorf("JSON: %v, %v", err, object.Parameters["theta[3]"])
	}
	if s.Parameter("nu") != nil {
		t.Error("there is a parameter nu")
	}
	if len(s.Advice) == 0 || !strings.Contains(strings.Join(s.Advice, "\n"), "effective sample size is below 200") {
		t.Errorf("50 draws a chain are few: %q", s.Advice)
	}
}

func TestPredict(t *testing.T) {
	post := sample(t)
	predicted, err := post.Predict(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := predicted.Draws("obs").Shape(); !slices.Equal(got, []int{2, 50, 8}) {
		t.Errorf("predictive draws have shape %v", got)
	}
	prior, err := drey.PriorPredictive(context.Background(), EightSchools, schoolsData(), drey.Chains(1), drey.Draws(20))
	if err != nil {
		t.Fatal(err)
	}
	if got := prior.Draws("obs").Shape(); !slices.Equal(got, []int{1, 20, 8}) {
		t.Errorf("prior predictive draws have shape %v", got)
	}
}

func TestCancelled(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	post, err := drey.Sample(ctx, EightSchools, schoolsData(), drey.Draws(100_000))
	if !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
	if post != nil && post.Draws("mu").Shape()[1] == 100_000 {
		t.Error("the run was not cancelled")
	}
}

func TestErrors(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name    string
		data    drey.Data
		options []drey.Option
		want    string
	}{
		{"missing data", drey.Data{}, nil, `data "sigma" is missing`},
		{"chains", schoolsData(), []drey.Option{drey.Chains(0)}, "0 chains"},
		{"metric", schoolsData(), []drey.Option{drey.Metric("full")}, "full"},
		{"precision", schoolsData(), []drey.Option{drey.Precision("i32")}, `precision "i32"`},
		{"start", schoolsData(), []drey.Option{drey.Init(map[string]any{"nu": 1})}, `"nu"`},
		{"start of no number", schoolsData(), []drey.Option{drey.Init(map[string]any{"mu": math.NaN()})}, "starting values"},
		{"inverse mass matrix", schoolsData(), []drey.Option{drey.InverseMassMatrix(map[string][]float64{"mu": {-1}})}, `"mu"`},
		{"file", nil, []drey.Option{drey.DataFile("nowhere.json")}, "nowhere.json: no such file"},
		{"data twice", schoolsData(), []drey.Option{drey.DataFile("nowhere.json")}, "both"},
	} {
		post, err := drey.Sample(ctx, EightSchools, c.data, c.options...)
		if post != nil || err == nil || !strings.HasPrefix(err.Error(), "drey: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
	}
	if _, err := drey.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a run directory") {
		t.Errorf("an empty directory opens: %v", err)
	}
}

// TestOptionsReachTheRun gives every option that changes draws and looks for its effect.
func TestOptionsReachTheRun(t *testing.T) {
	post := sample(t, drey.HMC(2, 0.1), drey.Metric("dense"), drey.TargetAccept(0.9), drey.Precision(model.F32), drey.Thin(2), drey.Workers(1),
		drey.Save("mu"), drey.InitStrategy(model.InitMedian), drey.Init(map[string]any{"mu": 1.0}, map[string]any{"mu": 2.0}), drey.Name("schools"))
	if !slices.Equal(post.Sites(), []string{"mu"}) {
		t.Errorf("sites %v", post.Sites())
	}
	if x := post.Draws("mu").At(0, 0); x != float64(float32(x)) {
		t.Errorf("mu = %v is no f32", x)
	}
	fixed := sample(t, drey.StepSize(0.25), drey.Metric("unit"), drey.MaxTreeDepth(3), drey.InverseMassMatrix(map[string][]float64{"mu": {4}}))
	if got := fixed.SampleStats("step_size").At(1, 49); got != 0.25 {
		t.Errorf("step size %v", got)
	}
	for _, depth := range fixed.SampleStats("tree_depth").Chains()[0] {
		if depth > 3 {
			t.Fatalf("tree depth %v", depth)
		}
	}
}

// TestErrorsNameTheCaller: an error that is found after the model has run names the line that made the handler, or the call
// of Sample, and no source file of drey.
func TestErrorsNameTheCaller(t *testing.T) {
	type loop struct{ X tensor.Value }
	unbounded := func(c *model.Context, _ struct{}) {
		x := tensor.While(loop{c.Sample("x", dist.Normal(0, 1))},
			func(l loop) tensor.Value { return l.X.Lt(3) }, func(l loop) loop { return loop{l.X.Add(1)} })
		c.Factor("f", x.X)
	}
	one := func(c *model.Context, _ struct{}) { c.Sample("mu", dist.Normal(0, 1)) }
	for want, fn := range map[string]func(*model.Context, struct{}){
		`condition: no latent site "nu"`:  model.With(one, model.Condition(map[string]any{"nu": 1})),
		`substitute: no latent site "nu"`: model.With(one, model.Substitute(map[string]any{"nu": 1})),
		`reparam: no latent site "nu"`:    model.With(one, model.Reparam(map[string]model.Reparameterization{"nu": model.LocScaleReparam{}})),
		"a While of unknown length":       unbounded,
	} {
		_, err := drey.Sample(context.Background(), fn, nil, drey.Draws(10), drey.Warmup(10))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "drey_test.go:") {
			t.Errorf("%v, want %s and the place", err, want)
		}
	}
}

func TestNoSuchSitePanics(t *testing.T) {
	defer func() {
		if r, ok := recover().(string); !ok || !strings.Contains(r, `no site "nu"`) || !strings.Contains(r, "mu, tau, z, theta") {
			t.Errorf("panic %q", r)
		}
	}()
	sample(t).Draws("nu")
}

// TestClosureHasNoName: a model without a name of its own can be sampled.
func TestClosureHasNoName(t *testing.T) {
	fn := func(c *model.Context, _ struct{}) { c.Sample("x", dist.Normal(0, 1)) }
	if _, err := drey.Sample(context.Background(), fn, nil, drey.Draws(10), drey.Warmup(10), drey.Chains(1)); err != nil {
		t.Error(err)
	}
}
