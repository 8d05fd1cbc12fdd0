package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/cli"
	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/dist"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/tensor"
)

type schools struct {
	Y     tensor.Value `drey:"y,optional"`
	Sigma tensor.Value `drey:"sigma"`
}

func eightSchools(c *model.Context, d schools) {
	mu := c.Sample("mu", dist.Normal(0, 5))
	tau := c.Sample("tau", dist.HalfCauchy(5))
	school := c.Plate("school", d.Sigma.Dim(0))
	theta := school.Sample("theta", dist.Normal(mu, tau))
	school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
}

type counts struct {
	N      tensor.Value `drey:"n"`
	Group  tensor.Value `drey:"group,index=G"`
	Groups int          `drey:"G"`
}

func poisson(c *model.Context, d counts) {
	rate := c.Plate("g", d.Groups).Sample("rate", dist.HalfNormal(5))
	c.Plate("row", d.N.Dim(0)).Observe("n", dist.Poisson(rate.At(d.Group)), d.N)
}

type none struct{}

type tagged struct {
	Y tensor.Value `drey:"y,optinal"`
}

// program has models that are wrong in one way each.
func program() *cli.Program {
	own := func(data model.Data) func() (model.Data, error) {
		return func() (model.Data, error) { return data, nil }
	}
	bad := func(name string, fn func(c *model.Context)) cli.Model {
		return cli.ModelOf(name, "", func(c *model.Context, _ none) { fn(c) }, nil)
	}
	return &cli.Program{
		Name: "drey", BuiltIn: true, Config: runner.DefaultConfig(), Precision: model.F64,
		Models: []cli.Model{
			cli.ModelOf("schools", "eight schools", eightSchools, own(model.Data{
				"y": []float64{28, 8, -3, 7, -1, 1, 18, 12}, "sigma": []float64{15, 10, 16, 11, 9, 11, 10, 18},
			})),
			cli.ModelOf("counts", "counts in groups", poisson, nil),
			bad("duplicate", func(c *model.Context) { c.Sample("mu", dist.Normal(0, 1)); c.Sample("mu", dist.Normal(0, 1)) }),
			bad("negative", func(c *model.Context) { c.Sample("mu", dist.Normal(0, -1)) }),
			bad("panics", func(c *model.Context) { _ = []int{1}[len("ab")] }),
			cli.ModelOf("tags", "", func(*model.Context, tagged) {}, nil),
			bad("newline", func(c *model.Context) { c.Sample("a\nb", dist.Normal(0, 1)) }),
			bad("reparam", func(c *model.Context) {
				fn := func(c *model.Context, _ none) { c.Observe("y", dist.Normal(c.Sample("mu", dist.Normal(0, 1)), 1), 1) }
				model.With(fn, model.Reparam(map[string]model.Reparameterization{"y": model.LocScaleReparam{}}))(c, none{})
			}),
			bad("empty", func(*model.Context) {}),
			bad("discrete", func(c *model.Context) { c.Sample("k", dist.Poisson(3)) }),
			bad("shapes", func(c *model.Context) {
				c.Plate("n", 3).Sample("x", dist.Normal([]float64{0, 0}, 1))
			}),
			bad("infinite", func(c *model.Context) {
				x := c.Sample("x", dist.Normal(0, 1))
				c.Factor("wall", x.Mul(0.0).Log())
			}),
			bad("observes", func(c *model.Context) {
				c.Observe("y", dist.Exponential(c.Sample("rate", dist.HalfNormal(1))), []float64{1, -2})
			}),
		},
	}
}

