package stack

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

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"

	objects "github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Trial is a picture to put through a deployment, to see that it works.
type Trial struct {
	Ending  string // of the key: .jpg; empty chooses one that the recipe takes
	Data    []byte
	Timeout time.Duration // for the variants, from the end of the upload
	Keep    bool          // leave the picture and its variants
	Again   func(Line)    // told of each attempt that failed and that Lambda makes once more
}

// TrialResult is how far a trial came. Durations but Upload count from the end of the upload.
type TrialResult struct {
	Bucket   string
	Key      string
	Bytes    int
	Upload   time.Duration
	Variants []TrialVariant
	Line     *Line         // the function's on it, of its last attempt; nil if none could be read
	Logged   time.Duration // until it could be read
	Report   *Report       // Lambda's on it, likewise
	Left     []string      // what the trial has put there and left: all, or what could not be removed
}

// TrialVariant is a variant that came out.
type TrialVariant struct {
	Name          string
	Bucket        string
	Key           string
	Width, Height int
	Bytes         int64
	Seen          time.Duration
}

const (
	trialPause    = 300 * time.Millisecond // between two looks for variants
	trialLogPause = time.Second            // between two looks at the log
	// trialLogPatience is how long the log is waited for once the variants are there: it only adds figures.
	trialLogPatience = 15 * time.Second
	trialCleanUp     = 30 * time.Second
	// trialLinger is how long a function that has read the picture already may take to write what is to be removed.
	trialLinger = 3 * time.Second
	// directAttempts is how often Lambda calls the function for what S3 tells it directly: MaximumRetryAttempts of the template,
	// and one.
	directAttempts = 3
)

// errNoVerdict: the time ran out.
var errNoVerdict = errors.New("the variants have not come")

// Try uploads a picture under a key that nobody has and waits for its variants. The error says, by the function's log where
// that tells, why they did not come. Whatever happens, also an interrupt, it removes what it brought about, unless it is to keep
// it. The result is never nil.
func (c *Cloud) Try(ctx context.Context, d *Deployment, t Trial) (r *TrialResult, err error) {
	r = &TrialResult{Bucket: d.SourceBucket, Bytes: len(t.Data)}
	code, err := c.Code(ctx, d)
	if err != nil {
		return r, err
	}
	if r.Key, err = trialKey(code.Recipe, t.Ending); err != nil {
		return r, err
	}
	w := &trialWatch{
		cloud: c, result: r, target: d.TargetBucket, again: t.Again,
		log: &follower{log: c.Logs, group: d.LogGroup},
	}
	local, err := rehearse(ctx, code.Recipe, r.Key, t.Data)
	if err != nil {
		return r, err
	}
	if d.Trigger == "direct" {
		w.most = directAttempts
	}
	w.expected = local.Variants
	plan := code.Recipe.Plan(r.Key)
	w.beside = []string{plan.Manifest.Key, plan.BadCopy, plan.BadRecord}

	version := ""
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), trialCleanUp)
		defer cancel()
		err = errors.Join(err, w.cleanUp(cleaning, version, t.Keep))
	}()
	start := time.Now()
	out, err := c.Store.PutObject(ctx, &s3.PutObjectInput{Bucket: &d.SourceBucket, Key: &r.Key, Body: bytes.NewReader(t.Data)})
	if err != nil {
		return r, fmt.Errorf("upload s3://%s/%s: %w", r.Bucket, r.Key, err)
	}
	version, w.etag, w.uploaded = aws.ToString(out.VersionId), strings.Trim(aws.ToString(out.ETag), `"`), time.Now()
	r.Upload = w.uploaded.Sub(start)
	// The log is searched by the cloud's clock.
	head, err := c.Store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.SourceBucket, Key: &r.Key})
	if err != nil {
		return r, fmt.Errorf("look at s3://%s/%s: %w", r.Bucket, r.Key, err)
	}
	w.log.since = aws.ToTime(head.LastModified).Add(-time.Second)
	return r, w.wait(ctx, t.Timeout)
}

// trialKey is a new key that the recipe takes.
func trialKey(r *recipe.Recipe, ending string) (string, error) {
	if ending == "" {
		ending = ".jpg"
		if s := r.Source.Suffixes; len(s) > 0 && !slices.Contains(s, ending) {
			ending = s[0] // the function tells formats by their bytes
		}
	}
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	key := r.Source.Prefix + "imgmill-test-" + hex.EncodeToString(random) + ending
	if why := r.Plan(key).Excluded; why != "" {
		return "", fmt.Errorf("the deployed recipe does not take %s: %s", key, why)
	}
	return key, nil
}

