package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgmill/imgmill/internal/cli"
)

// TestMain makes the test binary available as the command imgmill, and as a receiver of webhooks.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"imgmill": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"receive": receive,
	})
}

// TestStories runs the scripts in testdata.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error { // caches are the story's own
			for _, name := range []string{"XDG_CACHE_HOME", "LocalAppData"} {
				e.Setenv(name, filepath.Join(e.WorkDir, ".cache"))
			}
			return nil
		},
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
			"text":     text,
			"plain":    plain,
			"socket":   socket,
		},
	})
}
