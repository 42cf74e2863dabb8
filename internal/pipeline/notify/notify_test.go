package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const (
	secret1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // that of the specification's example
	secret2 = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
)

var all = []recipe.Notice{recipe.NoticeDone, recipe.NoticeFailed, recipe.NoticeRemoved}

// environment returns the variables of a process.
func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func sample() Event {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	return New(recipe.NoticeDone, at, Data{
		Source: Upload{Bucket: "in", Key: "a b/夏.jpg", ETag: "e1", Modified: &at, Format: "jpeg", Width: 9, Height: 6, Bytes: 77},
		Bucket: "out",
		Variants: []manifest.Variant{{Name: "thumb", Key: "thumb/a b/夏.jpg", URL: "/thumb/a%20b/%E5%A4%8F.jpg", Type: "image/jpeg",
			Format: "jpeg", Width: 3, Height: 2, Bytes: 33}},
	}, "settings")
}

// TestSignature is the example of the specification (Standard Webhooks, "Signature scheme").
func TestSignature(t *testing.T) {
	keys, err := ParseSecret(secret1)
	if err != nil {
		t.Fatal(err)
	}
	got := sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, bad := range []string{"", "plain", "whsec_", "whsec_QUFB", "whsec_%%%%", secret1 + ",", secret1 + ",x",
		secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		if _, err := ParseSecret(bad); err == nil || bad != "" && strings.Contains(err.Error(), "QUFB") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// verify checks a request as a receiver does, without the code of the sender.
func verify(r *http.Request, body []byte, secret string) error {
	at, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("the time is %q", r.Header.Get("webhook-timestamp"))
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", r.Header.Get("webhook-id"), at, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := r.Header.Get("webhook-signature"); !slices.Contains(strings.Fields(got), want) {
		return fmt.Errorf("the signature is %q, not %q", got, want)
	}
	return nil
}

func TestWebhook(t *testing.T) {
	var answers atomic.Int32
	var got []Event
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, secret := range []string{secret1, secret2} {
			if err := verify(r, body, secret); err != nil {
				t.Error(err)
			}
		}
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/hooks?a=1" || r.Header.Get("Content-Type") != "application/cloudevents+json" {
			t.Errorf("%s %s with %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		if answers.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway) // the first attempt fails
			return
		}
		var e Event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		got = append(got, e)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	list := []recipe.Notify{{To: server.URL + "/hooks?a=1", SecretEnv: "HOOK", Events: all}}
	n, err := Open(list, Options{Getenv: environment(map[string]string{EnvSecrets: "OTHER=x HOOK=" + secret1 + "," + secret2})})
	if err != nil {
		t.Fatal(err)
	}
	e := sample()
	if rest, err := n.Send(t.Context(), e, nil); err != nil || rest != nil {
		t.Fatalf("%v, %v", rest, err)
	}
	if len(got) != 1 || answers.Load() != 2 {
		t.Fatalf("%d events in %d attempts", len(got), answers.Load())
	}
	a, _ := json.Marshal(e)
	b, _ := json.Marshal(got[0])
	if string(a) != string(b) || got[0].SpecVersion != "1.0" || got[0].Type != "com.github.imgmill.done" || got[0].Source != "s3://in" {
		t.Errorf("%s, want %s", b, a)
	}
}

// TestRefusals: an answer that another attempt would not change is not asked for again, and a redirect is
// never followed.
func TestRefusals(t *testing.T) {
	var calls atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Location", elsewhere.URL)
		code, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(code)
	}))
	t.Cleanup(server.Close)
	for code, want := range map[int]int32{301: 1, 307: 1, 400: 1, 401: 1, 404: 1, 410: 1, 429: 3, 503: 3} {
		calls.Store(0)
		n, err := Open([]recipe.Notify{{To: fmt.Sprintf("%s/%d", server.URL, code), SecretEnv: "HOOK", Events: all}},
			Options{Getenv: environment(map[string]string{"HOOK": secret1})})
		if err != nil {
			t.Fatal(err)
		}
		rest, err := n.Send(t.Context(), sample(), nil)
		if len(rest) != 1 || err == nil || calls.Load() != want {
			t.Errorf("%d: %d attempts, not %d: %v", code, calls.Load(), want, err)
		}
	}
}

