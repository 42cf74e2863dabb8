package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// destroyFlags are the command line of destroy.
type destroyFlags struct {
	region, source          string
	keep, dryRun, yes, json bool
}

func destroyCommand() *cobra.Command {
	var f destroyFlags
	c := &cobra.Command{
		Use:   "destroy NAME",
		Short: "Take a deployment off AWS, with everything in its buckets",
		Long: `Take away what 'imgmill deploy NAME' made, and nothing else: notifications, the stack with function, role, queues and alarms,
the log, the code, and the buckets with all that is in them. Afterwards it looks whether anything is left.

A bucket that was only attached stays, with its objects and everybody else's notifications. It can be interrupted and run
again at any time.`,
		Example: `  imgmill destroy photos
  imgmill destroy photos --keep-buckets    # and every picture in them
  imgmill destroy photos --dry-run`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error { return again(f.run(c, args[0])) },
	}
	flags := c.Flags()
	flags.BoolVar(&f.keep, "keep-buckets", false, "leave the source and target bucket as they are")
	flags.StringVar(&f.source, "source-bucket", "", "where the stack is gone already, the bucket that it was attached to")
	flags.StringVar(&f.region, "region", "", "AWS region (default: as the AWS command line finds it)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would go and change nothing")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask for the name")
	flags.BoolVar(&f.json, "json", false, "one line of JSON for each thing told, on standard output")
	return c
}

func (f *destroyFlags) run(c *cobra.Command, name string) error {
	ctx := c.Context()
	names, err := stack.NamesFor(name)
	if err != nil {
		return usageError{err}
	}
	if err := mayAsk(c, f.yes || f.dryRun); err != nil {
		return err
	}
	cloud, err := stack.Open(ctx, f.region)
	if err != nil {
		return err
	}
	t := newTeller(c, f.json)
	who, err := t.whose(ctx, cloud)
	if err != nil {
		return err
	}
	if !f.dryRun {
		if _, err := cloud.Rest(ctx, names, t.event); err != nil && !errors.Is(err, stack.ErrNotDeployed) {
			return err
		}
	}
	r, err := cloud.Remains(ctx, names, who.Account, f.source)
	if err != nil {
		return err
	}
	t.remains(r, f.keep)
	switch {
	case r.Nothing(), f.keep && r.OnlyBuckets():
		t.say("There is nothing of %s to take away in %s.", name, cloud.Region)
		return nil
	case f.dryRun:
		t.say("Nothing was changed.")
		return nil
	}
	if !f.yes {
		typed, err := t.ask(ctx, fmt.Sprintf("\nType the name %s to go on: ", name))
		if err != nil {
			return err
		}
		if typed != name {
			t.say("Nothing was changed.")
			return errReported
		}
	}
	t.start = time.Now()
	err = cloud.Remove(ctx, r, f.keep, t.event)
	t.end()
	if err != nil {
		return err
	}
	found, err := cloud.Verify(ctx, r, f.keep)
	if err != nil {
		return err
	}
	return t.gone(found, r, f.keep)
}

// remains shows what goes and what stays.
func (t *teller) remains(r *stack.Remains, keep bool) {
	w := tabwriter.NewWriter(t.err, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	if r.Stack != nil {
		fmt.Fprintf(w, "  delete\tstack %s\tfunction, role, queues, log, alarms; %s\n", r.Stack.Stack, r.Stack.Status)
	}
	if r.LogGroup != "" {
		fmt.Fprintf(w, "  delete\tlog group %s\tleft over\n", r.LogGroup)
	}
	if r.Foreign != "" {
		fmt.Fprintf(w, "  keep\tlog group %s\tnot made by imgmill for %s\n", r.Foreign, r.Name)
	}
	for _, b := range r.Notified {
		fmt.Fprintf(w, "  take off\tnotifications of %s\tthose of %s; others stay\n", b, r.Name)
	}
	for _, b := range r.Buckets {
		more := ""
		if b.More {
			more = "more than "
		}
		holds := fmt.Sprintf("%s, %s%s, %s", b.Role, more, count(b.Objects, "object"), bytesText(b.Bytes))
		switch {
		case !b.Ours:
			fmt.Fprintf(w, "  keep\tbucket %s\t%s; not made by imgmill for %s\n", b.Name, b.Role, r.Name)
		case keep && b.Role != "code":
			fmt.Fprintf(w, "  keep\tbucket %s\t%s\n", b.Name, holds)
		default:
			if b.Others > 0 {
				holds += "; somebody else uses it too: " + count(b.Others, "other notification")
			}
			fmt.Fprintf(w, "  delete\tbucket %s\t%s\n", b.Name, holds)
		}
	}
	w.Flush()
	stack := ""
	if r.Stack != nil {
		stack = r.Stack.StackID
	}
	t.line(map[string]any{"destroy": r.Name, "stack": stack, "log_group": r.LogGroup, "foreign_log_group": r.Foreign, "notifications_of": r.Notified, "buckets": r.Buckets, "keep_buckets": keep})
}

// gone says what was looked for again.
func (t *teller) gone(found []stack.Finding, r *stack.Remains, keep bool) error {
	t.line(map[string]any{"verified": found})
	if left := stack.Left(found); left != "" {
		return fmt.Errorf("still there: %s; run the same command again", left)
	}
	t.say("\nGone, each looked for again:")
	for _, f := range found {
		t.say("  %s", f.What)
	}
	for _, b := range r.Buckets {
		if b.Ours && keep && b.Role != "code" {
			t.say("Kept: bucket %s, which costs what its %s of objects cost.", b.Name, bytesText(b.Bytes))
		}
	}
	return nil
}
