package stack

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// ErrNoLog: the log group does not exist.
var ErrNoLog = errors.New("there is no such log group")

const (
	// logDelay is how late a line may become readable and still be followed. CloudWatch takes seconds as a rule.
	logDelay = time.Minute
	// logPause is between two looks: an account may ask five times a second (CloudWatch Logs quotas, FilterLogEvents).
	logPause = 2 * time.Second
)

// logReader is the one call that reading a log needs.
type logReader interface {
	FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
}

// Lines reads a log group from since on, in the order of CloudWatch: by time. The first error ends it; ErrNoLog if there is
// no such group.
func (c *Cloud) Lines(ctx context.Context, group string, since time.Time) iter.Seq2[Line, error] {
	f := &follower{log: c.Logs, group: group, since: since}
	return f.pass(ctx)
}

// Follow is Lines that goes on with what is logged meanwhile, each line once, until ctx ends, which is no error.
func (c *Cloud) Follow(ctx context.Context, group string, since time.Time) iter.Seq2[Line, error] {
	f := &follower{log: c.Logs, group: group, since: since}
	return f.follow(ctx, logPause)
}

// follower reads a log in passes. Lines may become readable after later ones, so that each pass starts some time before
// the newest line so far and leaves out what it has given already. It goes by the times of the log alone: the clock here may
// be another.
type follower struct {
	log    logReader
	group  string
	since  time.Time
	newest time.Time
	seen   map[string]time.Time // by event, those that a further pass would meet
}

func (f *follower) follow(ctx context.Context, pause time.Duration) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for {
			for l, err := range f.pass(ctx) {
				if ctx.Err() != nil {
					return
				}
				if !yield(l, err) || err != nil {
					return
				}
			}
			if sleep(ctx, pause) != nil {
				return
			}
		}
	}
}

// pass gives the lines that no earlier pass gave.
func (f *follower) pass(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		start := f.since
		if t := f.newest.Add(-logDelay); t.After(start) {
			start = t
		}
		if f.seen == nil {
			f.seen = map[string]time.Time{}
		}
		for id, at := range f.seen {
			if at.Before(start.Add(-time.Millisecond)) { // the log counts in milliseconds
				delete(f.seen, id)
			}
		}
		same := map[string]int{}
		in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &f.group, StartTime: aws.Int64(start.UnixMilli())}
		for pages := cloudwatchlogs.NewFilterLogEventsPaginator(f.log, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
				yield(Line{}, fmt.Errorf("%s: %w", f.group, ErrNoLog))
				return
			}
			if err != nil {
				yield(Line{}, fmt.Errorf("read the log %s: %w", f.group, err))
				return
			}
			for _, e := range page.Events {
				if l, fresh := f.take(e, same); fresh && !yield(l, nil) {
					return
				}
			}
		}
	}
}

// take turns an event into a line, and says whether it was not given before. An event without an ID, as emulators have them,
// goes by its place among those of the pass that are the same.
func (f *follower) take(e types.FilteredLogEvent, same map[string]int) (Line, bool) {
	at, stream, text := time.UnixMilli(aws.ToInt64(e.Timestamp)), aws.ToString(e.LogStreamName), aws.ToString(e.Message)
	id := aws.ToString(e.EventId)
	name := id
	if id == "" {
		name = fmt.Sprintf("%s %d %s", stream, at.UnixMilli(), text)
		same[name]++
		name = fmt.Sprintf("%d %s", same[name], name)
	}
	if _, again := f.seen[name]; again {
		return Line{}, false
	}
	f.seen[name] = at
	if at.After(f.newest) {
		f.newest = at
	}
	l := ParseLine(text)
	l.ID, l.Time, l.Stream = id, at, stream
	return l, true
}
