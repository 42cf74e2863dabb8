package price

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func exposed() Exposure {
	return Exposure{Region: "us-east-1", Arch: "arm64", MemoryMB: 1024, TimeoutSeconds: 120, Instances: 1,
		Trigger: "direct", Variants: 1}
}

func charge(t *testing.T, c Ceiling, name string) Charge {
	t.Helper()
	for _, l := range c.Lines {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no line %q in %+v", name, c.Lines)
	panic("unreachable")
}

// TestLimitMatchesAHandCalculation: an instance makes 360,000 attempts an hour of 10 ms each, three
// for an upload that fails, and is billed 1 ms more for each at most.
func TestLimitMatchesAHandCalculation(t *testing.T) {
	e := exposed()
	c := e.hourOf(kind(t, "one that the function may not", e))
	logGB := 360_000 * 3800 / float64(1<<30) // 900 bytes, 1100 of a key, twice 400 of a reason, and 1000
	for _, want := range []Charge{
		{"Lambda compute", 3960, "GB-s", 0.052800264},
		{"Lambda requests", 360_000, "requests", 0.072},
		{"S3 reads (GET, HEAD)", 360_000, "requests", 0.144},
		{"Logs written", logGB, "GB", logGB * 0.5},
		{"SQS requests", 120_000, "requests", 0.048},
	} {
		if got := charge(t, c, want.Name); got.Unit != want.Unit || !near(got.Quantity, want.Quantity) ||
			!near(got.USD, want.USD) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if want := 0.052800264 + 0.072 + 0.144 + logGB*0.5 + 0.048; !near(c.Total, want) || len(c.Lines) != 5 {
		t.Errorf("an hour is $%v in %d lines, want $%v", c.Total, len(c.Lines), want)
	}
	if want := c.Total / 10; !near(c.Once, want) { // 3 attempts of 120 s are a tenth of the hour
		t.Errorf("an upload is $%v, want $%v", c.Once, want)
	}
	if !near(c.Uploads.Quantity, 120_000) || !near(c.Uploads.USD, 0.6) || c.UploadStorage != 0.023 {
		t.Errorf("the uploader's own share: %+v", c)
	}
	if want := 360_000e6 / (1 << 30); !near(c.Stored.Quantity, want) || !near(c.Stored.USD, want*0.023) {
		t.Errorf("%+v stay", c.Stored)
	}
}

// TestTheDearestUploadDecides: writes cost most, and the most of them are made for a picture that is
// replaced all the time: 16 writes and 15 looks, a GET and a HEAD in 330 ms.
func TestTheDearestUploadDecides(t *testing.T) {
	e := exposed()
	most, err := Limit(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range e.uploads() {
		if c := e.hourOf(u); c.Total > most.Total {
			t.Errorf("%s costs $%v, the limit is $%v", u.name, c.Total, most.Total)
		}
	}
	puts := charge(t, most, "S3 writes (PUT, COPY)")
	if want := 3_600_000.0 / 330 * 16; !near(puts.Quantity, want) || !near(puts.USD, want*0.005/1000) {
		t.Errorf("%+v, want %v requests", puts, want)
	}
}

// TestWhatLowersTheLimit: the cost is proportional to the instances, and no setting that should
// lower it raises it.
func TestWhatLowersTheLimit(t *testing.T) {
	limit := func(change func(*Exposure)) float64 {
		t.Helper()
		e := exposed()
		change(&e)
		c, err := Limit(e)
		if err != nil {
			t.Fatal(err)
		}
		return c.Total
	}
	one := limit(func(*Exposure) {})
	if ten := limit(func(e *Exposure) { e.Instances = 10 }); !near(ten, 10*one) {
		t.Errorf("10 instances cost $%v, one $%v", ten, one)
	}
	for name, change := range map[string]func(*Exposure){
		"memory": func(e *Exposure) { e.MemoryMB = 2048 }, "amd64": func(e *Exposure) { e.Arch = "amd64" },
		"a queue":                func(e *Exposure) { e.Trigger = "queue" },
		"rules without variants": func(e *Exposure) { e.Ignores = true },
	} {
		if more := limit(change); more <= one {
			t.Errorf("with %s, an hour costs $%v, otherwise $%v", name, more, one)
		}
	}
	for name, change := range map[string]func(*Exposure){
		"variants": func(e *Exposure) { e.Variants = 50 }, "a manifest": func(e *Exposure) { e.Manifest = true },
		"records of bad pictures": func(e *Exposure) { e.RecordsBad = true },
		"copies of bad pictures":  func(e *Exposure) { e.CopiesBad = true },
	} {
		if more := limit(change); more < one {
			t.Errorf("with %s, an hour costs $%v, otherwise $%v", name, more, one)
		}
	}
	_, err := Limit(Exposure{Region: "mars-1", Arch: "mips", Trigger: "bell"})
	for _, part := range []string{`"mars-1"`, `"mips"`, `"bell"`, "memory 0 MB", "timeout 0", "instances 0"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in\n%v", part, err)
		}
	}
}

// hostileStore refuses to open an object, or lets others be faster with each write.
type hostileStore struct {
	bucket.Store
	denied, raced bool
}

func (s hostileStore) Get(ctx context.Context, b, key string, cond bucket.Condition) (*bucket.Object, error) {
	if s.denied {
		return nil, fmt.Errorf("get %s/%s: %w: no key of yours", b, key, bucket.ErrDenied)
	}
	return s.Store.Get(ctx, b, key, cond)
}

func (s hostileStore) Put(ctx context.Context, b, key string, data []byte, a bucket.Attributes,
	cond bucket.Condition) (string, error) {
	if s.raced {
		return "", fmt.Errorf("put %s/%s: %w", b, key, bucket.ErrPrecondition)
	}
	return s.Store.Put(ctx, b, key, data, a, cond)
}

// TestUploadsAreCountedInFull: no upload makes the pipeline ask the store for more than the kind that
// it belongs to. No log line, of the worst key, is longer than what is counted.
func TestUploadsAreCountedInFull(t *testing.T) {
	key := strings.Repeat("\x01", 1024-len(".jpg.imgmill.json")) + ".jpg" // the manifest's is the longest
	photo := sample.Photo(64, 48)
	settings := "on_bad: {prefix: bad/}\nmanifest: true\nmetadata: keep\n" +
		"variants: {a: {width: 10}, b: {width: 11}}\ntarget: {bucket: out-bucket}\n"
	for _, test := range []struct {
		name    string
		store   hostileStore
		data    []byte
		verdict outcome.Verdict
		rules   string
		earlier []byte // an earlier upload under the same key
	}{
		{name: "a picture of which", data: photo, verdict: outcome.Done},
		{name: "a picture in the place", data: photo, verdict: outcome.Done, earlier: sample.Photo(60, 48)},
		{name: "a picture that is replaced", store: hostileStore{raced: true}, data: photo, verdict: outcome.Retry},
		{name: "a file that is no", data: []byte("text"), verdict: outcome.Skipped},
		{name: "a picture that cannot", data: photo[:len(photo)/2], verdict: outcome.Bad},
		{name: "one that the function may not", store: hostileStore{denied: true}, data: photo,
			verdict: outcome.Retry},
		{name: "one with a key", data: photo, verdict: outcome.Skipped,
			rules: "rules: [{match: '**', variants: []}]\n"},
	} {
		r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: in-bucket}\n"+settings+test.rules))
		if err != nil {
			t.Fatal(err)
		}
		inner := mem.New("in-bucket", "out-bucket")
		upload := func(data []byte, sequencer string) event.Change {
			etag, err := inner.Put(t.Context(), "in-bucket", key, data,
				bucket.Attributes{Metadata: manyNames()}, bucket.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			return event.Change{Bucket: "in-bucket", Key: key, ETag: etag, Size: int64(len(data)), Sequencer: sequencer}
		}
		if test.earlier != nil {
			if res := mill.New(inner, r).Process(t.Context(), upload(test.earlier, "09")); res.Verdict != outcome.Done {
				t.Fatalf("%s: the earlier one: %s", test.name, res.Reason)
			}
		}
		change := upload(test.data, "0A")
		test.store.Store = inner
		count := &counter{Store: test.store}
		res := mill.New(count, r).Process(t.Context(), change)
		if res.Verdict != test.verdict {
			t.Errorf("%s: %s: %.300q", test.name, res.Verdict, res.Reason)
		}
		u := kind(t, test.name, Exposure{Variants: 2, Manifest: r.Manifest, RecordsBad: true, CopiesBad: true, Ignores: true})
		puts, reads := int(count.puts.Load()), int(count.reads.Load())
		exact := test.verdict != outcome.Retry || test.store.denied
		if puts > u.puts || reads > u.reads || exact && (puts != u.puts || reads != u.reads) {
			t.Errorf("%s: the pipeline makes %d PUTs and %d reads, counted are %d and %d",
				test.name, puts, reads, u.puts, u.reads)
		}
		if n := logged(t, res, change); n > limitLogBytes {
			t.Errorf("%s: %d bytes of log, counted are %d", test.name, n, limitLogBytes)
		}
	}
}

func kind(t *testing.T, name string, e Exposure) upload {
	t.Helper()
	for _, u := range e.uploads() {
		if strings.HasPrefix(u.name, name) {
			return u
		}
	}
	t.Fatalf("there is no kind %q", name)
	panic("unreachable")
}

// manyNames is as much metadata with short names as S3 allows. None of it is text.
func manyNames() map[string]string {
	meta := map[string]string{}
	for i, size := 0, 0; size < 2000; i++ {
		name := fmt.Sprintf("%x", i)
		meta[name] = "\x01"
		size += len(name) + 1
	}
	return meta
}

// logged returns the length of what an attempt leaves in the function's log: Lambda's START, END and
// REPORT, the line of the change, and the error that the runtime of Go logs if it is returned.
func logged(t *testing.T, res mill.Result, c event.Change) int {
	t.Helper()
	const lambdas = 330
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil)).With(outcome.AttrRequest, "6bc28136-xmpl-4365-b021-0ce6b2e64ab0")
	log.LogAttrs(t.Context(), res.Level(), outcome.ChangeMessage, res.LogLine(c).Attrs()...)
	lines := 4
	if res.Verdict == outcome.Retry {
		err := errors.New(outcome.Short(res.Reason, outcome.MaxReason))
		data, jsonErr := json.Marshal(map[string]string{"errorMessage": err.Error(), "errorType": "joinError"})
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		b.Write(data)
		b.WriteString("2026/01/02 03:04:05 ")
		lines++
	}
	return lambdas + lines*26 + b.Len()
}

// TestModerated: a picture that Rekognition looks at costs that, in both estimates.
func TestModerated(t *testing.T) {
	load := Typical()
	without, err := Estimate(load)
	if err != nil {
		t.Fatal(err)
	}
	load.Moderated = true
	with, err := Estimate(load)
	if err != nil {
		t.Fatal(err)
	}
	if more := with.Full - without.Full; math.Abs(more-load.Uploads*DaysPerMonth*0.001) > 1e-6 {
		t.Errorf("moderation costs $%.4f a month", more)
	}
	e := Exposure{Region: "us-east-1", Arch: "arm64", MemoryMB: 1769, TimeoutSeconds: 120, Instances: 10, Trigger: "direct", Variants: 2,
		RecordsBad: true, Moderated: true}
	c, err := Limit(e)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(c.Lines, func(l Charge) bool { return l.Name == "Rekognition" && l.USD > c.Total/2 }) {
		t.Errorf("%+v", c.Lines)
	}
}
