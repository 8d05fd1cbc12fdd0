package chain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/drey-sampler/drey/internal/chain"
)

func TestGuard(t *testing.T) {
	want := errors.New("as it is")
	if err := chain.Guard(func() error { return want }); err != want {
		t.Errorf("error %v, want the function's own", err)
	}
	var none []int
	if err := chain.Guard(func() error { return errors.New(string(rune(none[3]))) }); err == nil || !strings.Contains(err.Error(), "index out of range") {
		t.Errorf("error %v, want the panic's message", err)
	}
}
