package reference_test

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/engine/enginetest"
	"github.com/drey-sampler/drey/pkg/engine/reference"
)

func TestContract(t *testing.T) { enginetest.Run(t, reference.New()) }

func TestDifferential(t *testing.T) { enginetest.Differential(t, reference.New(), 1, 15) }

func TestBatched(t *testing.T) { enginetest.Batched(t, reference.New(), 3, 40) }
