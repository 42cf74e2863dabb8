package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

const (
	// variantPause and logPause are between two looks at the target bucket and at the log.
	variantPause = 300 * time.Millisecond
	logPause     = time.Second
	// logTimeout bounds the wait for the log once all variants have appeared: it only adds figures.
	logTimeout = 15 * time.Second
	// writeGrace is how long a function that has already read the picture may take to write what is
	// then removed.
	writeGrace = 3 * time.Second
)

// errTimeout reports that time ran out before the variants appeared.
var errTimeout = errors.New("the variants did not appear")

// watcher waits for the variants and the log lines of one trial.
type watcher struct {
	cloud     *client.Cloud
	result    *Result
	target    string
	etag      string
	uploaded  time.Time
	expected  []mill.Variant
	otherKeys []string // keys that the function may also write; some may be empty
	log       *logs.Reader
	onRetry   func(logs.Line)

	function string // that is called if nothing is heard of it
	started  bool   // whether that went well
	startErr error  // or why not

	failedAttempts int
	maxAttempts    int         // after which Lambda gives up; 0 if that is too far away to wait for
	logErr         error       // why the log cannot be read
	faults         []logs.Line // of invocations, without a key
}

// wait polls until everything has appeared, the function reports why it does not, or time is up.
func (w *watcher) wait(ctx context.Context, timeout time.Duration) error {
	deadline := w.uploaded.Add(timeout)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var logRead, completed time.Time
	var started chan error // nil until the function is called
	for {
		if err := w.collectVariants(ctx); err != nil {
			return err
		}
		if time.Since(logRead) >= logPause {
			w.readLog(ctx)
			logRead = time.Now()
		}
		if started == nil && w.silent() && time.Since(w.uploaded) > startGrace {
			started = make(chan error, 1)
			go func() { started <- tryStart(ctx, w.cloud, w.function) }()
		}
		select {
		case w.startErr = <-started:
			w.started = w.startErr == nil
		default:
		}
		if err := w.blocked(); err != nil {
			return err
		}
		v := w.verdict()
		complete := len(w.result.Variants) == len(w.expected) &&
			(len(w.expected) > 0 || v == outcome.Done) && v != outcome.Retry
		if complete && completed.IsZero() {
			completed = time.Now()
		}
		logged := w.logErr != nil || w.result.Line != nil && w.result.Report != nil
		switch {
		case complete && (logged || time.Since(completed) > logTimeout):
			return nil
		case v == outcome.Retry && w.failedAttempts == w.maxAttempts:
			return fmt.Errorf("the function failed %d times, and Lambda gives up; the event is now in the failure queue: %s",
				w.failedAttempts, w.result.Line.Reason)
		case !complete && v != "" && v != outcome.Done && v != outcome.Retry:
			return fmt.Errorf("the function reports %s: %s", v, w.result.Line.Reason)
		case !complete && time.Now().After(deadline):
			return w.timeoutError(timeout)
		}
		if err := client.Sleep(ctx, variantPause); err != nil {
			return err
		}
	}
}

// verdict returns the verdict of the last attempt, or nothing if no line about it was read.
func (w *watcher) verdict() outcome.Verdict {
	if w.result.Line == nil {
		return ""
	}
	return w.result.Line.Verdict
}

// silent reports whether nothing has been heard of the function.
func (w *watcher) silent() bool {
	return w.result.Line == nil && len(w.result.Variants) == 0 && len(w.expected) > 0
}

// blocked returns why the function cannot start, from its own answer or from its log.
func (w *watcher) blocked() error {
	if !w.silent() {
		return nil
	}
	if errors.Is(w.startErr, errCannotStart) {
		return w.startErr
	}
	for _, l := range w.faults {
		if l.CannotStart() {
			return cannotStart(l.Message, l.Reason)
		}
	}
	return nil
}

// isFinal reports whether the function is known to do nothing more about the picture.
func (w *watcher) isFinal() bool {
	v := w.verdict()
	return v != "" && v != outcome.Retry || v == outcome.Retry && w.failedAttempts == w.maxAttempts
}

// timeoutError explains the timeout with whatever the log says.
func (w *watcher) timeoutError(timeout time.Duration) error {
	var why string
	switch {
	case w.verdict() == outcome.Retry:
		why = "the function's last attempt failed, and there was no other yet: " +
			w.result.Line.Reason
	case len(w.result.Variants) > 0:
		why = fmt.Sprintf("only %d of %d appeared", len(w.result.Variants), len(w.expected))
	case w.verdict() == outcome.Done:
		why = "the function reports done, but not under the keys of the recipe in the code bucket"
	case len(w.faults) > 0:
		last := w.faults[len(w.faults)-1]
		for _, l := range w.faults { // when Lambda ends an invocation, its line without the reason follows the line with it
			if l.Kind != logs.KindFault {
				last = l
			}
		}
		why = "the function's log says: " + strings.TrimSpace(last.Message+" "+last.Reason)
	case w.logErr != nil:
		why = "the function's log cannot be read: " + client.Reason(w.logErr)
	case w.startErr != nil:
		why = w.startErr.Error()
	case w.started:
		why = "the function can start, but its log has no line about the picture: S3 may not have called it"
	default:
		why = "the function's log has no line about the picture: the function may not have been called"
	}
	return fmt.Errorf("%w within %v; %s", errTimeout, timeout, why)
}

