package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/aws/trial"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// testFlags are the flags of test.
type testFlags struct {
	region     string
	timeout    time.Duration
	keep, json bool
}

func testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test NAME [FILE]",
		Short: "Send a picture through a deployment and show what comes out",
		Long: `Upload a picture to the deployment's source bucket under a new key, wait for its variants, and print where they are,
their size and the time of each step. Without a FILE, the command draws a picture. Afterwards it removes the picture
and everything that was made from it, also after Ctrl-C. If no variants appear, it reports the reason from the
function's log.

After an attempt that failed for a reason that may pass (retry), the command waits for the next one. Lambda makes it a
minute later, and the last one two minutes after that, which takes a longer --timeout. With --trigger queue, each retry
comes after six times the function's timeout.`,
		Example: `  imgmill test photos
  imgmill test photos holiday.jpg --keep`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return wrongUse("%s needs the name of one deployment, and accepts one file, got %s",
					c.CommandPath(), count(len(args), "argument"))
			}
			return oneName(c, args[:1])
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	flags := c.Flags()
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to wait for the variants")
	flags.BoolVar(&f.keep, "keep", false, "keep the picture and its variants")
	flags.BoolVar(&f.json, "json", false, "write one JSON object to standard output")
	flags.StringVar(&f.region, "region", "", regionUsage)
	return c
}

func (f *testFlags) run(c *cobra.Command, args []string) error {
	if f.timeout <= 0 {
		return wrongUse("--timeout %v is not valid; use a duration greater than zero, such as 1m", f.timeout)
	}
	options := trial.Options{Timeout: f.timeout, Keep: f.keep}
	if len(args) == 2 {
		data, err := os.ReadFile(args[1])
		if err != nil {
			return usageError{fmt.Errorf("read the picture: %w", err)}
		}
		options.Data, options.Suffix = data, strings.ToLower(filepath.Ext(args[1]))
	} else {
		options.Data = sample.Photo(1600, 1200)
	}
	ctx, name := c.Context(), args[0]
	cloud, d, err := findDeployment(ctx, f.region, name)
	if err != nil {
		return err
	}
	options.OnRetry = func(l logs.Line) {
		note(c.ErrOrStderr(), "The function reports retry: %s\nWaiting for the next attempt, %s (--timeout %v).",
			oneLine(l.Reason), nextAttempt(d), f.timeout)
	}
	r, failed := trial.Run(ctx, cloud, d, options)
	if f.json {
		err = newJSON(c.OutOrStdout()).Encode(trialJSON(r, failed))
	} else {
		err = printTrial(c.OutOrStdout(), r)
	}
	for _, left := range r.Left {
		note(c.ErrOrStderr(), "left: %s", left)
	}
	switch {
	case failed == nil:
		return err
	case errors.Is(failed, context.Canceled) && len(r.Left) == 0:
		return errors.New("interrupted; the picture and its variants are removed")
	case errors.Is(failed, context.Canceled):
		return fmt.Errorf("interrupted; %w", failed)
	}
	return fmt.Errorf("%w\nRun imgmill doctor %s to find the cause", failed, name)
}

// nextAttempt describes when the next attempt comes (AWS Lambda Developer Guide, "How Lambda
// handles errors and retries with asynchronous invocation", and the template's visibility timeout).
func nextAttempt(d *deployment.Deployment) string {
	if d.Trigger == "queue" {
		return "which comes when the work queue delivers the message again"
	}
	return "which Lambda makes a minute after the first and two minutes after the second"
}

// printTrial writes the steps and the variants, as far as the trial got.
func printTrial(w io.Writer, r *trial.Result) error {
	if r.Upload == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "uploaded\ts3://%s/%s\t%s\tin %s\n", r.Bucket, r.Key, bytesText(int64(r.Bytes)),
		msText(r.Upload))
	for _, v := range r.Variants {
		fmt.Fprintf(t, "%s\ts3://%s/%s\t%d×%d, %s\tafter %s\n", v.Name, v.Bucket, v.Key, v.Width,
			v.Height, bytesText(v.Bytes), msText(v.Seen))
	}
	if r.Line != nil {
		took := fmt.Sprintf("%.0f ms", r.Line.MS)
		if r.Report != nil {
			took = fmt.Sprintf("%.0f ms, %d of %d MB", r.Line.MS, r.Report.Used, r.Report.Memory)
			if r.Report.InitMS > 0 {
				took += fmt.Sprintf(", after a cold start of %.0f ms", r.Report.InitMS)
			}
		}
		fmt.Fprintf(t, "function\t%s\t%s\tlog after %s\n", r.Line.Verdict, took, msText(r.Logged))
	} else if len(r.Variants) > 0 {
		fmt.Fprint(t, "function\tno line in its log yet\t\t\n")
	}
	return t.Flush()
}

func msText(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// trialJSON returns a result for JSON output, with times in milliseconds.
func trialJSON(r *trial.Result, failed error) any {
	type variant struct {
		Name   string `json:"name"`
		Bucket string `json:"bucket"`
		Key    string `json:"key"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
		Bytes  int64  `json:"bytes"`
		SeenMS int64  `json:"seen_ms"`
	}
	line := struct {
		Bucket   string       `json:"bucket"`
		Key      string       `json:"key,omitempty"`
		Bytes    int          `json:"bytes"`
		UploadMS int64        `json:"upload_ms"`
		Variants []variant    `json:"variants"`
		LoggedMS int64        `json:"logged_ms,omitempty"`
		Function *logs.Line   `json:"function,omitempty"`
		Report   *logs.Report `json:"report,omitempty"`
		Left     []string     `json:"left,omitempty"`
		Error    string       `json:"error,omitempty"`
	}{
		r.Bucket, r.Key, r.Bytes, r.Upload.Milliseconds(), []variant{}, r.Logged.Milliseconds(),
		r.Line, r.Report, r.Left, "",
	}
	for _, v := range r.Variants {
		line.Variants = append(line.Variants,
			variant{v.Name, v.Bucket, v.Key, v.Width, v.Height, v.Bytes, v.Seen.Milliseconds()})
	}
	if failed != nil {
		line.Error = failed.Error()
	}
	return line
}
