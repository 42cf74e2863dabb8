package lambdafn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

// bench is a handler whose pipeline returns the given verdict for a key, and done for all others.
type bench struct {
	*testing.T
	handler  lambdafn.Handler
	verdicts map[string]outcome.Verdict
	seen     []string
	log      bytes.Buffer
}

func newBench(t *testing.T, verdicts map[string]outcome.Verdict) *bench {
	b := &bench{T: t, verdicts: verdicts}
	b.handler = lambdafn.Handler{Log: slog.New(slog.NewJSONHandler(&b.log, nil)), Process: b.process}
	return b
}

func (b *bench) process(_ context.Context, c event.Change, _ mill.Allowance) mill.Result {
	name := c.Bucket + "/" + c.Key
	if c.Removed {
		name = "-" + name
	}
	b.seen = append(b.seen, name)
	r := mill.Result{Verdict: outcome.Done, Elapsed: 1500 * time.Microsecond, Source: mill.Picture{Bytes: 77}}
	if v := b.verdicts[c.Key]; v != "" {
		r.Verdict, r.Reason = v, "because of "+c.Key
	}
	return r
}

// handle returns the response as Lambda would send it.
func (b *bench) handle(payload []byte) (string, error) {
	b.Helper()
	response, err := b.handler.Handle(b.Context(), "req-1", payload)
	if err != nil || response == nil {
		return "", err
	}
	data, err := json.Marshal(response)
	if err != nil {
		b.Fatal(err)
	}
	return string(data), nil
}

// lines returns the lines of the log, which are JSON.
func (b *bench) lines() []map[string]any {
	b.Helper()
	var lines []map[string]any
	for line := range strings.Lines(b.log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			b.Fatalf("log line %q: %v", line, err)
		}
		lines = append(lines, m)
	}
	return lines
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "pipeline", "event", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	flower = "photos-input/red flower/(café) 1+1.jpg"
	bus    = "photos-input/red+flower/100% (café).jpg"
)

