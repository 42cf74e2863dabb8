package cli_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// hookSecret is what the tests of webhooks sign with.
const hookSecret = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl"

// receive is a receiver of webhooks in a process of its own, so that it can be killed: receive PORT FILE writes the body of
// each event with a valid signature to a line of the file, and then answers. It does not share code with the sender.
func receive() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	file, err := os.OpenFile(os.Args[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fail(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hookSecret, "whsec_"))
	if err != nil {
		fail(err)
	}
	fail(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return
		}
		body, err := io.ReadAll(r.Body)
		sent, number := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.%s", r.Header.Get("webhook-id"), sent, body)
		signature := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if err != nil || number != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute ||
			r.Header.Get("webhook-signature") != signature {
			body = fmt.Appendf(nil, `{"invalid": %q}`, r.Header)
		}
		if _, err := file.Write(append(body, '\n')); err != nil {
			fail(err)
		}
		w.WriteHeader(http.StatusNoContent)
	})))
}

// hook is a receiver that the test starts and kills.
type hook struct {
	port, file string
	cmd        *exec.Cmd
}

func newHook(t *testing.T) *hook {
	t.Helper()
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{port: strconv.Itoa(port), file: filepath.Join(t.TempDir(), "events")}
	h.start(t)
	t.Cleanup(func() { h.kill(t) })
	t.Setenv("IMGMILL_TEST_SECRET", hookSecret)
	return h
}

func (h *hook) start(t *testing.T) {
	t.Helper()
	h.cmd = exec.Command("receive", h.port, h.file)
	h.cmd.Stderr = os.Stderr
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// kill kills the receiver with SIGKILL, whatever it is about to do.
func (h *hook) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	h.cmd.Wait()
}

// recipe returns the settings that tell it.
func (h *hook) recipe() string {
	return "notify: [{to: 'http://127.0.0.1:" + h.port + "/hooks', secret_env: IMGMILL_TEST_SECRET}]\n"
}

// told is an event as a receiver needs it.
type told struct {
	Invalid, ID, Type, Subject string
	Data                       struct {
		Source   struct{ ETag string }
		Variants []struct {
			Key           string
			Width, Height int
			Bytes         int64
		}
	}
}

// events returns what has been received so far.
func (h *hook) events(t *testing.T) (list []told) {
	t.Helper()
	f, err := os.Open(h.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e told
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Invalid != "" {
			t.Fatalf("invalid: %s (%v)", lines.Bytes(), err)
		}
		list = append(list, e)
	}
	return list
}

// await waits until each of n pictures has been told of, and returns all events.
func (h *hook) await(t *testing.T, n int, deadline time.Time) (list []told, keys map[string]told) {
	t.Helper()
	for {
		list, keys = h.events(t), map[string]told{}
		for _, e := range list {
			if e.Type == "com.github.imgmill.done" {
				keys[e.Subject] = e
			}
		}
		if len(keys) >= n {
			return list, keys
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d pictures have been told of", len(keys), n)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// uploadsOf returns how many pictures the tests of events upload: few, or what make events asks for.
func uploadsOf(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("IMGMILL_EVENTS_UPLOADS"))
	switch {
	case err == nil:
		return n
	case testing.Short():
		return 60
	}
	return 120
}

// TestReceiverKilled kills the receiver of a webhook again and again while pictures are uploaded, and dev in between. Every
// picture must be reported, with what is then in the bucket and a valid signature.
func TestReceiverKilled(t *testing.T) {
	uploads := uploadsOf(t)
	kills := max(4, uploads/80)
	h := newHook(t)
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	recipeFile := file(t, "imgmill.yaml", []byte("variants: {small: {width: 16}}\n"+h.recipe()))
	args := []string{"dev", "--dir", t.TempDir(), "--port", strconv.Itoa(port), "--config", recipeFile}
	p := run(t, args...)
	store, err := s3.Open(p.ready(t))
	if err != nil {
		t.Fatal(err)
	}
	pictures := distinctPictures(t, uploads)
	etags := make([]string, uploads)
	var next, acknowledged, refused atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < uploads; i = int(next.Add(1)) - 1 {
				etags[i] = putUntilAcknowledged(t, store, keyOf(i), pictures[i], &refused)
				acknowledged.Add(1)
			}
		})
	}
	down := time.Duration(0)
	for k := range kills {
		for mark := int64((k + 1) * uploads / (kills + 1)); acknowledged.Load() < mark && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		h.kill(t)
		if k%4 == 1 {
			p.kill(t)
			p = run(t, args...)
		}
		pause := time.Duration(k%3+1) * 300 * time.Millisecond
		time.Sleep(pause)
		down += pause
		h.start(t)
	}
	group.Wait()
	list, keys := h.await(t, uploads, time.Now().Add(2*time.Minute))
	var order []int
	for i, etag := range etags {
		e := keys[keyOf(i)]
		if e.Data.Source.ETag != etag || len(e.Data.Variants) != 1 || e.Data.Variants[0].Width != 16 || e.Data.Variants[0].Height != 12 {
			t.Errorf("%s with the ETag %s is reported as %+v", keyOf(i), etag, e)
			continue
		}
		v := e.Data.Variants[0]
		if info, err := store.Head(t.Context(), "photos-output", v.Key); err != nil || info.Size != v.Bytes {
			t.Errorf("%s is reported with %d bytes, and has %d: %v", v.Key, v.Bytes, info.Size, err)
		}
		order = append(order, slices.IndexFunc(list, func(e told) bool { return e.Subject == keyOf(i) }))
	}
	ids := map[string]bool{}
	for _, e := range list {
		ids[e.ID] = true
	}
	p.interrupt(t)
	t.Logf("%d uploads, %d kills of the receiver, which was away for %v, %d of dev: %d events, %d IDs, in order: %v",
		uploads, kills, down, (kills+2)/4, len(list), len(ids), slices.IsSorted(order))
}

