package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// kinds are the errors of the contract. An error must be exactly one of them.
var kinds = []error{
	bucket.ErrNotFound, bucket.ErrNoBucket, bucket.ErrPrecondition, bucket.ErrDenied, bucket.ErrTransient, bucket.ErrInvalid,
}

func wantKind(t *testing.T, what string, err, want error) {
	t.Helper()
	for _, kind := range kinds {
		if errors.Is(err, kind) != (kind == want) {
			t.Errorf("%s: error %q, is %q: %v, want only %q", what, err, kind, errors.Is(err, kind), want)
		}
	}
}

// serve starts a server for the time of the test and returns its URL.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// open returns a store whose requests handler serves, without retries.
func open(t *testing.T, handler http.HandlerFunc, change ...func(*awss3.Options)) *s3.Store {
	t.Helper()
	o := awss3.Options{Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""), RetryMaxAttempts: 1}
	s3.Options{Endpoint: serve(t, handler), PathStyle: true}.Apply(&o)
	return s3.New(awss3.New(o, change...))
}

func answer(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Request-Id", "R1")
		w.WriteHeader(status)
		if r.Method != http.MethodHead && code != "" {
			_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>because</Message><RequestId>R1</RequestId></Error>`, code)
		}
	}
}

// calls are all methods of a store; each returns only its error.
var calls = map[string]func(context.Context, *s3.Store) error{
	"get": func(ctx context.Context, s *s3.Store) error {
		_, err := s.Get(ctx, "photos", "a.jpg", bucket.Condition{})
		return err
	},
	"head": func(ctx context.Context, s *s3.Store) error {
		_, err := s.Head(ctx, "photos", "a.jpg")
		return err
	},
	"put": func(ctx context.Context, s *s3.Store) error {
		_, err := s.Put(ctx, "photos", "a.jpg", []byte("x"), bucket.Attributes{}, bucket.Condition{})
		return err
	},
	"copy": func(ctx context.Context, s *s3.Store) error {
		return s.Copy(ctx, bucket.Source{Bucket: "photos", Key: "a.jpg"}, "photos", "b.jpg", bucket.Attributes{}, bucket.Condition{})
	},
	"delete": func(ctx context.Context, s *s3.Store) error {
		return s.Delete(ctx, "photos", "a.jpg", bucket.Condition{IfMatch: "abc"})
	},
	"list": func(ctx context.Context, s *s3.Store) error {
		for _, err := range s.List(ctx, "photos", "a") {
			return err
		}
		return nil
	},
}

func TestErrorsByCodeAndStatus(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   error
	}{
		{404, "NoSuchKey", bucket.ErrNotFound},
		{404, "NoSuchBucket", bucket.ErrNoBucket},
		{404, "NoSuchVersion", bucket.ErrNotFound},
		{404, "XAdminUserNotFound", bucket.ErrDenied}, // versitygw does not know the access key
		{404, "", bucket.ErrTransient},
		{412, "PreconditionFailed", bucket.ErrPrecondition},
		{412, "", bucket.ErrPrecondition},
		{409, "ConditionalRequestConflict", bucket.ErrPrecondition},
		{409, "OperationAborted", bucket.ErrTransient},
		{409, "ObjectParentIsFile", bucket.ErrInvalid},
		{409, "ExistingObjectIsDirectory", bucket.ErrInvalid},
		{403, "AccessDenied", bucket.ErrDenied},
		{403, "SignatureDoesNotMatch", bucket.ErrDenied},
		{403, "InvalidObjectState", bucket.ErrInvalid},
		{401, "", bucket.ErrDenied},
		{400, "ExpiredToken", bucket.ErrDenied},
		{400, "RequestTimeout", bucket.ErrTransient},
		{400, "BadDigest", bucket.ErrTransient},
		{400, "ThrottlingException", bucket.ErrTransient},
		{400, "KeyTooLongError", bucket.ErrInvalid},
		{400, "MetadataTooLarge", bucket.ErrInvalid},
		{400, "InvalidArgument", bucket.ErrInvalid},
		{400, "EntityTooLarge", bucket.ErrInvalid},
		{405, "MethodNotAllowed", bucket.ErrDenied},
		{301, "PermanentRedirect", bucket.ErrDenied},
		{408, "", bucket.ErrTransient},
		{429, "TooManyRequests", bucket.ErrTransient},
		{500, "InternalError", bucket.ErrTransient},
		{501, "NotImplemented", bucket.ErrInvalid},
		{502, "", bucket.ErrTransient},
		{503, "SlowDown", bucket.ErrTransient},
		{503, "ServiceUnavailable", bucket.ErrTransient},
		{504, "", bucket.ErrTransient},
	} {
		store := open(t, answer(test.status, test.code))
		for name, call := range calls {
			if name == "head" {
				continue // no body, so no code: TestErrorsOfHead
			}
			err := call(t.Context(), store)
			wantKind(t, fmt.Sprintf("%s, %d %s", name, test.status, test.code), err, test.want)
			if err != nil && test.code != "" && (!strings.Contains(err.Error(), test.code) || !strings.Contains(err.Error(), "photos/a")) {
				t.Errorf("%s: the text %q does not name both code and object", name, err)
			}
		}
	}
}

// TestErrorsOfHead: a response to HEAD has a status only.
func TestErrorsOfHead(t *testing.T) {
	for status, want := range map[int]error{
		404: bucket.ErrNotFound, 403: bucket.ErrDenied, 400: bucket.ErrDenied, 412: bucket.ErrPrecondition, 429: bucket.ErrTransient,
		500: bucket.ErrTransient, 503: bucket.ErrTransient, 405: bucket.ErrDenied, 301: bucket.ErrDenied,
	} {
		wantKind(t, fmt.Sprint(status), calls["head"](t.Context(), open(t, answer(status, ""))), want)
	}
}

func TestPutOverNothing(t *testing.T) {
	put := func(code string, cond bucket.Condition) error {
		_, err := open(t, answer(404, code)).Put(t.Context(), "photos", "a.jpg", nil, bucket.Attributes{}, cond)
		return err
	}
	wantKind(t, "match against no object", put("NoSuchKey", bucket.Condition{IfMatch: "abc"}), bucket.ErrPrecondition)
	wantKind(t, "match in no bucket", put("NoSuchBucket", bucket.Condition{IfMatch: "abc"}), bucket.ErrNoBucket)
	wantKind(t, "no bucket", put("NoSuchBucket", bucket.Condition{}), bucket.ErrNoBucket)
}

func TestDeleteOfNothing(t *testing.T) {
	if err := open(t, answer(404, "NoSuchKey")).Delete(t.Context(), "photos", "a.jpg", bucket.Condition{}); err != nil {
		t.Errorf("a server that rejects it: %v", err)
	}
	wantKind(t, "no bucket", open(t, answer(404, "NoSuchBucket")).Delete(t.Context(), "photos", "a.jpg", bucket.Condition{}), bucket.ErrNoBucket)
}

// TestCopyFailsInside200: S3 begins its response to a copy before the result is known.
func TestCopyFailsInside200(t *testing.T) {
	wantKind(t, "InternalError", calls["copy"](t.Context(), open(t, answer(200, "InternalError"))), bucket.ErrTransient)
	wantKind(t, "SlowDown", calls["copy"](t.Context(), open(t, answer(200, "SlowDown"))), bucket.ErrTransient)
}

func TestLostConnections(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	refused, err := s3.Open(s3.Options{Endpoint: gone.URL, AccessKey: "k", Secret: "s", PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = refused.Head(t.Context(), "photos", "a.jpg")
	wantKind(t, "connection refused", err, bucket.ErrTransient)
	want := "head photos/a.jpg: store unavailable: no connection to " + gone.URL + ": connection refused; is the store running, and is the endpoint right?"
	if runtime.GOOS != "windows" && err.Error() != want {
		t.Errorf("connection refused: %v\nwant %s", err, want)
	}
	nowhere, err := s3.Open(s3.Options{Endpoint: "http://imgmill.invalid", AccessKey: "k", Secret: "s", PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = nowhere.Head(t.Context(), "photos", "a.jpg")
	wantKind(t, "no such host", err, bucket.ErrTransient)
	if !strings.Contains(err.Error(), ": no connection to http://imgmill.invalid: ") {
		t.Errorf("no such host: %v", err)
	}

	reset := open(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	})
	for name, call := range calls {
		err := call(t.Context(), reset)
		wantKind(t, "reset, "+name, err, bucket.ErrTransient)
		if !strings.Contains(err.Error(), ": no answer from http://127.0.0.1:") || strings.Contains(err.Error(), "StatusCode") {
			t.Errorf("reset, %s: %v", name, err)
		}
	}

	html := open(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>a proxy's page") })
	wantKind(t, "list answered by a proxy", calls["list"](t.Context(), html), bucket.ErrTransient)
	for _, page := range []string{"<!DOCTYPE html><html><head><meta charset=utf-8><p>Not Found", "<html><p>No</p></html>", "404 page not found"} {
		web := open(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, page)
		})
		for name, call := range calls {
			if name != "head" {
				wantKind(t, name+" answered by a web server", call(t.Context(), web), bucket.ErrTransient)
			}
		}
	}
}

// TestTimeouts: only the caller's own deadline is reported as one; a timeout of the HTTP client is
// a fault of the connection.
func TestTimeouts(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	withTimeout := open(t, hang, func(o *awss3.Options) { o.HTTPClient = &http.Client{Timeout: 20 * time.Millisecond} })
	withoutTimeout := open(t, hang)
	for name, call := range calls {
		err := call(t.Context(), withTimeout)
		wantKind(t, "client timeout, "+name, err, bucket.ErrTransient)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the client's timeout is reported as the caller's deadline", name)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err = call(ctx, withoutTimeout)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s past its deadline: %v", name, err)
		}
		wantKind(t, "deadline, "+name, err, nil)
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		err = call(ctx, withoutTimeout)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s cancelled: %v", name, err)
		}
		wantKind(t, "cancelled, "+name, err, nil)
	}
}

func TestTruncatedBody(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"shorter than its length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"e1"`)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "only this")
		},
		"with another checksum": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"e1"`)
			w.Header().Set("Content-Length", "9")
			w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==")
			_, _ = io.WriteString(w, "only this")
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := open(t, handler).Get(t.Context(), "photos", "a.jpg", bucket.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			defer o.Body.Close()
			got, err := io.ReadAll(o.Body)
			wantKind(t, "read", err, bucket.ErrTransient)
			if string(got) != "only this" {
				t.Errorf("read %q before the error", got)
			}
		})
	}
}

func TestBodyCancelled(t *testing.T) {
	store := open(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	o, err := store.Get(ctx, "photos", "a.jpg", bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	if _, err := io.ReadFull(o.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.ReadAll(o.Body)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("read after a cancel: %v", err)
	}
	wantKind(t, "read", err, nil)
}

// TestNoCredentials: a call without credentials is denied, however the search for them failed.
func TestNoCredentials(t *testing.T) {
	imds := &smithy.OperationError{ServiceID: "ec2imds", OperationName: "GetMetadata", Err: errors.New("no role found")}
	for name, provider := range map[string]aws.CredentialsProvider{
		"empty": credentials.NewStaticCredentialsProvider("", "", ""),
		"no instance role": aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, fmt.Errorf("no EC2 IMDS role found: %w", imds)
		}),
	} {
		store := open(t, answer(200, ""), func(o *awss3.Options) { o.Credentials = provider })
		for call, do := range calls {
			err := do(t.Context(), store)
			wantKind(t, name+", "+call, err, bucket.ErrDenied)
			if name != "empty" && (!strings.Contains(err.Error(), "set AWS_PROFILE") || strings.Contains(err.Error(), "IMDS")) {
				t.Errorf("the advice is %v", err)
			}
		}
	}
}

// TestCredentialsService: the service that issues credentials may refuse, or be unavailable for a
// moment.
func TestCredentialsService(t *testing.T) {
	for status, want := range map[int]error{403: bucket.ErrDenied, 400: bucket.ErrDenied, 429: bucket.ErrTransient, 500: bucket.ErrTransient} {
		sts := &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: errors.New("no"),
		}}
		provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, sts })
		store := open(t, answer(200, ""), func(o *awss3.Options) { o.Credentials = provider })
		wantKind(t, fmt.Sprint(status), calls["get"](t.Context(), store), want)
	}
}
