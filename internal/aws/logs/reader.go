package logs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// ErrNoGroup reports that the log group does not exist.
var ErrNoGroup = errors.New("no such log group")

const (
	// maxDelay is how late a line may become readable and still be followed. CloudWatch usually
	// takes seconds.
	maxDelay = time.Minute
	// pollInterval keeps below the five calls a second of an account (CloudWatch Logs quotas,
	// FilterLogEvents).
	pollInterval = 2 * time.Second
)

// API is the one call that reading a log needs.
type API interface {
	FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput,
		...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
}

// Read yields the lines of a log group from since on, ordered by time as CloudWatch orders them. It
// ends at the first error, which is ErrNoGroup if the group does not exist.
func Read(
	ctx context.Context, c *client.Cloud, group string, since time.Time,
) iter.Seq2[Line, error] {
	r := &Reader{Log: c.Logs, Group: group, Since: since}
	return r.Next(ctx)
}

// Follow is Read that goes on with new lines, each yielded once, until ctx ends, which is not an
// error.
func Follow(
	ctx context.Context, c *client.Cloud, group string, since time.Time,
) iter.Seq2[Line, error] {
	r := &Reader{Log: c.Logs, Group: group, Since: since}
	return r.follow(ctx, pollInterval)
}

// Reader reads a log group in passes and yields each line once. A line may become readable after
// later ones, so each pass starts some time before the newest line so far and leaves out what was
// yielded before. It relies on the log's clock alone, because the local clock may differ.
type Reader struct {
	Log   API
	Group string
	Since time.Time

	newest time.Time
	// seen holds the events that the next pass would meet again, with their times.
	seen map[string]time.Time
}

func (r *Reader) follow(ctx context.Context, pause time.Duration) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for {
			for l, err := range r.Next(ctx) {
				if ctx.Err() != nil {
					return
				}
				if !yield(l, err) || err != nil {
					return
				}
			}
			if client.Sleep(ctx, pause) != nil {
				return
			}
		}
	}
}

// Next makes one pass: it yields the lines that no earlier pass yielded.
func (r *Reader) Next(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		start := r.Since
		if t := r.newest.Add(-maxDelay); t.After(start) {
			start = t
		}
		if r.seen == nil {
			r.seen = map[string]time.Time{}
		}
		for id, at := range r.seen {
			if at.Before(start.Add(-time.Millisecond)) { // the log counts in milliseconds
				delete(r.seen, id)
			}
		}
		same := map[string]int{}
		in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &r.Group,
			StartTime: aws.Int64(start.UnixMilli())}
		for pages := cloudwatchlogs.NewFilterLogEventsPaginator(r.Log, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
				yield(Line{}, fmt.Errorf("%s: %w", r.Group, ErrNoGroup))
				return
			}
			if err != nil {
				yield(Line{}, fmt.Errorf("read the log %s: %w", r.Group, err))
				return
			}
			for _, e := range page.Events {
				if l, isNew := r.line(e, same); isNew && !yield(l, nil) {
					return
				}
			}
		}
	}
}

// line parses an event and reports whether it is new. An event without an ID, as emulators return
// them, is identified by its stream, time and text, and among equal ones of a pass by its position,
// which same counts.
func (r *Reader) line(e types.FilteredLogEvent, same map[string]int) (l Line, isNew bool) {
	at, stream, text := time.UnixMilli(aws.ToInt64(e.Timestamp)), aws.ToString(e.LogStreamName), aws.ToString(e.Message)
	id := aws.ToString(e.EventId)
	name := id
	if id == "" {
		name = fmt.Sprintf("%s %d %s", stream, at.UnixMilli(), text)
		same[name]++
		name = fmt.Sprintf("%d %s", same[name], name)
	}
	if _, seen := r.seen[name]; seen {
		return Line{}, false
	}
	r.seen[name] = at
	if at.After(r.newest) {
		r.newest = at
	}
	l = ParseLine(text)
	l.ID, l.Time, l.Stream = id, at, stream
	return l, true
}
