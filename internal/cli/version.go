package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/drey-sampler/drey/pkg/store"
)

// modulePath is drey's module.
const modulePath = "github.com/drey-sampler/drey"

// development is the version of a build from a checkout.
const development = "(devel)"

// moduleVersion returns the version of drey that this program has: development where it was built in a checkout or with
// a replaced module.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return development
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == modulePath && m.Version != "" && m.Replace == nil && m.Sum != "" {
			return m.Version
		}
	}
	return development
}

func version() string {
	return fmt.Sprintf("drey %s, %s %s/%s", moduleVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (c *command) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(c.Out, version())
			return err
		},
	}
}

// identity says which program this is, for the run directory.
func (p *Program) identity() store.Program {
	id := store.Program{Name: p.Name, BuiltIn: p.BuiltIn}
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "command-line-arguments" {
		id.ImportPath = info.Path
	}
	return id
}
