package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpColumns is the width that help texts and notes are wrapped to, unless the terminal is
// narrower.
const helpColumns = 80

// columnsOf returns the width to wrap a text to that is written to w.
func columnsOf(w io.Writer) int { return min(helpColumns, widthOf(w)()) }

// commandGroup is a heading in the help of imgmill, and the commands below it in the order in which
// they are listed.
type commandGroup struct {
	title    string
	commands []*cobra.Command
}

// showHelp runs a command that has only subcommands.
func showHelp(c *cobra.Command, _ []string) error { return c.Help() }

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		Example: `  imgmill help resize
  imgmill resize --help     # the same`,
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil {
				return usageError{err}
			}
			if len(rest) > 0 {
				return noSuchCommand(found, rest)
			}
			return found.Help()
		},
		ValidArgsFunction: completeCommands,
	}
}

// completeCommands offers the subcommands of the command that args name.
func completeCommands(
	c *cobra.Command, args []string, _ string,
) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	found, rest, err := c.Root().Find(args)
	if err == nil && len(rest) == 0 {
		for _, sub := range found.Commands() {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// addHelp replaces cobra's help texts of root and of all commands below it.
func addHelp(root *cobra.Command, groups []commandGroup) {
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		shown := []commandGroup{{"Commands", c.Commands()}}
		if c == root {
			shown = groups
		}
		printHelp(c.OutOrStdout(), c, shown)
	})
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		c.Flags().BoolP("help", "h", false, "print this help")
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(root)
}

// printHelp writes what a command does, how it is called, its subcommands, flags and examples.
func printHelp(w io.Writer, c *cobra.Command, groups []commandGroup) {
	about := c.Long
	if about == "" {
		about = c.Short + "."
	}
	columns := columnsOf(w)
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", wrap(about, columns), useLine(c))
	if c.HasExample() {
		fmt.Fprint(w, "\nExamples:\n")
		for line := range strings.SplitSeq(c.Example, "\n") {
			fmt.Fprintln(w, exampleLine(line, columns))
		}
	}
	if c.HasSubCommands() {
		for _, g := range groups {
			fmt.Fprintf(w, "\n%s:\n", g.title)
			for _, sub := range g.commands {
				fmt.Fprintln(w, hang(fmt.Sprintf("  %-*s ", c.Commands()[0].NamePadding(), sub.Name()), sub.Short, columns))
			}
		}
	}
	fmt.Fprintf(w, "\nFlags:\n%s", c.LocalFlags().FlagUsagesWrapped(columns))
	if c.HasSubCommands() {
		note(w, "\nRun '%s COMMAND --help' for the flags and examples of a command.", c.CommandPath())
	}
	if !c.HasParent() {
		fmt.Fprint(w, "\nExit codes:\n")
		for code, text := range exitCodes {
			fmt.Fprintln(w, hang(fmt.Sprintf("  %d  ", code), text, columns))
		}
	}
}

// exampleLine puts the comment behind a command below it if both are too wide. The command itself is copied, and stays
// as it is.
func exampleLine(line string, columns int) string {
	command, comment, found := strings.Cut(line, "  # ")
	if !found || len(line) <= columns {
		return line
	}
	return strings.TrimRight(command, " ") + "\n" + hang("    # ", comment, columns)
}

// useLine returns how a command is called. Flags are mentioned if there is any but --help.
func useLine(c *cobra.Command) string {
	if c.HasSubCommands() {
		return c.CommandPath() + " COMMAND"
	}
	line := c.CommandPath() + strings.TrimPrefix(c.Use, c.Name())
	more := false
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { more = more || f.Name != "help" })
	if more {
		line += " [flags]"
	}
	return line
}

// wrap breaks paragraphs into lines of at most the given number of columns. Paragraphs are separated by empty
// lines; indented lines stay as they are.
func wrap(text string, columns int) string {
	var b strings.Builder
	at := 0 // columns used in the last line
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, " ") {
			if at > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(line + "\n")
			at = 0
			continue
		}
		for word := range strings.SplitSeq(line, " ") {
			n := runes.StringWidth(word)
			switch {
			case at == 0:
			case at+1+n > columns:
				b.WriteByte('\n')
				at = 0
			default:
				b.WriteByte(' ')
				at++
			}
			b.WriteString(word)
			at += n
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// hang returns a first column, and beside it a text whose further lines begin below its first. Where that leaves little
// room, the text is below the column.
func hang(first, text string, columns int) string {
	indent := runes.StringWidth(first)
	if columns-indent < 20 {
		first, indent = strings.TrimRight(first, " ")+"\n    ", 4
	}
	return first + strings.ReplaceAll(wrap(text, columns-indent), "\n", "\n"+strings.Repeat(" ", indent))
}

// beside is hang on a terminal. Elsewhere, the text stays one line.
func beside(w io.Writer, first, text string) string {
	if !isTerminal(w) {
		return first + text
	}
	return hang(first, text, columnsOf(w))
}

// prose returns lines as they are written to w: on a terminal, those that are too wide are broken between words, but
// for those that are indented, which are commands or columns.
func prose(w io.Writer, text string) string {
	if !isTerminal(w) {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = wrap(line, columnsOf(w))
	}
	return strings.Join(lines, "\n")
}

// note writes lines for a person.
func note(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintln(w, prose(w, fmt.Sprintf(format, args...)))
	return err
}
