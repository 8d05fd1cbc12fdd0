package xla_test

import (
	"testing"

	"github.com/drey-sampler/drey/internal/require"
	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
)

// open returns XLA's engine for the CPU with an empty cache, or skips the test for want of it.
func open(t testing.TB) engine.Engine {
	t.Helper()
	if err := xla.Built(); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	if _, err := plugin.Find("cpu"); err != nil {
		require.Skip(t, "xla", err.Error())
	}
	e, err := xla.Open("cpu", xla.Config{Programs: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestContract(t *testing.T) { enginetest.Run(t, open(t), enginetest.NoAllocation) }

func TestClose(t *testing.T) {
	n := 2
	if testing.Short() {
		n = 1
	}
	enginetest.Close(t, open(t), 1, n)
}
