package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/stack"
)

// destroyFlags are the flags of destroy.
type destroyFlags struct {
	region, source          string
	keep, dryRun, yes, json bool
}

func destroyCommand() *cobra.Command {
	var f destroyFlags
	c := &cobra.Command{
		Use:   "destroy NAME",
		Short: "Delete a deployment from AWS, with everything in its buckets",
		Long: `Delete what 'imgmill deploy NAME' created, and nothing else: the notifications, the stack with function, role,
queues and alarms, the log, the code, and the buckets with everything in them. Then check that nothing is left.

Existing buckets that the deployment only used are kept, with their objects and the notifications of others. You
can interrupt the command and run it again at any time.`,
		Example: `  imgmill destroy photos
  imgmill destroy photos --keep-buckets    # keep the pictures
  imgmill destroy photos --dry-run`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error {
			return explainRerun(f.run(c, args[0]))
		},
	}
	flags := c.Flags()
	flags.BoolVar(&f.keep, "keep-buckets", false, "keep the source and target bucket as they are")
	flags.StringVar(&f.source, "source-bucket", "",
		"existing bucket that the deployment used, if its stack is already deleted")
	flags.StringVar(&f.region, "region", "", regionUsage)
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be deleted, and change nothing")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask for the name")
	flags.BoolVar(&f.json, "json", false,
		"also write each event as a line of JSON to standard output")
	return c
}

func (f *destroyFlags) run(c *cobra.Command, name string) error {
	ctx := c.Context()
	names, err := deployment.NamesFor(name)
	if err != nil {
		return usageError{err}
	}
	o := newDeployOutput(c, f.json)
	cloud, who, err := o.begin(c, f.region, names, f.yes, f.dryRun)
	if err != nil {
		return err
	}
	v, err := stack.TakeInventory(ctx, cloud, names, who.Account, f.source)
	if err != nil {
		return err
	}
	o.inventory(v, f.keep)
	switch {
	case v.Empty(), f.keep && v.OnlyPictureBuckets():
		o.printf("There is nothing of %s to delete in %s.", name, cloud.Region)
		return nil
	case f.dryRun:
		o.printf("Nothing was changed.")
		return nil
	}
	if !f.yes {
		typed, err := o.ask(ctx, fmt.Sprintf("\nType the name %s to go on: ", name))
		if err != nil {
			return err
		}
		if typed != name {
			o.printf("Nothing was changed.")
			return errReported
		}
	}
	o.start = time.Now()
	err = stack.Destroy(ctx, cloud, v, f.keep, o.event)
	o.end()
	if err != nil {
		return err
	}
	found, err := stack.Verify(ctx, cloud, v, f.keep)
	if err != nil {
		return err
	}
	return o.destroyed(found, v, f.keep)
}

// inventory shows what will be deleted and what is kept.
func (o *deployOutput) inventory(v *stack.Inventory, keepBuckets bool) {
	w := tabwriter.NewWriter(o.err, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	stackID := ""
	if v.Stack != nil {
		stackID = v.Stack.StackID
		fmt.Fprintf(w, "  delete\tstack %s\tfunction, role, queues, log, alarms; %s\n",
			v.Stack.Stack, v.Stack.Status)
	}
	if v.LogGroup != "" {
		fmt.Fprintf(w, "  delete\tlog group %s\tleft over\n", v.LogGroup)
	}
	if v.ForeignLogGroup != "" {
		fmt.Fprintf(w, "  keep\tlog group %s\tnot created by imgmill for %s\n", v.ForeignLogGroup,
			v.Name)
	}
	for _, b := range v.Notifying {
		fmt.Fprintf(w, "  remove\tnotifications of %s\tonly those for %s\n", b, v.Name)
	}
	for _, b := range v.Buckets {
		more := ""
		if b.More {
			more = "more than "
		}
		content := fmt.Sprintf("%s, %s%s, %s", b.Role, more, count(b.Objects, "object"),
			bytesText(b.Bytes))
		switch {
		case !b.Ours:
			fmt.Fprintf(w, "  keep\tbucket %s\t%s; not created by imgmill for %s\n", b.Name, b.Role,
				v.Name)
		case keepBuckets && b.Role != "code":
			fmt.Fprintf(w, "  keep\tbucket %s\t%s\n", b.Name, content)
		default:
			if b.Others > 0 {
				content += "; others use it too: " + count(b.Others, "other notification")
			}
			fmt.Fprintf(w, "  delete\tbucket %s\t%s\n", b.Name, content)
		}
	}
	w.Flush()
	o.line(map[string]any{"destroy": v.Name, "stack": stackID, "log_group": v.LogGroup,
		"foreign_log_group": v.ForeignLogGroup, "notifications_of": v.Notifying,
		"buckets": v.Buckets, "keep_buckets": keepBuckets})
}

// destroyed reports what was checked after the deletion.
func (o *deployOutput) destroyed(found []stack.Finding, v *stack.Inventory,
	keepBuckets bool) error {
	o.line(map[string]any{"verified": found})
	if remaining := stack.Remaining(found); remaining != "" {
		return fmt.Errorf("not deleted: %s; run the same command again", remaining)
	}
	o.printf("\nDeleted, each one checked:")
	for _, f := range found {
		o.printf("  %s", f.Name)
	}
	for _, b := range v.Buckets {
		if b.Ours && keepBuckets && b.Role != "code" {
			o.printf("Kept: bucket %s, whose %s of objects go on costing money.", b.Name,
				bytesText(b.Bytes))
		}
	}
	return nil
}
