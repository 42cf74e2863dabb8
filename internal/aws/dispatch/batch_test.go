package dispatch_test

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/dispatch"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// fakeBatch answers as S3 and S3 Batch Operations do: a token that was used names its job.
type fakeBatch struct {
	t        *testing.T
	key      string // of the manifest
	manifest string
	request  jobRequest // the last one
	tokens   []string   // of the jobs, in order
	status   string
	created  time.Time
	refuse   int // requests to answer with IdempotencyException
}

// jobRequest is the part of CreateJobRequest that matters (Amazon S3 API Reference, CreateJob).
type jobRequest struct {
	ConfirmationRequired bool
	ClientRequestToken   string
	RoleArn              string
	Function             string   `xml:"Operation>LambdaInvoke>FunctionArn"`
	Schema               string   `xml:"Operation>LambdaInvoke>InvocationSchemaVersion"`
	Fields               []string `xml:"Manifest>Spec>Fields>member"`
	Format               string   `xml:"Manifest>Spec>Format"`
	Object               string   `xml:"Manifest>Location>ObjectArn"`
	ETag                 string   `xml:"Manifest>Location>ETag"`
	ReportBucket         string   `xml:"Report>Bucket"`
	ReportPrefix         string   `xml:"Report>Prefix"`
	ReportScope          string   `xml:"Report>ReportScope"`
	ReportEnabled        bool     `xml:"Report>Enabled"`
}

func (b *fakeBatch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const jobs = "/v20180820/jobs"
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	switch {
	case r.Method == http.MethodPut:
		if got := r.Header.Get("X-Amz-Server-Side-Encryption"); got != "AES256" {
			b.t.Errorf("the manifest is encrypted by %q", got)
		}
		b.key, b.manifest = r.URL.Path, string(body)
		w.Header().Set("Etag", `"abc"`)
	case r.Method == http.MethodPost && r.URL.Path == jobs:
		b.request = jobRequest{}
		if err := xml.Unmarshal(body, &b.request); err != nil {
			b.t.Error(err)
		}
		if b.refuse > 0 {
			b.refuse--
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `<ErrorResponse><Error><Code>IdempotencyException</Code><Message>m</Message></Error></ErrorResponse>`)
			return
		}
		i := slices.Index(b.tokens, b.request.ClientRequestToken)
		if i < 0 {
			b.tokens = append(b.tokens, b.request.ClientRequestToken)
			i, b.status, b.created = len(b.tokens)-1, "New", time.Now()
		}
		fmt.Fprintf(w, `<CreateJobResult><JobId>job-%d</JobId></CreateJobResult>`, i)
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, jobs+"/job-"):
		if r.Header.Get("X-Amz-Account-Id") != "123456789012" {
			b.t.Errorf("account %q", r.Header.Get("X-Amz-Account-Id"))
		}
		status, created := "Complete", time.Now().Add(-time.Hour) // of all but the last job
		if strings.HasSuffix(r.URL.Path, fmt.Sprintf("-%d", len(b.tokens)-1)) {
			status, created = b.status, b.created
		}
		fmt.Fprintf(w, `<DescribeJobResult><Job><Status>%s</Status><CreationTime>%s</CreationTime></Job></DescribeJobResult>`,
			status, created.UTC().Format(time.RFC3339))
	default:
		b.t.Errorf("%s %s", r.Method, r.URL)
	}
}

func batchDeployment() *deployment.Deployment {
	return &deployment.Deployment{
		Names: deployment.Names{Name: "photos"}, StackID: "arn:aws:cloudformation:us-east-1:123456789012:stack/imgmill-photos/1",
		SourceBucket: "photos-input", TargetBucket: "photos-output", BatchRoleARN: "arn:aws:iam::123456789012:role/batch",
		FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos",
		Parameters:  map[string]string{"CodeKey": "1.zip"},
	}
}

// submit has a job made for these keys.
func (b *fakeBatch) submit(d *deployment.Deployment, keys ...string) dispatch.Job {
	b.t.Helper()
	c := clienttest.Open(b.t, b.ServeHTTP)
	m, err := dispatch.NewManifest(d)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, key := range keys {
		if err := m.Add(key); err != nil {
			b.t.Fatal(err)
		}
	}
	job, err := m.Submit(b.t.Context(), c)
	if err := errors.Join(err, m.Close()); err != nil {
		b.t.Fatal(err)
	}
	return job
}

