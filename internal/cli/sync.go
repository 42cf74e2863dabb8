package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/dispatch"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// syncFlags are the flags of sync.
type syncFlags struct {
	placeFlags
	only                       []string
	via                        string
	dryRun, yes, deleteOrphans bool
	noNotify                   bool
	json                       bool
	rate                       float64
	jobs                       int
}

// onlyValues are the values of --only.
var onlyValues = []string{"missing", "stale", "bad", "orphaned"}

func syncCommand() *cobra.Command {
	var f syncFlags
	c := &cobra.Command{
		Use:   "sync [NAME]",
		Short: "Make the variants of pictures that are already there",
		Long: `Compare two buckets with the recipe, and make what is missing or stale: variants of pictures that were uploaded
before imgmill, or whose settings have changed since. Before it changes anything, sync shows how many pictures, bytes,
minutes and dollars that takes, and asks.

` + placeHelp + `

The pictures are processed on this machine, and of each picture only the variants that need it. With --via queue they
are sent to the work queue of the deployment instead, whose function makes what it finds missing or stale; --rate then
leaves it time for new uploads. With --via s3-batch, a job of S3 Batch Operations invokes the function for each picture,
as fast as its instances allow; it needs no queue and counts what fails. You can interrupt the command at any time: run it again, and it goes on where it was.
What is known to be right is remembered in a file on this machine, so that a second run costs little more than the
listings.

Events are sent about what is made on this machine as about uploads, to where the recipe says; --no-notify sends none.

Uploads that cannot be processed are not tried again until they change, unless you ask for --only bad. Orphans,
which are variants whose upload or setting is gone, stay unless you ask for --delete-orphans. Where names contain a
{hash}, those that have been replaced for longer than target.keep_replaced are deleted without it.`,
		Example: `  imgmill sync photos --dry-run         # what would it do, and cost?
  imgmill sync photos --via queue --rate 10
  imgmill sync --prefix 2026/ --only missing
  imgmill sync --endpoint http://127.0.0.1:9000 --rate 5 --yes
  imgmill sync --from photos --to web   # folders`,
		Args: atMostOneName,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	f.register(c)
	f.registerPrefix(c)
	flags := c.Flags()
	flags.StringSliceVar(&f.only, "only", []string{"missing", "stale"}, "what to do: "+setting.OneOf(onlyValues))
	flags.StringVar(&f.via, "via", viaHere, "who makes the variants: "+setting.OneOf(viaValues))
	flags.BoolVar(&f.deleteOrphans, "delete-orphans", false, "also delete orphans, after another question")
	flags.Float64Var(&f.rate, "rate", 0, "at most so many pictures a second; 0 for no limit")
	flags.IntVarP(&f.jobs, "jobs", "j", runtime.GOMAXPROCS(0), "pictures at the same time")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be done, and change nothing")
	flags.BoolVar(&f.noNotify, "no-notify", false, "send no events about what is made on this machine")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&f.json, "json", false,
		"also write a line of JSON for the plan, each picture and the result to standard output")
	completeValues(c, "only", onlyValues...)
	completeValues(c, "via", viaValues...)
	return c
}

// selection returns what --only and --delete-orphans ask for.
func (f *syncFlags) selection() (only sync.Only, err error) {
	flags := map[string]*bool{
		"missing": &only.Missing, "stale": &only.Stale, "bad": &only.Bad, "orphaned": &only.Orphaned,
	}
	for _, name := range f.only {
		if flags[name] == nil {
			return only, wrongUse("--only %s: use %s", name, setting.OneOf(onlyValues))
		}
		*flags[name] = true
	}
	if only == (sync.Only{Orphaned: true}) && !f.deleteOrphans && !f.dryRun {
		return only, wrongUse("--only orphaned deletes nothing by itself; add --delete-orphans, or --dry-run to see how many there are")
	}
	only.Orphaned = only.Orphaned || f.deleteOrphans
	return only, nil
}

