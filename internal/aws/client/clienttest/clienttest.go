// Package clienttest makes clients for tests that answer AWS's calls themselves.
package clienttest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// Open returns a client of all services whose calls the handler answers. It sets environment
// variables of the test.
func Open(t *testing.T, handler http.HandlerFunc) *client.Cloud {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
		"AWS_SECRET_ACCESS_KEY": "test",
		"AWS_PROFILE":           "", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_MAX_ATTEMPTS":            "1",
	} {
		t.Setenv(name, value)
	}
	c, err := client.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// InProcess returns a client of S3 and Lambda, and of nothing else, whose calls the handler answers without a
// network. It can be used in a bubble of testing/synctest, where waiting takes no time.
func InProcess(handler http.HandlerFunc) *client.Cloud {
	url, key := "http://in.process", credentials.NewStaticCredentialsProvider("a", "b", "")
	return &client.Cloud{Region: "us-east-1",
		Store:    s3.New(s3.Options{BaseEndpoint: &url, UsePathStyle: true, Region: "us-east-1", Credentials: key, HTTPClient: direct(handler)}),
		Function: lambda.New(lambda.Options{BaseEndpoint: &url, Region: "us-east-1", Credentials: key, HTTPClient: direct(handler)})}
}

// direct is a handler as an HTTP client.
type direct http.HandlerFunc

func (d direct) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d(w, r)
	return w.Result(), nil
}
