package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/failures"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

// failuresFlags are the flags of failures.
type failuresFlags struct {
	placeFlags
	max       int
	all, json bool
}

func failuresCommand() *cobra.Command {
	var f failuresFlags
	c := &cobra.Command{
		Use:   "failures [NAME] [list | show N | retry N...]",
		Short: "List what failed, with the reason, and try it again",
		Long: `List the uploads that lack variants, and those whose notifications could not be delivered: first the events whose attempts
are exhausted (retry), oldest first, then the notifications, then the uploads that cannot be processed (bad), by key. Try
them again once the cause is fixed: an event goes back to its queue, and a bad upload is processed at once, by this command. Each leaves the list only after that has
succeeded. Listing changes nothing.

With the NAME of a deployment, these are the events in its failure queue on AWS and the records in its target bucket.
Without a NAME, they are the records in the target bucket that the recipe of this folder names, at --endpoint, the
recipe's source.endpoint, AWS_ENDPOINT_URL, or on AWS with --region; or in the folders --from and --to; else what
imgmill dev has in this folder. A recipe with on_bad.record: false keeps no records.`,
		Example: `  imgmill failures photos                # on AWS
  imgmill failures photos show 1         # everything known about the first
  imgmill failures photos retry --all
  imgmill failures retry 2 3             # from imgmill dev
  imgmill failures --endpoint http://127.0.0.1:9000`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	f.registerStores(c)
	flags := c.Flags()
	flags.IntVar(&f.max, "max", 1000, "maximum number of failures to read")
	flags.BoolVar(&f.all, "all", false, "with retry: every failure in the list")
	flags.BoolVar(&f.json, "json", false, jsonUsage)
	return c
}

// failuresRequest is the meaning of the arguments.
type failuresRequest struct {
	name    string // of a deployment; empty for imgmill dev
	action  string // list, show or retry
	numbers []int  // positions in the list, from 1; empty for all
}

var failuresActions = []string{"list", "show", "retry"}

func (f *failuresFlags) request(c *cobra.Command, args []string) (failuresRequest, error) {
	r := failuresRequest{action: "list"}
	if len(args) > 0 && !slices.Contains(failuresActions, args[0]) {
		r.name, args = args[0], args[1:]
		for _, flag := range storeFlags {
			if c.Flags().Changed(flag) {
				return r, wrongUse("--%s is for buckets without a deployment, and %s names one", flag, r.name)
			}
		}
	}
	if len(args) > 0 {
		if !slices.Contains(failuresActions, args[0]) {
			return r, wrongUse("unknown action %q; use list, show or retry", args[0])
		}
		r.action, args = args[0], args[1:]
	}
	for _, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil || n < 1 {
			return r, wrongUse("%q is not a number from the list", a)
		}
		r.numbers = append(r.numbers, n)
	}
	slices.Sort(r.numbers)
	r.numbers = slices.Compact(r.numbers)
	switch {
	case f.max < 1:
		return r, wrongUse("--max %d is too small; use 1 or more", f.max)
	case r.action == "list" && len(r.numbers) > 0:
		return r, wrongUse("list accepts no numbers; use show %d", r.numbers[0])
	case r.action == "show" && len(r.numbers) != 1:
		return r, wrongUse("show needs one number from the list, got %d", len(r.numbers))
	case r.action == "retry" && f.all == (len(r.numbers) > 0):
		return r, wrongUse("retry needs numbers from the list, or --all")
	case f.all && r.action != "retry":
		return r, wrongUse("--all is for retry")
	}
	return r, nil
}

// failureSource is a queue of failures.
type failureSource interface {
	// list also returns how many more are in flight and cannot be listed now.
	list(ctx context.Context, most int) (list []failures.Failure, inFlight int, err error)
	// retry sends back the failures with these numbers, or all without numbers, and reports each.
	retry(ctx context.Context, most int, numbers []int, report func(failures.Result)) (inFlight int,
		err error)
	// nextSteps explains what happens to an event that was sent back.
	nextSteps() string
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
	list, inFlight, err := source.list(c.Context(), f.max)
	if err != nil {
		return err
	}
	warnInFlight(c, inFlight)
	if r.action == "show" {
		if n := r.numbers[0]; n <= len(list) {
			return showFailure(c.OutOrStdout(), n, list[n-1])
		}
		return noSuchFailure(r.numbers[0], len(list))
	}
	return f.list(c, list, inFlight)
}

// warnInFlight warns that the list is incomplete.
func warnInFlight(c *cobra.Command, n int) {
	if n > 0 {
		note(c.ErrOrStderr(),
			"About %s more in flight: another command reads them, or one was interrupted. They are listed again in a minute.",
			count(n, "failure"))
	}
}

