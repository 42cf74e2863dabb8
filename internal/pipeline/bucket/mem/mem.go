// Package mem is an object store in memory, for tests and rehearsals. It implements the contract of
// package bucket to the letter: code that works with it works with S3.
//
// It never writes to a disk or a network. Its limits are those of Amazon S3 (User Guide, "Creating
// object key names" and "Working with object metadata"): keys of 1 to 1024 bytes, 2 KB of metadata.
package mem

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

const (
	maxKey      = 1024
	maxMetadata = 2 << 10
)

// Store is a set of buckets. It implements bucket.Store.
type Store struct {
	mu      sync.RWMutex
	buckets map[string]map[string]object
}

// object is never modified once it is stored, so readers need no lock.
type object struct {
	info bucket.Info
	body []byte
}

// New returns a store that has only the named buckets.
func New(buckets ...string) *Store {
	s := &Store{buckets: map[string]map[string]object{}}
	for _, b := range buckets {
		s.buckets[b] = map[string]object{}
	}
	return s
}

// Get opens an object.
func (s *Store) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if err := check(ctx, "get", name, key); err != nil {
		return nil, err
	}
	if cond.IfAbsent {
		return nil, fmt.Errorf("get %s/%s: %w: IfAbsent is for put only", name, key, bucket.ErrInvalid)
	}
	o, err := s.find("get", name, key)
	if err != nil {
		return nil, err
	}
	if cond.IfMatch != "" && cond.IfMatch != o.info.ETag {
		return nil, fmt.Errorf("get %s/%s: %w: the ETag is %s", name, key, bucket.ErrPrecondition, o.info.ETag)
	}
	return &bucket.Object{Info: describe(o), Body: &body{ctx: ctx, r: bytes.NewReader(o.body)}}, nil
}

// ReadAt reads a part of an object.
func (s *Store) ReadAt(ctx context.Context, name, key, etag string, p []byte, offset int64) error {
	if err := check(ctx, "read", name, key); err != nil {
		return err
	}
	o, err := s.find("read", name, key)
	switch {
	case err != nil:
		return err
	case etag != o.info.ETag:
		return fmt.Errorf("read %s/%s: %w: the ETag is %s", name, key, bucket.ErrPrecondition, o.info.ETag)
	case offset < 0 || offset > int64(len(o.body)-len(p)):
		return fmt.Errorf("read %s/%s: %w: %d bytes from %d on, of %d", name, key, bucket.ErrInvalid, len(p), offset, len(o.body))
	}
	copy(p, o.body[offset:])
	return nil
}

// Head returns the description of an object.
func (s *Store) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	if err := check(ctx, "head", name, key); err != nil {
		return bucket.Info{}, err
	}
	o, err := s.find("head", name, key)
	if err != nil {
		return bucket.Info{}, err
	}
	return describe(o), nil
}

