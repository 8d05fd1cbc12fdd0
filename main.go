package drey

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"unicode"

	"github.com/drey-sampler/drey/internal/cli"
	"github.com/drey-sampler/drey/pkg/model"
)

// Main is the main function of a program with one model: it runs the command line and exits. Its commands are run, check,
// summary, predict, resume, extend and export, with the flags of the drey command; options change the defaults of flags.
// The model's name is the function's in lower case with hyphens (EightSchools: eight-schools), or the option Name. The exit
// status is 0 if the command did its work, 1 if it failed, 2 if it was called wrongly, 130 if it was interrupted.
func Main[D any](fn func(*model.Context, D), options ...Option) {
	program := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	s, err := newSettings(options)
	if err == nil {
		s.name, err = s.modelName(fn)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		os.Exit(cli.ExitUsage)
	}
	m := cli.ModelOf(s.name, "", fn, s.load)
	m.DataSource = s.source
	os.Exit(cli.Main(&cli.Program{Name: program, Models: []cli.Model{m}, Config: s.config, Precision: s.precision}, os.Args[1:]))
}

// modelName returns the option Name or the name of the function.
func (s *settings) modelName(fn any) (string, error) {
	if s.name != "" {
		return s.name, nil
	}
	full := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()
	name := full[strings.LastIndexByte(full, '.')+1:]
	name = strings.TrimSuffix(name, "-fm") // a method's value
	if i := strings.LastIndexByte(full, '/'); strings.Contains(full[i+1:], ".func") || strings.HasSuffix(full, "]") || name == "" {
		return "", errors.New("the model's function has no name of its own: give one with drey.Name")
	}
	return hyphenated(name), nil
}

// hyphenated writes a Go name in lower case: EightSchools → eight-schools, GPModel → gp-model.
func hyphenated(name string) string {
	letters := []rune(name)
	var b strings.Builder
	for i, r := range letters {
		begins := i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins && letters[i-1] != '_' {
			b.WriteByte('-')
		}
		if r == '_' {
			r = '-'
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
