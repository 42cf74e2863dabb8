package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Store is an S3 endpoint. It implements bucket.Store.
type Store struct {
	client *s3.Client
}

var _ bucket.Store = (*Store)(nil)

// New returns a store that uses a client, with the client's retries, credentials and region.
func New(client *s3.Client) *Store { return &Store{client} }

// Get opens an object (GetObject).
func (s *Store) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	c := call{ctx, "get", name, key}
	if cond.IfAbsent {
		return nil, c.invalid("IfAbsent is for put only")
	}
	reading, cancel := context.WithCancel(ctx)
	out, err := s.client.GetObject(reading, &s3.GetObjectInput{
		Bucket: &name, Key: &key, IfMatch: quoted(cond.IfMatch), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		cancel()
		return nil, c.fail(err)
	}
	return &bucket.Object{
		Info: bucket.Info{
			Key: key, Size: aws.ToInt64(out.ContentLength), ETag: bare(out.ETag), VersionID: aws.ToString(out.VersionId),
			Modified: aws.ToTime(out.LastModified), ContentType: aws.ToString(out.ContentType),
			CacheControl: aws.ToString(out.CacheControl), ContentDisposition: aws.ToString(out.ContentDisposition),
			Metadata: decodeMetadata(out.Metadata),
		},
		Body: &body{call: c, cancel: cancel, rc: out.Body, left: aws.ToInt64(out.ContentLength)},
	}, nil
}

// Head returns the description of an object (HeadObject).
func (s *Store) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &name, Key: &key})
	if err != nil {
		return bucket.Info{}, call{ctx, "head", name, key}.fail(err)
	}
	return bucket.Info{
		Key: key, Size: aws.ToInt64(out.ContentLength), ETag: bare(out.ETag), VersionID: aws.ToString(out.VersionId),
		Modified: aws.ToTime(out.LastModified), ContentType: aws.ToString(out.ContentType),
		CacheControl: aws.ToString(out.CacheControl), ContentDisposition: aws.ToString(out.ContentDisposition),
		Metadata: decodeMetadata(out.Metadata),
	}, nil
}

// Put stores an object in one request (PutObject), which makes it atomic.
func (s *Store) Put(ctx context.Context, name, key string, data []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	c := call{ctx, "put", name, key}
	if cond.IfAbsent && cond.IfMatch != "" {
		return "", c.invalid("both IfMatch and IfAbsent are set")
	}
	meta, err := encodeAttributes(attr)
	if err != nil {
		return "", c.invalid(err.Error())
	}
	// The checksum is computed here: the SDK would send it in a trailer after the body, which fewer
	// servers support.
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data))
	in := &s3.PutObjectInput{
		Bucket: &name, Key: &key, Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		ChecksumCRC32: aws.String(base64.StdEncoding.EncodeToString(sum)),
		ContentType:   optional(attr.ContentType), CacheControl: optional(attr.CacheControl),
		ContentDisposition: optional(attr.ContentDisposition), Metadata: meta, IfMatch: quoted(cond.IfMatch),
	}
	if cond.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	out, err := s.client.PutObject(ctx, in)
	if err != nil {
		err = c.fail(err)
		// If there is no object to match, S3 reports a missing key; in the contract it is a failed
		// precondition.
		if cond.IfMatch != "" && errors.Is(err, bucket.ErrNotFound) && !isMissingBucket(err) {
			err = fmt.Errorf("put %s/%s: %w: no such object", name, key, bucket.ErrPrecondition)
		}
		return "", err
	}
	return bare(out.ETag), nil
}

// Copy copies an object of up to 5 GB within the service (CopyObject). A larger object is
// ErrInvalid. Tags are not copied.
func (s *Store) Copy(ctx context.Context, fromBucket, fromKey, toBucket, toKey string, attr bucket.Attributes) error {
	c := call{ctx, "copy", fromBucket, fromKey}
	if fromKey == "" {
		return c.invalid("the key is empty")
	}
	meta, err := encodeAttributes(attr)
	if err != nil {
		return c.invalid(err.Error())
	}
	_, err = s.client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &toBucket, Key: &toKey, CopySource: aws.String(copySource(fromBucket, fromKey)),
		ContentType: optional(attr.ContentType), CacheControl: optional(attr.CacheControl),
		ContentDisposition: optional(attr.ContentDisposition), Metadata: meta,
		MetadataDirective: types.MetadataDirectiveReplace,
		// Copying tags, which the pipeline does not use, would need another permission
		// (s3:GetObjectTagging).
		TaggingDirective: types.TaggingDirectiveReplace,
	})
	if err != nil {
		return c.fail(err)
	}
	return nil
}

// Delete removes an object (DeleteObject). In a bucket with versioning it adds a delete marker.
func (s *Store) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	c := call{ctx, "delete", name, key}
	if cond.IfAbsent {
		return c.invalid("IfAbsent is for put only")
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: &key, IfMatch: quoted(cond.IfMatch)})
	if err != nil {
		err = c.fail(err)
		if cond.IfMatch == "" && errors.Is(err, bucket.ErrNotFound) && !isMissingBucket(err) {
			return nil
		}
		return err
	}
	return nil
}

// List yields objects, a page per request (ListObjectsV2).
func (s *Store) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		c := call{ctx, "list", name, prefix}
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
			// Without this encoding, XML 1.0 could not hold every character of a key.
			Bucket: &name, Prefix: optional(prefix), EncodingType: types.EncodingTypeUrl,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(bucket.Info{}, c.fail(err))
				return
			}
			for _, o := range page.Contents {
				key := aws.ToString(o.Key)
				if page.EncodingType == types.EncodingTypeUrl {
					if key, err = url.QueryUnescape(key); err != nil {
						yield(bucket.Info{}, c.fail(err))
						return
					}
				}
				info := bucket.Info{Key: key, Size: aws.ToInt64(o.Size), ETag: bare(o.ETag), Modified: aws.ToTime(o.LastModified)}
				if !yield(info, nil) {
					return
				}
			}
		}
	}
}

// copySource returns bucket/key with every byte percent-encoded, except for the unreserved ones of
// RFC 3986 and the slash. A plus must be encoded: the service decodes it as a space.
func copySource(name, key string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte('/')
	for i := range len(key) {
		if strings.IndexByte(unreserved, key[i]) >= 0 {
			b.WriteByte(key[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", key[i])
		}
	}
	return b.String()
}

// optional returns nil, which omits a header, if s is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// quoted returns an ETag with the quotes that it has in a header.
func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	return aws.String(`"` + etag + `"`)
}

// bare returns the ETag of a header without its quotes.
func bare(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
