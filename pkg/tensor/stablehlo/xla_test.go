package stablehlo_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/eval"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// peer is a Python process that compiles and runs programs with XLA: testdata/xla.py.
type peer struct {
	in  io.WriteCloser
	out *bufio.Reader
}

var numpyTypes = map[tensor.DType]string{
	tensor.Bool: "bool", tensor.I32: "int32", tensor.I64: "int64", tensor.U32: "uint32", tensor.U64: "uint64", tensor.F32: "float32", tensor.F64: "float64",
}

// startPeer starts XLA from the Python environment that bench/peers/setup.sh makes, or skips aloud.
func startPeer(t *testing.T) *peer {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: XLA compiles too slowly for a short run")
	}
	python, err := filepath.Abs("../../../bench/.venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-W", "ignore", "testdata/xla.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		require.Skip(t, "peers", "no Python: bench/peers/setup.sh has not made bench/.venv")
	}
	p := &peer{in, bufio.NewReader(out)}
	if ready, err := p.out.ReadString('\n'); err != nil || !strings.Contains(ready, "ready") {
		in.Close()
		require.Skip(t, "peers", fmt.Sprintf("no JAX in bench/.venv, which bench/peers/setup.sh makes: %v", cmd.Wait()))
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// run returns what XLA computes for the text of a case.
func (p *peer) run(text string, c enginetest.Case) ([]*tensor.Array, error) {
	type arg struct {
		DType string `json:"dtype"`
		Shape []int  `json:"shape"`
		Hex   string `json:"hex"`
	}
	var request struct {
		Text string `json:"text"`
		Args []arg  `json:"args"`
	}
	request.Text = text
	for _, a := range c.Args {
		request.Args = append(request.Args, arg{numpyTypes[a.DType], append([]int{}, a.Shape...), hex.EncodeToString(engine.Bytes(a))})
	}
	if err := json.NewEncoder(p.in).Encode(request); err != nil {
		return nil, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results []string
		Error   string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s", answer.Error)
	}
	out := make([]*tensor.Array, len(c.Func.Out))
	for i, r := range c.Func.Out {
		data, err := hex.DecodeString(answer.Results[i])
		if err != nil || len(data) != engine.SizeOf(r) {
			return nil, fmt.Errorf("result %d has %d bytes, want %d", i, len(data), engine.SizeOf(r))
		}
		out[i] = engine.ArrayOf(r.DType, r.Shape, data)
	}
	return out, nil
}

// looseOps are the operations whose rounding errors grow with the number of elements or with their condition: their
// cases have arguments of ordinary size, and results are compared relative to the largest one.
var looseOps = []tensor.Op{
	tensor.OpReduceSum, tensor.OpReduceProd, tensor.OpCumsum, tensor.OpDot, tensor.OpCholesky, tensor.OpCholeskyVJP, tensor.OpTriangularSolve,
	tensor.OpScatterAdd, tensor.OpRem, tensor.OpDigamma, tensor.OpTrigamma, tensor.OpLgamma, tensor.OpSin, tensor.OpCos, tensor.OpTan, tensor.OpWhile, tensor.OpCond, tensor.OpScan, tensor.OpCall,
}

// How many cases run: each is compiled, in 50 to 100 ms.
const (
	casesPerOp = 1
	programs   = 8
)

func TestXLA(t *testing.T) {
	p := startPeer(t)
	t.Run("programs", p.runPrograms)
	for _, op := range enginetest.Ops() {
		t.Run("op="+op.String(), func(t *testing.T) {
			done := 0
			for seed := uint64(4); done < casesPerOp; seed++ {
				c, err := enginetest.RandomOp(op, seed)
				if err != nil {
					t.Fatal(err)
				}
				loose := slices.Contains(looseOps, op)
				if given := append(constants(c.Func.Body), c.Args...); loose && !tame(given) || subnormal(given) {
					continue
				}
				done++
				if problem := p.compare(c, loose); problem != "" {
					t.Errorf("RandomOp(%s, %d): %s", op, seed, problem)
				}
			}
		})
	}
}

// runPrograms runs programs of several operations, loops in them, whose arguments are of ordinary size.
func (p *peer) runPrograms(t *testing.T) {
	done := 0
	for seed := uint64(1); done < programs; seed++ {
		c, err := enginetest.RandomProgram(seed, 8, false)
		if err != nil {
			t.Fatal(err)
		}
		if !tame(append(constants(c.Func.Body), c.Args...)) {
			continue
		}
		done++
		if problem := p.compare(c, true); problem != "" {
			t.Errorf("RandomProgram(%d, 8, false): %s", seed, problem)
		}
	}
}

// tame reports whether the floats of the arguments are of a size whose products neither overflow nor vanish.
func tame(args []*tensor.Array) bool {
	for _, a := range args {
		for _, x := range a.Float64s() {
			if a.DType.IsFloat() && x != 0 && !(math.Abs(x) > 1e-4 && math.Abs(x) < 1e4) {
				return false
			}
		}
	}
	return true
}

// subnormal reports whether a float of the arguments is one that XLA takes for a zero.
func subnormal(args []*tensor.Array) bool {
	least := map[tensor.DType]float64{tensor.F32: 0x1p-126, tensor.F64: 0x1p-1022}
	for _, a := range args {
		for _, x := range a.Float64s() {
			if x != 0 && math.Abs(x) < least[a.DType] {
				return true
			}
		}
	}
	return false
}

// constants returns the constants of a region and of those within it.
func constants(r *tensor.Region) []*tensor.Array {
	var out []*tensor.Array
	for _, n := range r.Nodes {
		if n.Op == tensor.OpConst {
			out = append(out, n.Attr.Array)
		}
		for _, s := range n.Regions {
			out = append(out, constants(s)...)
		}
	}
	return out
}

func (p *peer) compare(c enginetest.Case, loose bool) string {
	text, err := stablehlo.Print(c.Func)
	if err != nil {
		return err.Error()
	}
	want, err := eval.Run(c.Func, c.Args)
	if err != nil {
		return err.Error()
	}
	got, err := p.run(text, c)
	if err != nil {
		return err.Error() + "\n" + c.Func.String() + "\n" + text
	}
	for i := range want {
		// XLA fills the factor of a matrix that is not positive definite with NaN; ours has numbers before the pivot.
		if loose && slices.ContainsFunc(want[i].Float64s(), math.IsNaN) && slices.ContainsFunc(got[i].Float64s(), math.IsNaN) {
			continue
		}
		if d := difference(got[i], want[i], loose); d != "" {
			return fmt.Sprintf("result %d: %s\n%s", i, d, c.Func)
		}
	}
	return ""
}

// difference compares with XLA's accuracy: 64 units of the last place, or of the largest element where loose. XLA takes
// subnormals for zeros.
func difference(got, want *tensor.Array, loose bool) string {
	unit, least := 0x1p-52, 0x1p-1022
	if want.DType == tensor.F32 {
		unit, least = 0x1p-23, 0x1p-126
	}
	scale := 0.0
	if loose {
		unit *= 256
		for _, x := range want.Float64s() {
			if x-x == 0 {
				scale = math.Max(scale, math.Abs(x))
			}
		}
	}
	var b bytes.Buffer
	x, y := got.Float64s(), want.Float64s()
	for i := range y {
		switch {
		case got.Bits[i] == want.Bits[i], x[i] != x[i] && y[i] != y[i]:
		case want.DType.IsFloat() && math.Abs(x[i]-y[i]) <= 64*unit*math.Max(scale, math.Abs(y[i]))+4*least:
		default:
			fmt.Fprintf(&b, "element %d is %g (%#x), want %g (%#x); ", i, x[i], got.Bits[i], y[i], want.Bits[i])
		}
		if b.Len() > 400 {
			break
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}
