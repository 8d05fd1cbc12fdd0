// Command worker runs a worker of a cluster: drey worker, with the same flags.
package main

import (
	"os"

	"github.com/drey-sampler/drey/internal/cli"
)

func main() { os.Exit(cli.Main(cli.Daemon("worker"), os.Args[1:])) }