// open finds where failures are: a queue, records of bad uploads, or both.
func (f *failuresFlags) open(c *cobra.Command, name string) (failureSource, error) {
	if name != "" {
		cloud, d, err := findDeployment(c.Context(), f.region, name)
		if err != nil {
			return nil, err
		}
		queue := awsFailures{cloud, d}
		p, err := placeOf(c.Context(), cloud, d)
		if err != nil { // a function without code must not hide its queue
			note(c.ErrOrStderr(), "Uploads that cannot be processed are not listed: %s", oneLine(err.Error()))
			return queue, nil
		}
		return badUploads{queue, p, c.ErrOrStderr()}, nil
	}
	r, err := loadRecipe(f.config)
	if err != nil {
		return nil, err
	}
	if f.from == "" && f.to == "" && f.meansDev(r) {
		return f.openDev(c, r)
	}
	p, err := f.placeFlags.open(c, nil)
	return badUploads{nil, p, c.ErrOrStderr()}, err
}

// openDev opens what imgmill dev keeps. If it does not run, its servers are started, without a worker.
func (f *failuresFlags) openDev(c *cobra.Command, r *recipe.Recipe) (failureSource, error) {
	if err := f.absolute(); err != nil { // a cloud changes the working directory
		return nil, err
	}
	var started *devcloud.Cloud
	address, err := devcloud.FindRunning(f.dir)
	if errors.Is(err, devcloud.ErrNotRunning) {
		log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
		started, err = devcloud.Start(c.Context(), devcloud.Config{Dir: f.dir, Port: devcloud.AnyPort, Log: log,
			Watch: []string{r.Source.Bucket}, Buckets: []string{r.Target.Bucket}})
		if err == nil {
			address, err = devcloud.FindRunning(f.dir)
		}
	}
	var p *place
	if err == nil {
		p, err = f.placeFlags.open(c, nil)
	}
	source := devFailures{address.Buried(), started}
	if err != nil {
		err = errors.Join(err, source.close())
	}
	switch {
	case errors.Is(err, devcloud.ErrNoCloud):
		return nil, fmt.Errorf("%w: imgmill dev creates one; for a deployment on AWS, run imgmill failures NAME, "+
			"and for another store, give --endpoint", err)
	case err != nil:
		return nil, err
	}
	return badUploads{source, p, c.ErrOrStderr()}, nil
}

// absolute makes paths independent of the working directory.
func (f *failuresFlags) absolute() (err error) {
	if f.config == "" {
		if _, err := os.Stat(recipeName); err == nil {
			f.config = recipeName
		}
	}
	if f.config != "" {
		if f.config, err = filepath.Abs(f.config); err != nil {
			return err
		}
	}
	f.dir, err = filepath.Abs(f.dir)
	return err
}

// list prints a table, or lines of JSON.
func (f *failuresFlags) list(c *cobra.Command, list []failures.Failure, inFlight int) error {
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
		if inFlight == 0 {
			fmt.Fprintln(c.ErrOrStderr(), "No failures.")
		}
		return nil
	}
	if len(list) == f.max {
		note(c.ErrOrStderr(), "This list ends at %d; there may be more: raise --max.", f.max)
	}
	return printFailures(out, list)
}

// printFailures prints a table or, on a terminal that is too narrow for it, each failure in lines of its own.
func printFailures(w io.Writer, list []failures.Failure) error {
	var table, lines strings.Builder
	columns := columnsOf(w)
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "no\twhen\tverdict\ttries\tkey\treason")
	for i, x := range list {
		when, tries, times := x.At.Local().Format("2006-01-02 15:04:05"), "-", ""
		if x.Tries > 0 {
			tries, times = strconv.Itoa(x.Tries), count(x.Tries, "attempt")
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", i+1, when, x.Verdict, tries, keyText(x), reasonText(x))
		stacked(&lines, columns, fmt.Sprintf("%d  %s", i+1, keyText(x)), when, times, string(x.Verdict)+": "+reasonText(x))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	text := table.String()
	if isTerminal(w) && slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return runes.StringWidth(line) > columns }) {
		text = lines.String()
	}
	_, err := io.WriteString(w, text)
	return err
}

func keyText(x failures.Failure) string {
	switch len(x.Keys) {
	case 0:
		return "-"
	case 1:
		return shown(x.Keys[0])
	}
	return fmt.Sprintf("%s and %d more", shown(x.Keys[0]), len(x.Keys)-1)
}

func reasonText(x failures.Failure) string {
	if x.Reason == "" {
		return "unknown; see the log"
	}
	return oneLine(x.Reason)
}

// numbered is a failure in JSON output.
type numbered struct {
	Number int `json:"number"`
	failures.Failure
}

func printFailure(w io.Writer, n int, x failures.Failure) error {
	return newJSON(w).Encode(numbered{n, x})
}

func showFailure(w io.Writer, n int, x failures.Failure) error {
	e := newJSON(w)
	e.SetIndent("", "  ")
	return e.Encode(numbered{n, x})
}

