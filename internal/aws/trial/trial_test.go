package trial

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func TestNewKey(t *testing.T) {
	for _, test := range []struct {
		prefix   string
		suffixes []string
		suffix   string
		want     string // the key's end; empty: refused
	}{
		{"", nil, "", ".jpg"}, {"in/", []string{".png", ".jpg"}, "", ".jpg"},
		{"in/", []string{".webp", ".png"}, "", ".webp"},
		{"in/", []string{".jpg"}, ".png", ""}, {"in/", nil, ".heic", ".heic"},
		{"", []string{".jpg"}, ".jpg", ".jpg"},
	} {
		r := &recipe.Recipe{Source: recipe.Source{Prefix: test.prefix, Suffixes: test.suffixes}}
		a, err := newKey(r, test.suffix)
		b, _ := newKey(r, test.suffix)
		switch {
		case test.want == "" && (err == nil || !strings.Contains(err.Error(), "does not accept")):
			t.Errorf("%+v: %q, %v", test, a, err)
		case test.want != "" && (err != nil || !strings.HasPrefix(a, test.prefix+"imgmill-test-") ||
			!strings.HasSuffix(a, test.want) || a == b):
			t.Errorf("%+v: %q and %q, %v", test, a, b, err)
		}
	}
}

// TestTimeoutErrorNamesTheCause: Lambda ends an invocation with a line of its own, after the one
// with the reason.
func TestTimeoutErrorNamesTheCause(t *testing.T) {
	w := &watcher{result: &Result{}, faults: []logs.Line{
		{Level: "ERROR", Message: "cannot start",
			Change: outcome.Change{Reason: "imgmill.yaml: line 1: no such setting"}},
		{Kind: logs.KindFault,
			Change: outcome.Change{Reason: "Init Duration: 5.03 ms Phase: init Status: error"}},
	}}
	if err := w.timeoutError(time.Second); !strings.HasSuffix(err.Error(),
		"log says: cannot start imgmill.yaml: line 1: no such setting") {
		t.Error(err)
	}
	w.faults = w.faults[1:]
	if err := w.timeoutError(time.Second); !strings.HasSuffix(err.Error(), "Status: error") {
		t.Error(err)
	}
}

