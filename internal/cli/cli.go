// Package cli is the imgmill command: one file per subcommand. It is the only place that chooses
// exit codes and that writes to the terminal; what it runs lives in the packages below it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3 // some of the work failed
)

// exitCodes is the help about them.
var exitCodes = []string{
	exitDone:    "done",
	exitFailed:  "failed, or what was checked is not as it should be",
	exitUsage:   "wrong use: nothing was done",
	exitPartial: "a part is done, and the rest failed",
}

// errPartial ends a command that has already reported each of its failures.
var errPartial = errors.New("some of the work failed")

// errReported ends a command that failed and has already reported why.
var errReported = errors.New("failed")

// usageError is a mistake in the command line.
type usageError struct{ error }

func wrongUse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main runs the command and returns its exit code. An interrupt or SIGTERM cancels what is running;
// a second one ends the process at once.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(ctx)
	return exitCode(c, err, stderr)
}

// newRoot returns the command imgmill with all of its subcommands.
func newRoot() *cobra.Command {
	groups := []commandGroup{
		{"Try it here", []*cobra.Command{devCommand(), resizeCommand()}},
		{"In any S3 store", []*cobra.Command{workerCommand(), syncCommand(), auditCommand(), failuresCommand(), snippetCommand()}},
		{"On AWS", []*cobra.Command{
			deployCommand(), testCommand(), logsCommand(), doctorCommand(), costCommand(), packageCommand(), destroyCommand(),
		}},
		{"More", []*cobra.Command{configCommand(), completionCommand(), versionCommand(), helpCommand()}},
	}
	var printVersion *bool
	root := &cobra.Command{
		Use: "imgmill",
		Long: `imgmill makes every size of a picture that you need. Upload a picture to one S3
bucket, and the sizes that a recipe names appear in another.`,
		Example: `  imgmill dev --sample               # see it work on this machine
  imgmill resize photo.jpg -o small.jpg --width 800
  imgmill config example >imgmill.yaml
  imgmill deploy photos              # put it on AWS`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE: func(c *cobra.Command, args []string) error {
			if *printVersion {
				return runVersion(c, args)
			}
			return showHelp(c, args)
		},
	}
	// Not cobra's own flag: a program that links its templates keeps every exported method.
	printVersion = root.Flags().Bool("version", false, "print the version")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true // completionCommand replaces it
	for _, g := range groups {
		root.AddCommand(g.commands...)
	}
	root.SetHelpCommand(groups[3].commands[3])
	addHelp(root, groups)
	addCompletions(root)
	return root
}

// flagError says of a value that is not of the flag's kind what the flag takes, and suggests a flag of the command in
// place of one that it does not have.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if best := recipe.Closest(unknown.GetSpecifiedName(), names); best != "" {
			return wrongUse("%s; did you mean --%s?", err, best)
		}
	}
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError{err}
	}
	kinds := map[string]string{
		"float64": "a number", "int": "a whole number", "bool": "true or false", "duration": "a duration such as 30s or 5m",
	}
	kind := kinds[invalid.GetFlag().Value.Type()]
	if kind == "" {
		return usageError{err}
	}
	return wrongUse("--%s %s: use %s", invalid.GetFlag().Name, invalid.GetValue(), kind)
}

func exitCode(c *cobra.Command, err error, stderr io.Writer) int {
	var usage usageError
	var noAccess *client.NoAccessError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errPartial):
		return exitPartial
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &usage):
		text := strings.TrimPrefix(err.Error(), c.Root().Name()+" ")
		note(stderr, "imgmill: %s\nSee '%s --help'.", shown(text), c.CommandPath())
		return exitUsage
	case errors.As(err, &noAccess):
		err = noAccess
	}
	note(stderr, "imgmill: %s", errorText(err))
	return exitFailed
}

// noArgs refuses arguments of a command that takes none.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongUse("%s takes no argument, got %q", c.CommandPath(), args[0])
	}
	return nil
}

// noSuchCommand refuses arguments of a command that has only subcommands, and suggests those with a
// similar name.
func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	const letters = 2 // that may differ
	c.SuggestionsMinimumDistance = letters
	hint := ""
	for i, name := range c.SuggestionsFor(args[0]) {
		if i == 0 {
			hint = fmt.Sprintf("; did you mean %q", name)
		} else {
			hint += fmt.Sprintf(" or %q", name)
		}
	}
	if hint != "" {
		hint += "?"
	}
	return wrongUse("unknown command %q%s", args[0], hint)
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
