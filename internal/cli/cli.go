// Package cli is the imgmill command: one file per subcommand. It is the only place that chooses exit codes and that
// writes to the terminal; what it runs lives in the packages below it.
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
	"golang.org/x/term"

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3 // some of the work failed
)

// errPartial ends a command whose failures were already told one by one.
var errPartial = errors.New("some of the work failed")

// errTold ends a command that failed and has said so.
var errTold = errors.New("failed")

// usageError is a wrong use of the command line.
type usageError struct{ error }

func wrongUse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main runs the command and gives its exit code. An interrupt or SIGTERM cancels what runs; a second one ends at once.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	root := &cobra.Command{
		Use:           "imgmill",
		Short:         "Every size of a picture that lands in one bucket appears in another",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return wrongUse("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		devCommand(),
		resizeCommand(),
		packageCommand(),
		deployCommand(),
		destroyCommand(),
		costCommand(),
		testCommand(),
		logsCommand(),
		doctorCommand(),
		failuresCommand(),
		configCommand(),
		versionCommand(),
	)

	c, err := root.ExecuteContextC(ctx)
	return exitCode(c, err, stderr)
}

func exitCode(c *cobra.Command, err error, stderr io.Writer) int {
	var usage usageError
	var noAccess *stack.NoAccessError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errPartial):
		return exitPartial
	case errors.Is(err, errTold):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "imgmill: %v\nSee '%s --help'.\n", err, c.CommandPath())
		return exitUsage
	case errors.As(err, &noAccess):
		err = noAccess
	}
	fmt.Fprintln(stderr, "imgmill:", strings.TrimSpace(err.Error()))
	return exitFailed
}

// noArgs refuses arguments of a command that takes none.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongUse("%s takes no argument, got %q", c.CommandPath(), args[0])
	}
	return nil
}

// isTerminal tells whether w is a terminal that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
