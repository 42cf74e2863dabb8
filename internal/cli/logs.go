package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// regionUsage and jsonUsage describe flags that several commands have.
const (
	regionUsage = "AWS region (default: the one that the AWS command line would use)"
	jsonUsage   = "write one JSON object a line"
)

// logsFlags are the flags of logs.
type logsFlags struct {
	region               string
	since                time.Duration
	follow, json, errors bool
}

func logsCommand() *cobra.Command {
	var f logsFlags
	c := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show the log of a deployment's function",
		Long: `Show the log of a deployment's function in a readable form: the time, the verdict, the picture, how long it took,
bytes in and out, and the reason if there is one. Lambda's own lines report time, memory and cold starts; those that
only mark the start or end of an invocation are left out. Lines of unknown form are shown as they are. --json shows
every line, parsed.`,
		Example: `  imgmill logs photos
  imgmill logs photos -f --since 5m      # keep showing new lines
  imgmill logs photos --errors --since 24h`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	flags := c.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "keep showing new lines until Ctrl-C")
	flags.DurationVar(&f.since, "since", time.Hour, "how far back to start")
	flags.BoolVar(&f.errors, "errors", false, "show only what went wrong")
	flags.BoolVar(&f.json, "json", false, jsonUsage)
	flags.StringVar(&f.region, "region", "", regionUsage)
	return c
}

// oneName checks that the only argument is the name of a deployment.
func oneName(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return wrongUse("%s needs the name of one deployment, got %s", c.CommandPath(),
			count(len(args), "argument"))
	}
	if _, err := deployment.NamesFor(args[0]); err != nil {
		return usageError{err}
	}
	return nil
}

// findDeployment reads a deployment. Without a region it uses the one of the AWS configuration.
func findDeployment(
	ctx context.Context, region, name string,
) (*client.Cloud, *deployment.Deployment, error) {
	names, err := deployment.NamesFor(name)
	if err != nil {
		return nil, nil, usageError{err}
	}
	cloud, err := client.Open(ctx, region)
	if err != nil {
		return nil, nil, err
	}
	d, err := deployment.FindAny(ctx, cloud, names)
	if err = explainNotDeployed(err, name); err == nil && !d.Complete() {
		err = fmt.Errorf("the deployment %s is incomplete (%s): complete it with imgmill deploy %[1]s, or run imgmill doctor %[1]s for details",
			name, d.Status)
	}
	return cloud, d, err
}

// explainNotDeployed adds to ErrNotDeployed what may help.
func explainNotDeployed(err error, name string) error {
	if errors.Is(err, deployment.ErrNotDeployed) {
		return fmt.Errorf("%w: create it with imgmill deploy %s, or name another region with --region",
			err, name)
	}
	return err
}

func (f *logsFlags) run(c *cobra.Command, name string) error {
	if f.since <= 0 {
		return wrongUse("--since %v is not valid; use a duration greater than zero, such as 1h", f.since)
	}
	ctx := c.Context()
	cloud, d, err := findDeployment(ctx, f.region, name)
	if err != nil {
		return err
	}
	read := logs.Read
	if f.follow {
		read = logs.Follow
	}
	out := c.OutOrStdout()
	p := &linePrinter{w: out, colour: isTerminal(out) && os.Getenv("NO_COLOR") == ""}
	shown := 0
	for l, err := range read(ctx, cloud, d.LogGroup, time.Now().Add(-f.since)) {
		switch {
		case errors.Is(err, logs.ErrNoGroup):
			return fmt.Errorf("%w; run imgmill doctor %s", err, name)
		case err != nil:
			return err
		case f.errors && !l.Failed(), !f.json && l.Kind == logs.KindMark:
			continue
		case f.json:
			err = newJSON(out).Encode(l)
		default:
			err = p.print(l)
		}
		if err != nil {
			return err
		}
		shown++
	}
	if shown == 0 && !f.follow {
		note(c.ErrOrStderr(), "The log has nothing in the last %v.", f.since)
	}
	return nil
}

// linePrinter writes log lines for a person.
type linePrinter struct {
	w      io.Writer
	colour bool
	last   logs.Line // the one printed last
}

// ANSI colours for success, warnings, failures, and what matters less.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	faint  = "2"
)

func (p *linePrinter) print(l logs.Line) error {
	mark, colour, text := describeLine(l)
	if l.Kind == logs.KindFailed {
		text = "the invocation: " + text
		if p.last.Reason != "" && p.last.Stream == l.Stream &&
			strings.HasSuffix(l.Reason, p.last.Reason) {
			text = "the invocation, for the same reason"
		}
	}
	p.last = l
	if p.colour && colour != "" {
		mark = "\x1b[" + colour + "m" + fmt.Sprintf("%-7s", mark) + "\x1b[0m"
	}
	_, err := fmt.Fprintf(p.w, "%s  %-7s  %s\n", l.Time.Local().Format("2006-01-02 15:04:05.000"),
		mark, text)
	return err
}

// describeLine returns a line's first word, its colour, and its text.
func describeLine(l logs.Line) (mark, colour, text string) {
	switch l.Kind {
	case logs.KindChange:
		return string(l.Verdict), verdictColour(l.Verdict), changeText(l)
	case logs.KindMessage:
		text = oneLine(l.Message)
		if l.Reason != "" {
			text += ": " + oneLine(l.Reason)
		}
		return strings.ToLower(l.Level), levelColour(l.Level), text
	case logs.KindColdStart:
		return "cold", faint, "Lambda starts an instance"
	case logs.KindReport:
		mark, colour = "report", faint
		if l.Report.Status != "" {
			mark, colour = l.Report.Status, red
		}
		text = fmt.Sprintf("%.0f ms, %.0f billed, %d of %d MB", l.Report.MS, l.Report.BilledMS,
			l.Report.Used, l.Report.Memory)
		if l.Report.InitMS > 0 {
			text += fmt.Sprintf(", after a cold start of %.0f ms", l.Report.InitMS)
		}
		return mark, colour, text
	case logs.KindFailed:
		return "failed", red, oneLine(l.Reason)
	case logs.KindFault:
		return "fault", red, oneLine(l.Reason)
	}
	return "", "", oneLine(l.Text)
}

func changeText(l logs.Line) string {
	text := shown(l.Key)
	if l.Key == "" { // a record without an object
		text = oneLine(l.Message)
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
		text += "  " + oneLine(l.Reason)
	}
	if l.Preview != "" {
		text += "  from a " + oneLine(l.Preview)
	}
	if l.Dropped != "" {
		text += "  without " + oneLine(l.Dropped)
	}
	return text
}

func verdictColour(v outcome.Verdict) string {
	switch v {
	case outcome.Done:
		return green
	case outcome.Skipped:
		return faint
	case outcome.Retry:
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