// Tags returns the tags of an object, which has one version.
func (s *Store) Tags(ctx context.Context, name, key, _ string) (map[string]string, error) {
	if err := check(ctx, "read the tags of", name, key); err != nil {
		return nil, err
	}
	o, err := s.find("read the tags of", name, key)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(o.info.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	return tags, nil
}

// SetTags replaces the tags of an object, as a scanner does.
func (s *Store) SetTags(name, key string, tags map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.buckets[name][key]
	if !ok {
		return fmt.Errorf("set the tags of %s/%s: %w", name, key, bucket.ErrNotFound)
	}
	o.info.Tags = maps.Clone(tags)
	s.buckets[name][key] = o
	return nil
}

// Put stores an object. Its ETag is the MD5 of the bytes in hexadecimal, like that of an S3 object
// uploaded in one part.
func (s *Store) Put(ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	if err := check(ctx, "put", name, key); err != nil {
		return "", err
	}
	if cond.IfAbsent && cond.IfMatch != "" {
		return "", fmt.Errorf("put %s/%s: %w: both IfMatch and IfAbsent are set", name, key, bucket.ErrInvalid)
	}
	o, err := newObject(key, slices.Clone(body), attr)
	if err != nil {
		return "", fmt.Errorf("put %s/%s: %w", name, key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[name]
	if !ok {
		return "", fmt.Errorf("put %s/%s: %w", name, key, bucket.ErrNoBucket)
	}
	old, exists := b[key]
	switch {
	case cond.IfAbsent && exists:
		return "", fmt.Errorf("put %s/%s: %w: the object exists", name, key, bucket.ErrPrecondition)
	case cond.IfMatch != "" && (!exists || old.info.ETag != cond.IfMatch):
		return "", fmt.Errorf("put %s/%s: %w: the ETag is %q", name, key, bucket.ErrPrecondition, old.info.ETag)
	}
	b[key] = o
	return o.info.ETag, nil
}

// Copy copies the bytes of an object and gives the copy the attributes attr.
func (s *Store) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	if err := check(ctx, "copy", from.Bucket, from.Key); err != nil {
		return err
	}
	o, err := s.find("copy", from.Bucket, from.Key)
	if err != nil {
		return err
	}
	if from.IfMatch != "" && from.IfMatch != o.info.ETag {
		return fmt.Errorf("copy %s/%s: %w: the ETag is %s", from.Bucket, from.Key, bucket.ErrPrecondition, o.info.ETag)
	}
	if _, err := s.Put(ctx, toBucket, toKey, o.body, attr, cond); err != nil {
		return fmt.Errorf("copy %s/%s: %w", from.Bucket, from.Key, err)
	}
	return nil
}

// Delete removes an object.
func (s *Store) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	if err := check(ctx, "delete", name, key); err != nil {
		return err
	}
	if cond.IfAbsent {
		return fmt.Errorf("delete %s/%s: %w: IfAbsent is for put only", name, key, bucket.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[name]
	if !ok {
		return fmt.Errorf("delete %s/%s: %w", name, key, bucket.ErrNoBucket)
	}
	if cond.IfMatch != "" {
		o, ok := b[key]
		if !ok {
			return fmt.Errorf("delete %s/%s: %w", name, key, bucket.ErrNotFound)
		}
		if o.info.ETag != cond.IfMatch {
			return fmt.Errorf("delete %s/%s: %w: the ETag is %s", name, key, bucket.ErrPrecondition, o.info.ETag)
		}
	}
	delete(b, key)
	return nil
}

// List yields the objects that existed when the iteration began.
func (s *Store) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		s.mu.RLock()
		b, ok := s.buckets[name]
		var found []bucket.Info
		for key, o := range b {
			if strings.HasPrefix(key, prefix) {
				found = append(found, bucket.Info{Key: key, Size: o.info.Size, ETag: o.info.ETag, Modified: o.info.Modified})
			}
		}
		s.mu.RUnlock()
		if !ok {
			yield(bucket.Info{}, fmt.Errorf("list %s: %w", name, bucket.ErrNoBucket))
			return
		}
		slices.SortFunc(found, func(a, b bucket.Info) int { return strings.Compare(a.Key, b.Key) })
		for _, info := range found {
			if err := ctx.Err(); err != nil {
				yield(bucket.Info{}, fmt.Errorf("list %s: %w", name, err))
				return
			}
			if !yield(info, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(bucket.Info{}, fmt.Errorf("list %s: %w", name, err))
		}
	}
}

func (s *Store) find(op, name, key string) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.buckets[name]
	if !ok {
		return object{}, fmt.Errorf("%s %s/%s: %w", op, name, key, bucket.ErrNoBucket)
	}
	o, ok := b[key]
	if !ok {
		return object{}, fmt.Errorf("%s %s/%s: %w", op, name, key, bucket.ErrNotFound)
	}
	return o, nil
}

func check(ctx context.Context, op, name, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %s/%s: %w", op, name, key, err)
	}
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("%s %s/%s: %w: the key has %d bytes, want 1 to %d", op, name, key, bucket.ErrInvalid, len(key), maxKey)
	}
	return nil
}

func newObject(key string, body []byte, attr bucket.Attributes) (object, error) {
	for name, v := range attr.Headers() {
		if !bucket.Printable(v) {
			return object{}, fmt.Errorf("%w: %s %q is not printable ASCII", bucket.ErrInvalid, name, v)
		}
	}
	meta, err := lower(attr.Metadata)
	if err != nil {
		return object{}, err
	}
	attr.Metadata = meta
	attr.Expires = attr.Expires.UTC().Truncate(time.Second)
	sum := md5.Sum(body)
	return object{body: body, info: bucket.Info{
		Key: key, Size: int64(len(body)), ETag: hex.EncodeToString(sum[:]), Modified: time.Now().UTC(),
		Attributes: attr,
	}}, nil
}

// lower copies metadata with its keys in lower case, and rejects what no store keeps.
func lower(m map[string]string) (map[string]string, error) {
	out, err := bucket.LowerMetadata(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	size := 0
	for k, v := range m {
		size += len(k) + len(v)
	}
	if size > maxMetadata {
		return nil, fmt.Errorf("%w: %d bytes of metadata, the limit is %d", bucket.ErrInvalid, size, maxMetadata)
	}
	return out, nil
}

func describe(o object) bucket.Info {
	info := o.info
	info.Metadata = maps.Clone(info.Metadata)
	return info
}

// body fails when its context ends, as a connection would.
type body struct {
	ctx context.Context
	r   *bytes.Reader
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

func (b *body) Close() error { return nil }

var (
	_ bucket.Store  = (*Store)(nil)
	_ io.ReadCloser = (*body)(nil)
)
