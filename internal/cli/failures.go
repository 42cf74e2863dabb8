package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

// failuresFlags are the command line of failures.
type failuresFlags struct {
	region, dir string
	max         int
	all, json   bool
}

func failuresCommand() *cobra.Command {
	var f failuresFlags
	c := &cobra.Command{
		Use:   "failures [NAME] [list | show N | retry N...]",
		Short: "See what could not be done and why, and send it back",
		Long: `See the events that could not be done, oldest first, and send them back once their cause is gone. With the NAME of a deployment
these are in its failure queue on AWS, without one in the queue that imgmill dev keeps in its folder. What is sent back leaves
the list only after it was accepted. Looking changes nothing: two looks show the same list.`,
		Example: `  imgmill failures photos                # on AWS
  imgmill failures photos show 1         # all that is known of the first
  imgmill failures photos retry --all
  imgmill failures retry 2 3             # of imgmill dev`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.dir, "dir", devcloud.DefaultDir, "folder of imgmill dev, where no NAME is given")
	flags.IntVar(&f.max, "max", 1000, "how many to look at")
	flags.BoolVar(&f.all, "all", false, "with retry: everything that list shows")
	flags.BoolVar(&f.json, "json", false, "one JSON object a line")
	flags.StringVar(&f.region, "region", "", "AWS region (default: as the AWS command line finds it)")
	return c
}

// failuresRequest is what the arguments ask for.
type failuresRequest struct {
	name    string // of a deployment; empty for that of imgmill dev
	action  string // list, show, retry
	numbers []int  // as list counts; empty for all
}

var failuresActions = []string{"list", "show", "retry"}

func (f *failuresFlags) request(c *cobra.Command, args []string) (failuresRequest, error) {
	r := failuresRequest{action: "list"}
	if len(args) > 0 && !slices.Contains(failuresActions, args[0]) {
		r.name, args = args[0], args[1:]
		if c.Flags().Changed("dir") {
			return r, wrongUse("--dir is for imgmill dev, and %s names a deployment; give one of them", r.name)
		}
	}
	if len(args) > 0 {
		if !slices.Contains(failuresActions, args[0]) {
			return r, wrongUse("unknown word %q: want list, show or retry", args[0])
		}
		r.action, args = args[0], args[1:]
	}
	for _, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil || n < 1 {
			return r, wrongUse("%q is no number of the list", a)
		}
		r.numbers = append(r.numbers, n)
	}
	slices.Sort(r.numbers)
	r.numbers = slices.Compact(r.numbers)
	switch {
	case f.max < 1:
		return r, wrongUse("--max %d: want at least 1", f.max)
	case r.action == "list" && len(r.numbers) > 0:
		return r, wrongUse("list takes no number; write show %d", r.numbers[0])
	case r.action == "show" && len(r.numbers) != 1:
		return r, wrongUse("show takes one number of the list, got %d", len(r.numbers))
	case r.action == "retry" && f.all == (len(r.numbers) > 0):
		return r, wrongUse("retry takes numbers of the list, or --all")
	case f.all && r.action != "retry":
		return r, wrongUse("--all is for retry")
	}
	return r, nil
}

// failureSource is a queue of failures.
type failureSource interface {
	// list also says how many more there are that cannot be seen just now.
	list(ctx context.Context, max int) (list []stack.Failure, hidden int, err error)
	// retry sends back those of the numbers, or all, and tells of each.
	retry(ctx context.Context, max int, numbers []int, told func(stack.Retried)) (hidden int, err error)
	// after is what a person should know once something was sent back.
	after() string
	close() error
}

func (f *failuresFlags) run(c *cobra.Command, args []string) (err error) {
	r, err := f.request(c, args)
	if err != nil {
		return err
	}
	source, err := f.open(c, r.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	if r.action == "retry" {
		return f.retry(c, source, r.numbers)
	}
	list, hidden, err := source.list(c.Context(), f.max)
	if err != nil {
		return err
	}
	tellHidden(c, hidden)
	if r.action == "show" {
		if n := r.numbers[0]; n <= len(list) {
			return showFailure(c.OutOrStdout(), n, list[n-1])
		}
		return fmt.Errorf("there is no failure %d; the list has %d", r.numbers[0], len(list))
	}
	return f.list(c, list, hidden)
}

// tellHidden says that the list is not whole.
func tellHidden(c *cobra.Command, n int) {
	if n > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "About %s more cannot be seen now: another look holds them, or one that was cut off. In a minute they are back.\n", count(n, "failure"))
	}
}

func (f *failuresFlags) open(c *cobra.Command, name string) (failureSource, error) {
	if name != "" {
		cloud, d, err := findDeployment(c.Context(), f.region, name)
		if err != nil {
			return nil, err
		}
		return deployed{cloud, d}, nil
	}
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
	q, err := devcloud.OpenQueue(c.Context(), f.dir, log)
	switch {
	case errors.Is(err, devcloud.ErrNoCloud):
		return nil, fmt.Errorf("%w: imgmill dev makes one; for a deployment on AWS write imgmill failures NAME", err)
	case errors.Is(err, devcloud.ErrInUse):
		return nil, fmt.Errorf("imgmill dev runs on %s and alone may read its queue: stop it (Ctrl-C, nothing is lost), look again, and start it after", f.dir)
	case err != nil:
		return nil, err
	}
	return kept{q}, nil
}

