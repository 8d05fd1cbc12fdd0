package memory

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
	"github.com/drey-sampler/drey/pkg/transport/transporttest"
)

func open(t *testing.T, limits transport.Limits) transporttest.Connect {
	bus, err := New(limits)
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) transport.Transport {
		c := bus.Connect()
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		return c
	}
}

func TestContract(t *testing.T) { transporttest.Run(t, open) }

func TestLimitsAreChecked(t *testing.T) {
	if _, err := New(transport.Limits{}); transport.KindOf(err) != transport.Invalid {
		t.Errorf("%v, want an error that is invalid", err)
	}
}