// files are what the cases read, in the directory that they run in.
var files = map[string]string{
	"good.json":       `{"y": [1, 2, 3], "sigma": [1, 1, 1]}`,
	"missing.json":    `{"y": [1, 2, 3]}`,
	"misspelt.json":   `{"y": [1, 2, 3], "sigmaa": [1, 1, 1]}`,
	"extra.json":      `{"y": [1, 2, 3], "sigma": [1, 1, 1], "weather": 3}`,
	"lengths.json":    `{"y": [1, 2, 3, 4], "sigma": [1, 1, 1]}`,
	"ragged.json":     `{"y": [[1, 2], [3]], "sigma": [1, 1, 1]}`,
	"nan.json":        `{"y": [1, NaN, 3], "sigma": [1, 1, 1]}`,
	"infinite.json":   `{"y": [1, Infinity, 3], "sigma": [1, 1, 1]}`,
	"text.json":       `{"y": ["a", "b", "c"], "sigma": [1, 1, 1]}`,
	"null.json":       `{"y": [1, null, 3], "sigma": [1, 1, 1]}`,
	"empty.json":      `{"y": [], "sigma": []}`,
	"broken.json":     `{"y": [1, 2`,
	"negative.json":   `{"y": [1, 2, 3], "sigma": [1, -1, 1]}`,
	"missing.csv":     "y,sigma\n1,2\n,3\n",
	"words.csv":       "y,sigma\n1,2\nx,3\n",
	"counts.json":     `{"n": [1, 2, 3], "group": [0, 1, 1], "G": 2}`,
	"range.json":      `{"n": [1, 2, 3], "group": [0, 1, 2], "G": 2}`,
	"one-based.json":  `{"n": [1, 2, 3], "group": [1, 2, 1], "G": 2}`,
	"fraction.json":   `{"n": [1, 2, 3], "group": [0, 0.5, 1], "G": 2}`,
	"support.json":    `{"n": [1, -2, 3], "group": [0, 1, 1], "G": 2}`,
	"data.xls":        "",
	"init.json":       `{"mu": 1}`,
	"init-site.json":  `{"mux": 1}`,
	"init-shape.json": `{"theta": [1, 2]}`,
	"init-list.json":  `[{"mu": 1}, {"mu": 2}]`,
	"init-bad.json":   `{"mu": `,
	"init-tau.json":   `{"tau": -1}`,
	"init-edge.json":  `{"tau": 0}`,
	"init-nan.json":   `{"mu": NaN}`,
	"init-null.json":  `{"mu": null}`,
	"init-lists.json": `[{}, {"tau": 1}, {"tau": -2, "mu": 0}, {}]`,
	"mass-site.json":  `{"nu": [1]}`,
	"mass-size.json":  `{"theta": [1, 2]}`,
	"mass-neg.json":   `{"mu": [-1]}`,
	"mass-bad.json":   `[1, 2]`,
	"mass-full.json":  `{"sites": ["mu", "tau"], "dense": [[2, 1], [1, 2]]}`,
	"mass-indef.json": `{"sites": ["mu", "tau"], "dense": [[1, 2], [2, 1]]}`,
	"mass-minus.json": `{"sites": ["mu"], "dense": [[-1]]}`,
	"mass-asym.json":  `{"sites": ["mu", "tau"], "dense": [[2, 1], [0, 2]]}`,
	"taken/notes.txt": "mine",
}

