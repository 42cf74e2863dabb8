package mill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// How no event is lost. It is sent once all that it tells of is written, and before the message that brought the
// change is settled. Whoever crashes in between has the message delivered again, finds the outputs as they should be, and
// sends the event, with the same ID. What cannot be delivered is kept in the target, under recipe.UnsentPrefix, and the
// verdict is Retry: the next delivery sends what is kept, and makes no picture for it. A change without a message
// behind it (Remake) leaves a note at the same place before it writes anything, and removes it once the event is
// delivered.

// Unsent is an event that is still to be delivered, or a note that one will be due.
type Unsent struct {
	Bucket string `json:"bucket"` // of the upload
	Key    string `json:"key"`
	// Reason says why it could not be delivered. It is empty for a note.
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	// To are the destinations that do not have the event yet.
	To    []string      `json:"to,omitempty"`
	Event *notify.Event `json:"event,omitempty"` // nil in a note
	// Settings identify the recipe that the event is of.
	Settings string `json:"settings,omitempty"`
	// Verdict and Of are the verdict on the picture, and the reason for it.
	Verdict outcome.Verdict `json:"verdict,omitempty"`
	Of      string          `json:"verdict_reason,omitempty"`
}

// notDelivered begins the reason of a Retry because of an event.
const notDelivered = "notification not delivered: "

// settings identify what an event tells of beside the upload.
func (j *job) settings() string {
	return j.plan.BadFingerprint + " " + j.plan.Manifest.Fingerprint + " " + j.Recipe.Target.URL
}

// tell sends the event of a change that has been applied with an error, which is its verdict. It returns that or, if
// the event could not be delivered, one that is worth a retry.
func (j *job) tell(ctx context.Context, applied error) error {
	if j.Notify == nil {
		return applied
	}
	verdict, reason := Classify(applied)
	kind := recipe.NoticeDone
	switch {
	case verdict == outcome.Retry:
		return applied
	case verdict == outcome.Skipped:
		if !strings.HasPrefix(reason, "stale: ") { // otherwise what is kept may be of the content that the source has now
			j.settleDue(ctx)
		}
		return applied
	case verdict == outcome.Bad:
		kind = recipe.NoticeFailed
	case j.applied.Removed:
		kind = recipe.NoticeRemoved
	}
	u := Unsent{
		Bucket: j.applied.Bucket, Key: j.applied.Key, Settings: j.settings(), Verdict: verdict, Of: reason,
		Event: j.event(kind, reason),
	}
	return j.deliver(ctx, u, applied)
}

// deliver sends an event, and keeps it if it could not be delivered.
func (j *job) deliver(ctx context.Context, u Unsent, applied error) error {
	undelivered, err := j.Notify.Send(ctx, *u.Event, u.To)
	if err == nil {
		j.settleDue(ctx)
		return applied
	}
	j.result.Undelivered = true
	reason := notDelivered + err.Error()
	if u.Verdict == outcome.Bad {
		reason += " (it is bad: " + u.Of + ")"
	}
	if len(undelivered) != len(u.To) { // otherwise it is kept as it is
		u.To, u.At, u.Reason = undelivered, time.Now().UTC().Truncate(time.Second), err.Error()
		if err := j.keep(ctx, u); err != nil {
			reason += "; " + err.Error()
		}
	}
	return verdictError{outcome.Retry, reason}
}

// event returns the event of what has become of the upload.
func (j *job) event(kind recipe.Notice, reason string) *notify.Event {
	c, r := j.applied, j.result
	d := notify.Data{
		Source: notify.Upload{Bucket: c.Bucket, Key: c.Key, Sequencer: c.Sequencer}, Bucket: j.Recipe.Target.Bucket, Reason: reason,
	}
	if src := j.opened; src != nil {
		modified := src.info.Modified.UTC()
		d.Source = notify.Upload{
			Bucket: c.Bucket, Key: c.Key, ETag: src.info.ETag, Version: src.info.VersionID, Sequencer: src.change.Sequencer,
			Modified: &modified, Format: r.Source.Format, Width: r.Source.Width, Height: r.Source.Height, Bytes: src.info.Size,
		}
	}
	if !r.Refused { // otherwise they show a placeholder
		d.Variants = j.described()
	}
	for _, f := range r.Failed {
		d.Failed = append(d.Failed, manifest.Failure(f))
	}
	if key := j.plan.Manifest.Key; key != "" && len(r.Objects) > 0 && r.Objects[len(r.Objects)-1].Key == key {
		d.Manifest = &notify.Object{Key: key, URL: manifest.URL(j.Recipe.Target.URL, key)}
	}
	e := notify.New(kind, time.Now(), d, j.settings())
	return &e
}

