package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/aws/stack"
)

// teller tells what deploy and destroy do: to a person on stderr and, if wanted, as lines of JSON on stdout.
type teller struct {
	in     io.Reader
	err    io.Writer
	json   *json.Encoder // nil: not wanted
	tidy   bool          // a terminal: what is only begun is one line that is written over
	width  func() int    // of that terminal
	start  time.Time
	begun  []string // parts that are being worked on
	behind bool     // the line of begun parts is on the terminal
}

func newTeller(c *cobra.Command, lines bool) *teller {
	t := &teller{in: c.InOrStdin(), err: c.ErrOrStderr(), tidy: isTerminal(c.ErrOrStderr()), width: widthOf(c.ErrOrStderr()), start: time.Now()}
	if lines {
		t.json = json.NewEncoder(c.OutOrStdout())
	}
	return t
}

func (t *teller) say(format string, args ...any) { fmt.Fprintf(t.err, format+"\n", args...) }

func (t *teller) line(v any) {
	if t.json != nil {
		_ = t.json.Encode(v) // who closed the pipe wants no more
	}
}

// whose says in whose account and region this happens, and what is risky about it.
func (t *teller) whose(ctx context.Context, cloud *stack.Cloud) (stack.Identity, error) {
	who, err := cloud.WhoAmI(ctx)
	if err != nil {
		return who, err
	}
	account := who.Account
	if who.Alias != "" {
		account += " (" + who.Alias + ")"
	}
	t.say("Account %s, region %s, as %s", account, cloud.Region, who.ARN)
	if who.Root {
		t.say("Warning: this is the account's root user, whom nothing restricts. Make an IAM user for this, and put the root user's keys away.")
	}
	if who.NoMFA {
		t.say("Warning: this user has no second factor (MFA). Whoever finds out the password has the account.")
	}
	for _, u := range who.Unseen {
		t.say("Not seen: %s.", u)
	}
	t.line(map[string]any{"account": who.Account, "alias": who.Alias, "region": cloud.Region, "caller": who.ARN, "root": who.Root, "no_mfa": who.NoMFA, "unseen": who.Unseen})
	return who, nil
}

// plan shows what will be done and about what it costs.
func (t *teller) plan(p *stack.Plan) {
	if len(p.Changes) > 0 {
		t.say("\n%s in %s:", p.Name, p.Region)
		w := tabwriter.NewWriter(t.err, 0, 0, 2, ' ', 0)
		for _, ch := range p.Changes {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", ch.What, ch.Part, ch.How)
		}
		w.Flush()
	}
	for _, n := range p.Notes {
		t.say("%s", n)
	}
	out := map[string]any{"plan": p.Name, "changes": p.Changes, "notes": p.Notes}
	load := price.Typical()
	load.Region, load.Arch, load.Trigger = p.Region, p.Arch(), p.Parameters["Trigger"]
	load.Variants, load.Manifest = len(p.Recipe.Variants), p.Recipe.Manifest
	load.MemoryMB, _ = strconv.Atoi(p.Parameters["MemoryMB"]) // a plan's parameters are checked
	load.LogRetentionDays, _ = strconv.ParseFloat(p.Parameters["LogRetentionDays"], 64)
	busy, err := price.Estimate(load)
	if err != nil {
		t.say("What it costs: %v.", err)
	} else {
		load.Uploads = 0
		idle, _ := price.Estimate(load) // differs in a number that is right
		t.say("About $%.2f a month with %g uploads of %g MB a day (%s, kept for %g days), $%.2f with none; after the free tier $%.2f and $%.2f. 'imgmill cost' tells more.",
			busy.Full, busy.Load.Uploads, busy.Load.Megabytes, count(load.Variants, "variant"), load.DaysKept, idle.Full, busy.Free, idle.Free)
		out["usd_a_month"], out["usd_a_month_idle"] = busy.Full, idle.Full
	}
	t.line(out)
}

