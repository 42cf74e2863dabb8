package stack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func TestTrialKey(t *testing.T) {
	for _, test := range []struct {
		prefix   string
		suffixes []string
		ending   string
		want     string // the key's end; empty: refused
	}{
		{"", nil, "", ".jpg"}, {"in/", []string{".png", ".jpg"}, "", ".jpg"}, {"in/", []string{".webp", ".png"}, "", ".webp"},
		{"in/", []string{".jpg"}, ".png", ""}, {"in/", nil, ".heic", ".heic"}, {"", []string{".jpg"}, ".jpg", ".jpg"},
	} {
		r := &recipe.Recipe{Source: recipe.Source{Prefix: test.prefix, Suffixes: test.suffixes}}
		a, err := trialKey(r, test.ending)
		b, _ := trialKey(r, test.ending)
		switch {
		case test.want == "" && (err == nil || !strings.Contains(err.Error(), "does not take")):
			t.Errorf("%+v: %q, %v", test, a, err)
		case test.want != "" && (err != nil || !strings.HasPrefix(a, test.prefix+"imgmill-test-") || !strings.HasSuffix(a, test.want) || a == b):
			t.Errorf("%+v: %q and %q, %v", test, a, b, err)
		}
	}
}

// TestSilenceNamesTheCause: Lambda ends an invocation in a line of its own, behind the one that says why.
func TestSilenceNamesTheCause(t *testing.T) {
	w := &trialWatch{result: &TrialResult{}, faults: []Line{
		{Level: "ERROR", Message: "cannot start", Reason: "imgmill.yaml: line 1: no such setting"},
		{Kind: LineFault, Reason: "Init Duration: 5.03 ms Phase: init Status: error"},
	}}
	if err := w.silence(time.Second); !strings.HasSuffix(err.Error(), "log says: cannot start imgmill.yaml: line 1: no such setting") {
		t.Error(err)
	}
	w.faults = w.faults[1:]
	if err := w.silence(time.Second); !strings.HasSuffix(err.Error(), "Status: error") {
		t.Error(err)
	}
}

// TestRehearse: keys that hold what only the picture tells are known before the function has seen it.
func TestRehearse(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(`source: {bucket: photos-input}
target: {bucket: photos-output, key: "{stem}-{variant}-{width}x{height}.{format}"}
variants: {thumb: {width: 40, height: 40, fit: cover}, large: {width: 100}}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := rehearse(t.Context(), r, "a.jpg", sample.Photo(200, 100))
	if err != nil || res.Verdict != outcome.Done || len(res.Variants) != 2 || res.Variants[0].Key != "a-thumb-40x40.jpg" || res.Variants[1].Key != "a-large-100x50.jpg" {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := rehearse(t.Context(), r, "a.jpg", []byte("no picture")); err != nil || res.Verdict != outcome.Skipped || len(res.Variants) != 0 {
		t.Errorf("of no picture: %+v, %v", res, err)
	}
}

// storeAt is a cloud of S3 alone.
func storeAt(url string) *Cloud {
	return &Cloud{Store: s3.New(s3.Options{BaseEndpoint: &url, UsePathStyle: true, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})}
}

// TestTrialWaitsForTheNextAttempt: a retry is told and not the end; done, bad, a last attempt and the time are.
func TestTrialWaitsForTheNextAttempt(t *testing.T) {
	const key = "imgmill-test-1.jpg"
	for _, test := range []struct {
		name     string
		verdicts []string // by pass of the log
		most     int
		timeout  time.Duration
		told     int
		want     string // in the error; empty: none
	}{
		{"done at once", []string{"done"}, 3, time.Minute, 0, ""},
		{"done at the third", []string{"retry", "retry", "done"}, 3, time.Minute, 2, ""},
		{"bad at the second", []string{"retry", "bad"}, 3, time.Minute, 1, "the function says bad: because of 2"},
		{"three times", []string{"retry", "retry", "retry"}, 3, time.Minute, 2, "the function has failed 3 times, Lambda tries no more, and the event waits among the failures: because of 3"},
		{"more, by a queue", []string{"retry", "retry", "retry", "done"}, 0, time.Minute, 3, ""},
		{"no other attempt", []string{"retry"}, 3, 1500 * time.Millisecond, 1, "have not come in 1.5s; the function's last attempt failed, and no other has been made yet: because of 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log, there := &fakeLog{}, make(chan struct{})
			log.asked = func(pass int) {
				if pass > len(test.verdicts) {
					return
				}
				v := test.verdicts[pass-1]
				log.add("", int64(1000*pass), fmt.Sprintf(`{"level":"WARN","msg":"change","request_id":"r","key":%q,"verdict":%q,"reason":"because of %d"}`, key, v, pass))
				log.add("", int64(1000*pass+1), fmt.Sprintf("REPORT RequestId: r\tDuration: %d ms\tBilled Duration: 1 ms\tMemory Size: 1 MB\tMax Memory Used: 1 MB", pass))
				if v == "done" {
					close(there)
				}
			}
			store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				select {
				case <-there:
					w.Header().Set("X-Amz-Meta-Imgmill-Source-Etag", "e")
					w.Write(sample.Photo(40, 30))
				default:
					w.WriteHeader(http.StatusNotFound)
					fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
				}
			}))
			defer store.Close()
			told := 0
			w := &trialWatch{
				cloud:  storeAt(store.URL),
				result: &TrialResult{Key: key}, target: "photos-output", etag: "e", uploaded: time.Now(), most: test.most,
				expected: []mill.Variant{{Name: "small", Key: key}}, log: &follower{log: log, group: "g"},
				again: func(Line) { told++ },
			}
			err := w.wait(t.Context(), test.timeout)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want)) {
				t.Errorf("it ends with %v, want %q", err, test.want)
			}
			last := len(test.verdicts)
			if told != test.told || w.result.Line.Verdict != test.verdicts[last-1] || w.result.Report == nil || w.result.Report.MS != float64(last) {
				t.Errorf("told %d times, at the end %+v, %+v", told, w.result.Line, w.result.Report)
			}
		})
	}
}

// TestTrialRemovesWhatComesLate: the function has read the picture before it was removed, and writes after.
func TestTrialRemovesWhatComesLate(t *testing.T) {
	t.Parallel()
	for _, line := range []*Line{nil, {Verdict: "bad"}} { // bad: nothing will come, so that nothing is waited for
		var mu sync.Mutex
		var calls []string
		var removed time.Time // the source
		store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, r.Method+" "+r.URL.Path)
			switch {
			case r.Method == http.MethodHead && (removed.IsZero() || time.Since(removed) < time.Second):
				w.WriteHeader(http.StatusNotFound)
			case r.Method == http.MethodDelete:
				if removed.IsZero() {
					removed = time.Now()
				}
				w.WriteHeader(http.StatusNoContent)
			}
		}))
		w := &trialWatch{
			cloud: storeAt(store.URL), result: &TrialResult{Bucket: "in", Key: "a.jpg", Line: line}, target: "out", uploaded: time.Now(),
			expected: []mill.Variant{{Name: "small", Key: "a.jpg"}},
		}
		err := w.cleanUp(t.Context(), "", false)
		store.Close()
		want := []string{"DELETE /in/a.jpg", "HEAD /out/a.jpg", "DELETE /out/a.jpg"}
		if line != nil {
			want = want[:2]
		}
		if err != nil || !slices.Equal(calls, want) {
			t.Errorf("%v: it calls %q, want %q", err, calls, want)
		}
	}
}
