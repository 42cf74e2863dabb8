package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/aws/template"
)

// deployOutput reports what deploy and destroy do: to a person on standard error and, with --json,
// as lines of JSON on standard output.
type deployOutput struct {
	in  io.Reader
	err io.Writer
	// json is nil without --json.
	json *json.Encoder
	// terminal reports whether err is a terminal. Parts in progress then share a last line, which
	// is overwritten.
	terminal bool
	status   *status
	start    time.Time
	// inProgress lists the parts that AWS is working on.
	inProgress []string
}

func newDeployOutput(c *cobra.Command, lines bool) *deployOutput {
	stderr := c.ErrOrStderr()
	o := &deployOutput{in: c.InOrStdin(), err: stderr, terminal: isTerminal(stderr),
		status: newStatus(stderr), start: time.Now()}
	if lines {
		o.json = newJSON(c.OutOrStdout())
	}
	return o
}

// printf writes a line for a person.
func (o *deployOutput) printf(format string, args ...any) {
	note(o.err, format, args...)
}

// line writes a line for a program.
func (o *deployOutput) line(v any) {
	if o.json != nil {
		_ = o.json.Encode(v) // a reader that closed the pipe wants no more
	}
}

// begin opens AWS for a change of a deployment, which has to be confirmed unless yes is set, and shows who makes it.
// Unless it is a dry run, it waits until nobody else changes the stack.
func (o *deployOutput) begin(c *cobra.Command, region string, names deployment.Names, yes, dryRun bool) (*client.Cloud, client.Identity, error) {
	if err := requireAnswer(c, yes || dryRun); err != nil {
		return nil, client.Identity{}, err
	}
	ctx := c.Context()
	cloud, err := client.Open(ctx, region)
	if err != nil {
		return nil, client.Identity{}, err
	}
	who, err := o.identity(ctx, cloud)
	if err != nil || dryRun {
		return cloud, who, err
	}
	if _, err = stack.Wait(ctx, cloud, names, o.event); errors.Is(err, deployment.ErrNotDeployed) {
		err = nil
	}
	return cloud, who, err
}

// identity shows the account and region, and warns about credentials that are a risk.
func (o *deployOutput) identity(ctx context.Context, cloud *client.Cloud) (client.Identity, error) {
	who, err := cloud.WhoAmI(ctx)
	if err != nil {
		return who, err
	}
	account := who.Account
	if who.Alias != "" {
		account += " (" + who.Alias + ")"
	}
	o.printf("Account %s, region %s, as %s", account, cloud.Region, who.ARN)
	if who.Root {
		o.printf("Warning: this is the account's root user, whom no policy restricts. Create an IAM user for this, and lock the root user's keys away.")
	}
	if who.NoMFA {
		o.printf("Warning: this user has no MFA device. Whoever learns the password controls the account.")
	}
	for _, u := range who.Unknown {
		o.printf("Could not read %s.", u)
	}
	o.line(map[string]any{"account": who.Account, "alias": who.Alias, "region": cloud.Region,
		"caller": who.ARN, "root": who.Root, "no_mfa": who.NoMFA, "unseen": who.Unknown})
	return who, nil
}

// plan shows what will change and the estimated cost.
func (o *deployOutput) plan(p *stack.Plan) {
	if len(p.Changes) > 0 {
		o.printf("\n%s in %s:", p.Name, p.Region)
		w := tabwriter.NewWriter(o.err, 0, 0, 2, ' ', 0)
		for _, ch := range p.Changes {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", ch.Action, ch.Part, ch.Detail)
		}
		w.Flush()
	}
	for _, n := range p.Notes {
		o.printf("%s", n)
	}
	out := map[string]any{"plan": p.Name, "changes": p.Changes, "notes": p.Notes}
	load := price.Typical()
	load.Region, load.Arch, load.Trigger = p.Region, p.Arch(), p.Parameters["Trigger"]
	load.Variants, load.Manifest = len(p.Recipe.Variants), p.Recipe.Manifest
	load.Moderated = p.Recipe.Gates.Rekognition != nil
	load.MemoryMB, _ = strconv.Atoi(p.Parameters["MemoryMB"]) // a plan's parameters are valid
	load.LogRetentionDays, _ = strconv.ParseFloat(p.Parameters["LogRetentionDays"], 64)
	load.Audits = p.Parameters["AuditSchedule"] != ""
	busy, err := price.Estimate(load)
	if err != nil {
		o.printf("Cannot estimate the cost: %v.", err)
	} else {
		idle, tutorial := load, load // differ only in a valid number
		idle.Uploads, tutorial.Uploads = 0, tutorialUploads/price.DaysPerMonth
		none, _ := price.Estimate(idle)
		few, _ := price.Estimate(tutorial)
		o.printf("About $%.2f a month for %d uploads, or $%.2f for %s a day of %g MB (%s, kept for %g days); without AWS's free tier, $%.2f and $%.2f. 'imgmill cost' shows the details.",
			few.Free, tutorialUploads, busy.Free, grouped(int64(load.Uploads)), load.Megabytes, count(load.Variants, "variant"),
			load.DaysKept, few.Full, busy.Full)
		out["usd_a_month"], out["usd_a_month_idle"] = busy.Full, none.Full
	}
	most, err := price.Limit(deployment.Exposure(p.Region, p.Parameters, p.Unreserved, p.Recipe))
	if err == nil { // otherwise the estimate has failed as well
		o.printf("At most $%.2f an hour, whoever uploads: what S3 charges for the uploads themselves comes on top. 'imgmill cost --worst' shows why.",
			most.Total)
		out["usd_an_hour_at_most"] = most.Total
	}
	if busy.Assumed != "" {
		o.printf("%s", busy.Assumed)
		out["prices_assumed"] = busy.Assumed
	}
	o.line(out)
}

