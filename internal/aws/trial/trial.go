// Package trial puts a picture through a deployment and reports what comes out, with the time of
// each step.
//
// It works out the expected variants by running the deployed recipe in memory, so it also knows
// keys that depend on the picture. It removes everything that the trial created unless the caller
// keeps it, also after an interrupt.
package trial

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Options describe a trial.
type Options struct {
	// Data is the picture.
	Data []byte
	// Suffix ends the key, like .jpg. If it is empty, Run chooses one that the recipe accepts.
	Suffix string
	// Timeout bounds the wait for the variants, from the end of the upload.
	Timeout time.Duration
	// Keep leaves the picture and its variants.
	Keep bool
	// OnRetry, if not nil, is called for each failed attempt that Lambda will retry.
	OnRetry func(logs.Line)
}

// Result is how far a trial got. All durations except Upload count from the end of the upload.
type Result struct {
	Bucket   string
	Key      string
	Bytes    int
	Upload   time.Duration
	Variants []Variant
	// Line is the function's log line about its last attempt, or nil if none was readable in time.
	// Logged is when it became readable, Report Lambda's summary of that attempt.
	Line   *logs.Line
	Logged time.Duration
	Report *logs.Report
	// Left lists the objects that the trial created and left: all of them, or those that could not
	// be removed.
	Left []string
}

// Variant is a variant that the function wrote.
type Variant struct {
	Name          string
	Bucket        string
	Key           string
	Width, Height int
	Bytes         int64
	// Seen is when the variant was first found.
	Seen time.Duration
}

const (
	cleanupTimeout = 30 * time.Second
	// directAttempts is how often Lambda calls the function for an event that S3 sends directly:
	// once, and as often as MaximumRetryAttempts of the template allows.
	directAttempts = 3
)

// Run uploads a picture under a new key and waits for its variants. The error explains why they do
// not appear, from the function's log if that has the reason. Whatever happens, also after an
// interrupt, Run removes what the trial created, unless it is to be kept. The result is never nil.
func Run(
	ctx context.Context, c *client.Cloud, d *deployment.Deployment, o Options,
) (r *Result, err error) {
	r = &Result{Bucket: d.SourceBucket, Bytes: len(o.Data)}
	code, err := deployment.ReadCode(ctx, c, d)
	if err != nil {
		return r, err
	}
	if r.Key, err = newKey(code.Recipe, o.Suffix); err != nil {
		return r, err
	}
	overlays, err := readOverlays(ctx, c, d.TargetBucket, code.Recipe)
	if err != nil {
		return r, err
	}
	expected, err := process(ctx, code.Recipe, r.Key, o.Data, overlays)
	if err != nil {
		return r, err
	}
	w := &watcher{
		cloud: c, result: r, target: d.TargetBucket, function: d.FunctionName, onRetry: o.OnRetry,
		expected: expected.Variants,
		log:      &logs.Reader{Log: c.Logs, Group: d.LogGroup},
	}
	if d.Trigger == "direct" {
		w.maxAttempts = directAttempts
	}
	plan := code.Recipe.Plan(r.Key)
	w.otherKeys = []string{plan.Manifest.Key, plan.BadCopy, plan.BadRecord}

	version := ""
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		err = errors.Join(err, w.cleanUp(cleanup, version, o.Keep))
	}()
	start := time.Now()
	out, err := c.Store.PutObject(ctx, &s3.PutObjectInput{Bucket: &d.SourceBucket, Key: &r.Key,
		Body: bytes.NewReader(o.Data)})
	if err != nil {
		return r, fmt.Errorf("upload s3://%s/%s: %w", r.Bucket, r.Key, err)
	}
	version, w.etag, w.uploaded = aws.ToString(out.VersionId), strings.Trim(aws.ToString(out.ETag), `"`), time.Now()
	r.Upload = w.uploaded.Sub(start)
	// The log is searched by the cloud's clock, so the start of the search is, too.
	head, err := c.Store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.SourceBucket, Key: &r.Key})
	if err != nil {
		return r, fmt.Errorf("read the properties of s3://%s/%s: %w", r.Bucket, r.Key, err)
	}
	w.log.Since = aws.ToTime(head.LastModified).Add(-time.Second)
	return r, w.wait(ctx, o.Timeout)
}

// newKey returns a random key that the recipe accepts.
func newKey(r *recipe.Recipe, suffix string) (string, error) {
	if suffix == "" {
		suffix = ".jpg"
		if s := r.Source.Suffixes; len(s) > 0 && !slices.Contains(s, suffix) {
			suffix = s[0] // the function detects formats by their bytes
		}
	}
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	key := r.Source.Prefix + "imgmill-test-" + hex.EncodeToString(random) + suffix
	if why := r.Plan(key).Excluded; why != "" {
		return "", fmt.Errorf("the deployed recipe does not accept %s: %s", key, why)
	}
	return key, nil
}

// readOverlays reads what the recipe's watermarks are made of, by the keys in the target bucket.
func readOverlays(ctx context.Context, c *client.Cloud, target string, r *recipe.Recipe) (map[string][]byte, error) {
	overlays := map[string][]byte{}
	for _, name := range r.Overlays() {
		key := recipe.OverlayKey(name)
		out, err := c.Store.GetObject(ctx, &s3.GetObjectInput{Bucket: &target, Key: &key})
		if err != nil {
			return nil, fmt.Errorf("read the overlay s3://%s/%s of the recipe's watermarks: %w", target, key, err)
		}
		overlays[key], err = io.ReadAll(out.Body)
		if err := errors.Join(err, out.Body.Close()); err != nil {
			return nil, fmt.Errorf("read s3://%s/%s: %w", target, key, err)
		}
	}
	return overlays, nil
}

// process does in memory what the function is about to do, to learn the variants and their keys, with the overlays of
// watermarks. Whether the picture is skipped or bad is for the function to report.
func process(
	ctx context.Context, r *recipe.Recipe, key string, data []byte, overlays map[string][]byte,
) (mill.Result, error) {
	store := mem.New(r.Source.Bucket, r.Target.Bucket)
	etag, err := store.Put(ctx, r.Source.Bucket, key, data, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		return mill.Result{}, err
	}
	for key, overlay := range overlays {
		if _, err := store.Put(ctx, r.Target.Bucket, key, overlay, bucket.Attributes{}, bucket.Condition{}); err != nil {
			return mill.Result{}, err
		}
	}
	m := mill.New(store, r)
	res := m.Process(ctx, event.Change{Bucket: r.Source.Bucket, Key: key, ETag: etag,
		Size: int64(len(data))})
	return res, ctx.Err()
}
