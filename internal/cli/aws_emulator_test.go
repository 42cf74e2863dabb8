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
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awsclient "github.com/imgmill/imgmill/internal/aws/client"
)

// emulator is an emulator of AWS behind a proxy, which records the calls that the emulator does not
// support.
type emulator struct {
	name  string // ministack or moto
	cloud *awsclient.Cloud
	dir   string // for recipes and pictures

	mu       sync.Mutex
	unserved map[string]string           // unsupported calls, with the response
	before   map[string]func()           // run once, before the call is passed on
	serves   map[string]http.HandlerFunc // calls that the test answers itself
	running  *os.Process                 // the command that runs
	calls    map[string]bool             // permissions that commands of operators needed, as callsFile has them
}

// openEmulator connects to the emulator that IMGMILL_AWS_ENDPOINT and IMGMILL_AWS_EMULATOR name, or
// skips the test. Every command that the test runs uses it.
func openEmulator(t *testing.T) *emulator {
	t.Helper()
	endpoint := os.Getenv("IMGMILL_AWS_ENDPOINT")
	e := &emulator{name: os.Getenv("IMGMILL_AWS_EMULATOR"), dir: t.TempDir(),
		unserved: map[string]string{}, before: map[string]func(){}, serves: map[string]http.HandlerFunc{},
		calls: map[string]bool{}}
	if endpoint == "" || e.name == "" {
		t.Skip("IMGMILL_AWS_ENDPOINT and IMGMILL_AWS_EMULATOR are not set")
	}
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(e.intercept(t, httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(proxy.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": proxy.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
		"AWS_SECRET_ACCESS_KEY": "test",
		"AWS_SESSION_TOKEN":     "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE":             filepath.Join(e.dir, "none"),
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(e.dir, "none"),
		"AWS_EC2_METADATA_DISABLED":   "true",
	} {
		t.Setenv(name, value)
	}
	if e.cloud, err = awsclient.Open(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.compareCalls(t) })
	t.Cleanup(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, call := range slices.Sorted(maps.Keys(e.unserved)) {
			t.Logf("%s does not support %s: %s", e.name, call, e.unserved[call])
		}
	})
	return e
}