// TestIndependent: a destination that does not answer keeps no other from its event, and is then left alone for
// a while, in which a delivery fails at once.
func TestIndependent(t *testing.T) {
	var mu sync.Mutex
	var got []string
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.URL.Path)
	}))
	t.Cleanup(up.Close)
	down := httptest.NewServer(nil)
	down.Close()
	n, err := Open([]recipe.Notify{
		{To: down.URL + "/down", SecretEnv: "HOOK", Events: all},
		{To: up.URL + "/all", SecretEnv: "HOOK", Events: all},
		{To: up.URL + "/failed", SecretEnv: "HOOK", Events: []recipe.Notice{recipe.NoticeFailed}},
	}, Options{Getenv: environment(map[string]string{"HOOK": secret1})})
	if err != nil {
		t.Fatal(err)
	}
	rest, err := n.Send(t.Context(), sample(), nil)
	if !slices.Equal(rest, []string{down.URL + "/down"}) || err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("undelivered %v: %v", rest, err)
	}
	if !slices.Equal(got, []string{"/all"}) {
		t.Errorf("delivered to %v", got)
	}
	start := time.Now()
	if _, err := n.Send(t.Context(), sample(), rest); err == nil || time.Since(start) > firstPause/4 {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if len(got) != 1 {
		t.Errorf("sent again to %v", got)
	}
	if !n.Wants(recipe.NoticeRemoved) || (*Notifier)(nil).Wants(recipe.NoticeDone) {
		t.Error("which events are wanted?")
	}
}

func TestOpenErrors(t *testing.T) {
	_, err := Open([]recipe.Notify{
		{To: "https://a.example/", SecretEnv: "NONE"}, {To: "https://b.example/", SecretEnv: "WEAK"},
		{To: "arn:aws:sqs:eu-west-1:123456789012:a"},
	}, Options{Getenv: environment(map[string]string{"WEAK": "whsec_cGFzc3dvcmQ="})})
	for _, want := range []string{"variable NONE is not set", "the secret in WEAK is not one", "no AWS credentials"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "cGFzc3dvcmQ") {
		t.Errorf("the error quotes a secret: %v", err)
	}
	if n, err := Open(nil, Options{}); n != nil || err != nil {
		t.Errorf("no destination: %v, %v", n, err)
	}
}

// TestID: an event that is made again has the same ID, and one that differs in anything another one.
func TestID(t *testing.T) {
	now := time.Now()
	of := func(change func(*Data), settings string) string {
		d := sample().Data
		change(&d)
		return New(recipe.NoticeDone, now, d, settings).ID
	}
	same := func(*Data) {}
	ids := []string{of(same, "settings"), of(same, "others"), of(func(d *Data) { d.Source.ETag = "e2" }, "settings"),
		of(func(d *Data) { d.Source.Sequencer = "1" }, "settings"), of(func(d *Data) { d.Source.Modified = &now }, "settings"),
		of(func(d *Data) { d.Source.Bucket, d.Source.Key = "in a", "b/夏.jpg" }, "settings")}
	if ids[0] != sample().ID || len(ids[0]) != 32 {
		t.Errorf("%s and %s", ids[0], sample().ID)
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 6 {
		t.Errorf("%v", ids)
	}
}

func TestLargeEvent(t *testing.T) {
	e := sample()
	for range 3000 {
		e.Data.Variants = append(e.Data.Variants, e.Data.Variants[0])
	}
	body, err := e.encode()
	var got Event
	if err != nil || len(body) > maxEvent || json.Unmarshal(body, &got) != nil {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	if got.Data.Omitted != 3001 || got.Data.Variants != nil || got.ID != e.ID {
		t.Errorf("%+v", got.Data)
	}
}

// TestEnds: a delivery ends with its context.
func TestEnds(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	n, err := Open([]recipe.Notify{{To: server.URL, SecretEnv: "HOOK", Events: all}}, Options{Getenv: environment(map[string]string{"HOOK": secret1})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if rest, err := n.Send(ctx, sample(), nil); len(rest) != 1 || err == nil || time.Since(start) > timeout/2 {
		t.Errorf("%v after %v: %v", rest, time.Since(start), err)
	}
}
