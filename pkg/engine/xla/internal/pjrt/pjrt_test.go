//go:build cgo && (linux || darwin)

package pjrt

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
	"github.com/drey-sampler/drey/pkg/tensor"
)

// client returns a client of the CPU plugin.
func client(t *testing.T) *Client {
	t.Helper()
	path, err := plugin.Find("cpu")
	if err != nil {
		require.Skip(t, "xla", err.Error())
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// addThree returns x + step, x + 3 and writes the first over x.
const addThree = `module {
  func.func public @main(%arg0: tensor<2xf64> {tf.aliasing_output = 0 : i32}, %arg1: tensor<2xf64>) -> (tensor<2xf64>, tensor<2xf64>) {
    %0 = stablehlo.add %arg0, %arg1 : tensor<2xf64>
    %1 = stablehlo.constant dense<3.0> : tensor<2xf64>
    %2 = stablehlo.add %arg0, %1 : tensor<2xf64>
    return %0, %2 : tensor<2xf64>, tensor<2xf64>
  }
}`

var twoFloats = tensor.Param{DType: tensor.F64, Shape: []int{2}}

func floats(x ...float64) []byte {
	var out []byte
	for _, v := range x {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
	}
	return out
}

// TestCall runs a program of two results, one of which replaces an input, compiled and loaded from its serialised form.
func TestCall(t *testing.T) {
	c := client(t)
	compiled, err := c.Compile([]byte(addThree), CompileOptions(Option{"xla_cpu_enable_fast_math", false}))
	if err != nil {
		t.Fatal(err)
	}
	code, err := compiled.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := c.Deserialize(code)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*Executable{compiled, loaded} {
		in, out := []tensor.Param{twoFloats, twoFloats}, []tensor.Param{twoFloats, twoFloats}
		k, err := x.NewCall(in, out, []engine.Donation{{In: 0, Out: 0}})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Put(1, floats(1, 10)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 16)
		for i := range 5 {
			if err := k.Run(); err != nil {
				t.Fatal(err)
			}
			n := float64(i)
			for j, want := range [][]byte{floats(n+1, 10*(n+1)), floats(n+3, 10*n+3)} {
				if err := k.Get(j, got); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("run %d: result %d is %x, want %x", i, j, got, want)
				}
			}
		}
		for range 2 {
			if err := k.Destroy(); err != nil {
				t.Error(err)
			}
			if err := x.Destroy(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestErrors: what the plugin refuses comes back as an error with its reason.
func TestErrors(t *testing.T) {
	c := client(t)
	for _, b := range []struct {
		module, want string
		options      []byte
	}{
		{"module {", "expected", CompileOptions()},
		{strings.Replace(addThree, "stablehlo.add %arg0, %1", "stablehlo.add %arg0, %9", 1), "-:5:31: error: use of undeclared SSA value", CompileOptions()},
		{addThree, "xla_no_such_option", CompileOptions(Option{"xla_no_such_option", true})},
		{addThree, "", []byte{0xff}},
	} {
		x, err := c.Compile([]byte(b.module), b.options)
		if err == nil {
			t.Errorf("compiled, want an error with %q", b.want)
			_ = x.Destroy()
		} else if !strings.Contains(err.Error(), b.want) {
			t.Errorf("error %q, want it to contain %q", err, b.want)
		}
	}
	if _, err := Load("/no/such/plugin.so"); err == nil {
		t.Error("no error for a plugin that is not there")
	}
}

func BenchmarkExecute(b *testing.B) {
	path, err := plugin.Find("cpu")
	if err != nil {
		require.Skip(b, "xla", err.Error())
	}
	p, _ := Load(path)
	c, err := p.NewClient()
	if err != nil {
		b.Fatal(err)
	}
	x, err := c.Compile([]byte(addThree), CompileOptions())
	if err != nil {
		b.Fatal(err)
	}
	k, err := x.NewCall([]tensor.Param{twoFloats, twoFloats}, []tensor.Param{twoFloats, twoFloats}, []engine.Donation{{In: 0, Out: 0}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := k.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
