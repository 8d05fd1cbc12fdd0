package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (c *command) models() *cobra.Command {
	return &cobra.Command{
		Use: "models", Short: "List the built-in models", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			var b strings.Builder
			width := 0
			for _, m := range c.Models {
				width = max(width, len(m.Name))
			}
			for _, m := range c.Models {
				fmt.Fprintf(&b, "%-*s  %s\n", width, m.Name, m.About)
			}
			_, err := c.Out.Write([]byte(b.String()))
			return err
		},
	}
}

// join writes names as a sentence does.
func join(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}
