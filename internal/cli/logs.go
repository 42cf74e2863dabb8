package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// logsFlags are the command line of logs.
type logsFlags struct {
	region               string
	since                time.Duration
	follow, json, errors bool
}

func logsCommand() *cobra.Command {
	var f logsFlags
	c := &cobra.Command{
		Use:   "logs NAME",
		Short: "Read the log of a deployment's function",
		Long: `Read the log of a deployment's function as lines for a person: when, what became of which picture, how long it took, bytes
in and out, and why not. Lambda's own lines tell of time, memory and cold starts; where they only begin or end an invocation
they are left out. Lines that are not understood stay as they are. --json gives every line, taken apart.`,
		Example: `  imgmill logs photos
  imgmill logs photos -f --since 5m      # go on with what comes
  imgmill logs photos --errors --since 24h`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	flags := c.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on until Ctrl-C")
	flags.DurationVar(&f.since, "since", time.Hour, "how far back to start")
	flags.BoolVar(&f.errors, "errors", false, "only what went wrong")
	flags.BoolVar(&f.json, "json", false, "one JSON object a line")
	flags.StringVar(&f.region, "region", "", "AWS region (default: as the AWS command line finds it)")
	return c
}

// oneName wants the name of a deployment and nothing else.
func oneName(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return wrongUse("%s takes the name of a deployment, got %s", c.CommandPath(), count(len(args), "argument"))
	}
	if _, err := stack.NamesFor(args[0]); err != nil {
		return usageError{err}
	}
	return nil
}

// findDeployment reads the deployment of a name, in the region given or else found.
func findDeployment(ctx context.Context, region, name string) (*stack.Cloud, *stack.Deployment, error) {
	names, err := stack.NamesFor(name)
	if err != nil {
		return nil, nil, usageError{err}
	}
	cloud, err := stack.Open(ctx, region)
	if err != nil {
		return nil, nil, err
	}
	d, err := cloud.Find(ctx, names)
	if err = elsewhere(err, name); err == nil && !d.Whole() {
		err = fmt.Errorf("%s is half made (%s): imgmill deploy %s finishes it, imgmill doctor %[1]s says more", name, d.Status, name)
	}
	return cloud, d, err
}

// elsewhere adds to the error about a deployment that is not there what may help.
func elsewhere(err error, name string) error {
	if errors.Is(err, stack.ErrNotDeployed) {
		return fmt.Errorf("%w: imgmill deploy %s makes it; --region looks elsewhere", err, name)
	}
	return err
}

func (f *logsFlags) run(c *cobra.Command, name string) error {
	if f.since <= 0 {
		return wrongUse("--since %v: want a duration over zero, such as 1h", f.since)
	}
	ctx := c.Context()
	cloud, d, err := findDeployment(ctx, f.region, name)
	if err != nil {
		return err
	}
	read := cloud.Lines
	if f.follow {
		read = cloud.Follow
	}
	out := c.OutOrStdout()
	p := &linePrinter{w: out, colour: isTerminal(out) && os.Getenv("NO_COLOR") == ""}
	shown := 0
	for l, err := range read(ctx, d.LogGroup, time.Now().Add(-f.since)) {
		switch {
		case errors.Is(err, stack.ErrNoLog):
			return fmt.Errorf("%w; run imgmill doctor %s", err, name)
		case err != nil:
			return err
		case f.errors && !l.Failed(), !f.json && l.Kind == stack.LineMark:
			continue
		case f.json:
			err = json.NewEncoder(out).Encode(l)
		default:
			err = p.print(l)
		}
		if err != nil {
			return err
		}
		shown++
	}
	if shown == 0 && !f.follow {
		fmt.Fprintf(c.ErrOrStderr(), "Nothing in the last %v.\n", f.since)
	}
	return nil
}

// linePrinter writes log lines for a person.
type linePrinter struct {
	w      io.Writer
	colour bool
	last   stack.Line // that was printed
}

// ANSI colours of what goes well, asks for attention, and fails.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	faint  = "2"
)

func (p *linePrinter) print(l stack.Line) error {
	mark, colour, text := describeLine(l)
	if l.Kind == stack.LineFailed {
		text = "the invocation: " + text
		if p.last.Reason != "" && p.last.Stream == l.Stream && strings.HasSuffix(l.Reason, p.last.Reason) {
			text = "the invocation, because of that"
		}
	}
	p.last = l
	if p.colour && colour != "" {
		mark = "\x1b[" + colour + "m" + fmt.Sprintf("%-7s", mark) + "\x1b[0m"
	}
	_, err := fmt.Fprintf(p.w, "%s  %-7s  %s\n", l.Time.Local().Format("2006-01-02 15:04:05.000"), mark, text)
	return err
}

// describeLine gives a line's mark, its colour, and what it says.
func describeLine(l stack.Line) (mark, colour, text string) {
	switch l.Kind {
	case stack.LineChange:
		return l.Verdict, verdictColour(l.Verdict), changeText(l)
	case stack.LineWord:
		text = visible(l.Message)
		if l.Reason != "" {
			text += ": " + visible(l.Reason)
		}
		return strings.ToLower(l.Level), levelColour(l.Level), text
	case stack.LineCold:
		return "cold", faint, "Lambda starts an instance"
	case stack.LineReport:
		mark, colour = "report", faint
		if l.Report.Status != "" {
			mark, colour = l.Report.Status, red
		}
		text = fmt.Sprintf("%.0f ms, %.0f billed, %d of %d MB", l.Report.MS, l.Report.BilledMS, l.Report.Used, l.Report.Memory)
		if l.Report.InitMS > 0 {
			text += fmt.Sprintf(", cold start of %.0f ms before", l.Report.InitMS)
		}
		return mark, colour, text
	case stack.LineFailed:
		return "failed", red, visible(l.Reason)
	case stack.LineFault:
		return "fault", red, visible(l.Reason)
	}
	return "", "", visible(l.Text)
}

func changeText(l stack.Line) string {
	text := visible(l.Key)
	if l.Key == "" { // a record that names no object
		text = visible(l.Message)
	}
	if l.MS > 0 {
		text += fmt.Sprintf("  %.0f ms", l.MS)
	}
	if l.BytesIn > 0 {
		text += "  " + bytesText(l.BytesIn)
	}
	if l.Variants > 0 {
		text += fmt.Sprintf(" to %s, %s", count(l.Variants, "variant"), bytesText(l.BytesOut))
	}
	if l.Reason != "" {
		text += "  " + visible(l.Reason)
	}
	return text
}

func verdictColour(verdict string) string {
	switch verdict {
	case "done":
		return green
	case "skipped":
		return faint
	case "retry":
		return yellow
	}
	return red
}

func levelColour(level string) string {
	switch level {
	case "WARN":
		return yellow
	case "ERROR":
		return red
	}
	return ""
}

// visible replaces what could steer a terminal: keys and log lines are anybody's text.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r): // which would turn what follows around
			return '�'
		}
		return r
	}, s)
}
