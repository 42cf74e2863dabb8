package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Store is an S3 endpoint. It implements bucket.Store.
type Store struct {
	client   *s3.Client
	patience time.Duration
}

var _ bucket.Store = (*Store)(nil)

// New returns a store that uses a client, with the client's retries, credentials and region.
func New(client *s3.Client) *Store { return &Store{client, defaultPatience} }

// defaultPatience is how long the store may be silent.
const defaultPatience = time.Minute

// Place returns where the store is: the URL of its endpoint, which is empty for AWS, and the region.
func (s *Store) Place() (endpoint, region string) {
	o := s.client.Options()
	return aws.ToString(o.BaseEndpoint), o.Region
}

// WithPatience returns a store that waits for at most d for an answer, and for each piece of a
// body, before it reports ErrTransient. The default is one minute. Without a limit, a server that
// stalls would hold a worker forever.
func (s *Store) WithPatience(d time.Duration) *Store { return &Store{s.client, d} }

// slowest is the rate, in bytes per second, below which an upload counts as stalled.
const slowest = 64 << 10

// limit returns a context that ends if the answer to a request with a body of size bytes takes too
// long.
func (s *Store) limit(ctx context.Context, size int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.patience+time.Duration(size)*time.Second/slowest)
}

// Get opens an object (GetObject).
func (s *Store) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	c := call{ctx, "get", name, key}
	if cond.IfAbsent {
		return nil, c.invalid("IfAbsent is for put only")
	}
	out, body, err := s.open(c, &s3.GetObjectInput{
		Bucket: &name, Key: &key, IfMatch: quoted(cond.IfMatch),
	}, withChecksum)
	if err != nil {
		return nil, err
	}
	body.sum = checksumOf(out)
	return &bucket.Object{Info: InfoOfGet(key, out), Body: body}, nil
}

// InfoOfGet returns what an answer to GetObject says of an object. It must have a length.
func InfoOfGet(key string, out *s3.GetObjectOutput) bucket.Info {
	return bucket.Info{
		Key: key, Size: *out.ContentLength, ETag: bare(out.ETag), VersionID: aws.ToString(out.VersionId),
		Modified: aws.ToTime(out.LastModified),
		Attributes: decodeAttributes(out.ContentType, out.ContentEncoding, out.ContentLanguage,
			out.ContentDisposition, out.CacheControl, out.ExpiresString, out.Metadata),
	}
}

// open sends a GetObject and returns the answer, if it is to be believed, and its body.
func (s *Store) open(c call, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, *body, error) {
	reading, cancel := context.WithCancel(c.ctx)
	silent := time.AfterFunc(s.patience, cancel)
	out, err := s.client.GetObject(reading, in, options...)
	silent.Stop()
	if err != nil {
		cancel()
		return nil, nil, c.fail(err)
	}
	if err := c.believeObject(out, in); err != nil {
		cancel()
		out.Body.Close()
		return nil, nil, err
	}
	return out, &body{
		call: c, cancel: cancel, rc: out.Body, left: *out.ContentLength, silent: silent, patience: s.patience,
	}, nil
}

// ReadAt reads a part of an object (GetObject with a range). From a server that answers with the whole
// object, it reads what lies before the part too.
func (s *Store) ReadAt(ctx context.Context, name, key, etag string, p []byte, offset int64) error {
	c := call{ctx, "read", name, key}
	if etag == "" || len(p) == 0 || offset < 0 {
		return c.invalid(fmt.Sprintf("%d bytes from %d on, with the ETag %q", len(p), offset, etag))
	}
	out, body, err := s.open(c, &s3.GetObjectInput{
		Bucket: &name, Key: &key, IfMatch: quoted(etag),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+int64(len(p))-1)),
	})
	if err != nil {
		return err
	}
	defer body.Close()
	if out.ContentRange == nil {
		_, err = io.CopyN(io.Discard, body, offset)
	}
	if err == nil {
		_, err = io.ReadFull(body, p)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return c.doubt("the answer ended within the part of the object")
	}
	return err
}

// Head returns the description of an object (HeadObject).
func (s *Store) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	c := call{ctx, "head", name, key}
	limited, cancel := s.limit(ctx, 0)
	defer cancel()
	out, err := s.client.HeadObject(limited, &s3.HeadObjectInput{Bucket: &name, Key: &key})
	if err != nil {
		return bucket.Info{}, c.fail(err)
	}
	if err := c.believeHead(out); err != nil {
		return bucket.Info{}, err
	}
	return InfoOfHead(key, out), nil
}

// InfoOfHead is InfoOfGet for an answer to HeadObject.
func InfoOfHead(key string, out *s3.HeadObjectOutput) bucket.Info {
	return bucket.Info{
		Key: key, Size: *out.ContentLength, ETag: bare(out.ETag), VersionID: aws.ToString(out.VersionId),
		Modified: aws.ToTime(out.LastModified),
		Attributes: decodeAttributes(out.ContentType, out.ContentEncoding, out.ContentLanguage,
			out.ContentDisposition, out.CacheControl, out.ExpiresString, out.Metadata),
	}
}

