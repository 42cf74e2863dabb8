package mill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// sourceID tells sources apart in 16 hexadecimal digits: a key itself may be too long for metadata.
func sourceID(c event.Change) string {
	sum := sha256.Sum256([]byte(c.Bucket + "\x00" + c.Key))
	return hex.EncodeToString(sum[:8])
}

// foreign tells whether an output was made of another source than c's. Neither sequencers nor ETags of two sources
// compare, so such an output is neither replaced nor removed.
func foreign(c event.Change, meta map[string]string) bool {
	id, ok := meta[outcome.MetadataSource]
	return ok && id != sourceID(c)
}

func marked(meta map[string]string) bool { return meta[outcome.MetadataSourceETag] != "" }

// source is a source object as it was read, with the change that told of it.
type source struct {
	change event.Change
	info   bucket.Info
}

// maxMetadata is what S3 holds of user metadata, in bytes of names and values (Amazon S3 User Guide, "Working with
// object metadata").
const maxMetadata = 2048

// attributes are those of an output: of the source what concerns delivery, and our mark. Where both do not fit, the mark
// stays.
func (s source) attributes(contentType, fingerprint string) bucket.Attributes {
	mark := map[string]string{outcome.MetadataSourceETag: s.info.ETag, outcome.MetadataRecipe: fingerprint, outcome.MetadataSource: sourceID(s.change)}
	if s.info.VersionID != "" {
		mark[outcome.MetadataSourceVersion] = s.info.VersionID
	}
	if s.change.Sequencer != "" {
		mark[outcome.MetadataSequencer] = s.change.Sequencer
	}
	meta, size := map[string]string{}, 0
	for k, v := range s.info.Metadata {
		if !strings.HasPrefix(k, outcome.MetadataPrefix) {
			meta[k] = v
			size += len(k) + len(mime.BEncoding.Encode("utf-8", v)) // as it travels
		}
	}
	for k, v := range mark {
		size += len(k) + len(v)
	}
	if size > maxMetadata {
		meta = map[string]string{}
	}
	for k, v := range mark {
		meta[k] = v
	}
	return bucket.Attributes{
		ContentType: contentType, CacheControl: printable(s.info.CacheControl),
		ContentDisposition: printable(s.info.ContentDisposition), Metadata: meta,
	}
}

// printable is a header's value, or nothing where a header cannot carry it: a picture is not bad for its file name.
func printable(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return value
}

// write stores the outputs.
func (m *Mill) write(ctx context.Context, s source, outputs []render.Output) ([]Variant, error) {
	written := make([]Variant, 0, len(outputs))
	for _, o := range outputs {
		key, err := m.Recipe.TargetKey(s.change.Key, o.Variant, o.Width, o.Height, o.Format)
		if err != nil {
			return nil, verdictError{outcome.Bad, err.Error()}
		}
		attr := s.attributes(o.Format.MediaType(), m.Recipe.Fingerprint(o.Variant))
		if err := m.put(ctx, s, key, o.Data, attr); err != nil {
			return nil, fmt.Errorf("write %s: %w", key, err)
		}
		written = append(written, Variant{o.Variant.Name, key, o.Format, o.Width, o.Height, len(o.Data)})
	}
	return written, nil
}

// maxRaces bounds how often one write is tried anew because others write the same key.
const maxRaces = 16

// put stores an output unless the store holds one of a newer change. Every write is conditional on what was seen, so
// that of two writers the later look decides; a lost race looks again.
func (m *Mill) put(ctx context.Context, s source, key string, data []byte, attr bucket.Attributes) error {
	target := m.Recipe.Target.Bucket
	for range maxRaces {
		cond := bucket.Condition{IfAbsent: true}
		there, err := m.Store.Head(ctx, target, key)
		switch {
		case err == nil:
			cond = bucket.Condition{IfMatch: there.ETag}
			done, err := m.supersedes(ctx, s.change, s.info.ETag, there, attr)
			if err != nil || done {
				return err
			}
		case !errors.Is(err, bucket.ErrNotFound):
			return err
		}
		_, err = m.Store.Put(ctx, target, key, data, attr, cond)
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
	}
	return fmt.Errorf("%w: %d writers were faster", bucket.ErrTransient, maxRaces)
}

// supersedes decides between an output that is there and one made of etag: done if the former is as good, a skip if it
// is newer, neither if it is to be replaced.
func (m *Mill) supersedes(ctx context.Context, c event.Change, etag string, there bucket.Info, attr bucket.Attributes) (done bool, err error) {
	old := there.Metadata
	same := old[outcome.MetadataSourceETag] == etag && old[outcome.MetadataRecipe] == attr.Metadata[outcome.MetadataRecipe]
	if !marked(old) {
		return false, nil
	}
	if foreign(c, old) {
		return false, verdictError{outcome.Bad, fmt.Sprintf("%s is an output of another picture; put {key} into target.key, or {ext} beside {stem}", there.Key)}
	}
	if c.Sequencer != "" && old[outcome.MetadataSequencer] != "" {
		order := event.CompareSequencers(old[outcome.MetadataSequencer], c.Sequencer)
		if order > 0 {
			return false, skip("stale: %s is of a later change", there.Key)
		}
		return order == 0 && same, nil
	}
	if c.Sequencer == "" && same {
		return true, nil
	}
	// Nothing orders the two, so the source decides. It is asked after the look at the target, on which the write
	// depends: whoever replaces the source from here on also replaces what is written.
	now, err := m.Store.Head(ctx, c.Bucket, c.Key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return false, skip("gone: the object was removed since")
	case err != nil:
		return false, err
	case now.ETag != etag:
		return false, skip("stale: the object was replaced since, by a change that is told on its own")
	}
	return false, nil
}

// manifest lists the variants of a source for programs.
type manifest struct {
	Source   manifestSource `json:"source"`
	Variants []Variant      `json:"variants"`
}

type manifestSource struct {
	Bucket  string       `json:"bucket"`
	Key     string       `json:"key"`
	ETag    string       `json:"etag"`
	Version string       `json:"version,omitempty"`
	Format  codec.Format `json:"format"`
	Width   int          `json:"width"`
	Height  int          `json:"height"`
	Bytes   int64        `json:"bytes"`
}

// writeManifest stores the list of what was made, if the recipe wants it.
func (m *Mill) writeManifest(ctx context.Context, s source, r Result) error {
	if !m.Recipe.Manifest {
		return nil
	}
	data, err := json.MarshalIndent(manifest{manifestSource{
		s.change.Bucket, s.change.Key, s.info.ETag, s.info.VersionID,
		r.Source.Format, r.Source.Width, r.Source.Height, r.Source.Bytes,
	}, r.Variants}, "", "  ")
	if err != nil {
		return err
	}
	attr := s.attributes("application/json", m.manifestPrint(m.Recipe.For(s.change.Key)))
	key := m.Recipe.ManifestKey(s.change.Key)
	if err := m.put(ctx, s, key, append(data, '\n'), attr); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// manifestPrint changes whenever the fingerprint of one of the variants does.
func (m *Mill) manifestPrint(variants []render.Variant) string {
	h := sha256.New()
	for _, v := range variants {
		io.WriteString(h, m.Recipe.Fingerprint(v))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
