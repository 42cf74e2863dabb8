package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// fakeLog is a log group that returns pages of two events and knows which events are readable yet.
type fakeLog struct {
	events []types.FilteredLogEvent
	before func(pass int) // called before each first page
	passes int
}

func (f *fakeLog) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput,
	_ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	from := 0
	if in.NextToken != nil {
		from, _ = strconv.Atoi(*in.NextToken)
	} else {
		f.passes++
		if f.before != nil {
			f.before(f.passes)
		}
	}
	var match []types.FilteredLogEvent
	for _, e := range f.events {
		if *e.Timestamp >= *in.StartTime {
			match = append(match, e)
		}
	}
	slices.SortStableFunc(match, func(a,
		b types.FilteredLogEvent) int {
		return int(*a.Timestamp - *b.Timestamp)
	})
	out := &cloudwatchlogs.FilterLogEventsOutput{Events: match[from:min(from+2, len(match))]}
	if from+2 < len(match) {
		out.NextToken = aws.String(strconv.Itoa(from + 2))
	}
	return out, nil
}

func (f *fakeLog) add(id string, ms int64, text string) {
	e := types.FilteredLogEvent{Timestamp: &ms, Message: &text, LogStreamName: aws.String("stream")}
	if id != "" {
		e.EventId = &id
	}
	f.events = append(f.events, e)
}

// TestFollowYieldsEachLineOnce has lines that become readable late, share a millisecond, and span
// several pages.
func TestFollowYieldsEachLineOnce(t *testing.T) {
	for _, ids := range []bool{true, false} {
		log, added := &fakeLog{}, 0
		add := func(ms int64, text string) {
			added++
			id := ""
			if ids {
				id = fmt.Sprint("e", added)
			}
			log.add(id, ms, text)
		}
		const t0 = 1_000_000_000_000
		add(t0-1, "before")
		ctx, cancel := context.WithCancel(t.Context())
		log.before = func(pass int) {
			switch pass {
			case 1:
				add(t0, "a")
				add(t0, "same")
				add(t0, "same")
				add(t0+5000, "b")
			case 2:
				add(t0+4000, "late") // older than the newest
				add(t0+5000, "c")    // in the very millisecond
			case 3:
				add(t0+5000+10*maxDelay.Milliseconds(), "much later")
			case 4:
				add(t0+5000+10*maxDelay.Milliseconds()-maxDelay.Milliseconds()+1, "late again")
			case 6:
				cancel()
			}
		}
		f := &Reader{Log: log, Group: "g", Since: time.UnixMilli(t0)}
		var got []string
		for l, err := range f.follow(ctx, time.Millisecond) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l.Text)
		}
		want := []string{"a", "same", "same", "b", "late", "c", "much later", "late again"}
		if !slices.Equal(got, want) {
			t.Errorf("with IDs %v: followed %q, want %q", ids, got, want)
		}
		if len(f.seen) > 3 {
			t.Errorf("it never forgets %d events", len(f.seen))
		}
	}
}

type brokenLog struct{ err error }

func (b brokenLog) FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput,
	...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	return nil, b.err
}

func TestFollowReportsAMissingGroup(t *testing.T) {
	for _, test := range []struct{ err, want error }{
		{&types.ResourceNotFoundException{}, ErrNoGroup},
		{context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		f, n := &Reader{Log: brokenLog{test.err}, Group: "g"}, 0
		for _, err := range f.follow(t.Context(), time.Millisecond) {
			if n++; !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		}
		if n != 1 {
			t.Errorf("it yielded %d times, want once", n)
		}
	}
}
