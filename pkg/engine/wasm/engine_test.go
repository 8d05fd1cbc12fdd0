package wasm_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
)

func TestContract(t *testing.T) { enginetest.Run(t, wasm.Engine{}) }

func TestDifferential(t *testing.T) { enginetest.Differential(t, wasm.Engine{}, 1, 300) }
