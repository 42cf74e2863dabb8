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

// New makes a store of a client; retries, credentials and region are the client's.
func New(client *s3.Client) *Store { return &Store{client} }

// Get opens an object (GetObject).
func (s *Store) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	c := call{ctx, "get", name, key}
	if cond.IfAbsent {
		return nil, c.invalid("only a put can ask for absence")
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

// Head describes an object (HeadObject).
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

// Put stores body in one request (PutObject), so that it appears whole or not at all.
func (s *Store) Put(ctx context.Context, name, key string, data []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	c := call{ctx, "put", name, key}
	if cond.IfAbsent && cond.IfMatch != "" {
		return "", c.invalid("it cannot both match and be absent")
	}
	meta, err := encodeAttributes(attr)
	if err != nil {
		return "", c.invalid(err.Error())
	}
	// The sum is made here: left to the SDK it would follow the body in a chunked trailer, which fewer servers understand.
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
		// S3 calls a match against nothing "no such key"; the contract calls it a condition that did not hold.
		if cond.IfMatch != "" && errors.Is(err, bucket.ErrNotFound) && !isMissingBucket(err) {
			err = fmt.Errorf("put %s/%s: %w: there is no such object", name, key, bucket.ErrPrecondition)
		}
		return "", err
	}
	return bare(out.ETag), nil
}

// Copy copies an object of up to 5 GB within the service (CopyObject); a larger one is ErrInvalid. Tags are not copied.
func (s *Store) Copy(ctx context.Context, fromBucket, fromKey, toBucket, toKey string, attr bucket.Attributes) error {
	c := call{ctx, "copy", fromBucket, fromKey}
	if fromKey == "" {
		return c.invalid("a key has at least one byte")
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
		// Copying tags would need a permission of its own (s3:GetObjectTagging) for nothing that the pipeline uses.
		TaggingDirective: types.TaggingDirectiveReplace,
	})
	if err != nil {
		return c.fail(err)
	}
	return nil
}

// Delete removes an object (DeleteObject); in a bucket with versions it adds a delete marker.
func (s *Store) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	c := call{ctx, "delete", name, key}
	if cond.IfAbsent {
		return c.invalid("only a put can ask for absence")
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

// List yields objects page by page (ListObjectsV2).
func (s *Store) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		c := call{ctx, "list", name, prefix}
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
			// XML 1.0 cannot hold every character that a key can.
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

// copySource is bucket/key with every byte percent-encoded but RFC 3986's unreserved ones and the slash. A plus stays no
// plus: the service decodes it as a space.
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

// optional leaves an empty header out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// quoted is a bare ETag as a header has it.
func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	return aws.String(`"` + etag + `"`)
}

// bare is a header's ETag without its quotes.
func bare(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
