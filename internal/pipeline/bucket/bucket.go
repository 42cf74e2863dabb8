// Package bucket is the contract of an object store: what the pipeline needs of S3 and of everything that speaks like it.
// Its folders hold the implementations; package buckettest holds the one suite that they all pass.
//
// It never retries on its own account beyond what an implementation's client does, and never interprets keys: a key is a
// byte string exactly as the user wrote it.
package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that callers branch on; implementations wrap them.
var (
	// ErrNotFound: the bucket or key does not exist.
	ErrNotFound = errors.New("not found")
	// ErrPrecondition: IfMatch or IfAbsent did not hold; nothing was read or written.
	ErrPrecondition = errors.New("changed in between")
	// ErrDenied: the credentials do not allow it. Trying again helps only after somebody has changed a policy.
	ErrDenied = errors.New("access denied")
	// ErrTransient: a throttle, time-out, 5xx or reset; the same call may succeed later.
	ErrTransient = errors.New("store unavailable")
	// ErrInvalid: the store will never accept this call (a key or metadata that it cannot hold).
	ErrInvalid = errors.New("refused by the store")
)

// Info describes a stored object. ETag is bare (no quotes). Metadata keys are lower case, without the x-amz-meta- prefix.
type Info struct {
	Key                string
	Size               int64
	ETag               string
	VersionID          string
	Modified           time.Time
	ContentType        string
	CacheControl       string
	ContentDisposition string
	Metadata           map[string]string
}

// Object is an open object; the caller closes Body, wherever in it reading has come to: no more than a little of the rest is
// then waited for.
type Object struct {
	Info
	Body io.ReadCloser
}

// Attributes are what a Put stores beside the bytes.
type Attributes struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	Metadata           map[string]string
}

// Condition guards a call. The zero Condition always holds.
type Condition struct {
	IfMatch  string // only if the object's ETag is this
	IfAbsent bool   // only if there is no such object (Put)
}

// Store is an object store. All methods are safe for concurrent use and honour ctx. Put is atomic: a reader sees the old
// object or the new one, whole. Reads after a successful Put see it.
type Store interface {
	// Get opens an object. With cond.IfMatch another ETag is ErrPrecondition.
	Get(ctx context.Context, bucket, key string, cond Condition) (*Object, error)
	// Head describes an object.
	Head(ctx context.Context, bucket, key string) (Info, error)
	// Put stores body and answers with its ETag.
	Put(ctx context.Context, bucket, key string, body []byte, attr Attributes, cond Condition) (etag string, err error)
	// Copy copies an object's bytes within the store, any size that one copy request allows, with new attributes.
	Copy(ctx context.Context, fromBucket, fromKey, toBucket, toKey string, attr Attributes) error
	// Delete removes an object. An absent object is no error, unless cond.IfMatch is set: then ErrNotFound or ErrPrecondition.
	Delete(ctx context.Context, bucket, key string, cond Condition) error
	// List yields the objects whose keys start with prefix, in byte order of keys, with Key, Size, ETag and Modified only.
	// The first error ends it.
	List(ctx context.Context, bucket, prefix string) iter.Seq2[Info, error]
}
