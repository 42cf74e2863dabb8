package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/aws/failures"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// badUploads are the uploads of a place that could not be processed, and the events that could not be
// delivered, as objects in its target bucket say. They come after the failures of a queue, if the place has one that can be read, so that the
// numbers of those are what they are without them.
type badUploads struct {
	queue  failureSource // or nil
	place  *place
	stderr io.Writer
}

// recordLanes is how many records are read at the same time.
const recordLanes = 16

func (s badUploads) list(ctx context.Context, most int) (list []failures.Failure, inFlight int, err error) {
	if s.queue != nil {
		if list, inFlight, err = s.queue.list(ctx, most); err != nil {
			return nil, 0, err
		}
	}
	unsent, err := s.unsent(ctx, list, most-len(list))
	if err != nil {
		return nil, inFlight, err
	}
	list = append(list, unsent...)
	bad, err := s.records(ctx, most-len(list))
	return append(list, bad...), inFlight, err
}

// unsent returns up to most events that could not be delivered, in the order of keys, without those of the queue,
// whose message sends them once it is sent back.
func (s badUploads) unsent(ctx context.Context, queued []failures.Failure, most int) (list []failures.Failure, err error) {
	if len(s.place.recipe.Notify) == 0 {
		return nil, nil
	}
	for u, err := range s.place.mill(ctx, false, s.stderr).Unsent(ctx) {
		switch {
		case errors.Is(err, bucket.ErrNoBucket):
			return list, nil // there is no target bucket yet
		case err != nil:
			return nil, err
		case len(list) == most:
			return list, nil
		case u.Reason == "":
			continue // a note
		}
		reason := "notification not delivered: " + u.Reason
		i := slices.IndexFunc(queued, func(f failures.Failure) bool { return slices.Contains(f.Keys, u.Key) })
		if i < 0 {
			list = append(list, failures.Failure{Verdict: outcome.Retry, At: u.At, Keys: []string{u.Key}, Reason: reason})
		} else if queued[i].Reason == "" { // SQS moves messages without one
			queued[i].Reason = reason
		}
	}
	return list, nil
}

// records returns up to most bad uploads, in the order of their records' keys, which does not change if
// one of them is tried again in vain.
func (s badUploads) records(ctx context.Context, most int) (list []failures.Failure, err error) {
	m := s.place.mill(ctx, false, s.stderr)
	prefix := m.Recipe.BadRecords()
	if prefix == "" || most <= 0 {
		return nil, nil
	}
	var objects []bucket.Info
	read := func() error {
		found, err := readAllBad(ctx, m, objects)
		list, objects = append(list, found...), nil
		return err
	}
	for info, e := range m.Store.List(ctx, m.Recipe.Target.Bucket, prefix) {
		if err = e; err != nil {
			break
		}
		if objects = append(objects, info); len(objects) == recordLanes {
			if err = read(); err != nil || len(list) >= most {
				break
			}
		}
	}
	if err == nil {
		err = read()
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, bucket.ErrNoBucket):
		err = nil // there is no target bucket yet
	case errors.Is(err, bucket.ErrDenied) && s.queue != nil:
		note(s.stderr, "Uploads that cannot be processed are not listed: %s", oneLine(err.Error()))
		err = nil
	}
	return list[:min(len(list), most)], err
}

// readAllBad is readBad for several records, at the same time.
func readAllBad(ctx context.Context, m *mill.Mill, objects []bucket.Info) (list []failures.Failure, err error) {
	found := make([]*failures.Failure, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	for i, o := range objects {
		group.Go(func() (err error) {
			found[i], err = readBad(ctx, m, o)
			return err
		})
	}
	err = group.Wait()
	for _, f := range found {
		if f != nil {
			list = append(list, *f)
		}
	}
	return list, err
}

// readBad reads the record of a bad upload. It returns nil if it is about content that the source no
// longer has, or if the variants are there all the same.
func readBad(ctx context.Context, m *mill.Mill, object bucket.Info) (*failures.Failure, error) {
	record, info, err := m.ReadRecord(ctx, object.Key)
	if record == nil || err != nil || m.Recipe.Plan(record.Key).BadRecord != object.Key || !m.MadeFrom(record.Key, info.Metadata) {
		return nil, err
	}
	src, err := m.LookAtSource(ctx, record.Key)
	switch {
	case errors.Is(err, bucket.ErrNotFound), err == nil && src.ETag != record.ETag:
		return nil, nil
	case err != nil:
		return nil, err
	}
	src.Key = record.Key
	if whole, err := m.Whole(ctx, src); err != nil || whole {
		return nil, err
	}
	return &failures.Failure{
		Verdict: outcome.Bad, At: object.Modified, Keys: []string{record.Key}, Reason: record.Reason,
	}, nil
}

// retry sends back the failures of the queue, and sends events and makes the variants of bad uploads in this process.
func (s badUploads) retry(
	ctx context.Context, most int, numbers []int, report func(failures.Result),
) (inFlight int, err error) {
	list, inFlight, err := s.list(ctx, most)
	if err != nil {
		return 0, err
	}
	first := slices.IndexFunc(list, func(f failures.Failure) bool { return f.Event == nil })
	if first < 0 {
		first = len(list)
	}
	var queued, beyond []int // numbers of failures in the queue, and of none
	for _, n := range numbers {
		switch {
		case n <= first:
			queued = append(queued, n)
		case n > len(list):
			beyond = append(beyond, n)
		}
	}
	if s.queue != nil && (len(queued) > 0 || len(numbers) == 0) {
		if inFlight, err = s.queue.retry(ctx, most, queued, report); err != nil {
			return inFlight, err
		}
	}
	var m *mill.Mill
	for i := first; i < len(list) && ctx.Err() == nil; i++ {
		if len(numbers) > 0 && !slices.Contains(numbers, i+1) {
			continue
		}
		if m == nil {
			m = s.place.mill(ctx, true, s.stderr)
			if m.Notify, err = s.place.notifier(ctx); err != nil {
				return inFlight, err
			}
			if m.Moderation, err = openModeration(ctx, m.Recipe); err != nil {
				return inFlight, err
			}
		}
		report(again(ctx, m, i+1, list[i]))
	}
	for _, n := range beyond {
		report(failures.Result{Number: n, Err: noSuchFailure(n, len(list))})
	}
	return inFlight, ctx.Err()
}

// again makes the variants of a bad upload, or sends the event of one.
func again(ctx context.Context, m *mill.Mill, number int, f failures.Failure) failures.Result {
	r := m.Remake(ctx, event.Change{Bucket: m.Recipe.Source.Bucket, Key: f.Keys[0], Size: -1}, nil)
	result := failures.Result{Number: number, Failure: f, Made: true}
	if unsent := f.Verdict == outcome.Retry; unsent && r.Verdict == outcome.Retry || !unsent && r.Verdict != outcome.Done {
		result.Err = fmt.Errorf("%s: %s", r.Verdict, r.Reason)
	}
	return result
}

func (s badUploads) nextSteps() string {
	if s.queue == nil {
		return ""
	}
	return s.queue.nextSteps()
}

func (s badUploads) close() error {
	if s.queue == nil {
		return nil
	}
	return s.queue.close()
}
