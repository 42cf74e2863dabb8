// Package bucket is the contract of an object store: what the pipeline needs from S3 and compatible
// servers. The packages below it are the implementations; package buckettest is the test suite that
// they all pass.
//
// An implementation does not retry, except where its client library does, and never interprets
// keys: a key is a byte string, exactly as the user chose it.
package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that callers test for; implementations wrap them.
var (
	// ErrNotFound means that the bucket has no such key. From Head it may also mean that there is no
	// such bucket, or that the credentials are unknown: an answer without a body does not tell. Where
	// something is concluded from a missing object, Get asks.
	ErrNotFound = errors.New("not found")
	// ErrNoBucket means that there is no such bucket.
	ErrNoBucket = errors.New("no such bucket")
	// ErrPrecondition means that IfMatch or IfAbsent did not hold. Nothing was read or written.
	ErrPrecondition = errors.New("precondition failed")
	// ErrDenied means that the credentials do not allow the call. A retry succeeds only once a
	// policy has changed.
	ErrDenied = errors.New("access denied")
	// ErrTransient means that the call was throttled, timed out, met a 5xx status or a reset; it
	// may succeed later.
	ErrTransient = errors.New("store unavailable")
	// ErrInvalid means that the store will never accept the call, for example a key or metadata
	// that it cannot hold.
	ErrInvalid = errors.New("refused by the store")
)

// Info describes a stored object.
type Info struct {
	Key       string
	Size      int64  // in bytes
	ETag      string // without quotes
	VersionID string
	Modified  time.Time
	Attributes
}

// Object is an open object. The caller must close Body, and may do so before its end: Close does
// not wait for more than a small rest.
type Object struct {
	Info
	Body io.ReadCloser
}

// Attributes are stored with the bytes of an object. Empty ones are left to the store.
type Attributes struct {
	ContentType        string
	ContentEncoding    string
	ContentLanguage    string
	ContentDisposition string
	CacheControl       string
	Expires            time.Time         // in seconds; zero if there is none, or none that is a date
	Metadata           map[string]string // names in lower case, without the prefix x-amz-meta-

	// What follows is given to Put alone. Nothing describes it to readers of the object.

	Tags         map[string]string
	StorageClass string // as in the header x-amz-storage-class
	ACL          string // a canned ACL, as in the header x-amz-acl
}

// Headers yields the names and values of the attributes that are texts in headers, for stores to
// check.
func (a Attributes) Headers() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, h := range [][2]string{
			{"Content-Type", a.ContentType}, {"Content-Encoding", a.ContentEncoding},
			{"Content-Language", a.ContentLanguage}, {"Content-Disposition", a.ContentDisposition},
			{"Cache-Control", a.CacheControl}, {"x-amz-storage-class", a.StorageClass}, {"x-amz-acl", a.ACL},
		} {
			if !yield(h[0], h[1]) {
				return
			}
		}
	}
}

// Condition makes a call conditional. The zero Condition always holds.
type Condition struct {
	IfMatch  string // only if this is the object's ETag
	IfAbsent bool   // only if there is no such object; for Put and Copy alone
}

// Source is the object that a copy is made of.
type Source struct {
	Bucket, Key string
	IfMatch     string // only if this is the object's ETag, unless it is empty
}

// Store is an object store. All methods are safe for concurrent use and return when ctx ends. Put
// is atomic: a reader sees either the old object or the new one. Reads after a successful Put see
// the new one.
type Store interface {
	// Get opens an object. If cond.IfMatch is set and the ETag is another, the error is
	// ErrPrecondition.
	Get(ctx context.Context, bucket, key string, cond Condition) (*Object, error)
	// ReadAt fills p with the bytes of an object from an offset on, all of which it must have. The
	// object must have this ETag; if it has another, the error is ErrPrecondition.
	ReadAt(ctx context.Context, bucket, key, etag string, p []byte, offset int64) error
	// Head returns the description of an object.
	Head(ctx context.Context, bucket, key string) (Info, error)
	// Tags returns the tags of an object, or of its version if that is not empty. A store without tags has none.
	Tags(ctx context.Context, bucket, key, version string) (map[string]string, error)
	// Put stores an object and returns its ETag.
	Put(ctx context.Context, bucket, key string, body []byte, attr Attributes, cond Condition) (etag string, err error)
	// Copy copies the bytes of an object within the store and gives the copy new attributes. The
	// size is limited to that of a single copy request (5 GB on S3). cond is about the object that
	// the copy replaces. If there is none to match, the error is ErrPrecondition or ErrNotFound.
	Copy(ctx context.Context, from Source, toBucket, toKey string, attr Attributes, cond Condition) error
	// Delete removes an object. It is not an error if there is none, unless cond.IfMatch is set:
	// then the error is ErrNotFound or ErrPrecondition.
	Delete(ctx context.Context, bucket, key string, cond Condition) error
	// List yields the objects whose keys start with prefix, in byte order of keys. Only Key, Size,
	// ETag and Modified are set. It ends with the first error.
	List(ctx context.Context, bucket, prefix string) iter.Seq2[Info, error]
}
