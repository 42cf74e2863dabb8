// Package pair makes one store of two: the bucket that outputs are written to is in the second, all
// others are in the first. It never decides anything itself, but copies from one store to the other by
// reading and writing.
package pair

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// maxCopy bounds a copy from one store to the other, which is held in memory.
const maxCopy = 200 << 20

// Store sends each call to one of its stores.
type Store struct {
	Source, Target bucket.Store
	// TargetBucket is the name of the bucket that is in Target. A bucket of that name in Source cannot
	// be reached.
	TargetBucket string
}

func (s *Store) of(name string) bucket.Store {
	if name == s.TargetBucket {
		return s.Target
	}
	return s.Source
}

// Get implements bucket.Store.
func (s *Store) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	return s.of(name).Get(ctx, name, key, cond)
}

// ReadAt implements bucket.Store.
func (s *Store) ReadAt(ctx context.Context, name, key, etag string, p []byte, offset int64) error {
	return s.of(name).ReadAt(ctx, name, key, etag, p, offset)
}

// Head implements bucket.Store.
func (s *Store) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	return s.of(name).Head(ctx, name, key)
}

// Tags implements bucket.Store.
func (s *Store) Tags(ctx context.Context, name, key, version string) (map[string]string, error) {
	return s.of(name).Tags(ctx, name, key, version)
}

// Put implements bucket.Store.
func (s *Store) Put(
	ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	return s.of(name).Put(ctx, name, key, body, attr, cond)
}

// Copy implements bucket.Store. From one store to the other, an object of more than 200 MB is refused.
func (s *Store) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	if s.of(from.Bucket) == s.of(toBucket) {
		return s.of(toBucket).Copy(ctx, from, toBucket, toKey, attr, cond)
	}
	o, err := s.of(from.Bucket).Get(ctx, from.Bucket, from.Key, bucket.Condition{IfMatch: from.IfMatch})
	if err != nil {
		return err
	}
	defer o.Body.Close()
	if o.Size > maxCopy {
		return fmt.Errorf("copy %s/%s to another store: %w: it has %d bytes, the limit is %d",
			from.Bucket, from.Key, bucket.ErrInvalid, o.Size, maxCopy)
	}
	data, err := io.ReadAll(o.Body)
	if err != nil {
		return fmt.Errorf("copy %s/%s: %w: %w", from.Bucket, from.Key, bucket.ErrTransient, err)
	}
	_, err = s.of(toBucket).Put(ctx, toBucket, toKey, data, attr, cond)
	return err
}

// Delete implements bucket.Store.
func (s *Store) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	return s.of(name).Delete(ctx, name, key, cond)
}

// List implements bucket.Store.
func (s *Store) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	return s.of(name).List(ctx, name, prefix)
}
