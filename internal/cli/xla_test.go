package cli

import (
	"errors"
	"strings"
	"testing"
)

func TestAsk(t *testing.T) {
	for answer, want := range map[string]error{"y\n": nil, "YES\n": nil, " yes \n": nil, "y": nil, "\n": errDeclined, "": errDeclined, "n\n": errDeclined, "yess\n": errDeclined} {
		var out strings.Builder
		if err := ask(strings.NewReader(answer), &out, "Install it?"); !errors.Is(err, want) {
			t.Errorf("answer %q: %v, want %v", answer, err, want)
		}
		if out.String() != "Install it? [y/N] " {
			t.Errorf("asked %q", out.String())
		}
	}
}