// collectVariants adds the variants that have appeared to the result.
func (w *watcher) collectVariants(ctx context.Context) error {
	for _, v := range w.expected {
		if slices.ContainsFunc(w.result.Variants, func(t Variant) bool { return t.Key == v.Key }) {
			continue
		}
		out, err := w.cloud.Store.GetObject(ctx, &s3.GetObjectInput{Bucket: &w.target, Key: &v.Key})
		if client.IsCode(err, "NoSuchKey", "NotFound") {
			continue
		}
		if err != nil {
			return fmt.Errorf("read s3://%s/%s: %w", w.target, v.Key, err)
		}
		t := Variant{Name: v.Name, Bucket: w.target, Key: v.Key, Seen: time.Since(w.uploaded)}
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
			return fmt.Errorf("s3://%s/%s was made from another picture", w.target, v.Key)
		}
		w.result.Variants = append(w.result.Variants, t)
	}
	return nil
}

// readLog reads the lines since the last call.
func (w *watcher) readLog(ctx context.Context) {
	if w.logErr != nil && !errors.Is(w.logErr, logs.ErrNoGroup) {
		return
	}
	w.logErr = nil
	for l, err := range w.log.Next(ctx) {
		switch {
		case err != nil:
			w.logErr = err
		case l.Key == w.result.Key && l.Verdict != "" &&
			(w.result.Line == nil || w.result.Line.Verdict == outcome.Retry):
			// A retried attempt has the request ID of the first one, but a report of its own.
			w.result.Line, w.result.Logged, w.result.Report = &l, time.Since(w.uploaded), nil
			if l.Verdict == outcome.Retry {
				w.failedAttempts++
				if w.onRetry != nil && w.failedAttempts != w.maxAttempts {
					w.onRetry(l)
				}
			}
		case l.Report != nil && w.result.Line != nil && l.Request == w.result.Line.Request:
			w.result.Report = l.Report
		case l.Failed() && l.Key == "" && l.Report == nil:
			w.faults = append(w.faults, l)
		}
	}
}

// cleanUp removes the picture and everything that was made from it. The source goes first, so that
// nothing new begins.
func (w *watcher) cleanUp(ctx context.Context, version string, keep bool) error {
	r := w.result
	if keep {
		r.Left = append(r.Left, "s3://"+r.Bucket+"/"+r.Key)
		for _, v := range r.Variants {
			r.Left = append(r.Left, "s3://"+v.Bucket+"/"+v.Key)
		}
		return nil
	}
	errs := []error{w.remove(ctx, r.Bucket, r.Key, version)}
	// A variant, a manifest after the last variant, or the copy of a bad picture may still be
	// written.
	pending := len(r.Variants) < len(w.expected) || len(w.expected) == 0 || w.otherKeys[0] != ""
	if !w.uploaded.IsZero() && pending && !w.isFinal() {
		errs = append(errs, client.Sleep(ctx, writeGrace))
	}
	keys := slices.Clone(w.otherKeys)
	for _, v := range w.expected {
		keys = append(keys, v.Key)
	}
	for _, key := range keys {
		if key == "" {
			continue
		}
		head, err := w.cloud.Store.HeadObject(ctx,
			&s3.HeadObjectInput{Bucket: &w.target, Key: &key})
		switch {
		case client.IsCode(err, "NotFound", "NoSuchKey"):
		case err != nil:
			r.Left = append(r.Left, "s3://"+w.target+"/"+key)
			errs = append(errs, fmt.Errorf("look up s3://%s/%s: %w", w.target, key, err))
		default:
			errs = append(errs, w.remove(ctx, w.target, key, aws.ToString(head.VersionId)))
		}
	}
	return errors.Join(errs...)
}

// remove deletes an object, or lists it among those left. With a version, a bucket with versioning
// keeps no delete marker.
func (w *watcher) remove(ctx context.Context, bucket, key, version string) error {
	in := &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	if _, err := w.cloud.Store.DeleteObject(ctx, in); err != nil {
		w.result.Left = append(w.result.Left, "s3://"+bucket+"/"+key)
		return fmt.Errorf("remove s3://%s/%s: %w", bucket, key, err)
	}
	return nil
}