// intercept passes calls on and records responses by which the emulator reports an unsupported
// call.
func (e *emulator) intercept(t *testing.T, proxy *httputil.ReverseProxy) http.Handler {
	proxy.ErrorLog = log.New(io.Discard, "", 0) // about calls that Ctrl-C ends
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
		for _, sign := range []string{"NotImplemented", "not supported", "Unsupported",
			"UnknownOperation", "InvalidAction", "not yet implemented"} {
			if html || r.StatusCode == http.StatusNotImplemented ||
				bytes.Contains(body, []byte(sign)) {
				e.unsupported(r.Request.Header.Get("X-Called"),
					strings.Join(strings.Fields(string(body[:min(len(body), 200)])), " "))
				break
			}
		}
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := callName(r)
		r.Header.Set("X-Called", call)
		if strings.Contains(r.UserAgent(), "app/"+operator) {
			action, resource := permissionOf(t, r)
			e.mu.Lock()
			e.calls[action+" "+resource] = action != "" && (resource == "*" || photos.MatchString(resource))
			e.mu.Unlock()
		}
		e.mu.Lock()
		first := e.before[call]
		delete(e.before, call)
		serve := e.serves[call]
		e.mu.Unlock()
		if first != nil {
			first()
		}
		if e.name == "moto" && r.Method == http.MethodPut && r.URL.Query().Has("policy") {
			// moto ignores the conditions of policies: the one that demands TLS would deny
			// everything.
			e.unsupported("PutBucketPolicy",
				"conditions of bucket policies are ignored; not passed on")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if serve != nil {
			serve(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// photos is a name of a part of the deployment photos.
var photos = regexp.MustCompile(`\bphotos\b`)

// compareCalls fails for each permission that a command needed and callsFile does not list.
// IMGMILL_UPDATE_CALLS=1 adds them.
func (e *emulator) compareCalls(t *testing.T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text, err := os.ReadFile(callsFile)
	if err != nil {
		t.Error(err)
	}
	known := strings.Split(strings.TrimSpace(string(text)), "\n")
	all := slices.Clone(known)
	for call, ours := range e.calls {
		if ours && !slices.Contains(known, call) {
			all = append(all, call)
			if os.Getenv("IMGMILL_UPDATE_CALLS") == "" {
				t.Errorf("%s does not list %s: add it, and see that docs/aws.md grants it", callsFile, call)
			}
		}
	}
	if os.Getenv("IMGMILL_UPDATE_CALLS") != "" {
		slices.Sort(all)
		if err := os.WriteFile(callsFile, []byte(strings.TrimSpace(strings.Join(all, "\n"))+"\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// callName names a call: by its action in the query and JSON protocols, by method and path in REST.
func callName(r *http.Request) string {
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

// unsupported records a call that the emulator does not support.
func (e *emulator) unsupported(call, response string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unserved[call] = response
}

// runsFunctions reports whether uploads run the function, as a process with the zip's bootstrap.
// moto runs functions only in Docker.
func (e *emulator) runsFunctions() bool { return e.name == "ministack" }

// skipWithoutFailures skips the test if a resource that cannot be created does not fail its stack.
func (e *emulator) skipWithoutFailures(t *testing.T) {
	t.Helper()
	if e.name == "moto" {
		e.unsupported("the failure of a stack's resource",
			"ExecuteChangeSet itself returns the resource's error, and the stack has no event")
		t.Skip("moto's stacks do not fail")
	}
}

// skipWithoutRetain skips the test if a bucket is deleted with its stack, whatever its
// DeletionPolicy.
func (e *emulator) skipWithoutRetain(t *testing.T) {
	t.Helper()
	if e.name == "moto" {
		e.unsupported("DeletionPolicy RetainExceptOnCreate", "the bucket is deleted with its stack")
		t.Skip("moto deletes the buckets with the stack")
	}
}

// once runs do before the next call of a kind is passed on.
func (e *emulator) once(call string, do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before[call] = do
}

// interruptAt runs a command that receives Ctrl-C when it makes a call, and returns its output.
func (e *emulator) interruptAt(t *testing.T, call string, run func() string) string {
	t.Helper()
	reached := false
	e.once(call, func() {
		reached = true
		e.mu.Lock()
		defer e.mu.Unlock()
		if err := e.running.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		time.Sleep(50 * time.Millisecond) // the response comes after the signal
	})
	output := run()
	if !reached {
		t.Errorf("there was no call %s to interrupt", call)
	}
	return output
}

// imgmill runs the command, expects an exit code, and returns both outputs together.
func (e *emulator) imgmill(t *testing.T, code int, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "imgmill", args...)
	if operators[args[0]] {
		c.Env = append(os.Environ(), "AWS_SDK_UA_APP_ID="+operator)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	e.running = c.Process
	e.mu.Unlock()
	_ = c.Wait() // the exit code is checked below
	if got := c.ProcessState.ExitCode(); got != code {
		t.Fatalf("imgmill %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code,
			out.String())
	}
	return out.String()
}

// deploy runs imgmill deploy with a recipe, for this machine's processor, so that the function can
// run here.
func (e *emulator) deploy(t *testing.T, code int, name, recipe string, args ...string) string {
	t.Helper()
	file := filepath.Join(e.dir, "imgmill.yaml")
	if err := os.WriteFile(file, []byte(recipe), 0o600); err != nil {
		t.Fatal(err)
	}
	return e.imgmill(t, code, append([]string{"deploy", name, "--yes", "--config", file, "--arch",
		runtime.GOARCH}, args...)...)
}

// wantOutput fails unless the output contains all of these texts.
func wantOutput(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("the output lacks %q\n%s", text, output)
		}
	}
}
