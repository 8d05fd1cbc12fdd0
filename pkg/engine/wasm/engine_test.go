package wasm_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/engine/wasm"
)

func TestContract(t *testing.T) { enginetest.Run(t, wasm.Engine{}, enginetest.NoAllocation) }

func TestDifferential(t *testing.T) { enginetest.Differential(t, wasm.Engine{}, 1, 100) }

func TestBatched(t *testing.T) { enginetest.Batched(t, wasm.Engine{}, 3, 10) }

// TestDifferentialInBlocks is TestDifferential where every loop over eight rows or more runs block by block and is
// suspended after each of them.
func TestDifferentialInBlocks(t *testing.T) {
	defer wasm.LowerLimits()()
	enginetest.Differential(t, wasm.Engine{}, 2, 60)
}
