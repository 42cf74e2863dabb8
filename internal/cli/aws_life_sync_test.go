package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

// sync makes the variants anew that the first recipe left.
func (e *emulator) sync(t *testing.T) {
	wantOutput(t, e.imgmill(t, 1, "audit", "photos"), "stale")
	wantOutput(t, e.imgmill(t, 0, "sync", "photos", "--yes", "--checkpoint", "none"), "1 object made of 1 picture")
	c, err := jpeg.DecodeConfig(bytes.NewReader(e.await(t, "photos-output", "holiday.JPG")))
	if err != nil || c.Width != 200 {
		t.Errorf("the variant is %d wide, want 200: %v", c.Width, err)
	}
	e.imgmill(t, 0, "audit", "photos")
}

// syncQueue sends pictures without variants to the work queue, more than one request takes.
func (e *emulator) syncQueue(t *testing.T) {
	if !e.runsFunctions() {
		t.Skip("nobody reads moto's queues")
	}
	const pictures = 12
	var keys []string
	for i := range pictures {
		keys = append(keys, fmt.Sprintf("old %d.jpg", i))
	}
	e.withoutVariants(t, keys)
	args := []string{"sync", "photos", "--checkpoint", "none", "--prefix", "old", "--via", "queue"}
	plan := strings.Join(strings.Fields(e.imgmill(t, 0, append(args, "--dry-run")...)), " ")
	wantOutput(t, plan, "make 12 objects of 12 pictures", "for less than a cent at AWS. New uploads wait",
		"Nothing was changed.")
	wantOutput(t, e.imgmill(t, 0, append(args, "--yes")...), "12 pictures sent to the work queue")
	e.awaitVariants(t, keys)
	e.imgmill(t, 0, "audit", "photos", "--prefix", "old")
	wantOutput(t, e.imgmill(t, 0, append(args, "--yes")...), "Nothing to do.")
}

// syncBatch has a job invoke the function for each picture. No emulator has S3 Batch Operations: the test
// does what a job does, with the manifest that it was given.
func (e *emulator) syncBatch(t *testing.T) {
	if !e.runsFunctions() {
		t.Skip("moto runs functions only in Docker")
	}
	keys := []string{"batch/a b.jpg", "batch/a+b.jpg", "batch/夏 100%.jpg"}
	e.withoutVariants(t, keys)
	jobs := &batchJobs{emulator: e, t: t}
	e.mu.Lock()
	e.serves["POST /v20180820/jobs"] = jobs.create
	e.serves["GET /v20180820/jobs/job-1"] = jobs.describe
	e.mu.Unlock()
	args := []string{"sync", "photos", "--checkpoint", "none", "--prefix", "batch/", "--via", "s3-batch"}
	wantOutput(t, e.imgmill(t, 0, append(args, "--dry-run")...), "make 3 objects of 3 pictures", "for $0.25 at")
	wantOutput(t, e.imgmill(t, 0, append(args, "--yes")...), "The job job-1 for 3 pictures was created; it is complete.")
	if jobs.succeeded != len(keys) {
		t.Errorf("%d tasks succeeded", jobs.succeeded)
	}
	e.awaitVariants(t, keys)
	e.imgmill(t, 0, "audit", "photos", "--prefix", "batch/")
}

// nightly adds a schedule of audits, and does what it does.
func (e *emulator) nightly(t *testing.T) {
	wantOutput(t, e.imgmill(t, 2, "deploy", "photos", "--yes", "--audit", "at night"), `"at night" is not a valid value`)
	out := e.imgmill(t, 0, "deploy", "photos", "--yes", "--audit", "rate(1 day)")
	wantOutput(t, out, "change  audit  (none) -> rate(1 day)")
	if !e.runsFunctions() {
		e.unsupported("ScheduledAudit in a stack", "left out without an error")
	} else {
		wantOutput(t, out, "alarm of audit faults")
		if line := e.auditLine(t); line["level"] != "INFO" || line["faults"] != 0.0 || line["uploads"] == 0.0 {
			t.Errorf("%v", line)
		}
		e.put(t, "photos-input", "night.jpg", sample.Photo(300, 200))
		e.await(t, "photos-output", "night.jpg")
		for _, step := range []struct {
			bucket string
			faults float64
		}{{"photos-output", 1}, {"photos-input", 0}} {
			_, err := e.cloud.Store.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &step.bucket, Key: aws.String("night.jpg")})
			if err != nil {
				t.Fatal(err)
			}
			if line := e.auditLine(t); line["faults"] != step.faults {
				t.Errorf("without night.jpg in %s: %v", step.bucket, line)
			}
		}
	}
	wantOutput(t, e.imgmill(t, 0, "deploy", "photos", "--yes", "--audit", ""), "change  audit  rate(1 day) -> (none)")
}

