// Command drey samples the models built into it, reads the runs of all programs, and begins new ones.
package main

import (
	"os"

	"github.com/drey-sampler/drey/internal/cli"
)

func main() { os.Exit(cli.Main(program(), os.Args[1:])) }
