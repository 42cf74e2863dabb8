package client

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// TestClosedBodiesEndWithoutError: net/http goes on copying after the last byte of a body, and an
// error there costs the response. If the SDK's own bodies ever end without an error, plainBodies
// can go.
func TestClosedBodiesEndWithoutError(t *testing.T) {
	request := func() *http.Request {
		r, err := smithyhttp.NewStackRequest().(*smithyhttp.Request).SetStream(bytes.NewReader([]byte("sent")))
		if err != nil {
			t.Fatal(err)
		}
		return r.Build(t.Context())
	}
	copyRest := func(r *http.Request) error {
		if sent, err := io.ReadAll(io.LimitReader(r.Body, 4)); err != nil ||
			string(sent) != "sent" {
			t.Errorf("the body is %q, %v", sent, err)
		}
		r.Body.Close()
		_, err := io.Copy(io.Discard, r.Body)
		return err
	}
	if err := copyRest(request()); !errors.Is(err, io.EOF) {
		t.Errorf("the SDK's body ends with %v, no longer with io.EOF", err)
	}
	called := false
	client := plainBodies{doer(func(r *http.Request) (*http.Response, error) {
		called = true
		if err := copyRest(r); err != nil {
			t.Errorf("the body ends with %v", err)
		}
		return nil, nil
	})}
	if _, err := client.Do(request()); err != nil || !called {
		t.Errorf("called: %v, %v", called, err)
	}
	t.Setenv("AWS_CA_BUNDLE", "")
	cloud, err := Open(t.Context(), "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := cloud.Queue.Options().HTTPClient.(plainBodies); !ok || c.next == nil {
		t.Errorf("the queue's client is %#v", cloud.Queue.Options().HTTPClient)
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// TestAttempts: as many as throttling takes, unless the environment says how many.
func TestAttempts(t *testing.T) {
	for value, want := range map[string]int{"": attempts, "2": 2} {
		t.Setenv("AWS_MAX_ATTEMPTS", value)
		cloud, err := Open(t.Context(), "us-east-1")
		if err != nil {
			t.Fatal(err)
		}
		if got := cloud.Function.Options().Retryer.MaxAttempts(); got != want {
			t.Errorf("AWS_MAX_ATTEMPTS=%s: %d attempts, want %d", value, got, want)
		}
	}
}