// rehearse does in memory what the function is about to do. It tells which variants there will be and under which keys; that it may
// find nothing to do, or the picture bad, is for the function to say.
func rehearse(ctx context.Context, r *recipe.Recipe, key string, data []byte) (mill.Result, error) {
	store := mem.New(r.Source.Bucket, r.Target.Bucket)
	etag, err := store.Put(ctx, r.Source.Bucket, key, data, objects.Attributes{}, objects.Condition{})
	if err != nil {
		return mill.Result{}, err
	}
	m := mill.New(store, r)
	res := m.Process(ctx, event.Change{Bucket: r.Source.Bucket, Key: key, ETag: etag, Size: int64(len(data))})
	return res, ctx.Err()
}

// trialWatch waits for one trial's variants and lines.
type trialWatch struct {
	cloud    *Cloud
	result   *TrialResult
	target   string
	etag     string
	uploaded time.Time
	expected []mill.Variant
	beside   []string // other keys that the function may write; may be empty texts
	log      *follower
	again    func(Line)
	attempts int    // that failed
	most     int    // after which Lambda makes no more; 0 if that is far away
	deaf     error  // why the log cannot be read
	faults   []Line // of invocations that name no key
}

// wait looks until all has come, the function says why not, or time is up.
func (w *trialWatch) wait(ctx context.Context, timeout time.Duration) error {
	deadline := w.uploaded.Add(timeout)
	var listened, complete time.Time
	for {
		if err := w.look(ctx); err != nil {
			return err
		}
		if time.Since(listened) >= trialLogPause {
			w.listen(ctx)
			listened = time.Now()
		}
		v := w.verdict()
		whole := len(w.result.Variants) == len(w.expected) && (len(w.expected) > 0 || v == "done") && v != "retry"
		if whole && complete.IsZero() {
			complete = time.Now()
		}
		logged := w.deaf != nil || w.result.Line != nil && w.result.Report != nil
		switch {
		case whole && (logged || time.Since(complete) > trialLogPatience):
			return nil
		case v == "retry" && w.attempts == w.most:
			return fmt.Errorf("the function has failed %d times, Lambda tries no more, and the event waits among the failures: %s", w.attempts, w.result.Line.Reason)
		case !whole && v != "" && v != "done" && v != "retry":
			return fmt.Errorf("the function says %s: %s", v, w.result.Line.Reason)
		case !whole && time.Now().After(deadline):
			return w.silence(timeout)
		}
		if err := sleep(ctx, trialPause); err != nil {
			return err
		}
	}
}

func (w *trialWatch) verdict() string {
	if w.result.Line == nil {
		return ""
	}
	return w.result.Line.Verdict
}

// settled reports whether the function is known to do no more about the picture.
func (w *trialWatch) settled() bool {
	v := w.verdict()
	return v != "" && v != "retry" || v == "retry" && w.attempts == w.most
}

// silence is the error of time that ran out, with whatever the log says meanwhile.
func (w *trialWatch) silence(timeout time.Duration) error {
	var why string
	switch {
	case w.verdict() == "retry":
		why = "the function's last attempt failed, and no other has been made yet: " + w.result.Line.Reason
	case len(w.result.Variants) > 0:
		why = fmt.Sprintf("%d of %d are there", len(w.result.Variants), len(w.expected))
	case w.verdict() == "done":
		why = "the function says done, and they are not under the keys of the recipe in the code bucket"
	case len(w.faults) > 0:
		last := w.faults[len(w.faults)-1]
		for _, l := range w.faults { // of an invocation that ended Lambda has a line without the reason behind the one with it
			if l.Kind != LineFault {
				last = l
			}
		}
		why = "meanwhile the function's log says: " + strings.TrimSpace(last.Message+" "+last.Reason)
	case w.deaf != nil:
		why = "and the function's log cannot be read: " + brief(w.deaf)
	default:
		why = "the function's log has no line about the picture: it may not have been called"
	}
	return fmt.Errorf("%w in %v; %s", errNoVerdict, timeout, why)
}