func TestEveryShape(t *testing.T) {
	const noFailures = `{"batchItemFailures":[]}`
	for name, want := range map[string]struct {
		seen     []string
		response string
	}{
		"s3-put":              {[]string{flower}, ""},
		"s3-mixed":            {[]string{"-photos-input/red flower.jpg", "photos-input/red flower.jpg", "-photos-input/old.jpg"}, ""},
		"s3-test":             {nil, ""},
		"sns":                 {[]string{flower}, ""},
		"sns-envelope":        {[]string{flower}, ""},
		"eventbridge-created": {[]string{bus}, ""},
		"eventbridge-deleted": {[]string{"-photos-input/red flower.jpg"}, ""},
		"minio":               {[]string{"photos-input/red flower/café.jpg"}, ""},
		"versitygw":           {[]string{"photos-input/red+flower/100%.jpg"}, ""}, // versitygw does not escape keys
		"sqs":                 {[]string{flower, "-photos-input/red flower.jpg", "photos-input/red flower.jpg", "-photos-input/old.jpg", flower, bus, bus}, noFailures},
		"s3batch-1.0": {[]string{"photos-input/red flower/café.jpg"},
			`{"invocationSchemaVersion":"1.0","treatMissingKeysAs":"PermanentFailure","invocationId":"inv1","results":[{"taskId":"t1","resultCode":"Succeeded","resultString":"done"}]}`},
		"s3batch-2.0": {[]string{"photos-input/red+flower.jpg"},
			`{"invocationSchemaVersion":"2.0","treatMissingKeysAs":"PermanentFailure","invocationId":"inv2","results":[{"taskId":"t2","resultCode":"Succeeded","resultString":"done"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			response, err := b.handle(golden(t, name))
			if err != nil || response != want.response {
				t.Errorf("response %s, %v, want %s", response, err, want.response)
			}
			if !reflect.DeepEqual(b.seen, want.seen) {
				t.Errorf("processed %q, want %q", b.seen, want.seen)
			}
		})
	}
}

// TestEveryRecordIsProcessed checks that an error in the middle does not hide later records, and is
// not hidden by them.
func TestEveryRecordIsProcessed(t *testing.T) {
	b := newBench(t, map[string]outcome.Verdict{"b": outcome.Retry, "c": outcome.Bad, "d": outcome.Retry, "e": outcome.Skipped})
	var changes []event.Change
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		changes = append(changes, event.Change{Bucket: "in", Key: key, Size: -1})
	}
	payload, err := event.Notification(changes...)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.handle(payload)
	if got := strings.Join(b.seen, " "); got != "in/a in/b in/c in/d in/e" {
		t.Errorf("processed %q", got)
	}
	if response != "" || err == nil || !strings.Contains(err.Error(), "because of b") || !strings.Contains(err.Error(), "because of d") ||
		strings.Contains(err.Error(), "because of c") {
		t.Errorf("response %s, error %v", response, err)
	}

	b.verdicts = map[string]outcome.Verdict{"b": outcome.Bad, "c": outcome.Skipped}
	if _, err := b.handle(payload); err != nil {
		t.Errorf("bad pictures and skips fail the invocation: %v", err)
	}
}

// sqs wraps bodies in messages with the IDs m1, m2 and so on.
func sqs(t *testing.T, bodies ...string) []byte {
	t.Helper()
	var records []map[string]string
	for i, body := range bodies {
		records = append(records, map[string]string{"messageId": fmt.Sprintf("m%d", i+1), "body": body, "eventSource": "aws:sqs"})
	}
	data, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func notice(t *testing.T, keys ...string) string {
	t.Helper()
	var changes []event.Change
	for _, key := range keys {
		changes = append(changes, event.Change{Bucket: "in", Key: key, Size: -1})
	}
	data, err := event.Notification(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPartialBatchFailures(t *testing.T) {
	b := newBench(t, map[string]outcome.Verdict{"again": outcome.Retry, "again2": outcome.Retry, "bad": outcome.Bad, "skip": outcome.Skipped})
	response, err := b.handle(sqs(t,
		notice(t, "fine"),
		notice(t, "again", "fine", "again2"), // two retries, but one message
		"not JSON",
		notice(t, "bad"),
		notice(t, "skip"),
		notice(t, "fine", "again"),
	))
	if want := `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m6"}]}`; err != nil || response != want {
		t.Errorf("response %s, %v, want %s", response, err, want)
	}
	if got := strings.Join(b.seen, " "); got != "in/fine in/again in/fine in/again2 in/bad in/skip in/fine in/again" {
		t.Errorf("processed %q", got)
	}
}

func TestBatchResults(t *testing.T) {
	b := newBench(t, map[string]outcome.Verdict{"again": outcome.Retry, "bad": outcome.Bad, "skip": outcome.Skipped})
	task := func(id, key string) map[string]string {
		return map[string]string{"taskId": id, "s3Key": key, "s3Bucket": "in"}
	}
	payload, err := json.Marshal(map[string]any{
		"invocationSchemaVersion": "2.0", "invocationId": "i", "job": map[string]string{"id": "j"},
		"tasks": []any{task("1", "fine"), task("2", "again"), task("3", "bad"), task("4", "skip"), task("5", "%zz")},
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.handle(payload)
	if err != nil {
		t.Fatal(err)
	}
	var got event.BatchResponse
	if err := json.Unmarshal([]byte(response), &got); err != nil {
		t.Fatal(err)
	}
	want := []event.BatchResult{
		{TaskID: "1", Code: event.Succeeded, Text: "done"},
		{TaskID: "2", Code: event.TemporaryFailure, Text: "retry: because of again"},
		{TaskID: "3", Code: event.PermanentFailure, Text: "bad: because of bad"},
		{TaskID: "4", Code: event.Succeeded, Text: "skipped: because of skip"},
	}
	if len(got.Results) != 5 || !reflect.DeepEqual(got.Results[:4], want) {
		t.Fatalf("results %+v, want %+v", got.Results, want)
	}
	if last := got.Results[4]; last.TaskID != "5" || last.Code != event.PermanentFailure || !strings.Contains(last.Text, "invalid record") {
		t.Errorf("unreadable task: %+v", last)
	}
}

// TestLongReasonIsCut checks that a long reason is cut at the limit, and never within a character.
func TestLongReasonIsCut(t *testing.T) {
	for shift := range 3 {
		b := newBench(t, nil)
		b.handler.Process = func(context.Context, event.Change, mill.Allowance) mill.Result {
			return mill.Result{Verdict: outcome.Bad, Reason: strings.Repeat("x", shift) + strings.Repeat("é", 2000)}
		}
		response, err := b.handler.Handle(t.Context(), "r", golden(t, "s3batch-2.0"))
		if err != nil {
			t.Fatal(err)
		}
		text := response.(event.BatchResponse).Results[0].Text
		if len(text) > 1024 || len(text) < 1020 || !utf8.ValidString(text) {
			t.Errorf("%d bytes, valid %t", len(text), utf8.ValidString(text))
		}
	}
}

func TestUnreadablePayload(t *testing.T) {
	for _, payload := range []string{"", "null", "not JSON", `{"hello":"world"}`, "\xff"} {
		b := newBench(t, nil)
		response, err := b.handler.Handle(t.Context(), "req-1", json.RawMessage(payload))
		if err == nil || response != nil || !strings.Contains(err.Error(), "invalid event") {
			t.Errorf("%q: response %v, error %v", payload, response, err)
		}
		lines := b.lines()
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["request_id"] != "req-1" {
			t.Errorf("%q: log %v", payload, lines)
		}
	}
}

func TestLog(t *testing.T) {
	b := newBench(t, map[string]outcome.Verdict{"again": outcome.Retry})
	if _, err := b.handle(sqs(t, notice(t, "fine", "again"), "not JSON", `{"Event":"s3:TestEvent","Bucket":"in"}`)); err != nil {
		t.Fatal(err)
	}
	lines := b.lines()
	if len(lines) != 4 {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	for i, want := range []map[string]any{
		{"level": "INFO", "key": "fine", "bucket": "in", "verdict": "done", "ms": 1.5, "bytes_in": 77.0},
		{"level": "WARN", "key": "again", "verdict": "retry", "reason": "because of again", "ms": 1.5, "bytes_in": 77.0},
		{"level": "ERROR", "id": "m2", "verdict": "bad"},
		{"level": "INFO", "id": "m3", "verdict": "skipped", "reason": "s3:TestEvent"},
	} {
		want["request_id"] = "req-1"
		for name, value := range want {
			if lines[i][name] != value {
				t.Errorf("line %d: %s is %v, want %v", i, name, lines[i][name], value)
			}
		}
	}
}

// TestTimeIsShared runs an event in which one picture needs more time than there is. It alone is
// retried, once the others are settled, and each attempt ends before the deadline.
func TestTimeIsShared(t *testing.T) {
	const time4 = 4 * time.Second
	for _, keys := range [][]string{{"slow", "a", "b"}, {"a", "slow", "b"}, {"a", "b", "slow"}} {
		b := newBench(t, nil)
		var given time.Duration
		b.handler.Process = func(ctx context.Context, c event.Change, a mill.Allowance) mill.Result {
			most := time4 // all that is left, if no other is yet to have its first turn
			if n := len(b.seen); n < len(keys) {
				most /= time.Duration(len(keys) - n)
			}
			if a.Full || a.Time <= 0 || a.Time > most {
				t.Errorf("%s: allowance %+v, want at most %s", c.Key, a, most)
			}
			r := b.process(ctx, c, a)
			if c.Key == "slow" {
				given += a.Time
				r = mill.Result{Verdict: outcome.Retry, Reason: "out of time", OutOfTime: true}
			}
			return r
		}
		ctx, cancel := context.WithTimeout(t.Context(), time4)
		response, err := b.handler.Handle(ctx, "r", sqs(t, notice(t, keys[0]), notice(t, keys[1]), notice(t, keys[2])))
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":"m%d"}]}`, slices.Index(keys, "slow")+1)
		if data, err := json.Marshal(response); err != nil || string(data) != want {
			t.Errorf("%q: response %s, %v, want %s", keys, data, err, want)
		}
		if got := strings.Count(strings.Join(b.seen, " "), "in/a"); got != 1 {
			t.Errorf("%q: a was processed %d times", keys, got)
		}
		if lines := b.lines(); len(lines) != 3 {
			t.Errorf("%q: %d lines in the log, want one for each picture: %v", keys, len(lines), lines)
		}
		if given < time4/2 {
			t.Errorf("%q: the slow picture had %s of %s", keys, given, time4)
		}
	}
}

// TestLonePictureHasAllTheTime checks that a picture that was alone, and had all the time that there
// is, is not worth a retry.
func TestLonePictureHasAllTheTime(t *testing.T) {
	for _, seconds := range []int{1, 3, 60} {
		b := newBench(t, nil)
		whole := time.Duration(seconds) * time.Second
		b.handler.Process = func(_ context.Context, _ event.Change, a mill.Allowance) mill.Result {
			reserved := whole - a.Time
			if !a.Full || a.Time < whole/4 || reserved < 500*time.Millisecond || reserved > 3*time.Second {
				t.Errorf("%s: allowance %+v", whole, a)
			}
			return mill.Result{Verdict: outcome.Bad, Reason: "over a limit"}
		}
		ctx, cancel := context.WithTimeout(t.Context(), whole)
		response, err := b.handler.Handle(ctx, "r", sqs(t, notice(t, "slow")))
		cancel()
		if data, _ := json.Marshal(response); err != nil || string(data) != `{"batchItemFailures":[]}` {
			t.Errorf("response %s, %v", data, err)
		}
	}
}