// list prints a table, or a line of JSON each.
func (f *failuresFlags) list(c *cobra.Command, list []stack.Failure, hidden int) error {
	out := c.OutOrStdout()
	if f.json {
		for i, x := range list {
			if err := printFailure(out, i+1, x); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		if hidden == 0 {
			fmt.Fprintln(c.ErrOrStderr(), "No failures.")
		}
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "no\twhen\ttries\tkey\treason")
	for i, x := range list {
		tries := "-"
		if x.Tries > 0 {
			tries = strconv.Itoa(x.Tries)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", i+1, x.At.Local().Format("2006-01-02 15:04:05"), tries, keyText(x), reasonText(x))
	}
	if len(list) == f.max {
		fmt.Fprintf(c.ErrOrStderr(), "These are %d; there may be more, which --max looks at.\n", f.max)
	}
	return t.Flush()
}

func keyText(x stack.Failure) string {
	switch len(x.Keys) {
	case 0:
		return "-"
	case 1:
		return visible(x.Keys[0])
	}
	return fmt.Sprintf("%s and %d more", visible(x.Keys[0]), len(x.Keys)-1)
}

func reasonText(x stack.Failure) string {
	if x.Reason == "" {
		return "not recorded; see the log"
	}
	return visible(x.Reason)
}

// numbered is a failure as it is written for programs.
type numbered struct {
	Number int `json:"number"`
	stack.Failure
}

func printFailure(w io.Writer, n int, x stack.Failure) error {
	return json.NewEncoder(w).Encode(numbered{n, x})
}

func showFailure(w io.Writer, n int, x stack.Failure) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(numbered{n, x})
}

// retry sends back and says of each what became of it.
func (f *failuresFlags) retry(c *cobra.Command, source failureSource, numbers []int) error {
	done, failed := 0, 0
	told := func(r stack.Retried) {
		result := "sent back"
		if r.Err == nil {
			done++
		} else {
			failed++
			result = "stays: " + visible(r.Err.Error())
		}
		if f.json {
			line := struct {
				Number int      `json:"number"`
				ID     string   `json:"id,omitempty"`
				Keys   []string `json:"keys,omitempty"`
				Sent   bool     `json:"sent"`
				Error  string   `json:"error,omitempty"`
			}{r.Number, r.ID, r.Keys, r.Err == nil, ""}
			if r.Err != nil {
				line.Error = r.Err.Error()
			}
			_ = json.NewEncoder(c.OutOrStdout()).Encode(line) // it went back, whoever reads of it
			return
		}
		fmt.Fprintf(c.OutOrStdout(), "%d  %s  %s\n", r.Number, keyText(r.Failure), result)
	}
	hidden, err := source.retry(c.Context(), f.max, numbers, told)
	if err == nil {
		tellHidden(c, hidden)
	}
	if done > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "%s sent back. %s\n", count(done, "failure"), source.after())
	} else if failed+hidden == 0 && err == nil {
		fmt.Fprintln(c.ErrOrStderr(), "No failures.")
	}
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; what was not told of as sent back stays a failure")
	case err != nil:
		return err
	case failed == 0:
		return nil
	case done == 0:
		return errReported
	}
	return errPartial
}

// deployed is the failure queue of a deployment.
type deployed struct {
	cloud *stack.Cloud
	d     *stack.Deployment
}

func (s deployed) list(ctx context.Context, max int) ([]stack.Failure, int, error) {
	return s.cloud.Failures(ctx, s.d, max)
}

func (s deployed) retry(ctx context.Context, max int, numbers []int, told func(stack.Retried)) (int, error) {
	return s.cloud.RetryFailures(ctx, s.d, max, numbers, told)
}

func (s deployed) after() string {
	return fmt.Sprintf("imgmill logs %s -f shows what becomes of it; what fails again comes here again.", s.d.Name)
}

func (s deployed) close() error { return nil }

// kept is what the worker of imgmill dev has buried.
type kept struct{ queue *devcloud.KeptQueue }

func (s kept) list(ctx context.Context, max int) ([]stack.Failure, int, error) {
	buried, err := s.queue.Buried(ctx, max)
	var list []stack.Failure
	for _, b := range buried {
		f := stack.ParseFailure(string(b.Body))
		f.ID, f.At, f.Tries = b.ID, b.At.Truncate(time.Millisecond), b.Attempts
		if b.Reason != "" {
			f.Reason = strings.TrimSpace(b.Reason)
		}
		list = append(list, f)
	}
	return list, 0, err
}

func (s kept) retry(ctx context.Context, max int, numbers []int, told func(stack.Retried)) (int, error) {
	list, _, err := s.list(ctx, max)
	if err != nil {
		return 0, err
	}
	if len(numbers) == 0 {
		for i := range list {
			numbers = append(numbers, i+1)
		}
	}
	for _, n := range numbers {
		r := stack.Retried{Number: n}
		if n > len(list) {
			r.Err = fmt.Errorf("there is no failure %d; the list has %d", n, len(list))
		} else {
			r.Failure = list[n-1]
			r.Err = s.queue.Unbury(ctx, r.ID)
		}
		told(r)
	}
	return 0, nil
}

func (s kept) after() string { return "imgmill dev takes it up when it runs again." }

func (s kept) close() error { return s.queue.Close() }