func (f *syncFlags) run(c *cobra.Command, args []string) (err error) {
	only, err := f.selection()
	switch {
	case err != nil:
		return err
	case !(f.rate >= 0):
		return wrongUse("--rate %g: use 0 or more", f.rate)
	case f.jobs < 1:
		return wrongUse("--jobs %d: use 1 or more", f.jobs)
	}
	if err := f.checkVia(c, args); err != nil {
		return err
	}
	if err := requireAnswer(c, f.yes || f.dryRun); err != nil {
		return err
	}
	p, err := f.open(c, args)
	if err != nil {
		return err
	}
	only.Replaced = p.recipe.Hashed() && !only.Orphaned && !c.Flags().Changed("only")
	s := &syncRun{syncFlags: f, place: p, out: newDeployOutput(c, f.json), todo: &sync.Todo{Only: only}}
	if f.via != viaHere {
		if err := s.openVia(); err != nil {
			return err
		}
	}
	if s.manifest != nil {
		defer func() { err = errors.Join(err, s.manifest.Close()) }()
	}
	if s.known, err = f.openKnown(p, f.dryRun, warnOn(c.ErrOrStderr())); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.known.Close()) }()
	defer func() { err = errors.Join(err, s.todo.Close()) }()
	s.mill = p.mill(c.Context(), false, c.ErrOrStderr())
	if f.via == viaHere && !f.dryRun && !f.noNotify {
		if s.notify, err = p.notifier(c.Context()); err != nil {
			return fmt.Errorf("%w; or add --no-notify, and nobody is told", err)
		}
	}
	if f.via == viaHere && !f.dryRun {
		if s.moderation, err = openModeration(c.Context(), p.recipe); err != nil {
			return err
		}
	}
	return s.run(c.Context())
}

// syncRun is one run of sync.
type syncRun struct {
	*syncFlags
	place *place
	mill  *mill.Mill
	// probed means that mill knows what the store lacks, so that it may write.
	probed bool
	known  *sync.Known
	notify *notify.Notifier // nil if nobody is told
	// moderation is asked if the recipe has gates.rekognition.
	moderation moderate.Labels
	out        *deployOutput
	todo       *sync.Todo
	bad        examples // of what cannot be made

	queue    *dispatch.Queue    // of --via queue, or nil
	manifest *dispatch.Manifest // of --via s3-batch, or nil
}

func (s *syncRun) run(ctx context.Context) error {
	o := s.out
	o.printf("%s", s.place)
	if err := s.deliver(ctx); err != nil {
		return explainInterrupt(err, "nothing was changed")
	}
	r, err := s.compare(ctx)
	if err != nil {
		return explainInterrupt(err, "nothing was changed")
	}
	if err := s.printPlan(ctx, r); err != nil {
		return explainInterrupt(err, "nothing was changed")
	}
	switch {
	case s.todo.Pictures.Pictures == 0 && s.todo.Orphans.Objects == 0:
		nothing := "Nothing to do."
		if err := s.matchesNone(r); err != nil {
			nothing = "Nothing to do: " + err.Error() + "."
		} else if r.Sources == 0 {
			nothing = "Nothing to do: " + noUploads(r) + "."
		}
		o.printf("\n%s", wrap(nothing, columnsOf(o.err)))
		return nil
	case s.dryRun:
		o.printf("\nNothing was changed.")
		return nil
	}
	if err := s.place.checkWritable(); err != nil {
		return err
	}
	if s.todo.Pictures.Pictures > 0 {
		if ok, err := o.confirm(ctx, s.yes); !ok {
			return err
		}
		if err := s.make(ctx); err != nil {
			s.keepOrphans("because some pictures were not made: an orphan may be all that there is of them")
			return err
		}
		if s.via != viaHere {
			s.keepOrphans("until the function has made the pictures. Run the same command again then")
			return nil
		}
	}
	return s.deleteOrphaned(ctx)
}

// keepOrphans says why orphans are not deleted, if there are any.
func (s *syncRun) keepOrphans(why string) {
	if n := s.todo.Orphans.Objects; n > 0 && s.deletes() {
		s.out.printf("%s stay, %s.", groupedCount(n, "orphan"), why)
	}
}

// deletes reports whether the orphans of the list are deleted: all that there are, or those alone that
// target.keep_replaced no longer keeps.
func (s *syncRun) deletes() bool { return s.deleteOrphans || s.todo.Only.Replaced }

// writer returns a mill that may write. The store is probed for it once.
func (s *syncRun) writer(ctx context.Context) *mill.Mill {
	if !s.probed {
		s.mill, s.probed = s.place.mill(ctx, true, s.out.err), true
		s.mill.Notify, s.mill.Moderation = s.notify, s.moderation
	}
	return s.mill
}

// deliver sends the events that an earlier run could not.
func (s *syncRun) deliver(ctx context.Context) error {
	if s.notify == nil {
		return nil
	}
	w := sync.Work{Mill: s.writer(ctx)}
	delivered, left, err := w.Deliver(ctx)
	if delivered > 0 {
		s.out.printf("Sent: %s that an earlier run could not.", groupedCount(delivered, "event"))
	}
	if left > 0 {
		s.out.printf("Not sent yet: %s. 'imgmill failures%s' says why.", groupedCount(left, "event"), nameOf(s.place))
	}
	return err
}