// Tags returns the tags of an object, or of a version of it (GetObjectTagging).
func (s *Store) Tags(ctx context.Context, name, key, version string) (map[string]string, error) {
	c := call{ctx, "read the tags of", name, key}
	limited, cancel := s.limit(ctx, 0)
	defer cancel()
	out, err := s.client.GetObjectTagging(limited, &s3.GetObjectTaggingInput{Bucket: &name, Key: &key, VersionId: optional(version)})
	if err != nil {
		return nil, c.fail(err)
	}
	tags := map[string]string{}
	for _, t := range out.TagSet {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags, nil
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
		ContentType:   optional(attr.ContentType), ContentEncoding: optional(attr.ContentEncoding),
		ContentLanguage: optional(attr.ContentLanguage), ContentDisposition: optional(attr.ContentDisposition),
		CacheControl: optional(attr.CacheControl), Expires: optionalTime(attr.Expires), Metadata: meta,
		Tagging: optional(encodeTags(attr.Tags)), StorageClass: types.StorageClass(attr.StorageClass),
		ACL: types.ObjectCannedACL(attr.ACL), IfMatch: quoted(cond.IfMatch),
	}
	if cond.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	limited, cancel := s.limit(ctx, len(data))
	defer cancel()
	out, err := s.client.PutObject(limited, in, noBody)
	if err != nil {
		err = c.fail(err)
		// If there is no object to match, S3 reports a missing key; in the contract it is a failed
		// precondition.
		if cond.IfMatch != "" && errors.Is(err, bucket.ErrNotFound) {
			err = fmt.Errorf("put %s/%s: %w: no such object", name, key, bucket.ErrPrecondition)
		}
		return "", err
	}
	if bare(out.ETag) == "" {
		return "", c.doubt("the answer has no ETag, so the object may not be stored")
	}
	return bare(out.ETag), nil
}

// copyPatience is how many times longer a copy may take: no byte passes while the server copies 5 GB.
const copyPatience = 10

// Copy copies an object of up to 5 GB within the service (CopyObject). A larger object is
// ErrInvalid. Tags are not copied.
func (s *Store) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	c := call{ctx, "copy", from.Bucket, from.Key}
	switch {
	case from.Key == "":
		return c.invalid("the key is empty")
	case cond.IfAbsent && cond.IfMatch != "":
		return c.invalid("both IfMatch and IfAbsent are set")
	}
	meta, err := encodeAttributes(attr)
	if err != nil {
		return c.invalid(err.Error())
	}
	in := &s3.CopyObjectInput{
		Bucket: &toBucket, Key: &toKey, CopySource: aws.String(copySource(from.Bucket, from.Key)),
		CopySourceIfMatch: quoted(from.IfMatch), IfMatch: quoted(cond.IfMatch),
		ContentType: optional(attr.ContentType), ContentEncoding: optional(attr.ContentEncoding),
		ContentLanguage: optional(attr.ContentLanguage), ContentDisposition: optional(attr.ContentDisposition),
		CacheControl: optional(attr.CacheControl), Expires: optionalTime(attr.Expires), Metadata: meta,
		MetadataDirective: types.MetadataDirectiveReplace,
		// Copying tags, which the pipeline does not use, would need another permission
		// (s3:GetObjectTagging).
		TaggingDirective: types.TaggingDirectiveReplace,
	}
	if cond.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	limited, cancel := context.WithTimeout(ctx, copyPatience*s.patience)
	defer cancel()
	out, err := s.client.CopyObject(limited, in)
	if err != nil {
		return c.fail(err)
	}
	if out.CopyObjectResult == nil || bare(out.CopyObjectResult.ETag) == "" {
		return c.doubt("the answer has no ETag, so the copy may not be stored")
	}
	return nil
}

// Delete removes an object (DeleteObject). In a bucket with versioning it adds a delete marker.
func (s *Store) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	c := call{ctx, "delete", name, key}
	if cond.IfAbsent {
		return c.invalid("IfAbsent is for put only")
	}
	limited, cancel := s.limit(ctx, 0)
	defer cancel()
	in := &s3.DeleteObjectInput{Bucket: &name, Key: &key, IfMatch: quoted(cond.IfMatch)}
	_, err := s.client.DeleteObject(limited, in, noBody)
	if err != nil {
		err = c.fail(err)
		if cond.IfMatch == "" && errors.Is(err, bucket.ErrNotFound) {
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
		var next *string
		for {
			page, err := s.page(c, next)
			if err != nil {
				yield(bucket.Info{}, err)
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
			if next = page.NextContinuationToken; !aws.ToBool(page.IsTruncated) {
				return
			}
		}
	}
}

// page returns the page of a listing that begins at a token, or the first one if it is nil.
func (s *Store) page(c call, token *string) (*s3.ListObjectsV2Output, error) {
	ctx, cancel := s.limit(c.ctx, 0)
	defer cancel()
	page, err := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		// Without this encoding, XML 1.0 could not hold every character of a key.
		Bucket: &c.name, Prefix: optional(c.key), EncodingType: types.EncodingTypeUrl, ContinuationToken: token,
	})
	if err != nil {
		return nil, c.fail(err)
	}
	return page, c.believePage(page, token)
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

// optionalTime returns nil, which omits a header, if t is zero.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// quoted returns an ETag with the quotes that it has in a header.
func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	return aws.String(`"` + etag + `"`)
}

// bare returns the ETag of a header without its quotes, and without the mark of a weak one, which
// proxies add that may change the encoding of a body (RFC 9110, section 8.8.3).
func bare(etag *string) string {
	return strings.Trim(strings.TrimPrefix(aws.ToString(etag), "W/"), `"`)
}
