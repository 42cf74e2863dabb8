// Command imgmill makes every size of a picture that a recipe names: on this machine, in a cloud in one process, on AWS.
package main

import (
	"os"

	"github.com/imgmill/imgmill/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
