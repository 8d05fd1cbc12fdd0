// Command coordinator runs a coordinator of a cluster: drey coordinator, with the same flags.
package main

import (
	"os"

	"github.com/drey-sampler/drey/internal/cli"
)

func main() { os.Exit(cli.Main(cli.Daemon("coordinator"), os.Args[1:])) }