// sendAgain sends the event that an earlier delivery of the same change could not send, if there is one and it still
// holds: the source is what it tells of, or is gone and its outputs stay, and these are there. It reports whether it has
// sent it; the error is then the verdict. A removal is applied once more.
func (j *job) sendAgain(ctx context.Context) (sent bool, err error) {
	c := j.delivered
	if j.Notify == nil {
		return false, nil
	}
	u, info, err := j.ReadUnsent(ctx, j.plan.Unsent)
	if u == nil || err != nil {
		return false, err
	}
	j.due = info.ETag
	if c.Removed || u.Event == nil || u.Settings != j.settings() || c.ETag != "" && c.ETag != u.Event.Data.Source.ETag {
		return false, nil
	}
	told := u.Event.Data.Source
	now, err := j.LookAtSource(ctx, c.Key)
	switch gone := errors.Is(err, bucket.ErrNotFound); {
	case err != nil && !gone:
		return false, err
	case !gone && now.ETag != told.ETag, gone && u.Event.Kind() != recipe.NoticeRemoved && j.Recipe.OnRemove == recipe.Remove:
		return false, nil
	}
	for _, v := range u.Event.Data.Variants {
		existing, err := j.Look(ctx, v.Key)
		if err != nil || existing.Metadata[outcome.MetadataSourceETag] != told.ETag {
			return false, ignoreNotFound(err)
		}
	}
	j.result.Source.ETag, j.result.Source.Bytes = told.ETag, told.Bytes
	var verdict error
	if u.Verdict != outcome.Done {
		verdict = verdictError{u.Verdict, u.Of}
	}
	return true, j.deliver(ctx, *u, verdict)
}

// ignoreNotFound returns nil for the error that there is no such object.
func ignoreNotFound(err error) error {
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	return err
}

// noteDue notes that an event will be due, if no message is behind the change. made is what became of the picture.
func (j *job) noteDue(ctx context.Context, made error) error {
	if v, _ := Classify(made); j.Notify == nil || !j.notes || j.due != "" || v == outcome.Retry || v == outcome.Skipped {
		return nil
	}
	return j.keep(ctx, Unsent{Bucket: j.applied.Bucket, Key: j.applied.Key, At: time.Now().UTC().Truncate(time.Second)})
}

// keep writes an event that is still to be delivered, or a note. It replaces any other of the same upload: that is of
// an earlier state, or about to be delivered again as well.
func (j *job) keep(ctx context.Context, u Unsent) error {
	data, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return err
	}
	attr := bucket.Attributes{ContentType: "application/json"}
	etag, err := j.Store.Put(ctx, j.Recipe.Target.Bucket, j.plan.Unsent, append(data, '\n'), attr, bucket.Condition{})
	if err != nil {
		return fmt.Errorf("keep an event at %s: %w", j.plan.Unsent, err)
	}
	j.due = etag
	return nil
}

// settleDue removes what was kept. If it cannot, the event is sent once more, at some time.
func (j *job) settleDue(ctx context.Context) {
	if j.due == "" {
		return
	}
	err := j.Store.Delete(ctx, j.Recipe.Target.Bucket, j.plan.Unsent, bucket.Condition{IfMatch: j.due})
	if err != nil && !errors.Is(err, bucket.ErrNotFound) && !errors.Is(err, bucket.ErrPrecondition) {
		j.result.Drop(j.plan.Unsent + ": " + err.Error())
	}
	j.due = ""
}

// maxUnsent bounds the bytes of a kept event that are read: it is larger than an event by the reason and the names of
// destinations, and indented.
const maxUnsent = 4 << 20

// ReadUnsent returns what is kept at a key of the target, or nil if there is nothing.
func (m *Mill) ReadUnsent(ctx context.Context, key string) (*Unsent, bucket.Info, error) {
	o, err := m.Store.Get(ctx, m.Recipe.Target.Bucket, key, bucket.Condition{})
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, bucket.Info{}, nil
	}
	if err != nil {
		return nil, bucket.Info{}, fmt.Errorf("read %s: %w", key, err)
	}
	defer o.Body.Close()
	data, err := io.ReadAll(io.LimitReader(o.Body, maxUnsent))
	if err != nil {
		return nil, o.Info, fmt.Errorf("%w: read %s: %w", bucket.ErrTransient, key, err)
	}
	var u Unsent
	if json.Unmarshal(data, &u) != nil || m.Recipe.Plan(u.Key).Unsent != key {
		return nil, o.Info, nil // not one of ours
	}
	return &u, o.Info, nil
}

// Unsent yields what is kept in the target, in the order of the keys.
func (m *Mill) Unsent(ctx context.Context) iter.Seq2[Unsent, error] {
	return func(yield func(Unsent, error) bool) {
		for info, err := range m.Store.List(ctx, m.Recipe.Target.Bucket, recipe.UnsentPrefix) {
			if err != nil {
				yield(Unsent{}, err)
				return
			}
			u, _, err := m.ReadUnsent(ctx, info.Key)
			if u == nil && err == nil {
				continue
			}
			if err != nil {
				yield(Unsent{}, err)
				return
			}
			if !yield(*u, nil) {
				return
			}
		}
	}
}
