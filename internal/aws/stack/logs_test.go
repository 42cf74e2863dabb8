package stack

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

func TestParseLine(t *testing.T) {
	const id = "8f507cfc-1111-2222-3333-0123456789ab"
	for _, test := range []struct {
		text   string
		want   Line
		failed bool
	}{
		{`{"time":"2026-01-02T03:04:05.678Z","level":"INFO","msg":"change","request_id":"` + id + `","bucket":"photos-input","key":"夏/a b.jpg","verdict":"done","ms":153.2,"bytes_in":2400000,"variants":3,"bytes_out":320000}` + "\n",
			Line{Kind: LineChange, Level: "INFO", Message: "change", Request: id, Bucket: "photos-input", Key: "夏/a b.jpg",
				Verdict: "done", MS: 153.2, BytesIn: 2400000, Variants: 3, BytesOut: 320000}, false},
		{`{"level":"WARN","msg":"change","request_id":"` + id + `","bucket":"b","key":"k","verdict":"bad","ms":1,"bytes_in":7,"reason":"corrupt"}`,
			Line{Kind: LineChange, Level: "WARN", Message: "change", Request: id, Bucket: "b", Key: "k", Verdict: "bad", MS: 1, BytesIn: 7, Reason: "corrupt"}, true},
		{`{"level":"ERROR","msg":"cannot start","error":"imgmill.yaml:3: no"}`,
			Line{Kind: LineWord, Level: "ERROR", Message: "cannot start", Reason: "imgmill.yaml:3: no"}, true},
		{"REPORT RequestId: " + id + "\tDuration: 154.35 ms\tBilled Duration: 200 ms\tMemory Size: 1769 MB\tMax Memory Used: 88 MB\tInit Duration: 45.06 ms\t\n",
			Line{Kind: LineReport, Request: id, Report: &Report{MS: 154.35, BilledMS: 200, InitMS: 45.06, Memory: 1769, Used: 88}}, false},
		{"REPORT RequestId: " + id + "\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: timeout",
			Line{Kind: LineReport, Request: id, Report: &Report{MS: 3000, BilledMS: 3000, Memory: 128, Used: 128, Status: "timeout"}}, true},
		{"INIT_START Runtime Version: provided:al2023.v105\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:x", Line{Kind: LineCold}, false},
		{"START RequestId: " + id + " Version: $LATEST\n", Line{Kind: LineMark, Request: id}, false},
		{"END RequestId: " + id, Line{Kind: LineMark, Request: id}, false},
		{"2026-01-02T03:04:05.678Z " + id + " Task timed out after 120.10 seconds\n\n",
			Line{Kind: LineFault, Request: id, Reason: "Task timed out after 120.10 seconds"}, true},
		{"RequestId: " + id + " Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n",
			Line{Kind: LineFault, Request: id, Reason: "Error: Runtime exited with error: signal: killed Runtime.ExitError"}, true},
		{"INIT_REPORT Init Duration: 10008.53 ms\tPhase: init\tStatus: timeout",
			Line{Kind: LineFault, Reason: "Init Duration: 10008.53 ms Phase: init Status: timeout"}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"read: access denied","errorType":"joinError"}`,
			Line{Kind: LineFailed, Reason: "read: access denied"}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"index out of range [3] with length 2","errorType":"boundsError","stackTrace":[{"path":"github.com/imgmill/imgmill/internal/pipeline/mill/mill.go","line":7,"label":"(*Mill).Process"},{"path":"x.go","line":8,"label":"y"}]}`,
			Line{Kind: LineFailed, Reason: "boundsError: index out of range [3] with length 2 in (*Mill).Process (github.com/imgmill/imgmill/internal/pipeline/mill/mill.go:7)"}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"","errorType":"joinError"}`, Line{Kind: LineFailed, Reason: "joinError"}, true},
		{`2026/01/02 03:04:05 {"errorMessage":"cut sho`, Line{Kind: LineOther}, false},
		{"2026/01/02 03:04:05 something by hand", Line{Kind: LineOther}, false},
		{"REPORT RequestId: garbled", Line{Kind: LineOther, Request: "garbled"}, false},
		{`{"not":"ours"}`, Line{Kind: LineOther}, false},
		{`{"broken`, Line{Kind: LineOther}, false},
		{"", Line{Kind: LineOther}, false},
	} {
		got := ParseLine(test.text)
		report := got.Report
		if (report == nil) != (test.want.Report == nil) || report != nil && *report != *test.want.Report {
			t.Errorf("%q: report %+v, want %+v", test.text, report, test.want.Report)
		}
		failed := got.Failed()
		got.Text, got.Report, test.want.Report = "", nil, nil
		if got != test.want || failed != test.failed {
			t.Errorf("%q\n is %+v (failed %v)\nwant %+v (failed %v)", test.text, got, failed, test.want, test.failed)
		}
	}
}

// fakeLog is a log group that answers in pages of two and knows which events can be read yet.
type fakeLog struct {
	events []types.FilteredLogEvent
	asked  func(pass int) // called before each first page
	passes int
}

func (f *fakeLog) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	from := 0
	if in.NextToken != nil {
		from, _ = strconv.Atoi(*in.NextToken)
	} else {
		f.passes++
		if f.asked != nil {
			f.asked(f.passes)
		}
	}
	var match []types.FilteredLogEvent
	for _, e := range f.events {
		if *e.Timestamp >= *in.StartTime {
			match = append(match, e)
		}
	}
	slices.SortStableFunc(match, func(a, b types.FilteredLogEvent) int { return int(*a.Timestamp - *b.Timestamp) })
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

// TestFollowGivesEachLineOnce: lines that come late, in other streams' past, in equal milliseconds and over several pages.
func TestFollowGivesEachLineOnce(t *testing.T) {
	for _, ids := range []bool{true, false} {
		log, made := &fakeLog{}, 0
		add := func(ms int64, text string) {
			made++
			id := ""
			if ids {
				id = fmt.Sprint("e", made)
			}
			log.add(id, ms, text)
		}
		const t0 = 1_000_000_000_000
		add(t0-1, "before")
		ctx, cancel := context.WithCancel(t.Context())
		log.asked = func(pass int) {
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
				add(t0+5000+10*logDelay.Milliseconds(), "much later")
			case 4:
				add(t0+5000+10*logDelay.Milliseconds()-logDelay.Milliseconds()+1, "late again")
			case 6:
				cancel()
			}
		}
		f := &follower{log: log, group: "g", since: time.UnixMilli(t0)}
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
			t.Errorf("it remembers %d events for ever", len(f.seen))
		}
	}
}

type brokenLog struct{ err error }

func (b brokenLog) FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	return nil, b.err
}

func TestLinesTellsOfAMissingGroup(t *testing.T) {
	for _, test := range []struct{ err, want error }{
		{&types.ResourceNotFoundException{}, ErrNoLog}, {context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		f, n := &follower{log: brokenLog{test.err}, group: "g"}, 0
		for _, err := range f.follow(t.Context(), time.Millisecond) {
			if n++; !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		}
		if n != 1 {
			t.Errorf("the error ended it after %d", n)
		}
	}
}
