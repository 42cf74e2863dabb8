package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"

	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// TestSDK uploads with aws-sdk-go-v2 in its default configuration.
func TestSDK(t *testing.T) {
	testClient(t, func(_ *testing.T, where s3.Options) client { return newSDK(where) })
}

type sdk struct{ *awss3.Client }

var sourceBucket = aws.String("photos-input")

func (s sdk) upload(t *testing.T, key, file string, with headers) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > partSize {
		s.parts(t, key, with, split(int64(len(data))), func(ctx context.Context, id *string, n *int32, r span) (*string, error) {
			out, err := s.UploadPart(ctx, &awss3.UploadPartInput{
				Bucket: sourceBucket, Key: &key, UploadId: id, PartNumber: n, Body: bytes.NewReader(data[r.from:r.end]),
			})
			if err != nil {
				return nil, err
			}
			return out.ETag, nil
		})
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	_, err = s.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: sourceBucket, Key: &key, Body: bytes.NewReader(data), CacheControl: optional(with.cacheControl), Metadata: with.metadata,
	})
	if err != nil {
		t.Fatalf("upload %s: %v", key, err)
	}
}

func (s sdk) copy(t *testing.T, from, to string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	source := aws.String("photos-input/" + strings.ReplaceAll(url.PathEscape(from), "+", "%2B"))
	head, err := s.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: sourceBucket, Key: &from})
	if err != nil {
		t.Fatal(err)
	}
	if *head.ContentLength <= partSize {
		if _, err := s.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: sourceBucket, Key: &to, CopySource: source}); err != nil {
			t.Fatalf("copy %s: %v", from, err)
		}
		return
	}
	with := headers{aws.ToString(head.CacheControl), head.Metadata}
	s.parts(t, to, with, split(*head.ContentLength), func(ctx context.Context, id *string, n *int32, r span) (*string, error) {
		out, err := s.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{
			Bucket: sourceBucket, Key: &to, UploadId: id, PartNumber: n, CopySource: source,
			CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", r.from, r.end-1)),
		})
		if err != nil {
			return nil, err
		}
		return out.CopyPartResult.ETag, nil
	})
}

func (s sdk) folder(t *testing.T, key string) {
	t.Helper()
	if _, err := s.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: sourceBucket, Key: &key}); err != nil {
		t.Fatalf("folder %s: %v", key, err)
	}
}

func (s sdk) fetch(t *testing.T, bucket, key string) []byte {
	t.Helper()
	warned := &warnings{}
	out, err := s.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key},
		func(o *awss3.Options) { o.Logger, o.DisableLogOutputChecksumValidationSkipped = warned, false })
	if err != nil {
		t.Fatalf("fetch %s: %v", key, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil || len(*warned) > 0 {
		t.Errorf("fetch %s: %v, warnings %q", key, err, *warned)
	}
	return data
}

// warnings collects what the SDK logs.
type warnings []string

func (w *warnings) Logf(_ logging.Classification, format string, v ...any) {
	*w = append(*w, fmt.Sprintf(format, v...))
}

// span is the range of a part's bytes; end is exclusive.
type span struct{ from, end int64 }

func split(size int64) (list []span) {
	for from := int64(0); from < size; from += partSize {
		list = append(list, span{from, min(from+partSize, size)})
	}
	return list
}

// parts creates an object by a multipart upload. put uploads one part and returns its ETag.
func (s sdk) parts(t *testing.T, key string, with headers, spans []span, put func(context.Context, *string, *int32, span) (*string, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	begun, err := s.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{
		Bucket: sourceBucket, Key: &key, CacheControl: optional(with.cacheControl), Metadata: with.metadata,
	})
	if err != nil {
		t.Fatalf("begin %s: %v", key, err)
	}
	var done []types.CompletedPart
	for i, r := range spans {
		n := aws.Int32(int32(i + 1))
		etag, err := put(ctx, begun.UploadId, n, r)
		if err != nil {
			t.Fatalf("part %d of %s: %v", *n, key, err)
		}
		done = append(done, types.CompletedPart{ETag: etag, PartNumber: n})
	}
	_, err = s.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: sourceBucket, Key: &key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
	})
	if err != nil {
		t.Fatalf("complete %s: %v", key, err)
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