// event tells one step. On a terminal what is only begun shares a line at the end.
func (t *teller) event(e stack.Event) {
	since := time.Since(t.start)
	t.line(struct {
		Milliseconds int64 `json:"ms"`
		stack.Event
	}{since.Milliseconds(), e})
	t.wipe()
	defer t.show()
	part, begins := e.Part, strings.HasSuffix(e.Status, "_IN_PROGRESS")
	for i, b := range t.begun {
		if b == part {
			t.begun = append(t.begun[:i], t.begun[i+1:]...)
			break
		}
	}
	if begins && t.tidy {
		t.begun = append(t.begun, part)
		return
	}
	text := fmt.Sprintf("%6.1f s  %-12s %s", since.Seconds(), word(e.Status), part)
	if e.Reason != "" && (!begins || !t.tidy) {
		text += "  " + e.Reason
	}
	t.say("%s", text)
}

// words are CloudFormation's states in short.
var words = strings.NewReplacer("CREATE_IN_PROGRESS", "making", "CREATE_COMPLETE", "made", "UPDATE_IN_PROGRESS", "changing",
	"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "tidying up", "UPDATE_COMPLETE", "changed", "DELETE_IN_PROGRESS", "deleting",
	"DELETE_COMPLETE", "deleted", "DELETE_SKIPPED", "kept")

func word(status string) string {
	if strings.HasSuffix(status, "_FAILED") {
		return "FAILED"
	}
	w := words.Replace(status)
	return strings.ToLower(strings.ReplaceAll(w, "_", " "))
}

// widthOf asks a terminal for its columns each time, since a person may resize it.
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

func (t *teller) wipe() {
	if t.behind {
		fmt.Fprint(t.err, "\r\x1b[K")
		t.behind = false
	}
}

func (t *teller) show() {
	if !t.tidy || len(t.begun) == 0 {
		return
	}
	text := "... " + strings.Join(t.begun, ", ")
	if most := t.width() - 1; len(text) > most { // a line that wraps cannot be written over
		text = text[:max(0, most-3)] + "..."
	}
	fmt.Fprint(t.err, text)
	t.behind = true
}

// end leaves the terminal at the start of a line.
func (t *teller) end() {
	t.wipe()
	t.begun = nil
}

// up says that it works and what to do next.
func (t *teller) up(d *stack.Deployment, changed bool) {
	t.line(map[string]any{"deployed": d.Name, "changed": changed, "source_bucket": d.SourceBucket, "target_bucket": d.TargetBucket,
		"function": d.FunctionName, "log_group": d.LogGroup, "failure_queue": d.FailureQueue, "stack": d.StackID})
	if !changed {
		t.say("Nothing to change: %s is as it should be.", d.Name)
		return
	}
	t.say("\n%s is up after %.0f s: what is uploaded to s3://%s appears in s3://%s.\nTry it with: imgmill test %s", d.Name,
		time.Since(t.start).Seconds(), d.SourceBucket, d.TargetBucket, d.Name)
}

// mayAsk refuses to begin where nobody could answer.
func mayAsk(c *cobra.Command, yes bool) error {
	if yes {
		return nil
	}
	in, ok := c.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return wrongUse("there is no terminal to ask on; add --yes to go on without a question, or --dry-run to see what would be done")
	}
	return nil
}

// agreed asks whether to go on.
func (t *teller) agreed(ctx context.Context, yes bool) (bool, error) {
	defer func() { t.start = time.Now() }() // thinking is not deploying
	if yes {
		return true, nil
	}
	answer, err := t.ask(ctx, "\nGo on? [y/N] ")
	if a := strings.ToLower(answer); err != nil || a == "y" || a == "yes" {
		return err == nil, err
	}
	t.say("Nothing was changed.")
	return false, errReported
}

// ask gives one line that a person types; an interrupt ends the wait.
func (t *teller) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(t.err, question)
	type result struct {
		text string
		err  error
	}
	answered := make(chan result, 1)
	go func() {
		text, err := bufio.NewReader(t.in).ReadString('\n')
		if err == io.EOF {
			err = nil
		}
		answered <- result{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(t.err)
		return "", fmt.Errorf("interrupted; nothing was changed")
	case r := <-answered:
		return r.text, r.err
	}
}
