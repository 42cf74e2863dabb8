package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// testFlags are the command line of test.
type testFlags struct {
	region     string
	timeout    time.Duration
	keep, json bool
}

func testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test NAME [FILE]",
		Short: "Put a picture through a deployment and see what comes out",
		Long: `Upload a picture, one that the program draws if none is named, under a key of its own to the deployment's source bucket, wait for
its variants, and print where they are, their size and the time of each step. Afterwards the picture and all that was made
of it are removed, also after Ctrl-C. If nothing comes out, the function's log says why. An attempt that failed for a cause that
may pass (retry) is not the end: Lambda makes the next one a minute later, which is waited for as well, and the last two minutes after
that, for which --timeout has to be longer. Behind a queue each comes after six times the function's longest run.`,
		Example: `  imgmill test photos
  imgmill test photos holiday.jpg --keep`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return wrongUse("%s takes the name of a deployment and at most one file, got %s", c.CommandPath(), count(len(args), "argument"))
			}
			return oneName(c, args[:1])
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	flags := c.Flags()
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to wait for the variants")
	flags.BoolVar(&f.keep, "keep", false, "leave the picture and its variants where they are")
	flags.BoolVar(&f.json, "json", false, "one JSON object")
	flags.StringVar(&f.region, "region", "", "AWS region (default: as the AWS command line finds it)")
	return c
}

func (f *testFlags) run(c *cobra.Command, args []string) error {
	if f.timeout <= 0 {
		return wrongUse("--timeout %v: want a duration over zero, such as 1m", f.timeout)
	}
	trial := stack.Trial{Timeout: f.timeout, Keep: f.keep}
	if len(args) == 2 {
		data, err := os.ReadFile(args[1])
		if err != nil {
			return usageError{fmt.Errorf("read the picture: %w", err)}
		}
		trial.Data, trial.Ending = data, strings.ToLower(filepath.Ext(args[1]))
	} else {
		trial.Data = sample.Photo(1600, 1200)
	}
	ctx, name := c.Context(), args[0]
	cloud, d, err := findDeployment(ctx, f.region, name)
	if err != nil {
		return err
	}
	trial.Again = func(l stack.Line) {
		fmt.Fprintf(c.ErrOrStderr(), "The function says retry: %s\nWaiting for the next attempt, %s (--timeout %v).\n", visible(l.Reason), nextAttempt(d), f.timeout)
	}
	r, failed := cloud.Try(ctx, d, trial)
	if f.json {
		err = json.NewEncoder(c.OutOrStdout()).Encode(trialJSON(r, failed))
	} else {
		err = printTrial(c.OutOrStdout(), r)
	}
	for _, left := range r.Left {
		fmt.Fprintln(c.ErrOrStderr(), "left:", left)
	}
	switch {
	case failed == nil:
		return err
	case errors.Is(failed, context.Canceled) && len(r.Left) == 0:
		return errors.New("interrupted; what was uploaded and made is removed")
	case errors.Is(failed, context.Canceled):
		return fmt.Errorf("interrupted; %w", failed)
	}
	return fmt.Errorf("%w\nimgmill doctor %s looks for the cause", failed, name)
}

// nextAttempt says when one comes (AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
// invocation", and the template's visibility timeout).
func nextAttempt(d *stack.Deployment) string {
	if d.Trigger == "queue" {
		return "which comes when the work queue gives the message out again"
	}
	return "which Lambda makes a minute after the first and two minutes after the second"
}

// printTrial writes the steps and the variants as far as they came.
func printTrial(w io.Writer, r *stack.TrialResult) error {
	if r.Upload == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "uploaded\ts3://%s/%s\t%s\tin %s\n", r.Bucket, r.Key, bytesText(int64(r.Bytes)), msText(r.Upload))
	for _, v := range r.Variants {
		fmt.Fprintf(t, "%s\ts3://%s/%s\t%d×%d, %s\tafter %s\n", v.Name, v.Bucket, v.Key, v.Width, v.Height, bytesText(v.Bytes), msText(v.Seen))
	}
	if r.Line != nil {
		took := fmt.Sprintf("%.0f ms", r.Line.MS)
		if r.Report != nil {
			took = fmt.Sprintf("%.0f ms, %d of %d MB", r.Line.MS, r.Report.Used, r.Report.Memory)
			if r.Report.InitMS > 0 {
				took += fmt.Sprintf(", cold start of %.0f ms before", r.Report.InitMS)
			}
		}
		fmt.Fprintf(t, "function\t%s\t%s\tlog after %s\n", r.Line.Verdict, took, msText(r.Logged))
	} else if len(r.Variants) > 0 {
		fmt.Fprint(t, "function\tits log has no line on it yet\t\t\n")
	}
	return t.Flush()
}

func msText(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// trialJSON is a result as it is written for programs; times in milliseconds.
func trialJSON(r *stack.TrialResult, failed error) any {
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
		Bucket   string        `json:"bucket"`
		Key      string        `json:"key,omitempty"`
		Bytes    int           `json:"bytes"`
		UploadMS int64         `json:"upload_ms"`
		Variants []variant     `json:"variants"`
		LoggedMS int64         `json:"logged_ms,omitempty"`
		Function *stack.Line   `json:"function,omitempty"`
		Report   *stack.Report `json:"report,omitempty"`
		Left     []string      `json:"left,omitempty"`
		Error    string        `json:"error,omitempty"`
	}{
		r.Bucket, r.Key, r.Bytes, r.Upload.Milliseconds(), []variant{}, r.Logged.Milliseconds(), r.Line, r.Report, r.Left, "",
	}
	for _, v := range r.Variants {
		line.Variants = append(line.Variants, variant{v.Name, v.Bucket, v.Key, v.Width, v.Height, v.Bytes, v.Seen.Milliseconds()})
	}
	if failed != nil {
		line.Error = failed.Error()
	}
	return line
}