// compare fills the list of things to do.
func (s *syncRun) compare(ctx context.Context) (sync.Report, error) {
	status := newStatus(s.out.err)
	defer status.clear()
	comparison := sync.Comparison{
		Mill: s.mill, Prefix: s.prefix, Known: s.known, Trust: true, Orphans: s.todo.Only.Orphaned || s.todo.Only.Replaced,
		Each: func(f sync.Finding) error {
			if f.Bad != "" && !f.NotPicture {
				s.bad.note("bad", f.Key+": "+f.Bad)
			}
			return s.todo.Add(f)
		},
		Restart: func() error { return errors.Join(s.bad.reset(), s.todo.Reset()) },
		Progress: func(r sync.Report) {
			status.show("%s uploads compared, %s objects missing", grouped(r.Sources), grouped(r.Missing.Objects))
		},
	}
	return comparison.Run(ctx)
}

// make makes what is missing or stale.
func (s *syncRun) make(ctx context.Context) error {
	switch s.via {
	case viaQueue:
		return s.send(ctx)
	case viaBatch:
		return s.submit(ctx)
	}
	w := sync.Work{Mill: s.writer(ctx), Known: s.known, Jobs: s.jobs, Rate: s.rate}
	progress := newSyncProgress(s.out.err, s.todo.Pictures)
	untold := int64(0)
	w.OnResult = func(i sync.Item, r mill.Result) {
		if r.Undelivered {
			untold++
		}
		s.out.line(pictureLine{i.Key, r.Verdict, r.Reason, len(r.Objects)})
		progress.add(i, r)
	}
	err := w.Make(ctx, s.todo)
	progress.end()
	if err != nil {
		return explainInterrupt(err, fmt.Sprintf("%s done. Run the same command again to continue",
			groupedCount(progress.done, "picture")))
	}
	failed := progress.verdicts[outcome.Retry] + progress.verdicts[outcome.Bad]
	s.out.line(map[string]any{"made": progress.objects, "pictures": progress.verdicts})
	s.out.printf("\n%s made of %s in %s.", groupedCount(progress.objects, "object"),
		groupedCount(progress.verdicts[outcome.Done], "picture"), roughly(progress.elapsed()))
	if n := progress.verdicts[outcome.Skipped] - progress.overtaken; n > 0 {
		s.out.printf("Skipped: %s.", groupedCount(n, "upload"))
	}
	if progress.overtaken > 0 {
		s.out.printf("Changed meanwhile: %s. Unless events bring them here, run the same command again.",
			groupedCount(progress.overtaken, "upload"))
	}
	if failed > untold {
		s.out.printf("Not made: %s.", groupedCount(failed-untold, "picture"))
	}
	if untold > 0 {
		s.out.printf("Done, but nobody could be told of it: %s. Run the same command again to send what is left; "+
			"'imgmill failures%s' says why.", groupedCount(untold, "picture"), nameOf(s.place))
	}
	if progress.verdicts[outcome.Bad] > 0 {
		s.out.printf("'imgmill failures%s' lists all that are bad.", nameOf(s.place))
	}
	switch {
	case failed == 0:
		return nil
	case progress.verdicts[outcome.Done] == 0:
		return errReported
	}
	return errPartial
}

// deleteOrphaned deletes what nothing asks for, after a question of its own.
func (s *syncRun) deleteOrphaned(ctx context.Context) error {
	n := s.todo.Orphans.Objects
	if n == 0 {
		return nil
	}
	if !s.deletes() {
		return nil // the plan has said so
	}
	s.out.printf("\nDelete %s (%s) from %s?", groupedCount(n, "orphan"), bytesText(s.todo.Orphans.Bytes),
		s.place.target())
	if ok, err := s.out.confirm(ctx, s.yes); !ok {
		return err
	}
	w := sync.Work{Mill: s.writer(ctx), Rate: s.rate}
	deleted, err := w.Delete(ctx, s.todo)
	if err != nil {
		return explainInterrupt(err, fmt.Sprintf("%s deleted", groupedCount(int64(deleted), "orphan")))
	}
	s.out.line(map[string]any{"deleted": deleted})
	s.out.printf("%s deleted.", groupedCount(int64(deleted), "orphan"))
	return nil
}
