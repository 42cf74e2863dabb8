package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/dispatch"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// Values of --via: who makes the variants.
const (
	viaHere  = "here"
	viaQueue = "queue"
	viaBatch = "s3-batch"
)

var viaValues = []string{viaHere, viaQueue, viaBatch}

// checkVia refuses what --via cannot be combined with.
func (f *syncFlags) checkVia(c *cobra.Command, args []string) error {
	switch {
	case f.via == viaHere:
		return nil
	case f.noNotify:
		return wrongUse("--no-notify has no effect with --via %s: the function sends the events; leave it out", f.via)
	case !slices.Contains(viaValues, f.via):
		return wrongUse("--via %s: use %s", f.via, setting.OneOf(viaValues))
	case len(args) == 0:
		return wrongUse("--via %s needs the NAME of a deployment, whose function makes the variants", f.via)
	case c.Flags().Changed("jobs"):
		return wrongUse("--jobs is for work on this machine; with --via %s, imgmill deploy bounds the instances of the function", f.via)
	case f.via == viaBatch && f.rate > 0:
		return wrongUse("--rate: S3 Batch Operations have no such bound; use --via %s", viaQueue)
	}
	return nil
}

// openVia opens the way to the function of the deployment, if that makes the variants.
func (s *syncRun) openVia() (err error) {
	name := s.place.deployment.Name
	switch s.via {
	case viaQueue:
		if s.queue, err = dispatch.OpenQueue(s.place.cloud, s.place.deployment); err != nil {
			return fmt.Errorf("%w: use --via %s, or run 'imgmill deploy %s --trigger queue' first", err, viaBatch, name)
		}
	case viaBatch:
		if s.manifest, err = dispatch.NewManifest(s.place.deployment); errors.Is(err, dispatch.ErrNoBatchRole) {
			return fmt.Errorf("%w: run 'imgmill deploy %s' first", err, name)
		}
	}
	return err
}

// keptDays is how long the work queue keeps a message (MessageRetentionPeriod in the template).
const keptDays = 4

// printQueue says what a person should know before pictures are sent to the queue.
func (s *syncRun) printQueue(ctx context.Context, takes time.Duration) error {
	waiting, err := s.queue.Waiting(ctx)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) {
		s.out.printf("\n%s", wrap(fmt.Sprintf(format, args...), columnsOf(s.out.err)))
	}
	if waiting > 0 {
		say("About %s in the queue already. Pictures among them that are sent again are read again, and change nothing.",
			groupedCount(waiting, "message"))
	}
	switch {
	case takes > (keptDays-1)*24*time.Hour && s.rate == 0:
		say("The queue keeps messages for %d days, which is too short for so many pictures: give a --rate that the "+
			"function keeps up with, or raise --max-concurrency of imgmill deploy.", keptDays)
	case s.rate == 0:
		say("New uploads wait until the function has made these; with --rate, they need not.")
	}
	return nil
}

// send leaves the pictures to the function.
func (s *syncRun) send(ctx context.Context) error {
	status := newStatus(s.out.err)
	err := s.todo.EachPicture(ctx, s.rate, func(i sync.Item) error {
		if s.queue.Sent%dispatch.Batch == 0 {
			status.show("%s of %s sent", grouped(s.queue.Sent), groupedCount(s.todo.Pictures.Pictures, "picture"))
		}
		return s.queue.Send(ctx, event.Change{
			Bucket: s.place.recipe.Source.Bucket, Key: i.Key, ETag: i.ETag, Size: i.Size, Time: time.Now(),
		})
	})
	if err == nil {
		err = s.queue.Flush(ctx)
	}
	status.clear()
	if err != nil {
		return explainInterrupt(err, fmt.Sprintf(
			"%s sent. Once the function has made them, run the same command again for the rest", groupedCount(s.queue.Sent, "picture")))
	}
	name := s.place.deployment.Name
	s.out.line(map[string]any{"sent": s.queue.Sent, "queue": s.place.deployment.WorkQueue})
	s.out.printf("\n%s sent to the work queue. 'imgmill logs %s -f' shows the function at work.\n"+
		"Once it has finished, 'imgmill audit %[2]s' shows what is missing, and 'imgmill failures %[2]s' why.",
		groupedCount(s.queue.Sent, "picture"), name)
	return nil
}

// submit leaves the pictures to a job of S3 Batch Operations.
func (s *syncRun) submit(ctx context.Context) error {
	status := newStatus(s.out.err)
	err := s.todo.EachPicture(ctx, 0, func(i sync.Item) error { return s.manifest.Add(i.Key) })
	var job dispatch.Job
	if err == nil {
		status.show("Creating the job for %s", groupedCount(s.todo.Pictures.Pictures, "picture"))
		job, err = s.manifest.Submit(ctx, s.place.cloud)
	}
	status.clear()
	if err != nil {
		return explainInterrupt(err, "there may be a job already; the same command finds it")
	}
	is := "was created"
	if job.Running {
		is = "is there already"
	}
	p := s.place
	s.out.line(map[string]any{"job": job.ID, "status": job.Status, "report": job.Report})
	s.out.printf("\nThe job %s for %s %s; it is %s. These show how far it is, and which pictures fail:\n"+
		"  aws s3control describe-job --region %s --account-id %s --job-id %[1]s\n"+
		"  aws s3 ls --recursive s3://%[7]s/%[8]s\n"+
		"Once it has finished, 'imgmill audit %[9]s' shows what is missing.",
		job.ID, groupedCount(s.todo.Pictures.Pictures, "picture"), is, strings.ToLower(job.Status),
		p.region, job.Account, p.recipe.Target.Bucket, job.Report, p.deployment.Name)
	return nil
}

// function returns the work of the deployment's function for one picture, if a processor core takes ms
// for it and the requests to the store requestsMS, and how many instances work at the same time.
func (s *syncRun) function(ms, requestsMS float64) (f *price.Function, instances int) {
	r, parameters := s.place.recipe, maps.Clone(s.place.deployment.Parameters)
	if s.via == viaBatch {
		parameters["Trigger"] = "direct" // the queue's bound does not hold
	}
	e := deployment.Exposure(s.place.region, parameters, deployment.DefaultAccountLimit, r)
	f = &price.Function{Batch: s.via == viaBatch, Outputs: float64(len(r.Variants)), MemoryMB: e.MemoryMB, Arch: e.Arch}
	if r.Manifest {
		f.Outputs++
	}
	f.Milliseconds = ms/min(1, float64(e.MemoryMB)/vcpu) + requestsMS
	return f, e.Instances
}
