package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/cli"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

const (
	source = "photos-input"
	target = "photos-output"

	recipeText = `source: {bucket: photos-input}
target: {bucket: photos-output, key: "{dir}/{stem}-{variant}.{format}"}
variants:
  thumb: {width: 100, height: 100, fit: cover, format: jpeg}
  large: {width: 300}
`
)

// world is shared by all tests, because only one cloud can run in a process.
type world struct {
	binary string
	store  *s3.Store
	env    []string // for a function, so that it reaches the cloud
}

// TestFunction runs the deployed binary with a runtime API and an S3 server of our own.
func TestFunction(t *testing.T) {
	w := &world{binary: build(t)} // before the cloud changes the working directory
	w.startCloud(t)
	t.Run("an S3 event becomes variants", w.s3Event)
	t.Run("an iPhone's photograph becomes JPEG", w.iPhone)
	t.Run("a batch of messages fails in part", w.sqsBatch)
	t.Run("a bad picture is acknowledged", w.badPicture)
	t.Run("names and objects that must not do harm", w.hostileKeys)
	t.Run("an error fails the invocation", w.failure)
	t.Run("an invalid recipe ends it at once", w.invalidRecipe)
	t.Run("no recipe", w.noRecipe)
	t.Run("buckets from the environment", w.otherBuckets)
	t.Run("a memory limit", w.memoryLimit)
}

// build compiles the function for this machine, with the flags of a deployment.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap.exe") // Windows runs only files with such a name
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags=-s", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the binary has %.1f MB", float64(info.Size())/1e6)
	return binary
}

