package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/drey-sampler/drey/internal/runner"
	"github.com/drey-sampler/drey/pkg/engine/xla"
	"github.com/drey-sampler/drey/pkg/engine/xla/plugin"
)

func (c *command) xla() *cobra.Command {
	cmd := &cobra.Command{
		Use: "xla", Short: "Install what runs models on GPUs and TPUs", Args: c.unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var yes bool
	var from string
	platforms := slices.Clone(plugin.Platforms)
	slices.Reverse(platforms)
	install := &cobra.Command{
		Use: "install " + strings.Join(platforms, "|") + " [flags]", Short: "Fetch the XLA plugin of a platform, checked by its digest", Args: arguments("PLATFORM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(platforms, args[0]) {
				return usage("xla install: unknown platform %q%s (platforms: %s)", args[0], suggestion(args[0], platforms), strings.Join(platforms, ", "))
			}
			return c.installPlugin(cmd.Context(), args[0], from, yes)
		},
	}
	install.Flags().BoolVar(&yes, "yes", false, "do not ask")
	install.Flags().StringVar(&from, "from", "", "`path` of a directory that has the wheels, or of a plugin of your own (a shared library)")
	cmd.AddCommand(install)
	return cmd
}

// errDeclined is what a command returns whose question was answered with no.
var errDeclined = errors.New("nothing was installed")

// installPlugin is drey xla install.
func (c *command) installPlugin(ctx context.Context, platform, from string, yes bool) error {
	release, err := releaseOf(platform, from)
	if err != nil {
		return err
	}
	in, err := plugin.NewInstaller(from, func(line string) { _, _ = fmt.Fprintln(c.Err, line) })
	if err != nil {
		return err
	}
	if in.Installed(release) {
		_, err := fmt.Fprintf(c.Out, "the plugin for %s is installed already\n", platform)
		return err
	}
	if !yes {
		c.propose(release, from, in.Dir)
		if err := c.confirm("Install it?"); err != nil {
			return err
		}
	}
	path, err := in.Install(ctx, release)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Out, "%s is installed; %s doctor says if it works here\n", path, c.Name)
	return err
}

// releaseOf returns the pinned plugin, or for a plugin of one's own the platform alone.
func releaseOf(platform, from string) (plugin.Release, error) {
	if info, err := os.Stat(from); err == nil && !info.IsDir() {
		return plugin.Release{Platform: platform}, nil
	}
	return plugin.ReleaseOf(platform)
}

// propose shows what would be installed, from where and how large it is.
func (c *command) propose(r plugin.Release, from, dir string) {
	source := "the Python package index"
	if from != "" {
		source = from
	}
	var b strings.Builder
	fmt.Fprintf(&b, "XLA's plugin for %s, from %s, into %s:\n", r.Platform, source, dir)
	for _, w := range r.Wheels {
		fmt.Fprintf(&b, "  %-20s %-11s %6.1f MB  SHA-256 %s…\n", w.Project, w.Version, float64(w.Size)/1e6, w.SHA256[:16])
	}
	if len(r.Wheels) > 0 {
		fmt.Fprintf(&b, "  %.0f MB to fetch, about three times that on disk; %s\n", float64(r.Size())/1e6, r.Terms)
	}
	_, _ = io.WriteString(c.Err, b.String())
}

// confirm asks a question on the terminal. Where there is none the error says how to do without.
func (c *command) confirm(question string) error {
	if !terminal(os.Stdin) {
		return usage("xla install: standard input is no terminal to ask at: --yes installs without asking")
	}
	return ask(os.Stdin, c.Err, question)
}

func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// ask returns nil if the answer is yes and errDeclined otherwise.
func ask(in io.Reader, out io.Writer, question string) error {
	_, _ = fmt.Fprintf(out, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(in).ReadString('\n') // an answer that ends early is no yes
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return nil
	}
	return errDeclined
}

// needEngine offers to install the plugin that an engine lacks, where there is a terminal to ask at. What is wrong
// otherwise, opening the engine says.
func (c *command) needEngine(ctx context.Context, engine string) error {
	platform, ok := runner.XLAPlatform(engine)
	if !ok || xla.Built() != nil || !terminal(os.Stdin) {
		return nil
	}
	err := error(nil)
	if platform == "" {
		_, _, err = plugin.Best()
	} else {
		_, err = plugin.Find(platform)
	}
	var missing *plugin.MissingError
	if !errors.As(err, &missing) {
		return nil
	}
	_, _ = fmt.Fprintf(c.Err, "--engine %s needs a plugin that is not installed.\n", engine)
	return c.installPlugin(ctx, missing.Platform, "", false)
}
