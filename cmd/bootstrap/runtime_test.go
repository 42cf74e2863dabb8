package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// waitTimeout limits the wait for things that normally take milliseconds, so that a busy machine
// fails no test.
const waitTimeout = 30 * time.Second

// runtimeAPI is a server like the one that Lambda runs beside a function (AWS Lambda Developer
// Guide, "Using the Lambda runtime API for custom runtimes", version 2018-06-01).
type runtimeAPI struct {
	*httptest.Server
	next    chan invocation
	asked   chan time.Time // the time at which the function first asked for work
	once    sync.Once
	answers chan answer
}

type invocation struct {
	id      string
	payload []byte
}

// answer is what the function posted about an invocation, or about its start.
type answer struct {
	path      string // below /2018-06-01/runtime/
	body      string
	errorType string
}

func startRuntimeAPI(t *testing.T) *runtimeAPI {
	t.Helper()
	a := &runtimeAPI{next: make(chan invocation), asked: make(chan time.Time, 1), answers: make(chan answer, 8)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"status":"OK"}`)
		path := strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/")
		a.answers <- answer{path, string(body), r.Header.Get("Lambda-Runtime-Function-Error-Type")}
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

// serveNext waits for an invocation, as the service does.
func (a *runtimeAPI) serveNext(w http.ResponseWriter, r *http.Request) {
	a.once.Do(func() { a.asked <- time.Now() })
	select {
	case <-r.Context().Done():
	case i := <-a.next:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(waitTimeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:imgmill")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")
		w.Write(i.payload)
	}
}

// function is a running bootstrap.
type function struct {
	cmd    *exec.Cmd
	api    *runtimeAPI
	begun  time.Time
	lines  chan map[string]any // its log
	stderr strings.Builder     // read after ended
	ended  chan error
}

// startFunction runs the binary in a folder with exactly this environment.
func startFunction(t *testing.T, binary, dir string, env ...string) *function {
	t.Helper()
	f := &function{api: startRuntimeAPI(t), lines: make(chan map[string]any, 64), ended: make(chan error, 1)}
	f.cmd = exec.Command(binary)
	f.cmd.Dir = dir
	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=imgmill", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"LAMBDA_TASK_ROOT=" + dir,
	}, env...)
	f.cmd.Stderr = &f.stderr
	stdout, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.begun = time.Now()
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		scan := bufio.NewScanner(stdout)
		for scan.Scan() {
			var line map[string]any
			if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
				line = map[string]any{"not json": scan.Text()}
			}
			f.lines <- line
		}
		f.ended <- f.cmd.Wait()
	}()
	t.Cleanup(func() {
		f.cmd.Process.Kill() // unless it has ended
		err := <-f.ended
		f.ended <- err
		if t.Failed() {
			t.Logf("the function ended with %v; its stderr:\n%s", err, &f.stderr)
		}
	})
	return f
}

// invoke invokes the function with a payload and returns what the function posts.
func (f *function) invoke(t *testing.T, id string, payload []byte) answer {
	t.Helper()
	deadline := time.After(waitTimeout)
	select {
	case f.api.next <- invocation{id, payload}:
	case <-deadline:
		t.Fatalf("%s: the function has not asked for work", id)
	}
	select {
	case a := <-f.api.answers:
		return a
	case <-deadline:
		t.Fatalf("%s: the function has not answered", id)
	}
	panic("unreachable")
}

// line returns the next line of the log.
func (f *function) line(t *testing.T) map[string]any {
	t.Helper()
	select {
	case line := <-f.lines:
		return line
	case <-time.After(waitTimeout):
		t.Fatal("the function has logged nothing")
	}
	panic("unreachable")
}