// startCloud starts an S3 server behind a proxy that throttles requests for keys that contain
// "busy".
func (w *world) startCloud(t *testing.T) {
	t.Helper()
	cloud, err := devcloud.Start(t.Context(), devcloud.Config{
		Dir: t.TempDir(), Port: devcloud.AnyPort, Buckets: []string{source, target}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	access, secret := cloud.Credentials()
	w.store, err = s3.Open(s3.Options{Endpoint: cloud.Endpoint(), Region: cloud.Region(), AccessKey: access, Secret: secret, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	backend, err := url.Parse(cloud.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(backend)
		r.Out.Host = r.In.Host // the signature covers it
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "busy") {
			rw.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(rw, `<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
			return
		}
		forward.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.env = []string{
		"AWS_ENDPOINT_URL=" + proxy.URL, "AWS_REGION=" + cloud.Region(), "AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + secret,
	}
}

// start runs the function with the recipe in its environment.
func (w *world) start(t *testing.T, text string) *function {
	t.Helper()
	return startFunction(t, w.binary, t.TempDir(), append(w.env, recipe.EnvRecipe+"="+text)...)
}

// put uploads an object and returns the change that S3 would report.
func (w *world) put(t *testing.T, key string, data []byte) event.Change {
	t.Helper()
	etag, err := w.store.Put(t.Context(), source, key, data, bucket.Attributes{CacheControl: "max-age=60"}, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return event.Change{Bucket: source, Key: key, ETag: etag, Size: int64(len(data)), Sequencer: "0055AED6DCD90281E5", Time: time.Now()}
}

func (w *world) get(t *testing.T, key string) []byte {
	t.Helper()
	o, err := w.store.Get(t.Context(), target, key, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	data, err := io.ReadAll(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	if o.ContentType != "image/jpeg" || o.CacheControl != "max-age=60" {
		t.Errorf("%s has content type %q and cache control %q", key, o.ContentType, o.CacheControl)
	}
	return data
}

// iPhone checks that a HEIC file is turned upright once, and that nothing is changed of its name.
func (w *world) iPhone(t *testing.T) {
	f := w.start(t, recipeText)
	f.invoke(t, "heic", notification(t, w.put(t, "DCIM/IMG_0042.HEIC", heiftest.IPhone)))
	want(t, f.line(t), map[string]any{"msg": "change", "key": "DCIM/IMG_0042.HEIC", "verdict": "done", "variants": 2.0})
	w.upright(t, "DCIM/IMG_0042-large.jpg")
}

// upright checks that a variant of an iPhone's photograph is 300 wide and has the sky above.
func (w *world) upright(t *testing.T, key string) {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(w.get(t, key)))
	if err != nil {
		t.Fatal(err)
	}
	if size := m.Bounds().Size(); size != image.Pt(300, 400) {
		t.Errorf("%v", size)
	}
	sky, grass := color.GrayModel.Convert(m.At(150, 40)).(color.Gray), color.GrayModel.Convert(m.At(150, 380)).(color.Gray)
	if sky.Y < grass.Y+40 {
		t.Errorf("the sky has %d and the ground %d: it is not upright", sky.Y, grass.Y)
	}
}

func notification(t *testing.T, c event.Change) []byte {
	t.Helper()
	body, err := event.Notification(c)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// s3Event checks that the function finds the recipe beside its binary, and makes the same bytes as
// the pipeline and the command.
func (w *world) s3Event(t *testing.T) {
	root, photo := t.TempDir(), sample.Photo(640, 480)
	recipeFile := filepath.Join(root, "imgmill.yaml")
	write(t, recipeFile, []byte(recipeText))
	f := startFunction(t, w.binary, root, w.env...)
	change := w.put(t, "album/夏 1+2.jpg", photo)
	a := f.invoke(t, "request-1", notification(t, change))
	if a.path != "invocation/request-1/response" || a.body != "null" {
		t.Fatalf("the function posted %+v", a)
	}
	select {
	case first := <-f.api.asked:
		t.Logf("the function asked for work %v after its start", first.Sub(f.begun).Round(100*time.Microsecond))
	default:
		t.Error("the function has never asked for work")
	}
	line := f.line(t)
	want(t, line, map[string]any{
		"level": "INFO", "msg": "change", "request_id": "request-1", "bucket": source, "key": "album/夏 1+2.jpg", "verdict": "done",
		"bytes_in": float64(len(photo)), "variants": 2.0,
	})
	if ms, ok := line["ms"].(float64); !ok || ms <= 0 {
		t.Errorf("ms is %v", line["ms"])
	}

	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(recipeText))
	if err != nil {
		t.Fatal(err)
	}
	m := mill.New(w.store, r)
	if res := m.Process(t.Context(), w.put(t, "pipeline/p.jpg", photo)); res.Verdict != outcome.Done {
		t.Fatalf("verdict of the pipeline: %s: %s", res.Verdict, res.Reason)
	}
	file, out := filepath.Join(root, "r.jpg"), filepath.Join(root, "out")
	write(t, file, photo)
	var output bytes.Buffer
	if code := cli.Main([]string{"resize", file, "-o", out, "--config", recipeFile}, nil, &output, &output); code != 0 {
		t.Fatalf("resize: exit code %d: %s", code, &output)
	}
	for _, variant := range []string{"thumb", "large"} {
		made := w.get(t, "album/夏 1+2-"+variant+".jpg")
		if !bytes.Equal(made, w.get(t, "pipeline/p-"+variant+".jpg")) {
			t.Errorf("%s: the function and the pipeline make different bytes", variant)
		}
		resized, err := os.ReadFile(filepath.Join(out, "r-"+variant+".jpg"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, resized) {
			t.Errorf("%s: the function and the command make different bytes", variant)
		}
	}
}

// sqsBatch checks that of several messages only the one whose object the store throttles is
// returned for a retry.
func (w *world) sqsBatch(t *testing.T) {
	f := w.start(t, recipeText)
	photo := sample.Photo(200, 150)
	elsewhere := event.Change{Bucket: "no-such-bucket", Key: "a.jpg", Size: 1, Time: time.Now()}
	a := f.invoke(t, "request-2", messages(t, []message{
		{"good", notification(t, w.put(t, "sqs/good.jpg", photo))},
		{"throttled", notification(t, w.put(t, "sqs/busy.jpg", photo))},
		{"elsewhere", notification(t, elsewhere)},
		{"gone", notification(t, event.Change{Bucket: source, Key: "sqs/gone.jpg", Size: 1, Time: time.Now()})},
		{"nonsense", []byte(`{"Records":[{"s3":1}]}`)},
	}))
	if a.path != "invocation/request-2/response" || a.body != `{"batchItemFailures":[{"itemIdentifier":"throttled"}]}` {
		t.Errorf("the function posted %+v", a)
	}
	for _, verdict := range []string{"done", "retry", "skipped", "skipped", "bad"} {
		line := f.line(t)
		want(t, line, map[string]any{"request_id": "request-2", "verdict": verdict})
		if reason, _ := line["reason"].(string); verdict == "retry" && !strings.Contains(reason, "SlowDown") {
			t.Errorf("the reason for the retry is %q", reason)
		}
	}
	if len(w.get(t, "sqs/good-thumb.jpg")) == 0 {
		t.Error("the good one has an empty variant")
	}
	if _, err := w.store.Head(t.Context(), target, "sqs/busy-thumb.jpg"); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("the throttled one has a variant: %v", err)
	}

	// If the target bucket does not exist, no picture is to blame, and every message is retried.
	f = w.start(t, strings.Replace(recipeText, target, "no-such-bucket", 1))
	a = f.invoke(t, "request-3", messages(t, []message{{"one", notification(t, w.put(t, "sqs/one.jpg", photo))}}))
	if a.body != `{"batchItemFailures":[{"itemIdentifier":"one"}]}` {
		t.Errorf("without a target bucket the function posted %+v", a)
	}
	want(t, f.line(t), map[string]any{"verdict": "retry", "level": "WARN"})
}

type message struct {
	id   string
	body []byte
}

// messages returns the payload that Lambda's event source mapping makes from SQS messages.
func messages(t *testing.T, list []message) []byte {
	t.Helper()
	var records []map[string]any
	for _, m := range list {
		records = append(records, map[string]any{
			"messageId": m.id, "receiptHandle": "r", "body": string(m.body), "eventSource": "aws:sqs", "awsRegion": "us-east-1",
			"attributes": map[string]string{"ApproximateReceiveCount": "1"}, "messageAttributes": map[string]any{},
			"eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:photos",
		})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// hostileKeys checks against a server that keeps objects as files that a name without room for the
// suffix of a manifest is bad and recorded, and that an object that imgmill did not make stays.
func (w *world) hostileKeys(t *testing.T) {
	f := w.start(t, strings.Replace(recipeText, "{dir}", "made/{dir}", 1)+"manifest: true\non_bad: {prefix: failed/}\n")
	photo := sample.Photo(64, 48)
	long := "long/" + strings.Repeat("k", 240) + ".jpg"
	f.invoke(t, "request-11", notification(t, w.put(t, long, photo)))
	line := f.line(t)
	want(t, line, map[string]any{"verdict": "bad", "key": long})
	if reason, _ := line["reason"].(string); !strings.Contains(reason, "a part of 257 bytes") {
		t.Errorf("the reason is %q", reason)
	}
	if info, err := w.store.Head(t.Context(), target, "failed/"+long+".json"); err != nil || info.Size == 0 {
		t.Errorf("the record: %d bytes, %v", info.Size, err)
	}

	page := []byte("<html>made by hand</html>")
	if _, err := w.store.Put(t.Context(), target, "made/site/index-thumb.jpg", page, bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	f.invoke(t, "request-12", notification(t, w.put(t, "site/index.jpg", photo)))
	line = f.line(t)
	want(t, line, map[string]any{"verdict": "bad"})
	if reason, _ := line["reason"].(string); !strings.Contains(reason, "imgmill did not make it") {
		t.Errorf("the reason is %q", reason)
	}
	if info, err := w.store.Head(t.Context(), target, "made/site/index-thumb.jpg"); err != nil || info.Size != int64(len(page)) {
		t.Errorf("the page was replaced: %+v, %v", info, err)
	}
}

// badPicture checks that the invocation for a corrupt picture succeeds, because a retry is useless,
// and that the next one works.
func (w *world) badPicture(t *testing.T) {
	f := w.start(t, recipeText)
	photo := sample.Photo(400, 300)
	a := f.invoke(t, "request-4", notification(t, w.put(t, "bad/cut.jpg", photo[:len(photo)/2])))
	if a.path != "invocation/request-4/response" {
		t.Errorf("the function posted %+v", a)
	}
	line := f.line(t)
	want(t, line, map[string]any{
		"level": "WARN", "request_id": "request-4", "key": "bad/cut.jpg", "verdict": "bad", "bytes_in": float64(len(photo) / 2),
	})
	if reason, _ := line["reason"].(string); !strings.Contains(reason, "corrupt") {
		t.Errorf("the reason is %q", reason)
	}
	f.invoke(t, "request-5", notification(t, w.put(t, "bad/good.jpg", photo)))
	want(t, f.line(t), map[string]any{"request_id": "request-5", "verdict": "done"})
	a = f.invoke(t, "request-6", []byte(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"photos-input"}`))
	if a.path != "invocation/request-6/response" {
		t.Errorf("for a test event the function posted %+v", a)
	}
}

// failure checks that the whole invocation fails if the event allows no partial failures, and that
// the function survives.
func (w *world) failure(t *testing.T) {
	f := w.start(t, recipeText)
	a := f.invoke(t, "request-7", notification(t, w.put(t, "fault/busy.jpg", sample.Photo(64, 48))))
	var reported struct{ ErrorMessage, ErrorType string }
	if err := json.Unmarshal([]byte(a.body), &reported); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if a.path != "invocation/request-7/error" || !strings.Contains(reported.ErrorMessage, "SlowDown") || reported.ErrorType == "" {
		t.Errorf("the function posted %+v", a)
	}
	want(t, f.line(t), map[string]any{"request_id": "request-7", "verdict": "retry"})
	a = f.invoke(t, "request-8", []byte(`{"hello":1}`))
	if a.path != "invocation/request-8/error" || !strings.Contains(a.body, "invalid event") {
		t.Errorf("for an unknown event the function posted %+v", a)
	}
	want(t, f.line(t), map[string]any{"request_id": "request-8", "level": "ERROR"})
	f.invoke(t, "request-9", notification(t, w.put(t, "fault/quiet.jpg", sample.Photo(64, 48))))
	want(t, f.line(t), map[string]any{"request_id": "request-9", "verdict": "done"})
}

func (w *world) invalidRecipe(t *testing.T) {
	w.refuses(t, w.start(t, "source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\nvariants: {a: {widht: 10}, b: {quality: 900}}"),
		"IMGMILL_RECIPE:3: ", "widht", "900")
	root := t.TempDir()
	write(t, filepath.Join(root, "imgmill.yaml"), []byte("variants: ["))
	w.refuses(t, startFunction(t, w.binary, root, w.env...), "imgmill.yaml:1: ")
}

func (w *world) noRecipe(t *testing.T) {
	w.refuses(t, startFunction(t, w.binary, t.TempDir(), w.env...), "no recipe: set IMGMILL_RECIPE")
}

// otherBuckets checks that the buckets of the deployment replace those in the recipe.
func (w *world) otherBuckets(t *testing.T) {
	text := strings.NewReplacer(source, "example-in", target, "example-out").Replace(recipeText)
	env := append(w.env, recipe.EnvRecipe+"="+text, recipe.EnvSourceBucket+"="+source, recipe.EnvTargetBucket+"="+target)
	f := startFunction(t, w.binary, t.TempDir(), env...)
	f.invoke(t, "request-10", notification(t, w.put(t, "moved/a.jpg", sample.Photo(64, 48))))
	want(t, f.line(t), map[string]any{"request_id": "request-10", "verdict": "done", "variants": 2.0})
	if len(w.get(t, "moved/a-thumb.jpg")) == 0 {
		t.Error("the variant is empty")
	}
	nameless := "target: {key: '{stem}-{variant}.jpg'}\nvariants: {only: {width: 20, format: jpeg}}\n"
	f = startFunction(t, w.binary, t.TempDir(), append(w.env, recipe.EnvRecipe+"="+nameless, recipe.EnvSourceBucket+"="+source,
		recipe.EnvTargetBucket+"="+target)...)
	f.invoke(t, "request-11", notification(t, w.put(t, "nameless.jpg", sample.Photo(64, 48))))
	want(t, f.line(t), map[string]any{"request_id": "request-11", "verdict": "done", "variants": 1.0})
	w.refuses(t, startFunction(t, w.binary, t.TempDir(), append(w.env, recipe.EnvRecipe+"="+nameless, recipe.EnvSourceBucket+"="+source)...),
		"the recipe names no buckets", recipe.EnvTargetBucket)
	w.refuses(t, startFunction(t, w.binary, t.TempDir(), append(w.env, recipe.EnvRecipe+"="+text, recipe.EnvTargetBucket+"=Not_A_Bucket")...),
		recipe.EnvTargetBucket, "target.bucket", "Not_A_Bucket")
}

// refuses checks that the function ends by itself with exit code 1, before it asks for work, and
// that it reports the reason in one line of the log and to the runtime API.
func (w *world) refuses(t *testing.T, f *function, sentences ...string) {
	t.Helper()
	line := f.line(t)
	text, _ := line["error"].(string)
	want(t, line, map[string]any{"level": "ERROR", "msg": "cannot start"})
	for _, s := range sentences {
		if !strings.Contains(text, s) {
			t.Errorf("error %q, want %q in it", text, s)
		}
	}
	select {
	case err := <-f.ended:
		f.ended <- err
		if code := f.cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(waitTimeout):
		t.Fatal("the function has not ended")
	}
	select {
	case a := <-f.api.answers:
		var reported struct{ ErrorMessage, ErrorType string }
		if err := json.Unmarshal([]byte(a.body), &reported); err != nil {
			t.Fatalf("%v in %s", err, a.body)
		}
		if a.path != "init/error" || reported.ErrorMessage != text || reported.ErrorType != "Imgmill.CannotStart" || a.errorType != reported.ErrorType {
			t.Errorf("the function posted %+v", a)
		}
	default:
		t.Error("the function posted nothing")
	}
	if len(f.lines) > 0 {
		t.Errorf("another line in the log: %v", <-f.lines)
	}
	if len(f.api.asked) > 0 {
		t.Error("the function has asked for work")
	}
}

// want checks members of a log line.
func want(t *testing.T, line, members map[string]any) {
	t.Helper()
	for name, value := range members {
		if line[name] != value {
			t.Errorf("%s is %v, want %v in %v", name, line[name], value, line)
		}
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestReportInitErrorFails checks that reportInitError returns an error if the runtime API refuses
// it or is not there.
func TestReportInitErrorFails(t *testing.T) {
	api := httptest.NewServer(http.NotFoundHandler())
	if err := reportInitError(strings.TrimPrefix(api.URL, "http://"), errors.New("no recipe")); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v for a refusal, want status 404", err)
	}
	api.Close()
	for _, address := range []string{strings.TrimPrefix(api.URL, "http://"), "", "\x00"} {
		if err := reportInitError(address, errors.New("no recipe")); err == nil {
			t.Errorf("no error, although nothing listens at %q", address)
		}
	}
}