// badInput are command lines that can't work: the exit status and what the message has to name.
var badInput = []struct {
	line   string
	status int
	want   []string
}{
	{"rum", 2, []string{`unknown command "rum"`, `did you mean "run"?`}},
	{"schools", 2, []string{`"schools" is a model`, "drey run schools"}},
	{"run", 2, []string{"MODEL is missing"}},
	{"run school", 2, []string{`unknown model "school"`, `did you mean "schools"?`}},
	{"run nothing-like-it", 2, []string{`unknown model "nothing-like-it"`, "models: schools, counts"}},
	{"run schools extra", 2, []string{`unexpected argument "extra"`}},
	{"run schools --chain 4", 2, []string{"unknown flag --chain", `did you mean "--chains"?`}},
	{"run schools -n 4", 2, []string{"unknown flag -n", "two dashes"}},
	{"run schools --chains four", 2, []string{"--chains", `"four" is not a whole number`}},
	{"run schools --chains", 2, []string{"--chains needs a value"}},
	{"run schools --chains 0", 2, []string{"--chains 0", "at least 1"}},
	{"run schools --warmup -1", 2, []string{"--warmup -1"}},
	{"run schools --draws -5", 2, []string{"--draws -5"}},
	{"run schools --draws 5000000000", 2, []string{"5e+09 transitions a chain"}},
	{"run schools --thin 0", 2, []string{"--thin 0"}},
	{"run schools --seed -1", 2, []string{"--seed", `"-1"`}},
	{"run schools --target-accept 1.5", 2, []string{"--target-accept 1.5"}},
	{"run schools --max-tree-depth 0", 2, []string{"--max-tree-depth 0"}},
	{"run schools --max-tree-depth 100", 2, []string{"100"}},
	{"run schools --kernel gibbs", 2, []string{"--kernel", "nuts|hmc"}},
	{"run schools --kernel hmc --trajectory-length 0", 2, []string{"--trajectory-length 0"}},
	{"run schools --kernel hmc --trajectory-jitter 1", 2, []string{"--trajectory-jitter 1"}},
	{"run schools --trajectory-length 3", 2, []string{"--trajectory-length 3", "--kernel hmc"}},
	{"run schools --trajectory-jitter 0.5", 2, []string{"--trajectory-jitter 0.5", "--kernel hmc"}},
	{"run schools --kernel hmc --max-tree-depth 5", 2, []string{"--max-tree-depth 5", "--kernel nuts"}},
	{"run schools --engine gpu", 2, []string{"--engine", "auto|wasm|reference"}},
	{"run schools --precision f16", 2, []string{"--precision", "f64|f32"}},
	{"run schools --metric full", 2, []string{"--metric", "dense"}},
	{"run schools --step-size -1", 2, []string{"--step-size -1"}},
	{"run schools --init-strategy middle", 2, []string{"--init-strategy", "median"}},
	{"run schools --init-strategy value", 2, []string{"--init-strategy value", "--init FILE"}},
	{"run schools --init nowhere.json", 2, []string{"--init", "nowhere.json"}},
	{"run schools --init init-site.json", 2, []string{`"mux"`, "no latent site"}},
	{"run schools --init init-shape.json", 2, []string{"init-shape.json", `site "theta"`, "[8]"}},
	{"run schools --init init-list.json", 2, []string{"init-list.json", "2 starts", "4 chains"}},
	{"run schools --init init-bad.json", 2, []string{"init-bad.json"}},
	{"run schools --init init-tau.json", 2, []string{"init-tau.json", `site "tau"`, "tau = -1 is outside the support of HalfCauchy (non-negative)"}},
	{"run schools --init init-edge.json", 2, []string{"init-edge.json", `site "tau"`, "edge of the support of HalfCauchy (non-negative)"}},
	{"run schools --init init-nan.json", 2, []string{"init-nan.json", "N"}},
	{"run schools --init init-null.json", 2, []string{"init-null.json", `site "mu"`, "null is no number"}},
	{"run schools --init init-lists.json", 2, []string{"init-lists.json: start 2", `site "tau"`, "tau = -2"}},
	{"run schools --inverse-mass-matrix mass-site.json", 2, []string{"mass-site.json", `"nu"`}},
	{"run schools --inverse-mass-matrix mass-size.json", 2, []string{"mass-size.json", `"theta"`, "8"}},
	{"run schools --inverse-mass-matrix mass-neg.json", 2, []string{"mass-neg.json", `"mu"`, "-1"}},
	{"run schools --inverse-mass-matrix mass-bad.json", 2, []string{"mass-bad.json"}},
	{"run schools --inverse-mass-matrix mass-full.json", 2, []string{"mass-full.json", "full matrix", "--metric diag-draws", "--metric dense"}},
	{"run schools --metric diag-grad --inverse-mass-matrix mass-full.json", 2, []string{"mass-full.json", "--metric diag-grad"}},
	{"run schools --metric dense --inverse-mass-matrix mass-indef.json", 2, []string{"mass-indef.json", "not positive definite"}},
	{"run schools --metric unit --inverse-mass-matrix mass-minus.json", 2, []string{"mass-minus.json", "not positive definite"}},
	{"run schools --metric unit --inverse-mass-matrix mass-asym.json", 2, []string{"mass-asym.json", "not symmetric"}},
	{"run schools --save thet", 2, []string{`"thet"`, "sites: mu, tau, theta"}},
	{"run schools --save mu --exclude mu", 2, []string{`"mu"`, "both"}},
	{"run schools --exclude mu,tau,theta", 2, []string{"no site is left"}},
	{"run schools --data nowhere.json", 2, []string{"--data", "nowhere.json", "no such file"}},
	{"run schools --data data.xls", 2, []string{"data.xls", "unknown kind"}},
	{"run schools --data missing.json", 2, []string{`"sigma" is missing`}},
	{"run schools --data misspelt.json", 2, []string{`"sigmaa"`, `did you mean "sigma"?`}},
	{"run schools --data extra.json", 2, []string{`"weather"`, "columns: y, sigma"}},
	{"run schools --data lengths.json", 1, []string{`site "obs"`, "[4]", "[3]"}},
	{"run schools --data ragged.json", 2, []string{"ragged.json"}},
	{"run schools --data nan.json", 2, []string{"nan.json", "y[1]", "NaN"}},
	{"run schools --data infinite.json", 2, []string{"infinite.json", "y[1]", "Inf"}},
	{"run schools --data text.json", 2, []string{"text.json", "y[0]", "not a number"}},
	{"run schools --data null.json", 2, []string{"null.json", "y[1]"}},
	{"run schools --data empty.json", 2, []string{"empty"}},
	{"run schools --data broken.json", 2, []string{"broken.json"}},
	{"run schools --data negative.json", 1, []string{"obs"}},
	{"run schools --data missing.csv", 2, []string{"missing.csv", "column y"}},
	{"run schools --data words.csv", 2, []string{"words.csv"}},
	{"run counts", 2, []string{`"n" is missing`, "--data FILE"}},
	{"run counts --data range.json", 2, []string{"range.json", "group[2]", "outside 0 … 1"}},
	{"run counts --data one-based.json", 2, []string{"group", "count from 1"}},
	{"run counts --data fraction.json", 2, []string{"group[1]", "0.5"}},
	{"run counts --data support.json", 1, []string{"n[1]", "-2", "support"}},
	{"run duplicate", 1, []string{`site "mu"`, "used twice", "badinput_test.go:"}},
	{"run negative", 1, []string{"Normal", "scale is -1", "badinput_test.go:"}},
	{"run panics", 1, []string{"model panicked at", "badinput_test.go:", "index out of range"}},
	{"run empty", 1, []string{"no latent sites"}},
	{"run tags", 1, []string{"field Y of cli_test.tagged", `unknown option "optinal"`}},
	{"run newline", 1, []string{`site "a\nb"`, "badinput_test.go:"}},
	{"run reparam", 1, []string{`"y"`, "has a value already", "badinput_test.go:"}},
	{"run discrete", 1, []string{`site "k"`, "discrete"}},
	{"run shapes", 1, []string{`site "x"`, "badinput_test.go:"}},
	{"run infinite", 1, []string{"wall", "100 starting points"}},
	{"run observes", 1, []string{"y[1]", "-2", "support"}},
	{"check infinite", 1, []string{"wall", "100 starting points"}},
	{"check panics", 1, []string{"model panicked at"}},
	{"check schools --data missing.json", 2, []string{`"sigma" is missing`}},
	{"run schools --out taken", 2, []string{"--out taken", "not empty"}},
	{"run schools --out taken --overwrite", 1, []string{"notes.txt", "nothing was removed"}},
	{"run schools --out run", 2, []string{"--out run", "drey resume run", "--overwrite"}},
	{"run schools --out good.json/run", 1, []string{"good.json/run"}},
	{"summary", 2, []string{"DIR is missing"}},
	{"summary nowhere", 2, []string{"nowhere", "no such directory"}},
	{"predict nowhere", 2, []string{"nowhere", "drey pull RUN DIR"}},
	{"worker --cluster nats://127.0.0.1:4222", 2, []string{"--cluster", `"--nats"`}},
	{"ls --cluster nats://127.0.0.1:4222 --certs nowhere", 2, []string{"--certs nowhere: open nowhere", "drey certs"}},
	{"summary taken", 2, []string{"taken", "not a run directory"}},
	{"summary run --prob 1", 2, []string{"--prob 1"}},
	{"export run", 2, []string{"--format is missing"}},
	{"export run --format xls", 2, []string{"--format", "csv|json|parquet"}},
	{"export run --format parquet", 2, []string{"--to FILE"}},
	{"export run --format csv --save nu", 2, []string{`"nu"`}},
	{"export run --format csv --phase warmup", 2, []string{"--phase warmup", "--save-warmup"}},
	{"export run --format csv --to nowhere/x.csv", 2, []string{"--to", "nowhere/x.csv"}},
	{"extend run", 2, []string{"--draws 0"}},
	{"extend nowhere --draws 10", 2, []string{"nowhere"}},
	{"resume taken", 2, []string{"taken"}},
	{"predict nowhere", 2, []string{"nowhere"}},
	{"init", 2, []string{"DIR is missing"}},
	{"init new", 2, []string{"development build", "--drey PATH"}},
	{"init new --drey nowhere", 2, []string{"--drey nowhere"}},
	{"init taken --drey nowhere", 2, []string{"taken is not empty"}},
	{"coordinator", 2, []string{"--dir is missing"}},
	{"coordinator --dir d --listen nowhere", 2, []string{`--listen "nowhere"`, "HOST:PORT"}},
	{"coordinator --dir d --listen 127.0.0.1:70000", 2, []string{`--listen "127.0.0.1:70000"`}},
	{"coordinator --dir d --nats nats://127.0.0.1:1 --listen 127.0.0.1:0", 2, []string{"--listen", "--nats"}},
	{"coordinator --dir d --nats http://127.0.0.1:1", 2, []string{"--nats", `"http://127.0.0.1:1"`, "nats://HOST:PORT"}},
	{"coordinator --dir d --peers nonsense", 2, []string{`"nonsense"`, "ID=HOST"}},
	{"coordinator --dir d --id z --peers a=x", 2, []string{`--peers has no "z"`}},
	{"coordinator --dir d --pprof", 2, []string{"--pprof", "--observe HOST:PORT"}},
	{"coordinator --dir d --log loud", 2, []string{"--log", "debug|info|warn|error"}},
	{"coordinator --dir d --certs nowhere", 2, []string{"nowhere", "ca.crt"}},
	{"coordinator --dir good.json --listen 127.0.0.1:0", 1, []string{"good.json", "directory"}},
	{"worker", 2, []string{"--nats is missing"}},
	{"worker --nats http://127.0.0.1:1", 2, []string{"--nats", `"http://127.0.0.1:1"`, "nats://HOST:PORT"}},
	{"worker --nats 127.0.0.1:4222", 2, []string{`"127.0.0.1:4222"`, "nats://HOST:PORT"}},
	{"worker --nats nats://127.0.0.1:1 --slots 0", 2, []string{"--slots 0", "at least 1"}},
	{"worker --nats nats://127.0.0.1:1 --batch 0", 2, []string{"--batch 0", "at least 1"}},
	{"worker --nats nats://127.0.0.1:1 --slots 1000", 2, []string{"--slots 1000", "256"}},
	{"worker --nats nats://127.0.0.1:1 --engine gpu", 2, []string{"--engine", "wasm|reference"}},
	{"submit schools", 2, []string{"no cluster is named", "DREY_CLUSTER"}},
	{"submit schools --cluster http://127.0.0.1:1", 2, []string{`"http://127.0.0.1:1"`, "nats://HOST:PORT"}},
	{"submit schools --cluster nats://127.0.0.1:1 --stop-rhat 1", 2, []string{"--stop-rhat 1"}},
	{"submit schools --cluster nats://127.0.0.1:1 --stop-ess -1", 2, []string{"--stop-ess -1"}},
	{"submit schools --cluster nats://127.0.0.1:1 --stop-rhat 1.01 --stop-ess 400 --chains 64", 1, []string{"nobody answers at nats://127.0.0.1:1"}},
	{"submit schools --cluster nats://127.0.0.1:1 --chains 0", 2, []string{"submit: --chains 0"}},
	{"submit schools --cluster nats://127.0.0.1:1 --chains 1000000000", 2, []string{"submit: --chains 1000000000", "at most 1048576"}},
	{"submit schools --cluster nats://127.0.0.1:1 --name \x1b[2J", 2, []string{`--name "\x1b[2J"`, "printable"}},
	{"submit schools --cluster nats://127.0.0.1:1 --name " + strings.Repeat("x", 257), 2, []string{"--name", "256 bytes"}},
	{"submit schools --cluster nats://me:secret@127.0.0.1:1", 1, []string{"nats://me:xxxxx@127.0.0.1:1"}},
	{"submit schools --cluster nats://127.0.0.1:1 --lease 1ms", 2, []string{"--lease 1ms", "1s"}},
	{"submit schools --cluster nats://127.0.0.1:1 --warmup-deadline 1ms", 2, []string{"--warmup-deadline 1ms", "1s"}},
	{"run schools --warmup-deadline 10s", 2, []string{"--warmup-deadline 10s", "share its cores", "--cluster"}},
	{"run schools --cluster nats://127.0.0.1:1 --warmup-deadline -1s", 2, []string{"--warmup-deadline -1s", "1s"}},
	{"ls", 2, []string{"no cluster is named"}},
	{"watch", 2, []string{"RUN is missing"}},
	{"pull schools", 2, []string{"DIR is missing"}},
	{"drain", 2, []string{"WORKER is missing"}},
	{"certs", 2, []string{"DIR is missing"}},
	{"certs taken", 2, []string{"taken is not empty"}},
}

