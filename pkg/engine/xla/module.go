//go:build cgo && (linux || darwin)

package xla

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/drey-sampler/drey/pkg/engine"
	"github.com/drey-sampler/drey/pkg/tensor"
	"github.com/drey-sampler/drey/pkg/tensor/stablehlo"
)

// mainHead begins the function that XLA runs, as stablehlo.Print writes it.
const mainHead = "func.func public @main("

// module returns the text of f in which the parameters of donations may be overwritten by their results: XLA calls that
// an aliasing output.
func module(f *tensor.Func, opt engine.Options) (string, error) {
	text, err := stablehlo.Print(f)
	if err != nil || len(opt.Donate) == 0 {
		return text, err
	}
	before, after, ok := strings.Cut(text, mainHead)
	if !ok {
		return "", fmt.Errorf("the printed program has no %s", mainHead)
	}
	parameters, rest := cutParameters(after)
	if len(parameters) != len(f.In) {
		return "", fmt.Errorf("the printed program has %d parameters, want %d", len(parameters), len(f.In))
	}
	for _, d := range opt.Donate {
		p := &parameters[d.In]
		alias := fmt.Sprintf("tf.aliasing_output = %d : i32}", d.Out)
		if attributed, ok := strings.CutSuffix(*p, "}"); ok {
			*p = attributed + ", " + alias
		} else {
			*p += " {" + alias
		}
	}
	return before + mainHead + strings.Join(parameters, ", ") + rest, nil
}

// cutParameters splits a list of parameters, of which the opening bracket is cut off, and what follows them. Strings among
// their attributes may contain anything.
func cutParameters(text string) (parameters []string, rest string) {
	depth, quoted, begin := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("([{<", c) >= 0:
			depth++
		case depth > 0 && strings.IndexByte(")]}>", c) >= 0:
			depth--
		case depth == 0 && (c == ',' || c == ')'):
			if p := strings.TrimSpace(text[begin:i]); p != "" {
				parameters = append(parameters, p)
			}
			if begin = i + 1; c == ')' {
				return parameters, text[i:]
			}
		}
	}
	return parameters, ""
}

// place is how XLA says where in a module an error is.
var place = regexp.MustCompile(`-:(\d+):(\d+): error: `)

// locate adds the line of the module, so the operation, that an error of the compiler is about.
func locate(err error, module string) error {
	m := place.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	line, e := strconv.Atoi(m[1])
	lines := strings.Split(module, "\n")
	if e != nil || line < 1 || line > len(lines) {
		return err
	}
	return fmt.Errorf("%w\nin the line: %.500s", err, strings.TrimSpace(lines[line-1]))
}