func noSuchFailure(n, length int) error {
	return fmt.Errorf("there is no failure %d; the list has %d", n, length)
}

// retry sends failures back, or makes variants, and prints the result of each.
func (f *failuresFlags) retry(c *cobra.Command, source failureSource, numbers []int) error {
	sent, made, told, failed := 0, 0, 0, 0
	report := func(r failures.Result) {
		result := "sent back"
		switch {
		case r.Err != nil && r.Made:
			failed++
			result = oneLine(r.Err.Error())
		case r.Err != nil:
			failed++
			result = "not sent: " + oneLine(r.Err.Error())
		case r.Made && r.Verdict == outcome.Retry:
			told++
			result = "delivered"
		case r.Made:
			made++
			result = "made"
		default:
			sent++
		}
		if f.json {
			line := struct {
				Number int      `json:"number"`
				ID     string   `json:"id,omitempty"`
				Keys   []string `json:"keys,omitempty"`
				Sent   bool     `json:"sent"` // back to a queue
				Made   bool     `json:"made"` // at once
				Error  string   `json:"error,omitempty"`
			}{r.Number, r.ID, r.Keys, r.Err == nil && !r.Made, r.Err == nil && r.Made, ""}
			if r.Err != nil {
				line.Error = r.Err.Error()
			}
			_ = newJSON(c.OutOrStdout()).Encode(line) // the event is sent back even if nobody reads this
			return
		}
		note(c.OutOrStdout(), "%d  %s  %s", r.Number, keyText(r.Failure), result)
	}
	inFlight, err := source.retry(c.Context(), f.max, numbers, report)
	if err == nil {
		warnInFlight(c, inFlight)
	}
	if sent > 0 {
		note(c.ErrOrStderr(), "%s sent back. %s", count(sent, "failure"), source.nextSteps())
	}
	if made > 0 {
		note(c.ErrOrStderr(), "The variants of %s are made.", count(made, "upload"))
	}
	if told > 0 {
		note(c.ErrOrStderr(), "%s delivered.", count(told, "event"))
	}
	if sent+made+told > 0 && len(numbers) > 0 {
		note(c.ErrOrStderr(), "What is left has new numbers in the list.")
	}
	if sent+made+told+failed+inFlight == 0 && err == nil {
		fmt.Fprintln(c.ErrOrStderr(), "No failures.")
	}
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; what is not reported as sent back or made is still a failure")
	case err != nil:
		return err
	case failed == 0:
		return nil
	case sent+made+told == 0:
		return errReported
	}
	return errPartial
}

// awsFailures is the failure queue of a deployment.
type awsFailures struct {
	cloud *client.Cloud
	d     *deployment.Deployment
}

func (s awsFailures) list(ctx context.Context, most int) ([]failures.Failure, int, error) {
	return failures.List(ctx, s.cloud, s.d, most)
}

func (s awsFailures) retry(ctx context.Context, most int, numbers []int,
	report func(failures.Result)) (int, error) {
	return failures.Retry(ctx, s.cloud, s.d, most, numbers, report)
}

func (s awsFailures) nextSteps() string {
	return fmt.Sprintf("imgmill logs %s -f shows the outcome; an event that fails again is listed again.",
		s.d.Name)
}

func (s awsFailures) close() error { return nil }

// devFailures is what the worker of imgmill dev has buried.
type devFailures struct {
	queue   devcloud.BuriedQueue
	started *devcloud.Cloud // that is stopped in the end, or nil
}

func (s devFailures) list(ctx context.Context, most int) ([]failures.Failure, int, error) {
	buried, err := s.queue.Buried(ctx, most)
	var list []failures.Failure
	for _, b := range buried {
		f := failures.Parse(string(b.Body))
		f.ID, f.At, f.Tries = b.ID, b.At.Truncate(time.Millisecond), b.Attempts
		if b.Reason != "" {
			f.Reason = strings.TrimSpace(b.Reason)
		}
		list = append(list, f)
	}
	return list, 0, err
}

func (s devFailures) retry(ctx context.Context, most int, numbers []int,
	report func(failures.Result)) (int, error) {
	list, _, err := s.list(ctx, most)
	if err != nil {
		return 0, err
	}
	if len(numbers) == 0 {
		for i := range list {
			numbers = append(numbers, i+1)
		}
	}
	for _, n := range numbers {
		r := failures.Result{Number: n}
		if n > len(list) {
			r.Err = noSuchFailure(n, len(list))
		} else {
			r.Failure = list[n-1]
			r.Err = s.queue.Unbury(ctx, r.ID)
		}
		report(r)
	}
	return 0, nil
}

func (s devFailures) nextSteps() string {
	return "imgmill dev processes it at once, or when it next runs."
}

func (s devFailures) close() error {
	err := s.queue.Close()
	if s.started != nil {
		err = errors.Join(err, s.started.Stop(context.Background()))
	}
	return err
}