// TestProcess: keys that depend on the picture are known before the function has processed it.
func TestProcess(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(`source: {bucket: photos-input}
target: {bucket: photos-output, key: "{stem}-{variant}-{width}x{height}.{format}"}
variants: {thumb: {width: 40, height: 40, fit: cover}, large: {width: 100}}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := process(t.Context(), r, "a.jpg", sample.Photo(200, 100), nil)
	if err != nil || res.Verdict != outcome.Done || len(res.Variants) != 2 ||
		res.Variants[0].Key != "a-thumb-40x40.jpg" || res.Variants[1].Key != "a-large-100x50.jpg" {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := process(t.Context(), r, "a.jpg", []byte("not a picture"), nil); err != nil ||
		res.Verdict != outcome.Skipped || len(res.Variants) != 0 {
		t.Errorf("not a picture: %+v, %v", res, err)
	}
	marked, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte("source: {bucket: photos-input}\ntarget: {bucket: photos-output}\nwatermark: logo.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	overlays := map[string][]byte{recipe.OverlayKey("logo.jpg"): sample.Photo(8, 8)}
	if res, err := process(t.Context(), marked, "a.jpg", sample.Photo(200, 100), overlays); err != nil || res.Verdict != outcome.Done {
		t.Errorf("with a watermark: %+v, %v", res, err)
	}
}

// TestWaitGoesOnAfterARetry: a retry is reported and does not end the wait; done, bad, a last
// attempt and a timeout do.
func TestWaitGoesOnAfterARetry(t *testing.T) {
	const key = "imgmill-test-1.jpg"
	picture := sample.Photo(40, 30)
	for _, test := range []struct {
		name     string
		verdicts []outcome.Verdict // by pass of the log
		attempts int               // that Lambda makes
		timeout  time.Duration
		reported int
		want     string // in the error; empty: none
	}{
		{"done at once", []outcome.Verdict{"done"}, 3, time.Minute, 0, ""},
		{"done at the third", []outcome.Verdict{"retry", "retry", "done"}, 3, time.Minute, 2, ""},
		{"bad at the second", []outcome.Verdict{"retry", "bad"}, 3, time.Minute, 1,
			"the function reports bad: because of 2"},
		{"three times", []outcome.Verdict{"retry", "retry", "retry"}, 3, time.Minute, 2,
			"the function failed 3 times, and Lambda gives up; the event is now in the failure queue: because of 3"},
		{"more, by a queue", []outcome.Verdict{"retry", "retry", "retry", "done"}, 0, time.Minute,
			3, ""},
		{"no other attempt", []outcome.Verdict{"retry"}, 3, 1500 * time.Millisecond, 1,
			"did not appear within 1.5s; the function's last attempt failed, and there was no other yet: because of 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log, there := &fakeLog{}, make(chan struct{})
			log.before = func(pass int) {
				if pass > len(test.verdicts) {
					return
				}
				v := test.verdicts[pass-1]
				log.add(int64(1000*pass), fmt.Sprintf(`{"level":"WARN","msg":"change","request_id":"r","key":%q,"verdict":%q,"reason":"because of %d"}`, key, v, pass))
				log.add(int64(1000*pass+1),
					fmt.Sprintf("REPORT RequestId: r\tDuration: %d ms\tBilled Duration: 1 ms\tMemory Size: 1 MB\tMax Memory Used: 1 MB", pass))
				if v == "done" {
					close(there)
				}
			}
			c := clienttest.InProcess(func(w http.ResponseWriter, _ *http.Request) {
				select {
				case <-there:
					w.Header().Set("X-Amz-Meta-"+outcome.MetadataSourceETag, "e")
					w.Write(picture)
				default:
					w.WriteHeader(http.StatusNotFound)
					fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
				}
			})
			reported := 0
			w := &watcher{
				cloud:  c,
				result: &Result{Key: key}, target: "photos-output", etag: "e",
				maxAttempts: test.attempts,
				expected:    []mill.Variant{{Name: "small", Key: key}},
				log:         &logs.Reader{Log: log, Group: "g"},
				onRetry:     func(logs.Line) { reported++ },
			}
			var err error
			synctest.Test(t, func(t *testing.T) {
				w.uploaded = time.Now()
				err = w.wait(t.Context(), test.timeout)
			})
			if test.want == "" && err != nil || test.want != "" &&
				(err == nil || !strings.HasSuffix(err.Error(), test.want)) {
				t.Errorf("it ends with %v, want %q", err, test.want)
			}
			last := len(test.verdicts)
			if reported != test.reported || w.result.Line.Verdict != test.verdicts[last-1] ||
				w.result.Report == nil || w.result.Report.MS != float64(last) {
				t.Errorf("reported %d times, at the end %+v, %+v", reported, w.result.Line,
					w.result.Report)
			}
		})
	}
}

// TestCleanUpWaitsForLateWrites: the function read the picture before it was removed, and writes
// afterwards.
func TestCleanUpWaitsForLateWrites(t *testing.T) {
	for _, line := range []*logs.Line{nil, {Change: outcome.Change{Verdict: outcome.Bad}}} { // after bad, nothing more is written
		var calls []string
		var removed time.Time // the source
		c := clienttest.InProcess(func(w http.ResponseWriter, r *http.Request) {
			calls = append(calls, r.Method+" "+r.URL.Path)
			switch {
			case r.Method == http.MethodHead &&
				(removed.IsZero() || time.Since(removed) < time.Second):
				w.WriteHeader(http.StatusNotFound)
			case r.Method == http.MethodDelete:
				if removed.IsZero() {
					removed = time.Now()
				}
				w.WriteHeader(http.StatusNoContent)
			}
		})
		w := &watcher{
			cloud:  c,
			result: &Result{Bucket: "in", Key: "a.jpg", Line: line}, target: "out",
			expected: []mill.Variant{{Name: "small", Key: "a.jpg"}},
		}
		var err error
		synctest.Test(t, func(t *testing.T) {
			w.uploaded = time.Now()
			err = w.cleanUp(t.Context(), "", false)
		})
		want := []string{"DELETE /in/a.jpg", "HEAD /out/a.jpg", "DELETE /out/a.jpg"}
		if line != nil {
			want = want[:2]
		}
		if err != nil || !slices.Equal(calls, want) {
			t.Errorf("%v: it calls %q, want %q", err, calls, want)
		}
	}
}

// fakeLog is a log to which lines can be added before each pass.
type fakeLog struct {
	before func(pass int)
	passes int
	events []types.FilteredLogEvent
}

func (f *fakeLog) FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput,
	...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	f.passes++
	f.before(f.passes)
	return &cloudwatchlogs.FilterLogEventsOutput{Events: f.events}, nil
}

func (f *fakeLog) add(ms int64, text string) {
	f.events = append(f.events, types.FilteredLogEvent{EventId: aws.String(strconv.FormatInt(ms,
		10)), Timestamp: &ms, Message: &text})
}

// TestWaitEndsIfTheFunctionCannotStart: the function's answer to a call, or its log, has the reason
// within seconds, long before Lambda gives up. An answer that all is well, or that the call is not
// allowed, changes nothing.
func TestWaitEndsIfTheFunctionCannotStart(t *testing.T) {
	const format = "RequestId: 12345678-1234-1234-1234-123456789012 Error: fork/exec /var/task/bootstrap: exec format error"
	for _, test := range []struct {
		name, failed, answer string
		status               int
		log                  string
		want                 string
		most                 time.Duration
	}{
		{"another processor", "Unhandled", fmt.Sprintf(`{"errorType":"Runtime.InvalidEntrypoint","errorMessage":%q}`, format), 200, "",
			"the function cannot start: fork/exec /var/task/bootstrap: exec format error; its binary is for another processor than the function", 30 * time.Second},
		{"a recipe", "Unhandled", `{"errorType":"Imgmill.CannotStart","errorMessage":"imgmill.yaml: line 1: no such setting"}`, 200, "",
			"the function cannot start: imgmill.yaml: line 1: no such setting", 30 * time.Second},
		{"no message", "Unhandled", `{"errorType":"Runtime.ExitError"}`, 200, "", "the function cannot start: Runtime.ExitError", 30 * time.Second},
		{"the log is first", "", `{}`, 200, format + "\nRuntime.InvalidEntrypoint", "exec format error Runtime.InvalidEntrypoint; its binary is for another processor than the function", 30 * time.Second},
		{"all well", "", `{}`, 200, "", "did not appear within 6s; the function can start, but its log has no line about the picture: S3 may not have called it", time.Minute},
		{"not allowed", "", `{"Message":"User u is not authorized to perform: lambda:InvokeFunction"}`, 403, "", "the function cannot be called: User u is not authorized to perform: lambda:InvokeFunction", time.Minute},
	} {
		c := clienttest.InProcess(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/invocations") {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
				return
			}
			w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
			if test.failed != "" {
				w.Header().Set("X-Amz-Function-Error", test.failed)
			}
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.answer)
		})
		t.Run(test.name, func(t *testing.T) {
			log := &fakeLog{before: func(int) {}}
			if test.log != "" {
				log.add(1, test.log)
			}
			timeout := 2 * time.Minute
			if test.most > 30*time.Second {
				timeout = 6 * time.Second
			}
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				w := &watcher{cloud: c, result: &Result{Key: "a.jpg"}, target: "photos-output", function: "imgmill-photos", uploaded: start,
					expected: []mill.Variant{{Name: "small", Key: "a.jpg"}}, log: &logs.Reader{Log: log, Group: "g"}}
				err := w.wait(t.Context(), timeout)
				if err == nil || !strings.HasSuffix(err.Error(), test.want) || time.Since(start) > test.most {
					t.Errorf("after %v: %v, want %q within %v", time.Since(start), err, test.want, test.most)
				}
			})
		})
	}
}