// TestBadInput runs command lines that can't work. Each ends with its status and a short message, never a stack of Go.
func TestBadInput(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DREY_CLUSTER", "")
	t.Setenv("DREY_CERTS", "")
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, message, status := call("run schools --out run --seed 1 --warmup 20 --draws 20 --quiet --chains 2"); status != 0 {
		t.Fatalf("the run that cases need: status %d: %s", status, message)
	}
	for _, c := range badInput {
		t.Run(c.line, func(t *testing.T) {
			before := list(t)
			out, message, status := call(quiet(c.line))
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if out != "" {
				t.Errorf("standard output is not empty: %q", out)
			}
			for _, want := range c.want {
				if !strings.Contains(message, want) {
					t.Errorf("the message does not say %q", want)
				}
			}
			lines := strings.Split(strings.TrimSpace(message), "\n")
			if len(lines) > 4 || strings.Contains(message, "goroutine ") || strings.Contains(message, "internal error") || strings.Contains(message, ".go:1 +0x") {
				t.Error("the message is no short message")
			}
			for _, line := range lines {
				if !strings.HasPrefix(line, "drey: ") {
					t.Errorf("line %q does not begin with the program's name", line)
				}
			}
			if after := list(t); status == 2 && after != before {
				t.Errorf("wrong use has left files:\n%s", after)
			}
			if t.Failed() {
				t.Logf("message:\n%s", message)
			}
		})
	}
}