// TestEndedJobIsNotNew: a job that failed within a minute is not taken for the one that is asked for.
func TestEndedJobIsNotNew(t *testing.T) {
	b := &fakeBatch{t: t}
	b.submit(batchDeployment(), "a.jpg")
	b.status, b.created = "Failed", time.Now().Add(-20*time.Second)
	if job := b.submit(batchDeployment(), "a.jpg"); job.ID != "job-1" || job.Running {
		t.Errorf("after a failure: %+v", job)
	}
	b.created = time.Now().Add(-20 * time.Second) // it is on its way
	if job := b.submit(batchDeployment(), "a.jpg"); job.ID != "job-1" || !job.Running {
		t.Errorf("while it runs: %+v", job)
	}
	if job := b.submit(batchDeployment(), "b.jpg"); job.ID != "job-2" || job.Running {
		t.Errorf("of other pictures: %+v", job)
	}
}

// TestManifest: the list is what S3 Batch Operations read, and the keys reach the function whole.
func TestManifest(t *testing.T) {
	b := &fakeBatch{t: t}
	keys := []string{"a.jpg", "2026/a b+c%20ü,\"d\".jpg", "new\nline.jpg", "日本.jpg"}
	job := b.submit(batchDeployment(), keys...)
	if job.ID != "job-0" || job.Status != "New" || job.Running || job.Account != "123456789012" {
		t.Errorf("%+v", job)
	}
	rows, err := csv.NewReader(strings.NewReader(b.manifest)).ReadAll()
	if err != nil || len(rows) != len(keys) || strings.Contains(b.manifest, `"`) {
		t.Fatalf("%q: %v", b.manifest, err)
	}
	for i, row := range rows {
		body, err := json.Marshal(map[string]any{"invocationSchemaVersion": b.request.Schema, "invocationId": "i",
			"job":   map[string]string{"id": "j"},
			"tasks": []map[string]string{{"taskId": "t", "s3Key": row[1], "s3BucketArn": "arn:aws:s3:::" + row[0]}}})
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Parse(body)
		if err != nil || e.Items[0].Change.Key != keys[i] || e.Items[0].Change.Bucket != "photos-input" {
			t.Errorf("%q arrives as %+v, %v", keys[i], e, err)
		}
	}
	name := strings.TrimPrefix(b.key, "/photos-output/")
	if !strings.HasPrefix(name, dispatch.BatchPrefix) || !strings.HasPrefix(job.Report, dispatch.BatchPrefix) {
		t.Errorf("manifest %s, report %s", b.key, job.Report)
	}
	want := jobRequest{ClientRequestToken: b.tokens[0], RoleArn: "arn:aws:iam::123456789012:role/batch",
		Function: "arn:aws:lambda:us-east-1:123456789012:function:imgmill-photos", Schema: "1.0",
		Fields: []string{"Bucket", "Key"}, Format: "S3BatchOperations_CSV_20180820",
		Object: "arn:aws:s3:::photos-output/" + name, ETag: "abc", ReportBucket: "arn:aws:s3:::photos-output",
		ReportPrefix: strings.TrimSuffix(job.Report, "/"), ReportScope: "FailedTasksOnly", ReportEnabled: true}
	if fmt.Sprint(b.request) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", b.request, want)
	}
}

// TestJobOnce: a run that is repeated finds the job that it has made, as long as that has not ended.
func TestJobOnce(t *testing.T) {
	b := &fakeBatch{t: t}
	d := batchDeployment()
	b.submit(d, "a.jpg")
	b.status, b.created = "Active", time.Now().Add(-time.Hour)
	if job := b.submit(d, "a.jpg"); job.ID != "job-0" || !job.Running || len(b.tokens) != 1 {
		t.Errorf("%+v, %d jobs", job, len(b.tokens))
	}
	b.status = "Complete"
	if job := b.submit(d, "a.jpg"); job.ID != "job-1" || job.Running {
		t.Errorf("after the end: %+v", job)
	}
	if job := b.submit(d, "a.jpg", "b.jpg"); job.ID != "job-2" {
		t.Errorf("of other pictures: %+v", job)
	}
	d.Parameters["CodeKey"] = "2.zip"
	if job := b.submit(d, "a.jpg", "b.jpg"); job.ID != "job-3" {
		t.Errorf("of another recipe: %+v", job)
	}
	b.refuse = 2
	if job := b.submit(d, "c.jpg"); job.ID != "job-4" || !strings.HasSuffix(b.request.ClientRequestToken, "-2") {
		t.Errorf("with a token that was used for another request: %+v, %s", job, b.request.ClientRequestToken)
	}
	for _, token := range b.tokens {
		if len(token) > 64 {
			t.Errorf("the token %s is too long", token)
		}
	}
}

// TestNoBatchRole: a deployment of an earlier version has to be updated.
func TestNoBatchRole(t *testing.T) {
	if _, err := dispatch.NewManifest(&deployment.Deployment{}); !errors.Is(err, dispatch.ErrNoBatchRole) {
		t.Errorf("error %v", err)
	}
}
