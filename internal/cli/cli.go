// Package cli is the command line of drey and of programs made with it: commands, flags, messages, exit statuses.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/model"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Exit statuses.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130 // 128 + SIGINT, a shell's convention
)

// Program is what the command line belongs to: drey with the models built into it, or a user's program with one.
type Program struct {
	Name   string // of the command
	Models []Model
	// BuiltIn says that this is drey itself: commands take the name of a model, and there are the commands that only drey has.
	BuiltIn bool
	// Daemon is the one command of a program that runs a daemon, without subcommands; "" for other programs.
	Daemon    string
	Config    runner.Config   // defaults of the flags
	Precision model.Precision // likewise
}

// Model is a model that a program has.
type Model struct {
	Name  string
	About string // one line
	// Data returns the data that the model has where no file is given; nil where there are none.
	Data       func() (model.Data, error)
	DataSource string // the file that Data reads, "" if it reads none
	New        func(p model.Precision, name string, data model.Data) (*model.Model, error)

	file *programFile // the model was read from it, and has no New
}

// ModelOf returns the Model of a function.
func ModelOf[D any](name, about string, fn func(*model.Context, D), data func() (model.Data, error)) Model {
	return Model{
		Name: name, About: about, Data: data,
		New: func(p model.Precision, name string, data model.Data) (*model.Model, error) {
			return model.NewIn(p, name, fn, data)
		},
	}
}

// Streams are where commands write; progress goes to Err.
type Streams struct{ Out, Err io.Writer }

// errInterrupted is the cause of a context that a signal cancelled.
var errInterrupted = errors.New("interrupted")

// Main runs a command line of the process and returns its exit status. The first interrupt or termination ends the command
// in good order, the second one at once.
func Main(p *Program, args []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // the next one has its usual effect
		cancel(errInterrupted)
	}()
	return p.Run(ctx, args, Streams{os.Stdout, os.Stderr})
}

// Run runs a command line and returns its exit status. Errors are written to s.Err.
func (p *Program) Run(ctx context.Context, args []string, s Streams) (status int) {
	defer func() {
		if r := recover(); r != nil {
			status = ExitFailed
			p.crashed(s.Err, r)
		}
	}()
	root := p.root(s, time.Now())
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	p.explain(s.Err, err)
	var use *usageError
	var input *runner.InputError
	switch {
	case errors.As(err, &use), errors.As(err, &input):
		return ExitUsage
	case errors.Is(err, errInterrupted):
		return ExitInterrupted
	}
	return ExitFailed
}

// stackVariable makes an internal error show where it happened.
const stackVariable = "DREY_STACK"

// crashed reports a panic of drey's own.
func (p *Program) crashed(w io.Writer, r any) {
	_, _ = fmt.Fprintf(w, "%s: internal error: %v\n", p.Name, r)
	if os.Getenv(stackVariable) != "" {
		_, _ = w.Write(debug.Stack())
		return
	}
	_, _ = fmt.Fprintf(w, "This is a mistake in drey, not in your model: please report it, with what %s=1 adds to this message.\n", stackVariable)
}

// usageError is an error in how a command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// asUsage makes err, unless it is nil, an error in how a command was called.
func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// explain writes an error: a line for each of the problems that it joins, without the names of drey's packages.
func (p *Program) explain(w io.Writer, err error) {
	for _, line := range strings.Split(err.Error(), "\n") {
		if line != "" {
			_, _ = fmt.Fprintf(w, "%s: %s\n", p.Name, withoutKind(plain(line)))
		}
	}
}

// withoutKind removes the kind of a transport's error, which programs ask for, from the end of a message.
func withoutKind(message string) string {
	for k := transport.Internal; k <= transport.Refused; k++ {
		message = strings.TrimSuffix(message, " ("+k.String()+")")
	}
	return message
}

// plain removes the package that a message begins with.
func plain(message string) string {
	for _, name := range []string{"store", "model", "chain", "runner", "datafile", "tensor", "engine", "adapt", "kernels", "parquetfile", "program", "xla", "pjrt", "trust", "client", "transport", "daemon", "job", "observe", "coordinator", "worker"} {
		if rest, ok := strings.CutPrefix(message, name+": "); ok {
			return plain(rest)
		}
	}
	return message
}
