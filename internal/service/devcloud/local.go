package devcloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3err"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	bucket3 "github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// localStore reads the gateway's files without HTTP, signatures and checksums, which protect the bytes
// on a way that they do not take here. All writes, and what is read rarely, go through the S3 server.
type localStore struct {
	bucket.Store // of the S3 server
	g            *gateway
}

// Local returns a store for a pipeline in the same process. It costs less than remote, a client of the
// S3 server, which it uses for writes.
func (c *Cloud) Local(remote bucket.Store) bucket.Store { return localStore{remote, c.gw} }

// Get implements bucket.Store.
func (s localStore) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if cond.IfAbsent || key == "" {
		return s.Store.Get(ctx, name, key, cond) // which refuses it
	}
	in := &s3.GetObjectInput{Bucket: &name, Key: &key, Range: new("")}
	if cond.IfMatch != "" {
		in.IfMatch = &cond.IfMatch
	}
	if err := s.check(ctx, key); err != nil {
		return nil, localError(ctx, "get", name, key, err)
	}
	out, err := s.g.GetObject(ctx, in)
	if err != nil {
		return nil, localError(ctx, "get", name, key, err)
	}
	info := bucket3.InfoOfGet(key, out)
	info.VersionID = versionID(info.VersionID)
	return &bucket.Object{Info: info, Body: out.Body}, nil
}

// Head implements bucket.Store.
func (s localStore) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	if key == "" {
		return s.Store.Head(ctx, name, key) // which refuses it
	}
	if err := s.check(ctx, key); err != nil {
		return bucket.Info{}, localError(ctx, "head", name, key, err)
	}
	out, err := s.g.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &name, Key: &key})
	if err != nil {
		return bucket.Info{}, localError(ctx, "head", name, key, err)
	}
	info := bucket3.InfoOfHead(key, out)
	info.VersionID = versionID(info.VersionID)
	return info, nil
}

// check returns an error for a key that the gateway would take for another.
func (s localStore) check(ctx context.Context, key string) error {
	if !keeps(key) {
		return s3err.GetAPIError(s3err.ErrNoSuchKey)
	}
	return ctx.Err()
}

// localPage is how many objects are listed at a time. The gateway reads a whole folder for each page.
const localPage = 16 << 10

// List implements bucket.Store.
func (s localStore) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		after := ""
		for {
			if err := ctx.Err(); err != nil {
				yield(bucket.Info{}, localError(ctx, "list", name, prefix, err))
				return
			}
			page, err := s.g.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
				Bucket: &name, Prefix: &prefix, StartAfter: new(string), ContinuationToken: &after,
				MaxKeys: new(int32(localPage)),
			})
			if err != nil {
				yield(bucket.Info{}, localError(ctx, "list", name, prefix, s.g.s3Error(err)))
				return
			}
			for _, o := range page.Contents {
				if !yield(bucket.Info{Key: *o.Key, Size: *o.Size, ETag: bare(str(o.ETag)), Modified: *o.LastModified}, nil) {
					return
				}
			}
			if page.IsTruncated == nil || !*page.IsTruncated {
				return
			}
			after = *page.NextContinuationToken
		}
	}
}

// localError converts an error of the gateway to one of package bucket, as package s3 does with the
// answers of the server.
func localError(ctx context.Context, op, name, key string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s/%s: %w", op, name, key, ctx.Err())
	}
	kind, text := bucket.ErrTransient, err.Error()
	if known, ok := errors.AsType[s3err.S3Error](err); ok {
		text = known.BaseError().Code + ": " + known.BaseError().Description
		switch status := known.StatusCode(); {
		case known.BaseError().Code == "NoSuchBucket":
			kind = bucket.ErrNoBucket
		case isAbsent(err):
			kind = bucket.ErrNotFound
		case status == http.StatusPreconditionFailed:
			kind = bucket.ErrPrecondition
		case status == http.StatusForbidden:
			kind = bucket.ErrDenied
		case status < http.StatusInternalServerError:
			kind = bucket.ErrInvalid
		}
	}
	return fmt.Errorf("%s %s/%s: %w: %s", op, name, key, kind, text)
}
