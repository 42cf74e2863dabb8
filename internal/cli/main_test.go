package cli_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgmill/imgmill/internal/cli"
)

// TestMain puts the test binary on the path under the name imgmill, where it is the command.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"imgmill": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestStories runs the scripts of testdata, one story each.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"sentence": sentence,
			"draw":     drawFile,
			"pixels":   pixels,
			"cut":      cut,
			"hardlink": hardlink,
			"freeport": freePort,
			"listen":   listen,
			"await":    await,
			"lines":    lines,
			"same":     same,
		},
	})
}