// tutorialUploads are what somebody uploads who tries it out, in the month of that.
const tutorialUploads = 20

// event reports one step. On a terminal, parts in progress share the last line.
func (o *deployOutput) event(e stack.Event) {
	since := time.Since(o.start)
	o.line(struct {
		Milliseconds int64 `json:"ms"`
		stack.Event
	}{since.Milliseconds(), e})
	o.status.clear()
	defer o.showStatus()
	if strings.HasPrefix(e.Status, "will ") && e.Reason == "" || e.Status == "DELETE_SKIPPED" {
		return // the plan says what is created or changed, and what is kept
	}
	part, begins := partName(e), strings.HasSuffix(e.Status, "_IN_PROGRESS")
	for i, p := range o.inProgress {
		if p == part {
			o.inProgress = append(o.inProgress[:i], o.inProgress[i+1:]...)
			break
		}
	}
	if begins && o.terminal {
		o.inProgress = append(o.inProgress, part)
		return
	}
	when := fmt.Sprintf("%6.1f s  %-12s ", since.Seconds(), statusText(e.Status))
	if e.Reason != "" && (!begins || !o.terminal) {
		part += "  " + e.Reason
	}
	o.printf("%s", beside(o.err, when, part))
}

// partName names a part of the stack as a person would, with its name in the template if it failed.
func partName(e stack.Event) string {
	words := template.Words[e.Part]
	switch {
	case words == "":
		return e.Part
	case strings.HasSuffix(e.Status, "_FAILED"):
		return words + " (" + e.Part + ")"
	}
	return words
}

// shortStatus replaces CloudFormation's states by words.
var shortStatus = strings.NewReplacer(
	"CREATE_IN_PROGRESS", "creating", "CREATE_COMPLETE", "created",
	"UPDATE_IN_PROGRESS", "updating", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "cleaning up",
	"UPDATE_COMPLETE", "updated",
	"DELETE_IN_PROGRESS", "deleting", "DELETE_COMPLETE", "deleted", "DELETE_SKIPPED", "kept")

func statusText(status string) string {
	if strings.HasSuffix(status, "_FAILED") {
		return "FAILED"
	}
	return strings.ToLower(strings.ReplaceAll(shortStatus.Replace(status), "_", " "))
}

// widthOf returns a function that asks a terminal for its columns, which change when a person
// resizes it.
func widthOf(w io.Writer) func() int {
	return func() int {
		if f, ok := w.(*os.File); ok {
			if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
				return columns
			}
		}
		return 80
	}
}

func (o *deployOutput) showStatus() {
	if len(o.inProgress) > 0 {
		o.status.show("... %s", strings.Join(o.inProgress, ", "))
	}
}

// end leaves the terminal at the start of a line.
func (o *deployOutput) end() {
	o.status.clear()
	o.inProgress = nil
}

// deployed reports success and what to do next.
func (o *deployOutput) deployed(d *deployment.Deployment, changed bool, old outdated) {
	line := map[string]any{"deployed": d.Name, "changed": changed, "source_bucket": d.SourceBucket,
		"target_bucket": d.TargetBucket,
		"function":      d.FunctionName, "log_group": d.LogGroup, "failure_queue": d.FailureQueue,
		"stack": d.StackID}
	if old.err == nil {
		line["outdated_uploads"], line["outdated_counted"] = old.Uploads, old.All
	}
	o.line(line)
	if !changed {
		o.printf("Nothing to change: %s is up to date.", d.Name)
		return
	}
	o.printf("\n%s is ready after %.0f s: pictures uploaded to s3://%s appear in s3://%s.\nTry it with: imgmill test %s%s", d.Name,
		time.Since(o.start).Seconds(), d.SourceBucket, d.TargetBucket, d.Name, old.text(d.Name))
}

// requireAnswer refuses to begin if nobody could answer a question.
func requireAnswer(c *cobra.Command, yes bool) error {
	if yes {
		return nil
	}
	if !canAsk(c) {
		return wrongUse("standard input is not a terminal, so nobody can confirm; add --yes to go on without asking, or --dry-run to see what would change")
	}
	return nil
}

// canAsk reports whether somebody can answer a question.
func canAsk(c *cobra.Command) bool {
	in, ok := c.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(in.Fd()))
}

// confirm asks whether to go on.
func (o *deployOutput) confirm(ctx context.Context, yes bool) (bool, error) {
	defer func() { o.start = time.Now() }() // the time to answer does not count
	if yes {
		return true, nil
	}
	answer, err := o.ask(ctx, "\nGo on? [y/N] ")
	if a := strings.ToLower(answer); err != nil || a == "y" || a == "yes" {
		return err == nil, err
	}
	o.printf("Nothing was changed.")
	return false, errReported
}

// ask returns a line that a person types. An interrupt ends the wait.
func (o *deployOutput) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(o.err, question)
	type result struct {
		text string
		err  error
	}
	answered := make(chan result, 1)
	go func() {
		text, err := bufio.NewReader(o.in).ReadString('\n')
		if err == io.EOF {
			err = nil
		}
		answered <- result{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.err)
		return "", fmt.Errorf("interrupted; nothing was changed")
	case r := <-answered:
		return r.text, r.err
	}
}