// look takes up the variants that have come.
func (w *trialWatch) look(ctx context.Context) error {
	for _, v := range w.expected {
		if slices.ContainsFunc(w.result.Variants, func(t TrialVariant) bool { return t.Key == v.Key }) {
			continue
		}
		out, err := w.cloud.Store.GetObject(ctx, &s3.GetObjectInput{Bucket: &w.target, Key: &v.Key})
		if isCode(err, "NoSuchKey", "NotFound") {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for s3://%s/%s: %w", w.target, v.Key, err)
		}
		seen := time.Since(w.uploaded)
		t := TrialVariant{Name: v.Name, Bucket: w.target, Key: v.Key, Seen: seen}
		data, err := io.ReadAll(out.Body)
		out.Body.Close()
		if err != nil {
			return fmt.Errorf("read s3://%s/%s: %w", w.target, v.Key, err)
		}
		picture, err := formats.All().Open(bytes.NewReader(data), codec.OpenOptions{})
		if err != nil {
			return fmt.Errorf("s3://%s/%s: %w", w.target, v.Key, err)
		}
		t.Bytes, t.Width, t.Height = int64(len(data)), picture.Header().Width, picture.Header().Height
		if out.Metadata[outcome.MetadataSourceETag] != w.etag {
			return fmt.Errorf("s3://%s/%s is of another picture", w.target, v.Key)
		}
		w.result.Variants = append(w.result.Variants, t)
	}
	return nil
}

// listen reads on in the log.
func (w *trialWatch) listen(ctx context.Context) {
	if w.deaf != nil && !errors.Is(w.deaf, ErrNoLog) {
		return
	}
	w.deaf = nil
	for l, err := range w.log.pass(ctx) {
		switch {
		case err != nil:
			w.deaf = err
		case l.Key == w.result.Key && l.Verdict != "" && (w.result.Line == nil || w.result.Line.Verdict == "retry"):
			// An attempt made again goes by the same request: its report is another.
			w.result.Line, w.result.Logged, w.result.Report = &l, time.Since(w.uploaded), nil
			if l.Verdict == "retry" {
				w.attempts++
				if w.again != nil && w.attempts != w.most {
					w.again(l)
				}
			}
		case l.Report != nil && w.result.Line != nil && l.Request == w.result.Line.Request:
			w.result.Report = l.Report
		case l.Failed() && l.Key == "" && l.Report == nil:
			w.faults = append(w.faults, l)
		}
	}
}

// cleanUp removes the picture and, source first so that nothing new is begun, all that was made of it.
func (w *trialWatch) cleanUp(ctx context.Context, version string, keep bool) error {
	r := w.result
	keys := slices.Clone(w.beside)
	for _, v := range w.expected {
		keys = append(keys, v.Key)
	}
	if keep {
		r.Left = append(r.Left, "s3://"+r.Bucket+"/"+r.Key)
		for _, v := range r.Variants {
			r.Left = append(r.Left, "s3://"+v.Bucket+"/"+v.Key)
		}
		return nil
	}
	var errs []error
	remove := func(bucket, key, version string) {
		in := &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}
		if version != "" {
			in.VersionId = &version // a bucket with versions keeps no delete marker of it
		}
		if _, err := w.cloud.Store.DeleteObject(ctx, in); err != nil {
			r.Left = append(r.Left, "s3://"+bucket+"/"+key)
			errs = append(errs, fmt.Errorf("remove s3://%s/%s: %w", bucket, key, err))
		}
	}
	remove(r.Bucket, r.Key, version)
	// A variant, a manifest behind the last one, or what is kept of a bad picture may be on its way.
	late := len(r.Variants) < len(w.expected) || len(w.expected) == 0 || w.beside[0] != ""
	if !w.uploaded.IsZero() && late && !w.settled() {
		errs = append(errs, sleep(ctx, trialLinger))
	}
	for _, key := range keys {
		if key == "" {
			continue
		}
		head, err := w.cloud.Store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &w.target, Key: &key})
		switch {
		case isCode(err, "NotFound", "NoSuchKey"):
		case err != nil:
			r.Left = append(r.Left, "s3://"+w.target+"/"+key)
			errs = append(errs, fmt.Errorf("look for s3://%s/%s: %w", w.target, key, err))
		default:
			remove(w.target, key, aws.ToString(head.VersionId))
		}
	}
	return errors.Join(errs...)
}