// quiet keeps progress out of messages.
func quiet(line string) string {
	if rest, ok := strings.CutPrefix(line, "run "); ok {
		return "run --quiet " + rest
	}
	return line
}

// call runs a command line in this process.
func call(line string) (out, message string, status int) {
	var stdout, stderr bytes.Buffer
	status = program().Run(context.Background(), strings.Fields(line), cli.Streams{Out: &stdout, Err: &stderr})
	return stdout.String(), stderr.String(), status
}

// list returns the paths below the working directory.
func list(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		fmt.Fprintln(&b, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEachProblemOnce: all flags that are wrong are named, each in one line.
func TestEachProblemOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	_, message, status := call("run schools --chains 0 --thin 0")
	if _, message, _ := call("run tags"); strings.Count(message, "\n") != 1 {
		t.Errorf("a mistake in the model's data struct: %s", message)
	}
	want := "drey: run: --chains 0: want at least 1\ndrey: run: --thin 0: want at least 1\n"
	if message != want || status != 2 {
		t.Errorf("status %d: %s", status, message)
	}
}

// TestLockAlone: a run that could not begin leaves its lock, which does not keep the next one out.
func TestLockAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("run", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("run", ".drey-lock"), []byte("process 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, message, status := call("run schools --out run --seed 1 --warmup 20 --draws 20 --quiet --chains 1"); status != 0 {
		t.Errorf("status %d: %s", status, message)
	}
}
