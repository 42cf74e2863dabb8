package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// listener is a worker with an HTTP endpoint.
type listener struct {
	*process
	url  string // of the endpoint
	args []string
}

// startListener starts a worker that has the token "hush", without waiting for its store.
func startListener(t *testing.T, where s3.Options, args ...string) *listener {
	t.Helper()
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	recipe := filepath.Join(t.TempDir(), "imgmill.yaml")
	text := fmt.Sprintf("source: {bucket: photos-input, endpoint: '%s', region: %s}\ntarget: {bucket: photos-output}\n"+
		"variants: {small: {width: 30}, large: {width: 60}}\non_remove: remove\n", where.Endpoint, where.Region)
	if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &listener{url: fmt.Sprintf("http://127.0.0.1:%d", port), args: []string{"--config", recipe, "--checkpoint", "none"}}
	t.Setenv("IMGMILL_TOKEN", "hush")
	l.process = run(t, append(append([]string{"worker", "--listen", strings.TrimPrefix(l.url, "http://")}, args...), l.args...)...)
	return l
}

// get returns the status and the text of a page.
func (l *listener) get(t *testing.T, path string) (int, string) {
	t.Helper()
	answer, err := http.Get(l.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

var startedRE = regexp.MustCompile(`msg="the worker has started"`)

// TestWorkerListensBeforeItsStore: the endpoint answers while the worker waits for its store, and a signal
// ends the wait.
func TestWorkerListensBeforeItsStore(t *testing.T) {
	var found atomic.Bool
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		if found.Load() { // it is a store, but has no such bucket
			_, _ = io.WriteString(w, "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>")
		}
	}))
	defer store.Close()
	setCredentials(t, s3.Options{AccessKey: "key", Secret: "secret"})
	w := startListener(t, s3.Options{Endpoint: store.URL, Region: "us-east-1"})
	w.find(t, 0, regexp.MustCompile(`msg="waiting for the store" error=".*HTTP 404.*is the endpoint right\?`))
	found.Store(true)
	w.find(t, 0, regexp.MustCompile(`msg="waiting for the store" error=".*no such bucket`))
	for path, want := range map[string]int{"/healthz": 200, "/metrics": 200, "/readyz": 503} {
		if status, text := w.get(t, path); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, text, want)
		}
	}
	body, err := event.Notification(event.Change{Bucket: "photos-input", Key: "a.jpg", Size: -1, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(w.url+"/events?token=hush", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("an event: %s %v", answer.Status, answer.Header)
	}
	w.interrupt(t)
	if log := strings.Join(w.log, "\n"); strings.Contains(log, "not probed") || strings.Contains(log, "has started") {
		t.Errorf("it says that it has started:\n%s", log)
	}
}

// TestWorkerQueueURL: a URL that is no queue is refused before the store is asked; a server that is away is
// waited for.
func TestWorkerQueueURL(t *testing.T) {
	setCredentials(t, s3.Options{AccessKey: "key", Secret: "secret"})
	nowhere := s3.Options{Endpoint: "http://127.0.0.1:1", Region: "us-east-1"}
	for url, want := range map[string]string{
		"redis://x": "write its URL, like", "http://foo/": "write its URL, like",
		"nats://127.0.0.1:1/": "names no stream", "nats://127.0.0.1:1": "names no stream",
	} {
		out, err := exec.Command("imgmill", "worker", "--queue", url, "--endpoint", nowhere.Endpoint).CombinedOutput()
		if err == nil || err.Error() != "exit status 2" || !strings.Contains(string(out), want) {
			t.Errorf("--queue %s: %v\n%s", url, err, out)
		}
	}
	w := startListener(t, nowhere, "--queue", "nats://127.0.0.1:1/uploads")
	w.find(t, 0, regexp.MustCompile(`msg="waiting for the queue" error="connect to NATS at 127.0.0.1:1: `))
	w.interrupt(t)
}

// TestWorkerListens sends events to a worker, asks it how it is, and looks at what it traces.
func TestWorkerListens(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	where := startStore(t, "photos-input", "photos-output")
	store := once(where)
	spans := startCollector(t)
	w := startListener(t, where, "--memory", "256MB")
	w.find(t, 0, startedRE)

	etag, err := store.Put(t.Context(), "photos-input", "a b.jpg", sample.Photo(120, 80), bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := event.Notification(event.Change{Bucket: "photos-input", Key: "a b.jpg", ETag: etag, Size: -1, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{"": 401, "?token=hush": 200} {
		answer, err := http.Post(w.url+"/events"+token, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("with %q: %s, want %d", token, answer.Status, want)
		}
	}
	for _, variant := range []string{"small", "large"} { // they are there before the answer
		if _, err := store.Head(t.Context(), "photos-output", variant+"/a b.jpg"); err != nil {
			t.Error(err)
		}
	}
	if v, rest := w.verdict(t, "a b.jpg"); v != "done" {
		t.Errorf("verdict %s %s", v, rest)
	}
	if status, text := w.get(t, "/readyz"); status != 200 || text != "source bucket: ok\ntarget bucket: ok\n" {
		t.Errorf("readyz: %d %s", status, text)
	}
	_, metrics := w.get(t, "/metrics")
	for _, want := range []string{"imgmill_changes_total{verdict=\"done\"} 1\n", "imgmill_variants_total 2\n", "\nimgmill_memory_admitted_bytes 0\n", "\nprocess_cpu_seconds_total "} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
	w.interrupt(t)
	spans.want(t, "change", "Put", "small/a b.jpg", "imgmill.verdict")
}

// spans is what a collector of traces has received.
type spans struct {
	mu   sync.Mutex
	data []byte
}

// startCollector starts a collector of traces, and names it in the environment.
func startCollector(t *testing.T) *spans {
	s := &spans{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.data = append(s.data, body...)
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	return s
}

// want checks that some texts are in the traces of a process that has ended.
func (s *spans) want(t *testing.T, texts ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		if !bytes.Contains(s.data, []byte(text)) {
			t.Errorf("traces lack %q", text)
		}
	}
}

// TestWorkerListensTwice checks what a worker says about an address that is taken.
func TestWorkerListensTwice(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	w := startListener(t, s3.Options{Endpoint: "http://127.0.0.1:1", Region: "us-east-1"}, "--listen", strings.TrimPrefix(taken.URL, "http://"))
	w.find(t, 0, regexp.MustCompile(`--listen: listen tcp .* address already in use`))
	if err := <-w.ended; err == nil {
		t.Error("exit code 0")
	} else {
		w.ended <- err
	}
}

// startPusher starts the server IMGMILL_PUSHER, which is versitygw, minio or weed by the name of its file,
// with a webhook to a worker, which waits for it. With a NATS server at IMGMILL_NATS, the worker has its
// queue there, and versitygw publishes to that by itself.
func startPusher(t *testing.T, program string) (where s3.Options, w *listener) {
	t.Helper()
	ports := make([]string, 8)
	for i := range ports {
		port, err := findPort()
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = strconv.Itoa(port)
	}
	address := "127.0.0.1:" + ports[0]
	where = s3.Options{
		Endpoint: "http://" + address, Region: "us-east-1", AccessKey: "imgmill", Secret: "imgmill-secret", PathStyle: true,
	}
	setCredentials(t, where)
	var args []string
	nats, stream := os.Getenv("IMGMILL_NATS"), "push"+ports[0]
	if nats != "" {
		args = []string{"--queue", nats + "/" + stream}
	}
	w = startListener(t, where, args...)
	w.find(t, 0, regexp.MustCompile(`msg="waiting for the store"`))
	dir := t.TempDir()
	var cmd *exec.Cmd
	switch filepath.Base(program) {
	case "versitygw":
		args := []string{"--event-webhook-url", w.url + "/events?token=hush"}
		if nats != "" {
			args = []string{"--event-nats-url", nats, "--event-nats-topic", stream}
		}
		args = append(args, "--access", where.AccessKey, "--secret", where.Secret, "--port", address, "--quiet")
		cmd = exec.Command(program, append(args, "posix", "--versioning-dir", t.TempDir(), dir)...)
	case "minio":
		cmd = exec.Command(program, "server", "--quiet", "--address", address, dir)
		cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+where.AccessKey, "MINIO_ROOT_PASSWORD="+where.Secret, "MINIO_BROWSER=off",
			"MINIO_NOTIFY_WEBHOOK_ENABLE_imgmill=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_imgmill="+w.url+"/events",
			"MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_imgmill=hush")
	case "weed":
		cmd = seaweedFS(t, program, dir, w.url+"/events", where, ports)
	default:
		t.Fatalf("IMGMILL_PUSHER: %s is no server that this test knows", program)
	}
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // its exit code says nothing here
	})
	return where, w
}

// seaweedFS returns the command of all of SeaweedFS's servers in one process. It reads notification.toml
// in its folder.
func seaweedFS(t *testing.T, program, dir, webhook string, where s3.Options, ports []string) *exec.Cmd {
	t.Helper()
	for name, text := range map[string]string{
		"notification.toml": fmt.Sprintf("[notification.webhook]\nenabled = true\nendpoint = %q\nbearer_token = \"hush\"\n", webhook),
		"s3.json": fmt.Sprintf(`{"identities": [{"name": "imgmill", "credentials": [{"accessKey": %q, "secretKey": %q}],
			"actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}`, where.AccessKey, where.Secret),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-logtostderr=true", "server", "-dir="+dir, "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
		"-s3", "-s3.config="+filepath.Join(dir, "s3.json"), "-s3.port="+ports[0], "-s3.port.grpc="+ports[1],
		"-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.localSocket="+filepath.Join(dir, "s3.sock"),
		"-master.port="+ports[2], "-master.port.grpc="+ports[3], "-volume.port="+ports[4], "-volume.port.grpc="+ports[5],
		"-filer.port="+ports[6], "-filer.port.grpc="+ports[7], "-filer.localSocket="+filepath.Join(dir, "filer.sock"),
		"-volume.max=1000", "-master.volumeSizeLimitMB=64")
	cmd.Env = append(os.Environ(), "WEED_MASTER_VOLUME_GROWTH_COPY_1=1")
	return cmd
}

// notify asks MinIO for the events of a bucket; versitygw sends those of all.
func notify(t *testing.T, client *awss3.Client) {
	t.Helper()
	_, err := client.PutBucketNotificationConfiguration(t.Context(), &awss3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("photos-input"),
		NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
			QueueArn: aws.String("arn:minio:sqs::imgmill:webhook"),
			Events:   []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPush uploads, replaces and removes pictures in a server of others that sends its events to a
// worker, and then compares the buckets; once more after the source bucket has versions. The worker has
// no queue unless there is a NATS server, and never lists.
func TestPush(t *testing.T) {
	program := os.Getenv("IMGMILL_PUSHER")
	if program == "" {
		t.Skip("IMGMILL_PUSHER names no server")
	}
	where, w := startPusher(t, program)
	o := awss3.Options{}
	where.Apply(&o)
	client := awss3.New(o)
	for _, name := range []string{"photos-input", "photos-output"} {
		for deadline := time.Now().Add(waitTimeout); ; time.Sleep(100 * time.Millisecond) { // it is starting
			_, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name})
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	if filepath.Base(program) == "minio" {
		notify(t, client)
	}
	w.find(t, 0, startedRE)
	for _, prefix := range []string{"", "versions/"} {
		if prefix != "" {
			_, err := client.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{
				Bucket:                  aws.String("photos-input"),
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		uploadMany(t, s3.New(client), prefix)
		// Rarely, an event of versitygw names another object: its strings lie in the buffer of a request,
		// which the server uses again.
		w.audit(t, filepath.Base(program) == "versitygw")
	}
	_, metrics := w.get(t, "/metrics")
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "imgmill_") && !strings.Contains(line, "_bucket") {
			t.Log(strings.TrimSpace(line))
		}
	}
	w.interrupt(t)
}

// uploadMany replaces, removes and adds pictures under a prefix, under several keys at the same time.
func uploadMany(t *testing.T, store *s3.Store, prefix string) {
	t.Helper()
	keys := []string{"夏/a b+c%20 (1).jpg", "100%.jpg", "a+b.jpg", "a b.jpg", "x%2Fy.jpg", "d/e/f.jpg", "Straße ~*'!.jpg", "q?x=1&y=#.jpg"}
	var all sync.WaitGroup
	for i, key := range keys {
		key = prefix + key
		all.Go(func() {
			for n := range 10 { // each replaces the last
				put(t, store, key, sample.Photo(80+n, 60+i))
			}
			put(t, store, "removed/"+key, sample.Photo(90, 60))
			if err := store.Delete(t.Context(), "photos-input", "removed/"+key, bucket.Condition{}); err != nil {
				t.Error(err)
			}
			put(t, store, "big/"+key, sample.Photo(900, 600))
		})
	}
	all.Wait()
}

// audit waits until every variant is there and fresh, and no other. If events may be lost, sync makes what
// is missing after a while.
func (l *listener) audit(t *testing.T, lossy bool) {
	t.Helper()
	for deadline := time.Now().Add(waitTimeout); ; time.Sleep(time.Second) {
		out, err := exec.Command("imgmill", append([]string{"audit"}, l.args...)...).CombinedOutput()
		switch {
		case err == nil:
			t.Logf("%s", out)
			return
		case time.Now().Before(deadline):
		case lossy:
			t.Logf("an event was lost:\n%s", out)
			lossy = false
			if out, err := exec.Command("imgmill", append([]string{"sync", "--yes"}, l.args...)...).CombinedOutput(); err != nil {
				t.Fatalf("sync: %v\n%s", err, out)
			}
		default:
			t.Fatalf("audit: %v\n%s", err, out)
		}
	}
}

func put(t *testing.T, store *s3.Store, key string, data []byte) {
	t.Helper()
	if _, err := store.Put(t.Context(), "photos-input", key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Error(err)
	}
}
