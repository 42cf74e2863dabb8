// Command imgmill makes every size of a picture that a recipe names: from files, on a local S3
// server, and on AWS.
package main

import (
	"os"

	"github.com/imgmill/imgmill/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