// auditLine asks the function for an audit, and returns what it logs.
func (e *emulator) auditLine(t *testing.T) (line map[string]any) {
	t.Helper()
	out, err := e.cloud.Function.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("imgmill-photos"), Payload: []byte(lambdafn.AuditRequest), LogType: types.LogTypeTail})
	if err != nil {
		t.Fatal(err)
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(log)) {
		if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == lambdafn.AuditMessage {
			return line
		}
	}
	t.Fatalf("no line about an audit: %s %s", out.Payload, log)
	return nil
}

// batchJobs is S3 Batch Operations. A job ends before CreateJob does.
type batchJobs struct {
	*emulator
	t         *testing.T
	succeeded int
}

func (b *batchJobs) create(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Function string `xml:"Operation>LambdaInvoke>FunctionArn"`
		Schema   string `xml:"Operation>LambdaInvoke>InvocationSchemaVersion"`
		Object   string `xml:"Manifest>Location>ObjectArn"`
		RoleArn  string
	}
	if err := xml.NewDecoder(r.Body).Decode(&in); err != nil || in.RoleArn == "" {
		b.t.Errorf("%+v, %v", in, err)
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(in.Object, "arn:aws:s3:::"), "/")
	rows, err := csv.NewReader(bytes.NewReader(b.await(b.t, bucket, key))).ReadAll()
	if err != nil {
		b.t.Error(err)
	}
	for i, row := range rows {
		payload, err := json.Marshal(map[string]any{
			"invocationSchemaVersion": in.Schema, "invocationId": fmt.Sprint(i), "job": map[string]string{"id": "job-1"},
			"tasks": []map[string]any{{"taskId": "task", "s3Key": row[1], "s3VersionId": nil, "s3BucketArn": "arn:aws:s3:::" + row[0]}},
		})
		if err != nil {
			b.t.Error(err)
		}
		out, err := b.cloud.Function.Invoke(b.t.Context(), &lambda.InvokeInput{FunctionName: &in.Function, Payload: payload})
		if err != nil {
			b.t.Error(err)
			continue
		}
		var result struct {
			Results []struct{ TaskID, ResultCode, ResultString string }
		}
		if err := json.Unmarshal(out.Payload, &result); err != nil || len(result.Results) != 1 ||
			result.Results[0].TaskID != "task" || result.Results[0].ResultCode != "Succeeded" {
			b.t.Errorf("%s: %s, %v", row[1], out.Payload, err)
			continue
		}
		b.succeeded++
	}
	io.WriteString(w, `<CreateJobResult><JobId>job-1</JobId></CreateJobResult>`)
}

func (b *batchJobs) describe(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, `<DescribeJobResult><Job><Status>Complete</Status><CreationTime>%s</CreationTime></Job></DescribeJobResult>`,
		time.Now().UTC().Format(time.RFC3339))
}

// withoutVariants uploads pictures, and deletes the variants that the function makes of them.
func (e *emulator) withoutVariants(t *testing.T, keys []string) {
	t.Helper()
	for _, key := range keys {
		e.put(t, "photos-input", key, sample.Photo(300, 200))
	}
	for _, key := range keys {
		e.await(t, "photos-output", key)
		if _, err := e.cloud.Store.DeleteObject(t.Context(),
			&awss3.DeleteObjectInput{Bucket: aws.String("photos-output"), Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitVariants waits for variants of the second recipe.
func (e *emulator) awaitVariants(t *testing.T, keys []string) {
	t.Helper()
	for _, key := range keys {
		c, err := jpeg.DecodeConfig(bytes.NewReader(e.await(t, "photos-output", key)))
		if err != nil || c.Width != 200 {
			t.Errorf("the variant of %s is %d wide, want 200: %v", key, c.Width, err)
		}
	}
}
