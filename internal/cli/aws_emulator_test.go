package cli_test

import (
	"bytes"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// emulator is a cloud that this project did not write, behind a proxy that notes the calls that it cannot serve.
type emulator struct {
	name  string // ministack or moto
	cloud *stack.Cloud
	dir   string // of recipes and pictures

	mu       sync.Mutex
	unserved map[string]string // call to what was answered
	before   map[string]func() // done once, before the call is passed on
	running  *os.Process       // the command
}

// openEmulator takes IMGMILL_AWS_ENDPOINT and IMGMILL_AWS_EMULATOR, or skips the test. All that the test starts uses it.
func openEmulator(t *testing.T) *emulator {
	t.Helper()
	endpoint := os.Getenv("IMGMILL_AWS_ENDPOINT")
	e := &emulator{name: os.Getenv("IMGMILL_AWS_EMULATOR"), dir: t.TempDir(), unserved: map[string]string{}, before: map[string]func(){}}
	if endpoint == "" || e.name == "" {
		t.Skip("IMGMILL_AWS_ENDPOINT and IMGMILL_AWS_EMULATOR are not set")
	}
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(e.between(httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(proxy.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": proxy.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": filepath.Join(e.dir, "none"),
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(e.dir, "none"), "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	if e.cloud, err = stack.Open(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, call := range slices.Sorted(maps.Keys(e.unserved)) {
			t.Logf("%s cannot serve %s: %s", e.name, call, e.unserved[call])
		}
	})
	return e
}

// between passes calls on and notes answers by which an emulator says that it does not know a call.
func (e *emulator) between(proxy *httputil.ReverseProxy) http.Handler {
	proxy.ErrorLog = log.New(io.Discard, "", 0) // of calls that Ctrl-C ends
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode < 400 || r.Body == nil {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		html := strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") && len(body) > 0
		for _, sign := range []string{"NotImplemented", "not supported", "Unsupported", "UnknownOperation", "InvalidAction", "not yet implemented"} {
			if html || r.StatusCode == http.StatusNotImplemented || bytes.Contains(body, []byte(sign)) {
				e.cannot(r.Request.Header.Get("X-Called"), strings.Join(strings.Fields(string(body[:min(len(body), 200)])), " "))
				break
			}
		}
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := called(r)
		r.Header.Set("X-Called", call)
		e.mu.Lock()
		first := e.before[call]
		delete(e.before, call)
		e.mu.Unlock()
		if first != nil {
			first()
		}
		if e.name == "moto" && r.Method == http.MethodPut && r.URL.Query().Has("policy") {
			// It judges policies without their conditions, and would refuse everything to everybody over "only TLS".
			e.cannot("PutBucketPolicy", "conditions of bucket policies are not evaluated; not passed on")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// called names a call: by its action in the query and JSON protocols, by method and path in REST.
func called(r *http.Request) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, formErr := url.ParseQuery(string(body)); err == nil && formErr == nil {
			return form.Get("Action")
		}
	}
	return r.Method + " " + r.URL.Path
}

func (e *emulator) cannot(call, answer string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unserved[call] = answer
}

// functions reports whether uploads reach a function that runs: the zip's own bootstrap as a process. moto runs functions in
// Docker alone.
func (e *emulator) functions() bool { return e.name == "ministack" }

// fails skips where a resource that cannot be made does not fail its stack.
func (e *emulator) fails(t *testing.T) {
	t.Helper()
	if e.name == "moto" {
		e.cannot("the failure of a stack's resource", "ExecuteChangeSet itself answers the resource's error, and the stack has no event of it")
		t.Skip("moto's stacks do not fail")
	}
}

// retains skips where a bucket goes with its stack, whatever its DeletionPolicy.
func (e *emulator) retains(t *testing.T) {
	t.Helper()
	if e.name == "moto" {
		e.cannot("DeletionPolicy RetainExceptOnCreate", "the bucket is deleted with its stack")
		t.Skip("moto deletes the buckets with the stack")
	}
}

// once has something done before the next call of a kind is passed on.
func (e *emulator) once(call string, do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before[call] = do
}

// cutShort runs a command that gets Ctrl-C as it makes a call, and gives what it told.
func (e *emulator) cutShort(t *testing.T, call string, run func() string) string {
	t.Helper()
	reached := false
	e.once(call, func() {
		reached = true
		e.mu.Lock()
		defer e.mu.Unlock()
		if err := e.running.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		time.Sleep(50 * time.Millisecond) // the answer comes after the signal
	})
	told := run()
	if !reached {
		t.Errorf("there was no call %s to interrupt", call)
	}
	return told
}

// imgmill runs the command, wants an exit code, and gives what was told on both outputs.
func (e *emulator) imgmill(t *testing.T, code int, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "imgmill", args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	e.running = c.Process
	e.mu.Unlock()
	_ = c.Wait() // the exit code says it
	if got := c.ProcessState.ExitCode(); got != code {
		t.Fatalf("imgmill %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out.String())
	}
	return out.String()
}

// deploy runs imgmill deploy with a recipe, for this machine's processor so that the function can run here.
func (e *emulator) deploy(t *testing.T, code int, name, recipe string, args ...string) string {
	t.Helper()
	file := filepath.Join(e.dir, "imgmill.yaml")
	if err := os.WriteFile(file, []byte(recipe), 0o600); err != nil {
		t.Fatal(err)
	}
	return e.imgmill(t, code, append([]string{"deploy", name, "--yes", "--config", file, "--arch", runtime.GOARCH}, args...)...)
}

// wants fails unless all of these words were told.
func wants(t *testing.T, told string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(told, w) {
			t.Errorf("not told: %q\n%s", w, told)
		}
	}
}
