package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// command is what all commands share.
type command struct {
	*Program
	Streams
	began time.Time // when the program was called
}

// root builds the commands.
func (p *Program) root(s Streams, began time.Time) *cobra.Command {
	c := &command{p, s, began}
	root := &cobra.Command{
		Use: p.Name, Short: "MCMC for models written in Go", Args: c.unknownCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	switch p.Daemon {
	case "coordinator":
		return p.dress(c.coordinator(), s)
	case "worker":
		return p.dress(c.worker(), s)
	}
	if !p.BuiltIn {
		root.Short = fmt.Sprintf("The model %s: sampling and what follows it", p.Models[0].Name)
	}
	p.dress(root, s)
	cobra.EnableCommandSorting = false
	root.AddCommand(c.run(), c.check(), c.summary(), c.predict(), c.export(), c.resume(), c.extend(), c.submit())
	root.AddCommand(c.ls(), c.watch(), c.logs(), c.stop(), c.pull())
	if p.BuiltIn {
		root.AddCommand(c.coordinator(), c.worker(), c.workers(), c.drain(), c.certs())
		root.AddCommand(c.models(), c.init(), c.doctor(), c.xla())
	}
	root.AddCommand(c.version())
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Hidden: true, RunE: func(_ *cobra.Command, args []string) error {
			cmd, _, err := root.Find(args)
			if err != nil {
				return asUsage(err)
			}
			return cmd.Help()
		},
	})
	root.InitDefaultCompletionCmd(p.Name)
	return root
}

// dress gives a program's first command what all its commands inherit.
func (p *Program) dress(root *cobra.Command, s Streams) *cobra.Command {
	root.SilenceErrors, root.SilenceUsage, root.Version = true, true, version()
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	return root
}

// usageTemplate is cobra's, shorter.
const usageTemplate = `{{if .HasAvailableSubCommands}}Usage: {{.CommandPath}} COMMAND [flags]

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}

{{.CommandPath}} COMMAND --help shows the flags of a command.
{{else}}Usage: {{.UseLine}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}`

// unknownCommand refuses words that are no command.
func (c *command) unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	for _, m := range c.Models {
		if c.BuiltIn && m.Name == args[0] {
			return usage("%q is a model: %s run %s samples it", m.Name, c.Name, m.Name)
		}
	}
	return usage("unknown command %q%s (commands: %s)", args[0], suggestion(args[0], names), strings.Join(names, ", "))
}

// arguments returns a check that a command has exactly the arguments named, as its usage line shows them.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage("%s: %s is missing: usage: %s", cmd.Name(), names[len(args)], cmd.UseLine())
		case len(args) > len(names):
			return usage("%s: unexpected argument %q: usage: %s", cmd.Name(), args[len(names)], cmd.UseLine())
		}
		return nil
	}
}

// synonyms are the names that flags of daemons and of commands have for one thing.
var synonyms = map[string]string{"cluster": "nats", "nats": "cluster"}

// flagError says in one line which flag is wrong.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usage("%s: unknown flag -%s: flags are written with two dashes (%s --help lists them)", cmd.Name(), unknown.GetSpecifiedShortnames(), cmd.CommandPath())
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		name := unknown.GetSpecifiedName()
		if other := synonyms[name]; cmd.Flags().Lookup(other) != nil {
			name = other
		}
		return usage("%s: unknown flag --%s%s (%s --help lists them)", cmd.Name(), unknown.GetSpecifiedName(), suggestion("--"+name, names), cmd.CommandPath())
	case errors.As(err, &value):
		return usage("%s: --%s: %q is not %s", cmd.Name(), value.GetFlag().Name, value.GetValue(), wanted(value))
	case errors.As(err, &missing):
		return usage("%s: --%s needs a value", cmd.Name(), missing.GetSpecifiedName())
	case errors.As(err, &syntax):
		return usage("%s: %q is not a flag (%s --help lists them)", cmd.Name(), syntax.GetSpecifiedFlag(), cmd.CommandPath())
	}
	return asUsage(err)
}

// wanted says in words what values a flag has.
func wanted(e *pflag.InvalidValueError) string {
	switch kind := e.GetFlag().Value.Type(); {
	case strings.HasPrefix(kind, "uint"):
		return "a whole number from 0 on"
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "bool":
		return "true or false"
	default:
		return "one of " + kind
	}
}

// suggestion asks whether a word was meant that is like the given one, or returns "".
func suggestion(word string, words []string) string {
	if near := nearest(word, words); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// nearest returns the candidate that word most likely misspells, or "": at most a third of its letters differ, or it is
// the beginning of one candidate alone.
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	best, bestDistance := "", 1+max(1, len(word)/3)
	begins := ""
	for _, c := range candidates {
		if d := editDistance(word, strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
		if len(word) >= 3 && strings.HasPrefix(strings.ToLower(c), word) {
			begins = c
		}
	}
	if best == "" {
		return begins
	}
	return best
}

// editDistance returns the Levenshtein distance of a and b in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
