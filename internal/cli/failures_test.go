package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/cli"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3/ambient"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/devcloud"
)

// command runs imgmill, expects an exit code, and returns both outputs.
func command(t *testing.T, exit int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if code := cli.Main(args, nil, &out, &err); code != exit {
		t.Fatalf("%q exits with %d, want %d\n%s%s", args, code, exit, &out, &err)
	}
	return out.String(), err.String()
}

// bury publishes so many events to the local cloud's queue and buries them.
func bury(t *testing.T, cloud *devcloud.Cloud, events int) {
	t.Helper()
	for i := range events {
		body, err := event.Notification(event.Change{Bucket: "photos-input",
			Key: fmt.Sprintf("夏/%d b.jpg", i+1), Time: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if err := cloud.Queue().Publish(t.Context(), "", body); err != nil {
			t.Fatal(err)
		}
		got, err := cloud.Queue().Fetch(t.Context(), 1, waitTimeout)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		if err := got[0].Bury(t.Context(), fmt.Sprintf("failed\x1b 10 times %d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailuresOfDev lists, shows and sends back what the local cloud buried; it is delivered when
// the cloud runs again.
func TestFailuresOfDev(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cloud")
	cfg := devcloud.Config{Dir: dir, Port: devcloud.AnyPort, Watch: []string{"photos-input"},
		Log: slog.New(slog.DiscardHandler)}
	cloud, err := devcloud.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	bury(t, cloud, 3)
	running, _ := command(t, 0, "failures", "--dir", dir)
	if err := cloud.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	list, _ := command(t, 0, "failures", "--dir", dir)
	if list != running {
		t.Errorf("while the cloud runs:\n%s\nafterwards:\n%s", running, list)
	}
	for _, want := range []string{"no  when", "夏/1 b.jpg  failed\\x1b 10 times 1", "\n3  "} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q:\n%s", want, list)
		}
	}
	if again, _ := command(t, 0, "failures", "list", "--dir", dir); again != list {
		t.Errorf("listed twice:\n%s%s", list, again)
	}
	shown, _ := command(t, 0, "failures", "show", "2", "--dir", dir)
	var one struct {
		Number, Tries int
		Keys          []string
		Reason        string
		Event         json.RawMessage
	}
	if err := json.Unmarshal([]byte(shown), &one); err != nil || one.Number != 2 ||
		one.Tries != 1 || one.Keys[0] != "夏/2 b.jpg" || one.Reason != "failed\x1b 10 times 2" {
		t.Errorf("shown: %v, %s", err, shown)
	}
	if _, stderr := command(t, 1, "failures", "show", "4", "--dir", dir); !strings.Contains(stderr,
		"there is no failure 4; the list has 3") {
		t.Errorf("a failure that does not exist: %s", stderr)
	}

	sent, stderr := command(t, 3, "failures", "retry", "2", "9", "--dir", dir)
	if !strings.Contains(sent, "2  夏/2 b.jpg  sent back\n") ||
		!strings.Contains(sent, "9  -  not sent: there is no failure 9") ||
		!strings.Contains(stderr, "1 failure sent back.") {
		t.Errorf("sent back:\n%s%s", sent, stderr)
	}
	lines, _ := command(t, 0, "failures", "--json", "--dir", dir)
	if strings.Count(lines, "\n") != 2 || strings.Contains(lines, "夏/2") {
		t.Errorf("the rest: %s", lines)
	}
	command(t, 0, "failures", "retry", "--all", "--json", "--dir", dir)
	if _, stderr := command(t, 0, "failures", "--dir", dir); !strings.HasSuffix(stderr, "No failures.\n") {
		t.Errorf("at the end: %s", stderr)
	}

	if cloud, err = devcloud.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer cloud.Stop(t.Context())
	if n, err := cloud.Queue().Waiting(t.Context()); err != nil || n != 3 {
		t.Errorf("%d are pending in the next cloud, %v", n, err)
	}
}

// badBench is a running local cloud with an upload that is broken, one that has no place, and one that is
// fine, as the pipeline has left them.
type badBench struct {
	*testing.T
	dir    string
	config string
	cloud  *devcloud.Cloud
	store  bucket.Store
	mill   *mill.Mill
}

const badRecipe = "source: {bucket: photos-input}\ntarget: {bucket: photos-output, key: '{variant}/{key}'}\nvariants: {v: {width: 20}}\n"

func newBadBench(t *testing.T) *badBench {
	dir := t.TempDir()
	config := filepath.Join(dir, "imgmill.yaml")
	if err := os.WriteFile(config, []byte(badRecipe), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(badRecipe))
	if err != nil {
		t.Fatal(err)
	}
	b := &badBench{T: t, dir: filepath.Join(dir, "cloud"), config: config}
	b.cloud, err = devcloud.Start(t.Context(), devcloud.Config{Dir: b.dir, Port: devcloud.AnyPort,
		Watch: []string{"photos-input"}, Buckets: []string{"photos-output"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.cloud.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	access, secret := b.cloud.Credentials()
	if b.store, err = ambient.Open(t.Context(), s3.Options{Endpoint: b.cloud.Endpoint(), Region: b.cloud.Region(),
		AccessKey: access, Secret: secret, PathStyle: true}); err != nil {
		t.Fatal(err)
	}
	b.mill = mill.New(b.store, r)
	photo := sample.Photo(60, 40)
	b.upload("broken.jpg", photo[:len(photo)/2], outcome.Bad)
	if _, err := b.store.Put(t.Context(), "photos-output", "v/taken.jpg", photo, bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	b.upload("taken.jpg", photo, outcome.Bad)
	b.upload("fine.jpg", photo, outcome.Done)
	b.upload("mended.jpg", photo[:len(photo)/2], outcome.Bad)
	b.upload("mended.jpg", photo, outcome.Done)
	return b
}

// failures runs the command with the recipe, on the cloud or, with one, on its endpoint.
func (b *badBench) failures(exit int, where string, args ...string) (stdout, stderr string) {
	b.Helper()
	if where == "" {
		args = append(args, "--dir", b.dir)
	} else {
		args = append(args, "--endpoint", where)
	}
	return command(b.T, exit, append([]string{"failures", "--config", b.config}, args...)...)
}

// upload uploads an object and processes it.
func (b *badBench) upload(key string, data []byte, want outcome.Verdict) {
	b.Helper()
	etag, err := b.store.Put(b.Context(), "photos-input", key, data, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		b.Fatal(err)
	}
	// As from an event, which spares the look for a record of the version before.
	c := event.Change{Bucket: "photos-input", Key: key, ETag: etag, Size: int64(len(data)), Sequencer: "01"}
	if r := b.mill.Process(b.Context(), c); r.Verdict != want {
		b.Fatalf("%s: %s %s", key, r.Verdict, r.Reason)
	}
}

// keysOf returns the keys in a printed list.
func keysOf(list string) string {
	return strings.Join(regexp.MustCompile(`\S+\.jpg`).FindAllString(list, -1), " ")
}

// TestFailuresWithoutDev: what was recorded is listed, and tried again, while imgmill dev does not run.
func TestFailuresWithoutDev(t *testing.T) {
	b := newBadBench(t)
	bury(t, b.cloud, 1)
	running, _ := b.failures(0, "")
	if err := b.cloud.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, stderr := b.failures(0, ""); list != running || stderr != "" {
		t.Errorf("while the cloud runs:\n%s\nafterwards:\n%s%s", running, list, stderr)
	}
	if tried, stderr := b.failures(1, "", "retry", "2"); !strings.Contains(tried, "2  broken.jpg  bad: corrupt") {
		t.Errorf("tried again: %s%s", tried, stderr)
	}
}

// TestFailuresOfBadUploads lists bad uploads beside what a queue has buried, of a cloud that runs and of
// its store alone, and tries them again.
func TestFailuresOfBadUploads(t *testing.T) {
	b := newBadBench(t)
	bury(t, b.cloud, 1) // the event of the first upload
	list, _ := b.failures(0, "")
	lines := strings.Split(strings.TrimSpace(list), "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], "retry    1      broken.jpg  failed") {
		t.Fatalf("the list:\n%s", list)
	}
	for _, key := range []string{"broken.jpg", "taken.jpg"} {
		if !strings.Contains(list, "bad      -      "+key) {
			t.Errorf("the list lacks %s:\n%s", key, list)
		}
	}
	shown, _ := b.failures(0, "", "show", "2") // the first by key
	if !strings.Contains(shown, `"verdict": "bad"`) || !strings.Contains(shown, "corrupt") {
		t.Errorf("shown: %s", shown)
	}

	if few, stderr := b.failures(0, "", "--max", "2", "--json"); strings.Count(few, "\n") != 2 {
		t.Errorf("at most two: %s%s", few, stderr)
	}
	if few, stderr := b.failures(0, "", "--max", "1"); strings.Count(few, "\n") != 2 || !strings.Contains(stderr, "there may be more") {
		t.Errorf("at most one: %s%s", few, stderr)
	}

	if none, _ := b.failures(1, "", "retry", "9"); !strings.Contains(none, "there is no failure 9; the list has 3\n") {
		t.Errorf("beyond the list: %s", none)
	}

	// The place is free now, and the other one is still broken.
	if err := b.store.Delete(t.Context(), "photos-output", "v/taken.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	tried, stderr := b.failures(3, "", "retry", "--all")
	for _, want := range []string{"taken.jpg  made\n", "broken.jpg  bad: corrupt", "1  broken.jpg  sent back\n"} {
		if !strings.Contains(tried, want) {
			t.Errorf("tried again: %q is missing in\n%s", want, tried)
		}
	}
	if !strings.Contains(stderr, "The variants of 1 upload are made.") {
		t.Errorf("tried again: %s", stderr)
	}
	if _, err := b.store.Head(t.Context(), "photos-output", "v/taken.jpg"); err != nil {
		t.Error(err)
	}

	// The same from the store alone, as in any S3 store, whose credentials are those of the machine.
	access, secret := b.cloud.Credentials()
	t.Setenv("AWS_ACCESS_KEY_ID", access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_REGION", b.cloud.Region())
	list, _ = b.failures(0, b.cloud.Endpoint(), "--json")
	if strings.Count(list, "\n") != 1 || !strings.Contains(list, `"verdict":"bad"`) || !strings.Contains(list, `"keys":["broken.jpg"]`) {
		t.Errorf("from the store alone:\n%s", list)
	}
	b.upload("a.jpg", []byte("\xff\xd8\xff\xe0"), outcome.Bad)
	b.upload("z.jpg", []byte("\xff\xd8\xff\xe0"), outcome.Bad)
	list, _ = b.failures(0, b.cloud.Endpoint())
	b.failures(1, b.cloud.Endpoint(), "retry", "1") // in vain, so that the numbers stay
	if again, _ := b.failures(0, b.cloud.Endpoint()); keysOf(again) != "a.jpg broken.jpg z.jpg" || keysOf(list) != keysOf(again) {
		t.Errorf("after a retry in vain:\n%s%s", list, again)
	}
	if few, _ := b.failures(0, b.cloud.Endpoint(), "--max", "2"); keysOf(few) != "a.jpg broken.jpg" {
		t.Errorf("the first two:\n%s", few)
	}
	for _, key := range []string{"a.jpg", "z.jpg"} {
		if err := b.store.Delete(t.Context(), "photos-input", key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	b.failures(1, b.cloud.Endpoint(), "retry", "2")
	if err := b.store.Delete(t.Context(), "photos-input", "broken.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, stderr := b.failures(0, b.cloud.Endpoint()); stderr != "No failures.\n" {
		t.Errorf("after the source is gone: %s", stderr)
	}
}
