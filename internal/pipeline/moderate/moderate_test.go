package moderate_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
)

// answer is in the form of the example in the Amazon Rekognition Developer Guide, "Detecting inappropriate images".
const answer = `{
  "ModerationLabels": [
    {"Confidence": 99.24723052978516, "ParentName": "", "Name": "Explicit", "TaxonomyLevel": 1},
    {"Confidence": 99.24723052978516, "ParentName": "Explicit", "Name": "Explicit Nudity", "TaxonomyLevel": 2},
    {"Confidence": 88.25341796875, "ParentName": "", "Name": "Swimwear or Underwear", "TaxonomyLevel": 1}
  ],
  "ModerationModelVersion": "7.0",
  "ContentTypes": [{"Confidence": 99.9, "Name": "Illustrated"}]
}`

func TestRekognition(t *testing.T) {
	status, body := http.StatusOK, answer
	var got struct {
		Image         struct{ Bytes string }
		MinConfidence float64
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(data, &got) != nil {
			t.Errorf("%s: %v", data, err)
		}
		if r.Header.Get("X-Amz-Target") != "RekognitionService.DetectModerationLabels" ||
			r.Header.Get("Content-Type") != "application/x-amz-json-1.1" ||
			!strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/rekognition/aws4_request") {
			t.Errorf("%v", r.Header)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	r := moderate.Open("eu-west-1", func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL_REKOGNITION": server.URL}[name]
	}, credentials.NewStaticCredentialsProvider("a", "b", ""))
	labels, err := r.Of(t.Context(), []byte("picture"), 80)
	want := []moderate.Label{{"Explicit", "", 99.24723052978516}, {"Explicit Nudity", "Explicit", 99.24723052978516},
		{"Swimwear or Underwear", "", 88.25341796875}}
	if err != nil || !slices.Equal(labels, want) {
		t.Errorf("%v, %v", labels, err)
	}
	if data, err := base64.StdEncoding.DecodeString(got.Image.Bytes); err != nil || string(data) != "picture" || got.MinConfidence != 80 {
		t.Errorf("%+v", got)
	}
	body = `{"ModerationLabels": [], "ModerationModelVersion": "7.0"}`
	if labels, err := r.Of(t.Context(), []byte("picture"), 80); err != nil || labels != nil {
		t.Errorf("%v, %v", labels, err)
	}
	for _, test := range []struct {
		status  int
		body    string
		refuses bool
		want    string
	}{
		{400, `{"__type":"InvalidImageFormatException","Message":"Request has invalid image format"}`, true, "invalid image format"},
		{400, `{"__type":"ImageTooLargeException"}`, true, "ImageTooLargeException"},
		{400, `{"__type":"ThrottlingException","message":"slow"}`, false, "ThrottlingException: slow"},
		{400, `{"__type":"AccessDeniedException","Message":"no"}`, false, "AccessDeniedException: no"},
		{500, ``, false, "500"},
		{200, `<html>`, false, "no result"},
		{200, `{}`, false, "no result"},
	} {
		status, body = test.status, test.body
		if _, err := r.Of(t.Context(), []byte("picture"), 80); err == nil || errors.Is(err, moderate.ErrRefused) != test.refuses ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.body, err)
		}
	}
	if v := moderate.Variant(formats.All().Named("jpeg")); v.Width != 1024 || v.Enlarge {
		t.Errorf("%+v", v)
	}
}