// TestPollNotifiesAfterKill kills a worker that learns of pictures from no message, and its receiver.
func TestPollNotifiesAfterKill(t *testing.T) {
	uploads := uploadsOf(t)
	h := newHook(t)
	from, to := t.TempDir(), t.TempDir()
	for i, data := range distinctPictures(t, uploads) {
		if err := os.WriteFile(filepath.Join(from, fmt.Sprintf("%03d.jpg", i)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	recipeFile := file(t, "imgmill.yaml", []byte("source: {bucket: photos-input}\ntarget: {bucket: photos-output}\nvariants: {small: {width: 16}}\n"+h.recipe()))
	args := []string{"worker", "--poll", "1s", "--from", from, "--to", to, "--config", recipeFile, "--checkpoint", filepath.Join(t.TempDir(), "known")}
	for k := range 4 {
		w := run(t, args...)
		for mark := (k + 1) * uploads / 5; len(h.events(t)) < mark; time.Sleep(time.Millisecond) {
		}
		if k%2 == 1 {
			h.kill(t)
		}
		w.kill(t)
		if k%2 == 1 {
			h.start(t)
		}
	}
	run(t, args...)
	list, _ := h.await(t, uploads, time.Now().Add(time.Minute))
	for left := []string{"?"}; len(left) > 0; {
		left, _ = filepath.Glob(filepath.Join(to, ".imgmill", "unsent", "*.json"))
		time.Sleep(10 * time.Millisecond)
		if t.Context().Err() != nil {
			return
		}
	}
	t.Logf("%d pictures, 4 kills of the worker, 2 of the receiver: %d events", uploads, len(list))
}

// TestFailuresNotify: an event that sync could not deliver is listed, and delivered by a retry, without a second look at
// the picture.
func TestFailuresNotify(t *testing.T) {
	h := newHook(t)
	h.kill(t)
	from, to := t.TempDir(), t.TempDir()
	for name, data := range map[string][]byte{"good.jpg": sample.Photo(60, 40), "bad.jpg": sample.Photo(60, 40)[:700]} {
		if err := os.WriteFile(filepath.Join(from, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	recipeFile := file(t, "imgmill.yaml", []byte("source: {bucket: photos-input}\ntarget: {bucket: photos-output}\nvariants: {small: {width: 16}}\n"+h.recipe()))
	imgmill := func(code int, args ...string) string {
		t.Helper()
		cmd := exec.Command("imgmill", append(args, "--from", from, "--to", to, "--config", recipeFile)...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != code {
			t.Fatalf("imgmill %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	out := imgmill(1, "sync", "--yes", "--checkpoint", "none")
	if !strings.Contains(out, "nobody could be told of it: 2 pictures") {
		t.Error(out)
	}
	out = imgmill(0, "failures")
	if strings.Count(out, "notification not delivered: http://127.0.0.1:") != 2 || !strings.Contains(out, "  bad  ") {
		t.Error(out)
	}
	h.start(t)
	awaitAnswer(t, "http://127.0.0.1:"+h.port+"/")
	if out = imgmill(0, "failures", "retry", "2"); !strings.Contains(out, "2  good.jpg  delivered") || !strings.Contains(out, "1 event delivered.") {
		t.Error(out)
	}
	if out = imgmill(0, "sync", "--yes", "--checkpoint", "none"); !strings.Contains(out, "Sent: 1 event that an earlier run could not.") {
		t.Error(out)
	}
	var types []string
	for _, e := range h.events(t) {
		types = append(types, e.Subject+" "+e.Type)
	}
	if want := []string{"good.jpg com.github.imgmill.done", "bad.jpg com.github.imgmill.failed"}; !slices.Equal(types, want) {
		t.Errorf("told of %q, want %q", types, want)
	}
	if out = imgmill(0, "failures"); strings.Contains(out, "not delivered") || !strings.Contains(out, "bad.jpg") {
		t.Error(out)
	}
	t.Setenv("IMGMILL_TEST_SECRET", "")
	if out = imgmill(1, "sync", "--yes"); !strings.Contains(out, "IMGMILL_TEST_SECRET is not set") || !strings.Contains(out, "--no-notify") {
		t.Error(out)
	}
}

// programs returns the receivers that docs/events.md shows, by language.
func programs(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, language := range []string{"js", "python", "go"} {
		_, rest, _ := strings.Cut(string(text), "```"+language+"\n")
		program, _, ok := strings.Cut(rest, "```\n")
		if !ok {
			t.Fatalf("docs/events.md has no program in %s", language)
		}
		found[language] = program
	}
	return found
}

// TestReceivers sends to the receivers of docs/events.md, with the published libraries of Standard Webhooks (make receivers)
// in the folder IMGMILL_RECEIVERS, and to each a request that was tampered with.
func TestReceivers(t *testing.T) {
	dir := os.Getenv("IMGMILL_RECEIVERS")
	if dir == "" {
		t.Skip("IMGMILL_RECEIVERS names no folder with the libraries")
	}
	t.Setenv("IMGMILL_WEBHOOK_SECRET", hookSecret)
	commands := map[string][]string{"js": {"node", "receiver.mjs"}, "python": {"python3", "receiver.py"}, "go": {"./receiver", "receiver.go"}}
	for language, program := range programs(t) {
		command := commands[language]
		if err := os.WriteFile(filepath.Join(dir, command[len(command)-1]), []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		if language == "go" {
			build := exec.Command("go", "build", "receiver.go")
			build.Dir = dir
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		port, err := findPort()
		if err != nil {
			t.Fatal(err)
		}
		cloud, err := findPort()
		if err != nil {
			t.Fatal(err)
		}
		var output strings.Builder
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
		cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(port))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("http://127.0.0.1:%d/", port)
		awaitAnswer(t, address)
		recipeFile := file(t, "imgmill.yaml",
			[]byte("variants: {small: {width: 16}}\nnotify: [{to: '"+address+"', secret_env: IMGMILL_WEBHOOK_SECRET}]\n"))
		out, err := exec.Command("imgmill", "dev", "--dir", t.TempDir(), "--port", strconv.Itoa(cloud), "--sample", "--once",
			"--config", recipeFile).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", language, err, out)
		}
		tampered, err := http.NewRequest(http.MethodPost, address, strings.NewReader(`{"type": "com.github.imgmill.done"}`))
		if err != nil {
			t.Fatal(err)
		}
		tampered.Header.Set("webhook-id", "1")
		tampered.Header.Set("webhook-timestamp", strconv.FormatInt(time.Now().Unix(), 10))
		tampered.Header.Set("webhook-signature", "v1,AAAA")
		resp, err := http.DefaultClient.Do(tampered)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		cmd.Process.Kill()
		cmd.Wait()
		if resp.StatusCode != http.StatusUnauthorized || strings.Count(output.String(), "com.github.imgmill.done") != 1 ||
			!strings.Contains(output.String(), "sample.jpg") {
			t.Errorf("%s: a wrong signature is answered with %d; it printed %s", language, resp.StatusCode, output.String())
		}
	}
}

// awaitAnswer waits until something answers at an address.
func awaitAnswer(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(waitTimeout); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(address)
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
