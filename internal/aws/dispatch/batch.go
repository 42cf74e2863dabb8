package dispatch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// ErrNoBatchRole means that an earlier version of imgmill made the deployment.
var ErrNoBatchRole = errors.New("has no role for S3 Batch Operations, because an earlier version made it")

// BatchPrefix begins the keys of manifests and reports in the target bucket. The role in the template
// allows S3 Batch Operations no other, and the bucket's lifecycle deletes them.
const BatchPrefix = recipe.Reserved + "batch/"

// Manifest is a list of pictures for a job of S3 Batch Operations: a line of bucket and key for each,
// the key in percent-encoding (Amazon S3 User Guide, "Creating an S3 Batch Operations job"). It is kept
// in a temporary file until Close.
type Manifest struct {
	deployment *deployment.Deployment
	file       *os.File
	lines      *bufio.Writer
	sum        hash.Hash
	size       int64
}

// NewManifest returns an empty list. The error is ErrNoBatchRole if the deployment can run no job.
func NewManifest(d *deployment.Deployment) (*Manifest, error) {
	if d.BatchRoleARN == "" {
		return nil, fmt.Errorf("%s %w", d.Name, ErrNoBatchRole)
	}
	f, err := os.CreateTemp("", "imgmill-manifest-")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m := &Manifest{deployment: d, file: f, sum: sha256.New()}
	m.lines = bufio.NewWriter(io.MultiWriter(f, m.sum))
	return m, nil
}

// Close deletes the file.
func (m *Manifest) Close() error { return errors.Join(m.file.Close(), os.Remove(m.file.Name())) }

// Add adds a picture.
func (m *Manifest) Add(key string) error {
	encoded := strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
	n, err := fmt.Fprintf(m.lines, "%s,%s\n", m.deployment.SourceBucket, encoded)
	m.size += int64(n)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return nil
}

// Job is a job of S3 Batch Operations.
type Job struct {
	ID      string
	Account string
	Status  string
	// Report begins the keys of the report in the target bucket, which lists the pictures that failed.
	Report string
	// Running means that the job was there before, for the same pictures.
	Running bool
}

const (
	// maxJobs bounds the jobs for the same pictures that are looked at.
	maxJobs = 100
	// creation is more than it takes from the creation of a job to the answer, by the clock of AWS, and
	// less than a job takes before it ends and somebody runs the command again.
	creation = 5 * time.Second
	priority = 10 // among the account's jobs; more is sooner
	// schema of the invocations: package event reads both.
	schema = "1.0"
)

// Submit writes the manifest to the target bucket and creates the job. If the same pictures are in a
// job that has not ended, because an earlier run was interrupted after it had created that, Submit
// returns that job.
func (m *Manifest) Submit(ctx context.Context, c *client.Cloud) (Job, error) {
	d := m.deployment
	stack, err := arn.Parse(d.StackID)
	if err != nil {
		return Job{}, fmt.Errorf("account of the stack: %w", err)
	}
	key, etag, err := m.upload(ctx, c)
	if err != nil {
		return Job{}, err
	}
	bucket := "arn:" + stack.Partition + ":s3:::" + d.TargetBucket
	report := strings.TrimSuffix(key, ".csv")
	in := &s3control.CreateJobInput{
		AccountId: &stack.AccountID, RoleArn: &d.BatchRoleARN, Priority: aws.Int32(priority),
		ConfirmationRequired: aws.Bool(false), // the person has been asked already
		Description:          aws.String("imgmill sync " + d.Name),
		Operation: &types.JobOperation{LambdaInvoke: &types.LambdaInvokeOperation{
			FunctionArn: &d.FunctionARN, InvocationSchemaVersion: aws.String(schema)}},
		Manifest: &types.JobManifest{
			Spec: &types.JobManifestSpec{Format: types.JobManifestFormatS3BatchOperationsCsv20180820,
				Fields: []types.JobManifestFieldName{types.JobManifestFieldNameBucket, types.JobManifestFieldNameKey}},
			Location: &types.JobManifestLocation{ObjectArn: aws.String(bucket + "/" + key), ETag: &etag},
		},
		Report: &types.JobReport{Enabled: true, Bucket: &bucket, Prefix: &report,
			Format: types.JobReportFormatReportCsv20180820, ReportScope: types.JobReportScopeFailedTasksOnly},
	}
	job, err := m.create(ctx, c, in)
	job.Account, job.Report = stack.AccountID, report+"/"
	return job, err
}

// upload writes the manifest. Its key is a hash of its content. S3 Batch Operations read a manifest in
// this format only if it is not encrypted with a key of KMS, whatever the bucket's default.
func (m *Manifest) upload(ctx context.Context, c *client.Cloud) (key, etag string, err error) {
	if err := m.lines.Flush(); err != nil {
		return "", "", fmt.Errorf("manifest: %w", err)
	}
	if _, err := m.file.Seek(0, io.SeekStart); err != nil {
		return "", "", fmt.Errorf("manifest: %w", err)
	}
	key = BatchPrefix + hex.EncodeToString(m.sum.Sum(nil)[:16]) + ".csv"
	out, err := c.Store.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &m.deployment.TargetBucket, Key: &key, Body: m.file, ContentLength: &m.size,
		ContentType: aws.String("text/csv"), ServerSideEncryption: s3types.ServerSideEncryptionAes256,
	})
	if err != nil {
		return "", "", fmt.Errorf("write the manifest to bucket %s: %w", m.deployment.TargetBucket, err)
	}
	return key, strings.Trim(aws.ToString(out.ETag), `"`), nil
}

// create creates the job. The token of the request is a hash of the pictures and the zip of the
// function, and a number: S3 answers the same request with the job that it has made. If that has
// ended, its pictures are still missing something, and the next number gets a new one.
func (m *Manifest) create(ctx context.Context, c *client.Cloud, in *s3control.CreateJobInput) (Job, error) {
	token := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(m.sum.Sum(nil), "%q", m.deployment.Parameters["CodeKey"])))
	for n := range maxJobs {
		in.ClientRequestToken = aws.String(fmt.Sprintf("%.48s-%d", token, n))
		created, err := c.Batch.CreateJob(ctx, in)
		if client.IsCode(err, "IdempotencyException") {
			continue // another version asked for it in other words
		}
		if err != nil {
			return Job{}, fmt.Errorf("create a job of S3 Batch Operations: %w", err)
		}
		job := Job{ID: aws.ToString(created.JobId)}
		out, err := c.Batch.DescribeJob(ctx, &s3control.DescribeJobInput{AccountId: in.AccountId, JobId: created.JobId})
		if err != nil {
			return job, fmt.Errorf("the job %s was created, but cannot be looked at: %w", job.ID, err)
		}
		job.Status = string(out.Job.Status)
		asked, ok := middleware.GetServerTime(created.ResultMetadata) // in whole seconds
		if !ok {
			asked = time.Now()
		}
		job.Running = aws.ToTime(out.Job.CreationTime).Before(asked.Add(-creation))
		switch out.Job.Status {
		case types.JobStatusComplete, types.JobStatusFailed, types.JobStatusCancelled:
			if job.Running {
				continue
			}
		}
		return job, nil
	}
	return Job{}, fmt.Errorf("S3 Batch Operations has had %d jobs for the same pictures; 'imgmill failures %s' may say why they fail",
		maxJobs, m.deployment.Name)
}
